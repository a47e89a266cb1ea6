package sns

import (
	"encoding/base64"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/signature"
	"github.com/portico-mq/portico/broker"
)

// bodyEncoding is the attribute of a message whose body is no text, in the words of this project's
// SQS front end.
const bodyEncoding = "Portico.BodyEncoding"

// notice is a message as one protocol gets it.
type notice struct {
	id         string
	subject    string
	text       string
	published  time.Time
	sequence   string // of a FIFO topic
	replayed   bool
	attributes map[string]awsmessage.Value
}

// newNotice reads a message for a protocol.
func newNotice(m *broker.Message, content *awsmessage.Content, protocol string) *notice {
	n := &notice{
		id: content.ID, subject: content.Subject, text: string(m.Body()), published: m.Published(), attributes: content.Attributes,
		sequence: content.Sequence,
	}
	if n.id == "" {
		n.id = awsproto.NewID() // it came over a front end whose messages need none
	}
	if text, ok := content.Texts[protocol]; ok {
		n.text = text
	}
	return n
}

// envelope is what a message that is not delivered raw is wrapped in, and what asks for a
// confirmation [developer guide, "Message and JSON formats"].
type envelope struct {
	Type              string
	MessageID         string `json:"MessageId"`
	SequenceNumber    string `json:",omitempty"`
	Token             string `json:",omitempty"`
	TopicARN          string `json:"TopicArn"`
	Subject           string `json:",omitempty"`
	Message           string
	SubscribeURL      string `json:",omitempty"`
	Timestamp         string
	SignatureVersion  string                       `json:",omitempty"`
	Signature         string                       `json:",omitempty"`
	SigningCertURL    string                       `json:",omitempty"`
	UnsubscribeURL    string                       `json:",omitempty"`
	MessageAttributes map[string]envelopeAttribute `json:",omitempty"`
	Replayed          string                       `json:",omitempty"`
}

type envelopeAttribute struct {
	Type, Value string
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// envelope wraps a message for the rule's subscription.
func (r *rule) envelope(n *notice) *envelope {
	e := &envelope{
		Type: "Notification", MessageID: n.id, SequenceNumber: n.sequence, TopicARN: r.Topic, Subject: n.subject,
		Message: n.text, Timestamp: timestamp(n.published),
		UnsubscribeURL: (&subscription{ARN: r.ARN, BaseURL: r.BaseURL}).unsubscribeURL(),
	}
	if n.replayed {
		e.Replayed = "true"
	}
	e.MessageAttributes = make(map[string]envelopeAttribute, len(n.attributes))
	for name, v := range n.attributes {
		if v.Kind() == "Binary" {
			e.MessageAttributes[name] = envelopeAttribute{v.DataType, base64.StdEncoding.EncodeToString(v.BinaryValue)}
			continue
		}
		e.MessageAttributes[name] = envelopeAttribute{v.DataType, v.Text()}
	}
	if !awsmessage.ValidText(e.Message) {
		e.Message = base64.StdEncoding.EncodeToString([]byte(n.text))
		e.MessageAttributes[bodyEncoding] = envelopeAttribute{"String", "base64"}
	}
	if n.sequence == "" { // those of FIFO topics are not signed
		r.rules.sign(e, r.Version, r.BaseURL)
	}
	return e
}

// sign signs the envelope, unless nothing is signed.
func (r *Rules) sign(e *envelope, version signature.Version, base string) {
	signer := r.signer.Load()
	if signer == nil {
		return
	}
	if version == "" {
		version = signature.V1
	}
	pairs := []string{"Message", e.Message, "MessageId", e.MessageID}
	if e.Type == "Notification" {
		if e.Subject != "" {
			pairs = append(pairs, "Subject", e.Subject)
		}
		pairs = append(pairs, "Timestamp", e.Timestamp)
	} else {
		pairs = append(pairs, "SubscribeURL", e.SubscribeURL, "Timestamp", e.Timestamp, "Token", e.Token)
	}
	pairs = append(pairs, "TopicArn", e.TopicARN, "Type", e.Type)
	signed, err := signer.Sign(version, pairs...)
	if err != nil {
		panic(err) // an RSA key of this size signs any digest
	}
	if r.https {
		base = "https://" + strings.TrimPrefix(strings.TrimPrefix(base, "http://"), "https://")
	}
	e.SignatureVersion, e.Signature, e.SigningCertURL = string(version), signed, base+signer.Path()
}

// confirmation is what asks an endpoint to confirm a subscription, or tells it that it ended.
func (r *Rules) confirmation(s *subscription, version signature.Version) *envelope {
	e := &envelope{
		Type: "SubscriptionConfirmation", MessageID: awsproto.NewID(), Token: s.Token, TopicARN: s.Topic,
		Message: "You have chosen to subscribe to the topic " + s.Topic +
			".\nTo confirm the subscription, visit the SubscribeURL included in this message.",
		SubscribeURL: s.confirmURL(), Timestamp: timestamp(s.Sent),
	}
	if s.Removed {
		e.Type = "UnsubscribeConfirmation"
		e.Message = "You have chosen to deactivate subscription " + s.ARN +
			".\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
	}
	r.sign(e, version, s.BaseURL)
	return e
}
