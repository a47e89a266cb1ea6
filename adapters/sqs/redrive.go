package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// Dead-letter queues: which queue sends its dead letters where, and which queue takes whose.

// redrivePolicy is a queue's RedrivePolicy.
type redrivePolicy struct {
	target     string // the dead-letter queue's ARN
	maxReceive int    // a message received as often as this and not deleted goes there
}

const maxReceiveCount = 1000

var errTrailing = errors.New("sqs: something follows the JSON value")

const notAMap = "Redrive policy is not a valid JSON map."

// parseRedrivePolicy reads a RedrivePolicy; reason says what is wrong with it.
func parseRedrivePolicy(text string) (p redrivePolicy, reason string) {
	var fields map[string]json.RawMessage
	if strictJSON(text, &fields) != nil || fields == nil {
		return p, notAMap
	}
	for _, name := range []string{"maxReceiveCount", "deadLetterTargetArn"} {
		if fields[name] == nil {
			return p, "Redrive policy does not contain mandatory attribute: " + name + "."
		}
	}
	if len(fields) > 2 {
		return p, "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."
	}
	count := strings.Trim(string(fields["maxReceiveCount"]), `"`) // a number, or a string of one
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > maxReceiveCount {
		return p, "Invalid value for maxReceiveCount: " + clip(count) + ", valid values are from 1 to 1000 both inclusive."
	}
	p.maxReceive = n
	if json.Unmarshal(fields["deadLetterTargetArn"], &p.target) != nil {
		return p, notAMap
	}
	if _, ok := parseARN(p.target); !ok {
		return p, "Invalid value for deadLetterTargetArn."
	}
	return p, ""
}

func checkRedrivePolicy(_, value string) *awsproto.Error {
	if _, reason := parseRedrivePolicy(value); reason != "" {
		return invalidValue(value, attrRedrive, reason)
	}
	return nil
}

// redrive is the queue's RedrivePolicy; ok is false when it has none.
func (k *kept) redrive() (p redrivePolicy, ok bool) {
	text := k.attributes[attrRedrive]
	if text == "" {
		return p, false
	}
	p, reason := parseRedrivePolicy(text)
	return p, reason == ""
}

// redriveAllowPolicy is a queue's RedriveAllowPolicy: whose dead letters it takes.
type redriveAllowPolicy struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns"`
}

const maxAllowedSources = 10

func checkRedriveAllowPolicy(name, value string) *awsproto.Error {
	const cannot = "Amazon SQS can't create the redrive allow policy"
	var p redriveAllowPolicy
	if strictJSON(value, &p) != nil {
		return invalidAttribute(name, cannot+", as it’s in an unsupported format.")
	}
	switch {
	case !slices.Contains([]string{"allowAll", "denyAll", "byQueue"}, p.Permission):
		return invalidAttribute(name, cannot+", as it’s in an unsupported format.")
	case p.Permission != "byQueue" && len(p.Sources) > 0:
		return invalidValue(value, name, cannot+". To specify one or more source queue ARNs, you must set redrivePermission to byQueue.")
	case p.Permission == "byQueue" && len(p.Sources) == 0:
		return invalidValue(value, name, cannot+". When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values.")
	case len(p.Sources) > maxAllowedSources:
		return invalidValue(value, name, cannot+". The maximum number of source queue ARNs you can specify is 10.")
	}
	return nil
}

// allowsSource reports whether the queue takes dead letters of the queue with that ARN.
func (k *kept) allowsSource(arn string) bool {
	var p redriveAllowPolicy
	if text := k.attributes[attrRedriveAllow]; text == "" || strictJSON(text, &p) != nil {
		return true
	}
	return p.Permission == "allowAll" || (p.Permission == "byQueue" && slices.Contains(p.Sources, arn))
}

// checkTarget says what is wrong with the dead-letter queue of the queue at, whose attributes k are about to be set.
func (a *adapter) checkTarget(ctx context.Context, c *awsproto.Call, at address, k *kept) error {
	p, ok := k.redrive()
	if !ok {
		return nil
	}
	text := k.attributes[attrRedrive]
	target, _ := parseARN(p.target)
	if target.account != at.account || target.region != at.region {
		return invalidValue(text, attrRedrive, "Dead-letter target owner should be same as the source.")
	}
	dead, err := a.findAt(ctx, c, target)
	if err != nil {
		return invalidValue(text, attrRedrive, "Dead letter target does not exist.")
	}
	defer dead.session.Close()
	switch {
	case dead.fifo() != (k.attributes[attrFIFO] == "true"):
		return invalidValue(text, attrRedrive, "Dead-letter queue must be same type of queue as the source.")
	case !dead.kept.allowsSource(at.arn()):
		return invalidValue(text, attrRedrive, "Queue "+target.name+" does not allow this queue to use it as a dead-letter queue.")
	}
	return nil
}

// listDeadLetterSourceQueues [SQS ListDeadLetterSourceQueues] gives the queues that name the queue in
// their RedrivePolicy.
func (a *adapter) listDeadLetterSourceQueues(ctx context.Context, c *awsproto.Call, in *listSourcesInput) (*listSourcesOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	names, token, bad := a.page(c, q.sources(), in.MaxResults, in.NextToken, "sources "+q.identity.ID)
	if bad != nil {
		return nil, bad
	}
	out := &listSourcesOutput{QueueURLs: []string{}, NextToken: token}
	for _, name := range names {
		out.QueueURLs = append(out.QueueURLs, queueURL(c, address{q.region, q.account, name}))
	}
	return out, nil
}

// sources are the names of the queues whose dead letters the queue takes.
func (q *queue) sources() []string {
	var names []string
	for _, name := range q.session.QueueNames() {
		spec, err := q.session.QueueSpec(name)
		if err != nil { // it was deleted meanwhile
			continue
		}
		k := readKept(&spec, q.identity.Created)
		if p, ok := k.redrive(); ok && p.target == q.arn() {
			names = append(names, name)
		}
	}
	return names
}

// strictJSON decodes one value that has only the fields that v has.
func strictJSON(text string, v any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}
