package sns

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// frontEnd is the name under which what SNS keeps stands with the exchange.
const frontEnd = "sns"

// topicRecord is what is kept of a topic: what was set, and nothing that has its default.
type topicRecord struct {
	Attributes     map[string]string `json:"attributes,omitempty"`
	Tags           []tag             `json:"tags,omitempty"`
	DataProtection string            `json:"data_protection,omitempty"`
}

// recordField is the one field of the table that stands with the exchange.
const recordField = "topic"

func (r *topicRecord) table() property.Table {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	return property.Table{{Name: recordField, Value: string(text)}}
}

// recordOf reads what is kept with an exchange; one that another front end declared has nothing.
func recordOf(spec *broker.ExchangeSpec) topicRecord {
	var r topicRecord
	value, _ := spec.Attributes[frontEnd].Get(recordField)
	if text, ok := value.(string); ok {
		_ = json.Unmarshal([]byte(text), &r) // what cannot be read counts as not set
	}
	if r.Attributes == nil {
		r.Attributes = make(map[string]string)
	}
	return r
}

// fifoSuffix ends the names of FIFO topics and queues.
const fifoSuffix = ".fifo"

func isFIFO(name string) bool { return strings.HasSuffix(name, fifoSuffix) }

// topic is a topic that a request names, with a session to use it. The session must be closed.
type topic struct {
	arn       string
	account   string
	region    string
	name      string
	namespace string
	session   *broker.Session
	record    topicRecord
}

func (t *topic) fifo() bool { return isFIFO(t.name) }

// parseTopic reads a topic's ARN. One of another region does not exist here.
func parseTopic(c *awsproto.Call, text, parameter string) (arn, *awsproto.Error) {
	if text == "" {
		return arn{}, invalidParameter("%s", parameter)
	}
	parsed, bad := parseARN(text, parameter)
	if bad != nil {
		return arn{}, bad
	}
	if parsed.service != "sns" || parsed.region != c.Region || !validTopicName(parsed.resource) {
		return arn{}, invalidParameter("%s", parameter)
	}
	return parsed, nil
}

// findTopic opens the topic of a request. Every fanout exchange that SNS can spell is a topic,
// whichever front end declared it.
func (a *Adapter) findTopic(ctx context.Context, c *awsproto.Call, text, parameter string) (*topic, error) {
	parsed, bad := parseTopic(c, text, parameter)
	if bad != nil {
		return nil, bad
	}
	t := &topic{arn: text, account: parsed.account, region: c.Region, name: parsed.resource, namespace: c.Namespace(parsed.account)}
	return t, a.open(ctx, t)
}

// open completes a topic of which the names are known.
func (a *Adapter) open(ctx context.Context, t *topic) error {
	session, err := a.session(ctx, t.namespace)
	if broker.IsKind(err, broker.KindNotFound) {
		return topicNotFound
	}
	if err != nil {
		return err
	}
	spec, err := session.Exchange(ctx, t.name)
	if err == nil && !isTopic(&spec) {
		err = topicNotFound
	}
	if err != nil {
		session.Close()
		return err
	}
	t.session, t.record = session, recordOf(&spec)
	return nil
}

// keep stores the topic's record.
func (t *topic) keep(ctx context.Context) error {
	return t.session.SetExchangeAttributes(ctx, t.name, frontEnd, t.record.table())
}

func isTopic(spec *broker.ExchangeSpec) bool {
	return spec.Kind == broker.Fanout && spec.Durable && !spec.Internal && validTopicName(spec.Name)
}

// topicKey names a topic among all namespaces.
type topicKey struct{ namespace, name string }
