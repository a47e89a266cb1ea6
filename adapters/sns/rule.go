package sns

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/filterpolicy"
	"github.com/portico-mq/portico/adapters/sns/signature"
	"github.com/portico-mq/portico/broker"
)

// ruleName names this package's rule in the broker's options.
const ruleName = "sns"

// Rules compile subscriptions for the broker. They are made before the broker, which needs them to
// read its bindings.
type Rules struct {
	load  func() (*signature.Signer, error)
	https bool
	guard atomic.Pointer[guard] // nil where access is not controlled

	loading sync.Mutex
	signer  atomic.Pointer[signature.Signer]
}

// NewRules makes them. load makes the signer when there is something to sign for the first time: a key
// takes its time; nil leaves what is sent unsigned. https says that the endpoint's address speaks TLS
// besides plain HTTP, so that the certificate of the signatures is fetched by it.
func NewRules(load func() (*signature.Signer, error), https bool) *Rules {
	return &Rules{load: load, https: https}
}

// Prepare makes the signer if it was not yet made.
func (r *Rules) Prepare() error {
	r.loading.Lock()
	defer r.loading.Unlock()
	if r.load == nil || r.signer.Load() != nil {
		return nil
	}
	signer, err := r.load()
	if err != nil {
		return err
	}
	r.signer.Store(signer)
	return nil
}

// Compilers are the binding rules, for broker.Options.
func (r *Rules) Compilers() map[string]broker.RuleCompiler {
	return map[string]broker.RuleCompiler{ruleName: r.compile}
}

// ruleRecord is what a rule needs of a subscription and its topic; it is the rule's text.
type ruleRecord struct {
	ARN      string `json:"arn"`
	Topic    string `json:"topic"`
	Owner    string `json:"owner"`
	Protocol string `json:"protocol"`
	Direct   bool   `json:"direct,omitempty"`
	// Queue is the ARN of the queue that a direct subscription sends to, DeadLetters of the one that gets instead what
	// the queue's policy refuses, in the rule that leads there.
	Queue       string             `json:"queue,omitempty"`
	DeadLetters string             `json:"dead_letters,omitempty"`
	FIFO        bool               `json:"fifo,omitempty"` // its queue is
	Raw         bool               `json:"raw,omitempty"`
	Filter      string             `json:"filter,omitempty"`
	Scope       filterpolicy.Scope `json:"scope,omitempty"`
	BaseURL     string             `json:"base_url"`
	Version     signature.Version  `json:"signature_version,omitempty"`
}

func (s *subscription) record(t *topic) ruleRecord {
	r := ruleRecord{
		ARN: s.ARN, Topic: s.Topic, Owner: s.Owner, Protocol: s.Protocol, Direct: s.direct(), Raw: s.raw(),
		FIFO:   s.Protocol == protocolSQS && isFIFO(s.Endpoint),
		Filter: s.Attributes[filterPolicy], BaseURL: s.BaseURL, Version: signature.Version(t.record.Attributes[signatureVersion]),
	}
	if r.Filter != "" {
		r.Scope = s.scope()
	}
	if r.Direct {
		r.Queue = s.Endpoint
	}
	return r
}

func ruleText(s *subscription, t *topic) (string, error) {
	text, err := json.Marshal(s.record(t))
	return string(text), err
}

// refusedText is the rule for what the queue's policy refuses.
func refusedText(s *subscription, t *topic) (string, error) {
	r := s.record(t)
	r.DeadLetters = s.deadLetters()
	text, err := json.Marshal(r)
	return string(text), err
}

// taken says whether policies let the message through to where the rule leads.
func (r *rule) taken() bool {
	g := r.rules.guard.Load()
	if g == nil || !r.Direct {
		return true
	}
	allowed := g.allows(r.Queue, r.Topic)
	if r.DeadLetters != "" {
		return !allowed && g.allows(r.DeadLetters, r.Topic)
	}
	return allowed
}

// rule is a compiled subscription. It is safe for concurrent use.
type rule struct {
	ruleRecord
	filter *filterpolicy.Policy
	rules  *Rules
}

func (r *Rules) compile(b *broker.Binding) (broker.Rule, error) {
	out := &rule{rules: r}
	if err := json.Unmarshal([]byte(b.RuleText), &out.ruleRecord); err != nil {
		return nil, fmt.Errorf("sns: the binding's rule is not a subscription: %.200q", b.RuleText)
	}
	if out.Filter == "" {
		return out, nil
	}
	var err error
	if out.filter, err = filterpolicy.Parse(out.Filter, out.Scope); err != nil {
		return nil, fmt.Errorf("sns: filter policy: %w", err)
	}
	return out, nil
}

// readings is what filters look at in a message; each part is made when the first filter asks for it.
type readings struct {
	message    *broker.Message
	attributes *filterpolicy.Fields
	body       *filterpolicy.Fields
	parsed     bool
}

// Read implements broker.ReadingRule.
func (r *rule) Read(m *broker.Message) any { return &readings{message: m} }

// Match implements broker.Rule.
func (r *rule) Match(m *broker.Message) bool { return r.MatchRead(m, r.Read(m)) }

// MatchRead implements broker.ReadingRule.
func (r *rule) MatchRead(_ *broker.Message, read any) bool {
	if r.filter == nil {
		return r.taken()
	}
	of := read.(*readings)
	if r.Scope == filterpolicy.MessageBody {
		return r.filter.Match(of.ofBody()) && r.taken()
	}
	return r.filter.Match(of.ofAttributes()) && r.taken()
}

func (r *readings) ofAttributes() *filterpolicy.Fields {
	if r.attributes == nil {
		content := awsmessage.Read(r.message.Properties())
		r.attributes = &filterpolicy.Fields{}
		for name, v := range content.Attributes {
			r.attributes.Attribute(name, v.DataType, v.Text())
		}
	}
	return r.attributes
}

// ofBody is nil for a body that is no JSON object.
func (r *readings) ofBody() *filterpolicy.Fields {
	if !r.parsed {
		r.body, _ = filterpolicy.Body(r.message.Body())
		r.parsed = true
	}
	return r.body
}

// Rewrite implements broker.Rule: what goes into a queue of SQS becomes what SQS receives of it, and
// what waits for a courier stays as it is.
func (r *rule) Rewrite(m *broker.Message) *broker.Message {
	if !r.Direct {
		return m
	}
	return r.forQueue(m)
}

// forQueue makes the message that a queue of SQS gets.
func (r *rule) forQueue(m *broker.Message) *broker.Message {
	content := awsmessage.Read(m.Properties())
	n := newNotice(m, &content, r.Protocol)
	group, name := r.groupOf(&content)
	if r.Raw {
		if len(content.Texts) == 0 && group == content.Group && name == content.DeduplicationID {
			return m
		}
		content.Texts, content.Group, content.DeduplicationID = nil, group, name
		return messageOf(m, &content, []byte(n.text))
	}
	body, err := awsproto.EncodeJSON(r.envelope(n))
	if err != nil {
		panic(err) // a structure of strings always has a JSON form
	}
	return messageOf(m, &awsmessage.Content{
		ID: awsproto.NewID(), Sender: r.Owner, Trace: content.Trace, Group: group, DeduplicationID: name,
	}, body)
}

// groupOf is what of a message's group and name its queue gets: a FIFO queue both, a standard queue
// the group of a standard topic's message, which spreads tenants fairly, and nothing of a FIFO topic.
func (r *rule) groupOf(content *awsmessage.Content) (group, name string) {
	switch {
	case r.FIFO:
		return content.Group, content.DeduplicationID
	case isFIFO(r.Topic):
		return "", ""
	}
	return content.Group, ""
}

func messageOf(m *broker.Message, content *awsmessage.Content, body []byte) *broker.Message {
	block, err := content.Block()
	if err != nil {
		panic(err) // what was read of a message always has an encoding
	}
	return broker.NewMessage(m.Exchange(), m.Key(), block, body)
}
