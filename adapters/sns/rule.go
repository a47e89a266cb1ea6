package sns

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// rule is a compiled subscription. It is safe for concurrent use.
type rule struct {
	subscription *subscription
	filter       filter
}

// compileRule implements broker.RuleCompiler.
func compileRule(b *broker.Binding) (broker.Rule, error) {
	s, ok := parseSubscription(b)
	if !ok {
		return nil, fmt.Errorf("sns: the binding's rule is not a subscription: %.200q", b.RuleText)
	}
	r := &rule{subscription: s}
	if s.Filter != "" {
		f, err := parseFilter(s.Filter)
		if err != nil {
			return nil, fmt.Errorf("sns: filter policy: %w", err)
		}
		r.filter = f
	}
	return r, nil
}

// Match implements broker.Rule.
func (r *rule) Match(m *broker.Message) bool {
	return r.filter == nil || r.filter.match(awsmessage.Read(m.Properties()).Attributes)
}

// bodyEncoding is the attribute of a message whose body is no text, in the words of this project's
// SQS front end.
const bodyEncoding = "Portico.BodyEncoding"

// notification is the envelope of a message that is not delivered raw [developer guide, "Message and
// JSON formats"]. It is not signed.
type notification struct {
	Type              string
	MessageID         string `json:"MessageId"`
	TopicARN          string `json:"TopicArn"`
	Subject           string `json:",omitempty"`
	Message           string
	Timestamp         string
	UnsubscribeURL    string
	MessageAttributes map[string]notificationAttribute `json:",omitempty"`
}

type notificationAttribute struct {
	Type, Value string
}

// Rewrite implements broker.Rule: raw messages stay what they are, others are wrapped.
func (r *rule) Rewrite(m *broker.Message) *broker.Message {
	if r.subscription.Raw {
		return m
	}
	body, err := awsproto.EncodeJSON(r.wrap(m))
	if err != nil {
		panic(err) // a structure of strings always has a JSON form
	}
	content := awsmessage.Content{ID: awsproto.NewID(), Sender: r.subscription.Owner}
	block, err := content.Block()
	if err != nil {
		panic(err) // an id and an account number always have an encoding
	}
	return broker.NewMessage(m.Exchange(), m.Key(), block, body)
}

// wrap makes the envelope.
func (r *rule) wrap(m *broker.Message) notification {
	content := awsmessage.Read(m.Properties())
	n := notification{
		Type: "Notification", MessageID: content.ID, TopicARN: r.subscription.Topic,
		Subject: content.Subject, Message: string(m.Body()), Timestamp: timestamp(m.Published()),
		UnsubscribeURL: r.subscription.BaseURL + "/?Action=Unsubscribe&SubscriptionArn=" + url.QueryEscape(r.subscription.ARN),
	}
	if n.MessageID == "" {
		n.MessageID = awsproto.NewID() // it came over a front end whose messages need none
	}
	attributes := make(map[string]notificationAttribute, len(content.Attributes))
	for name, v := range content.Attributes {
		if v.Kind() == "Binary" {
			attributes[name] = notificationAttribute{v.DataType, base64.StdEncoding.EncodeToString(v.BinaryValue)}
			continue
		}
		attributes[name] = notificationAttribute{v.DataType, v.Text()}
	}
	if !awsmessage.ValidText(n.Message) {
		n.Message = base64.StdEncoding.EncodeToString(m.Body())
		attributes[bodyEncoding] = notificationAttribute{"String", "base64"}
	}
	n.MessageAttributes = attributes
	return n
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
