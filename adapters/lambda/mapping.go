package lambda

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// collection is where mappings are kept.
const collection = "lambda.mapping"

// mapping is an event source mapping, as it is kept.
type mapping struct {
	UUID          string
	SourceARN     string
	FunctionARN   string
	BatchSize     int
	Window        int // seconds
	Concurrency   int // 0: the default
	PartialFailed bool
	Enabled       bool
	Modified      time.Time
	// Stream is nil for a queue.
	Stream *streamSettings `json:",omitempty"`
}

// The bounds of a mapping [Lambda API reference, CreateEventSourceMapping].
const (
	defaultBatch       = 10
	maxBatch           = 10_000
	maxFIFOBatch       = 10
	maxWindow          = 300
	minConcurrency     = 2
	maxConcurrency     = 1000
	defaultConcurrency = 5
)

const reportFailures = "ReportBatchItemFailures"

// mappingInput is the input of CreateEventSourceMapping and UpdateEventSourceMapping. What is in it and
// not here is refused by name.
type mappingInput struct {
	EventSourceARN                 string `json:"EventSourceArn"`
	FunctionName                   string
	Enabled                        *bool
	BatchSize                      *int
	MaximumBatchingWindowInSeconds *int
	FunctionResponseTypes          *[]string
	ScalingConfig                  *struct{ MaximumConcurrency *int }
	Tags                           map[string]string
	streamInput
}

// mappingOutput is how a mapping is shown.
type mappingOutput struct {
	UUID                           string
	BatchSize                      int
	MaximumBatchingWindowInSeconds int
	EventSourceARN                 string `json:"EventSourceArn"`
	EventSourceMappingARN          string `json:"EventSourceMappingArn"`
	FunctionARN                    string `json:"FunctionArn"`
	LastModified                   float64
	State                          string
	StateTransitionReason          string
	FunctionResponseTypes          []string
	ScalingConfig                  *scalingOutput `json:",omitempty"`
	*streamOutput
}

type scalingOutput struct{ MaximumConcurrency int }

// failure is an error in Lambda's REST protocol.
type failure struct {
	code    string
	status  int
	message string
}

func (f *failure) Error() string { return f.message }

func invalid(format string, args ...any) *failure {
	return &failure{"InvalidParameterValueException", http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

var notFound = &failure{"ResourceNotFoundException", http.StatusNotFound, "The resource you requested does not exist."}

// source is a queue or stream that events come from.
type source struct{ service, region, account, name string }

// The services of sources.
const (
	serviceSQS     = "sqs"
	serviceKinesis = "kinesis"
)

func (s source) fifo() bool { return s.service == serviceSQS && strings.HasSuffix(s.name, ".fifo") }

func parseSource(text string) (source, *failure) {
	parts := strings.Split(text, ":")
	if len(parts) < 6 || parts[0] != "arn" || !awsproto.IsAccount(parts[4]) {
		return source{}, invalid("1 validation error detected: Value '%.256s' at 'eventSourceArn' failed to satisfy constraint: Member must satisfy regular expression pattern", text)
	}
	from := source{parts[2], parts[3], parts[4], parts[5]}
	stream, isStream := strings.CutPrefix(from.name, "stream/")
	switch {
	case from.service == serviceSQS && len(parts) == 6:
		return from, nil
	case from.service == serviceKinesis && len(parts) == 6 && isStream && !strings.Contains(stream, "/"):
		from.name = stream
		return from, nil
	}
	return source{}, invalid("Event sources such as %.256s are not supported yet: only SQS queues and Kinesis streams are.", text)
}

// functionARN completes the name of a function, which may be an ARN, a part of one, or the name alone.
func functionARN(name, region, account string) (string, *failure) {
	parts := strings.Split(name, ":")
	valid := func(s string) bool {
		return s != "" && len(s) <= 140 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
	}
	switch {
	case len(parts) >= 7 && parts[0] == "arn" && parts[2] == "lambda" && parts[5] == "function" && valid(parts[6]):
		return name, nil
	case len(parts) == 3 && awsproto.IsAccount(parts[0]) && parts[1] == "function" && valid(parts[2]):
		return "arn:aws:lambda:" + region + ":" + name, nil
	case len(parts) == 1 && valid(name):
		return "arn:aws:lambda:" + region + ":" + account + ":function:" + name, nil
	}
	return "", invalid("1 validation error detected: Value '%.256s' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern", name)
}

// newMapping is the mapping that an input asks for.
func newMapping(function string, in *mappingInput) (*mapping, *failure) {
	from, bad := parseSource(in.EventSourceARN)
	if bad != nil {
		return nil, bad
	}
	m := &mapping{UUID: awsproto.NewID(), SourceARN: in.EventSourceARN, FunctionARN: function, BatchSize: defaultBatch, Enabled: true}
	if from.service == serviceKinesis {
		m.BatchSize = defaultStreamBatch
		if m.Stream, bad = newStreamSettings(in); bad != nil {
			return nil, bad
		}
	}
	return m, m.set(in)
}

// set applies an input to the mapping.
func (m *mapping) set(in *mappingInput) *failure {
	from, bad := parseSource(m.SourceARN)
	if bad == nil {
		bad = m.Stream.set(in)
	}
	if bad != nil {
		return bad
	}
	if in.Enabled != nil {
		m.Enabled = *in.Enabled
	}
	if in.BatchSize != nil {
		m.BatchSize = *in.BatchSize
	}
	if in.MaximumBatchingWindowInSeconds != nil {
		m.Window = *in.MaximumBatchingWindowInSeconds
	}
	if in.FunctionResponseTypes != nil {
		for _, t := range *in.FunctionResponseTypes {
			if t != reportFailures {
				return invalid("FunctionResponseTypes: %.64q is not supported", t)
			}
		}
		m.PartialFailed = len(*in.FunctionResponseTypes) > 0
	}
	if in.ScalingConfig != nil {
		m.Concurrency = 0
		if n := in.ScalingConfig.MaximumConcurrency; n != nil {
			if m.Concurrency = *n; m.Concurrency < minConcurrency || m.Concurrency > maxConcurrency {
				return invalid("MaximumConcurrency must be between %d and %d", minConcurrency, maxConcurrency)
			}
		}
	}
	switch {
	case m.BatchSize < 1 || m.BatchSize > maxBatch:
		return invalid("BatchSize must be between 1 and %d", maxBatch)
	case from.fifo() && m.BatchSize > maxFIFOBatch:
		return invalid("Maximum batch size for FIFO queues is %d", maxFIFOBatch)
	case from.fifo() && m.Window > 0:
		return invalid("Batching window is not supported for FIFO queues.")
	case m.Window < 0 || m.Window > maxWindow:
		return invalid("MaximumBatchingWindowInSeconds must be between 0 and %d", maxWindow)
	case m.Stream == nil && m.BatchSize > defaultBatch && m.Window < 1:
		return invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
	}
	m.Modified = time.Now().UTC()
	return nil
}

func (m *mapping) output(state string) *mappingOutput {
	out := &mappingOutput{
		UUID: m.UUID, BatchSize: m.BatchSize, MaximumBatchingWindowInSeconds: m.Window, EventSourceARN: m.SourceARN,
		FunctionARN: m.FunctionARN, LastModified: float64(m.Modified.UnixMilli()) / 1000, State: state,
		StateTransitionReason: "USER_INITIATED", FunctionResponseTypes: []string{},
	}
	before, _, _ := strings.Cut(m.FunctionARN, ":function:")
	out.EventSourceMappingARN = before + ":event-source-mapping:" + m.UUID
	if m.PartialFailed {
		out.FunctionResponseTypes = []string{reportFailures}
	}
	out.streamOutput = m.Stream.output()
	if m.Concurrency > 0 {
		out.ScalingConfig = &scalingOutput{m.Concurrency}
	}
	return out
}

func (m *mapping) state() string {
	if m.Enabled {
		return "Enabled"
	}
	return "Disabled"
}

func key(uuid string) broker.DocumentKey {
	return broker.DocumentKey{Collection: collection, Name: uuid}
}

// all lists the mappings in the order of their ids.
func (a *Adapter) all() ([]*mapping, error) {
	var list []*mapping
	for _, text := range a.Broker.Documents(collection) {
		m := &mapping{}
		if err := json.Unmarshal(text, m); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	slices.SortFunc(list, func(x, y *mapping) int { return strings.Compare(x.UUID, y.UUID) })
	return list, nil
}

func (a *Adapter) keep(m *mapping) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return a.Broker.PutDocument(key(m.UUID), text)
}
