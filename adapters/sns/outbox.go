package sns

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/retry"
	"github.com/portico-mq/portico/broker"
)

// The outbox holds what would leave for telephones, devices and, without an SMTP server, mailboxes. It
// is a log of each namespace, which anybody who may use the endpoint can read over HTTP (see pages).

// outboxLog is the log's name, which no other front end can spell.
const outboxLog = "sns/outbox"

// The oldest entries go when there are more than maxOutbox, a number of them at once.
const (
	maxOutbox  = 100_000
	outboxTrim = 1_000
)

// outboxEntry is one message in it.
type outboxEntry struct {
	Protocol          string                       `json:"protocol"`
	Endpoint          string                       `json:"endpoint"`
	TopicARN          string                       `json:"topic_arn,omitempty"`
	SubscriptionARN   string                       `json:"subscription_arn,omitempty"`
	MessageID         string                       `json:"message_id"`
	Subject           string                       `json:"subject,omitempty"`
	Message           string                       `json:"message"`
	MessageStructure  string                       `json:"message_structure,omitempty"`
	MessageAttributes map[string]envelopeAttribute `json:"message_attributes,omitempty"`
	Token             string                       `json:"token,omitempty"` // of a confirmation
	Sent              time.Time                    `json:"sent"`
}

// outbox opens the logs. It is safe for concurrent use.
type outbox struct {
	mu sync.Mutex // held while a log is made
}

// open gives a namespace's log; with create it is made when there is none, else KindNotFound says so.
func (o *outbox) open(ctx context.Context, a *Adapter, namespace string, create bool) (*broker.Log, error) {
	session, err := a.session(ctx, namespace)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	log, err := session.Log(outboxLog, broker.AccessWrite)
	if !create || !broker.IsKind(err, broker.KindNotFound) {
		return log, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := session.CreateLog(ctx, broker.LogSpec{Name: outboxLog, Shards: 1}); err != nil && !broker.IsKind(err, broker.KindInUse) {
		return nil, err
	}
	return session.Log(outboxLog, broker.AccessWrite)
}

// add puts a message into the outbox and returns when it is stored.
func (o *outbox) add(ctx context.Context, a *Adapter, namespace string, e *outboxEntry) error {
	log, err := o.open(ctx, a, namespace, true)
	if err != nil {
		return err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	at, err := log.Append(ctx, 0, broker.NewMessage("", e.Protocol, nil, text))
	if err == nil && at > maxOutbox && at%outboxTrim == 0 {
		err = log.Trim(ctx, 0, at-maxOutbox)
	}
	return err
}

// outboxRead is how much is read of the log at once.
const (
	outboxRead      = 1000
	outboxReadBytes = 8 << 20
)

// numberedEntry is an entry with its number, for who reads on.
type numberedEntry struct {
	Sequence uint64 `json:"sequence"`
	outboxEntry
}

// each calls visit with the entries above a number, in order, until it returns false.
func (o *outbox) each(ctx context.Context, a *Adapter, namespace string, after uint64, visit func(numberedEntry) bool) error {
	log, err := o.open(ctx, a, namespace, false)
	if broker.IsKind(err, broker.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for {
		records, err := log.Read(ctx, 0, after+1, outboxRead, outboxReadBytes)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, r := range records {
			after = r.Sequence
			e := numberedEntry{Sequence: r.Sequence}
			if err := json.Unmarshal(r.Message.Body(), &e.outboxEntry); err != nil {
				return err
			}
			if !visit(e) {
				return nil
			}
		}
	}
}

// clear empties a namespace's outbox.
func (o *outbox) clear(ctx context.Context, a *Adapter, namespace string) error {
	log, err := o.open(ctx, a, namespace, false)
	if broker.IsKind(err, broker.KindNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	last, err := log.Last(ctx, 0)
	if err != nil {
		return err
	}
	return log.Trim(ctx, 0, last+1)
}

// outboxed delivers into the outbox.
type outboxed struct{ adapter *Adapter }

func (outboxed) patience() time.Duration { return requestTime }

func (outboxed) schedule() *retry.Schedule { return &retry.Inside }

// deliver implements transport.
func (o outboxed) deliver(ctx context.Context, c *courier, m *broker.Message, n *notice) error {
	e := &outboxEntry{
		Protocol: c.Protocol, Endpoint: c.Endpoint, TopicARN: c.Topic, SubscriptionARN: c.ARN, MessageID: n.id,
		Subject: n.subject, Message: n.text, MessageAttributes: c.rule.envelope(n).MessageAttributes, Sent: time.Now().UTC(),
	}
	switch c.Protocol {
	case protocolEmail, protocolEmailJSON:
		var err error
		if e.Subject, e.Message, err = c.mail(n); err != nil {
			return err
		}
	case protocolSMS:
		if o.adapter.optedOut(c.namespace, c.Endpoint) {
			return errRefused
		}
	case protocolApplication:
		d, err := o.adapter.device(c.Endpoint)
		if err != nil || !d.enabled() {
			return errRefused
		}
		e.Message = d.text(m, n.text)
	}
	return o.adapter.outbox.add(ctx, o.adapter, c.namespace, e)
}

// addDirect puts a message into the outbox that was published to a telephone or a device, not a topic.
func (a *Adapter) addDirect(ctx context.Context, c *awsproto.Call, protocol, endpoint string, in *messageInput, text string) (string, error) {
	e := &outboxEntry{
		Protocol: protocol, Endpoint: endpoint, MessageID: awsproto.NewID(), Message: text, MessageStructure: in.MessageStructure,
		Sent: time.Now().UTC(),
	}
	if in.Subject != nil {
		e.Subject = *in.Subject
	}
	e.MessageAttributes = (&rule{rules: &Rules{}}).envelope(&notice{attributes: in.MessageAttributes}).MessageAttributes
	namespace := c.Namespace(c.Account)
	if _, err := a.broker.Namespace(ctx, namespace, true); err != nil {
		return "", err
	}
	return e.MessageID, a.outbox.add(ctx, a, namespace, e)
}
