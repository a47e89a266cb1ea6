package lambda

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// mappingsPath is the path of all mappings; a mapping's id follows it.
const mappingsPath = "/2015-03-31/event-source-mappings"

// maxInput bounds a request's body.
const maxInput = 64 << 10

// serve answers Lambda's REST calls for mappings.
func (a *Adapter) serve(w http.ResponseWriter, r *http.Request) {
	uuid := strings.Trim(strings.TrimPrefix(r.URL.Path, mappingsPath), "/")
	status := http.StatusOK
	var out any
	var err error
	switch {
	case uuid == "" && r.Method == http.MethodPost:
		status = http.StatusAccepted
		out, err = a.create(r)
	case uuid == "" && r.Method == http.MethodGet:
		out, err = a.list(r)
	case r.Method == http.MethodGet:
		out, err = a.get(uuid)
	case r.Method == http.MethodPut:
		status = http.StatusAccepted
		out, err = a.update(r, uuid)
	case r.Method == http.MethodDelete:
		status = http.StatusAccepted
		out, err = a.remove(uuid)
	default:
		err = &failure{"InvalidRequestContentException", http.StatusMethodNotAllowed, "The method is not supported."}
	}
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		var known *failure
		if !errors.As(err, &known) {
			id := awsproto.NewID()
			a.Log.Error("a call of Lambda failed", "proto", "lambda", "err_id", id, "err", err)
			known = &failure{"ServiceException", http.StatusInternalServerError, "An internal error occurred: " + id}
		}
		w.Header().Set("X-Amzn-Errortype", known.code)
		status, out = known.status, map[string]string{"Type": "User", "Message": known.message, "message": known.message}
	}
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(out) // a client that went away is nothing to act on
}

// read reads a request's body strictly: what is not known is refused, not passed over.
func read(r *http.Request, in any) error {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxInput+1))
	if err != nil || len(body) > maxInput {
		return &failure{"RequestTooLargeException", http.StatusRequestEntityTooLarge, "The request payload is too large or did not arrive."}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(in); err != nil {
		if _, name, unknown := strings.Cut(err.Error(), "unknown field "); unknown {
			return invalid("The parameter %.100s is not supported yet.", name)
		}
		return &failure{"InvalidRequestContentException", http.StatusBadRequest, "Could not parse request body into json."}
	}
	return nil
}

// create [Lambda CreateEventSourceMapping].
func (a *Adapter) create(r *http.Request) (any, error) {
	var in mappingInput
	if err := read(r, &in); err != nil {
		return nil, err
	}
	account, region, bad := awsproto.Scope(r.Header.Get("Authorization"))
	if bad != nil {
		return nil, &failure{bad.Shape, http.StatusForbidden, bad.Message}
	}
	if region == "" {
		region = a.Home
	}
	if a.Functions == "" {
		return nil, invalid("Event source mappings need aws.lambda.endpoint in the configuration, which is not set.")
	}
	if len(in.Tags) > 0 {
		return nil, invalid("The parameter Tags is not supported yet.")
	}
	function, wrong := functionARN(in.FunctionName, region, account)
	if wrong != nil {
		return nil, wrong
	}
	m, wrong := newMapping(function, &in)
	if wrong != nil {
		return nil, wrong
	}
	if err := a.sourceExists(r, m); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	list, err := a.all()
	if err != nil {
		return nil, err
	}
	for _, other := range list {
		if other.SourceARN == m.SourceARN && other.FunctionARN == m.FunctionARN {
			return nil, &failure{"ResourceConflictException", http.StatusConflict, "An event source mapping with " + m.kind() + " arn (\" " + m.SourceARN +
				" \") and function (\" " + in.FunctionName + " \") already exists. Please update or delete the existing mapping with UUID " + other.UUID}
		}
	}
	if err := a.keep(m); err != nil {
		return nil, err
	}
	a.start(m)
	return m.output("Creating"), nil
}

// sourceExists refuses a queue or stream that is not there.
func (a *Adapter) sourceExists(r *http.Request, m *mapping) error {
	from, bad := parseSource(m.SourceARN)
	if bad != nil {
		return bad
	}
	var known *awsproto.Error
	if from.service == serviceKinesis {
		err := a.Kinesis.Do(r.Context(), from.account, from.region, a.Home, "DescribeStreamSummary", map[string]string{"StreamName": from.name}, nil)
		if errors.As(err, &known) && known.Status < 500 {
			return invalid("Stream not found: %s", m.SourceARN)
		}
		return err
	}
	err := a.SQS.Do(r.Context(), from.account, from.region, a.Home, "GetQueueUrl", map[string]string{"QueueName": from.name}, nil)
	if errors.As(err, &known) && known.Status < 500 {
		return invalid("Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.")
	}
	return err
}

func (a *Adapter) find(uuid string) (*mapping, error) {
	text, ok := a.Broker.Document(key(uuid))
	if !ok {
		return nil, notFound
	}
	m := &mapping{}
	return m, json.Unmarshal(text, m)
}

// get [Lambda GetEventSourceMapping].
func (a *Adapter) get(uuid string) (any, error) {
	m, err := a.find(uuid)
	if err != nil {
		return nil, err
	}
	return m.output(m.state()), nil
}

// update [Lambda UpdateEventSourceMapping].
func (a *Adapter) update(r *http.Request, uuid string) (any, error) {
	var in mappingInput
	if err := read(r, &in); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	m, err := a.find(uuid)
	if err != nil {
		return nil, err
	}
	if in.FunctionName != "" {
		from, bad := parseSource(m.SourceARN)
		if bad != nil {
			return nil, bad
		}
		if m.FunctionARN, bad = functionARN(in.FunctionName, from.region, from.account); bad != nil {
			return nil, bad
		}
	}
	if bad := m.set(&in); bad != nil {
		return nil, bad
	}
	if err := a.keep(m); err != nil {
		return nil, err
	}
	a.start(m)
	return m.output("Updating"), nil
}

// remove [Lambda DeleteEventSourceMapping].
func (a *Adapter) remove(uuid string) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, err := a.find(uuid)
	if err != nil {
		return nil, err
	}
	if err := a.Broker.DeleteDocument(key(uuid)); err != nil {
		return nil, err
	}
	a.end(uuid)
	if err := a.forgetPlaces(uuid); err != nil {
		return nil, err
	}
	return m.output("Deleting"), nil
}

const maxItems = 100

type listOutput struct {
	EventSourceMappings []*mappingOutput
	NextMarker          string `json:",omitempty"`
}

// list [Lambda ListEventSourceMappings]. A marker is the id of the last one of a page.
func (a *Adapter) list(r *http.Request) (any, error) {
	query := r.URL.Query()
	list, err := a.all()
	if err != nil {
		return nil, err
	}
	size := maxItems
	if text := query.Get("MaxItems"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 {
			return nil, invalid("MaxItems must be a number from 1 on")
		}
		size = min(size, maxItems)
	}
	out := &listOutput{EventSourceMappings: []*mappingOutput{}}
	name := query.Get("FunctionName")
	for _, m := range list {
		_, function, _ := strings.Cut(m.FunctionARN, ":function:")
		switch {
		case name != "" && name != m.FunctionARN && name != function,
			query.Get("EventSourceArn") != "" && query.Get("EventSourceArn") != m.SourceARN,
			m.UUID <= query.Get("Marker"):
			continue
		case len(out.EventSourceMappings) == size:
			out.NextMarker = out.EventSourceMappings[size-1].UUID
			return out, nil
		}
		out.EventSourceMappings = append(out.EventSourceMappings, m.output(m.state()))
	}
	return out, nil
}
