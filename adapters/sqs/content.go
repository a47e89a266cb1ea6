package sqs

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// attributeValue is the value of a message attribute.
type attributeValue = awsmessage.Value

// bodyEncoding is the message attribute that a body in another encoding carries, asked for or not.
const bodyEncoding = "Portico.BodyEncoding"

// message is a message as SQS sees it.
type message struct {
	id         string
	body       string
	sender     string
	trace      string
	group      string
	dedup      string // the deduplication id
	source     string // the queue it died in
	sent       time.Time
	received   uint32 // how often it was received in the queue it died in
	attributes map[string]attributeValue
}

// encodeMessage makes the broker's message for one that a client sent to the queue.
func encodeMessage(queue string, content *awsmessage.Content, body string) (*broker.Message, error) {
	block, err := content.Block()
	if err != nil {
		return nil, err
	}
	return broker.NewMessage("", queue, block, []byte(body)), nil
}

// decodeMessage gives a message, from whichever front end, as SQS shows it. A body that SQS cannot
// carry is in base64, and an attribute says so.
func decodeMessage(c *awsproto.Call, q *queue, d *broker.Delivery) message {
	content := awsmessage.Read(d.Message.Properties())
	m := message{
		id: content.ID, sender: content.Sender, trace: shownText(content.Trace),
		group: shownText(content.Group), dedup: shownText(content.DeduplicationID), source: shownText(content.Source),
		sent: content.Sent, received: content.Received, attributes: content.Attributes, body: string(d.Message.Body()),
	}
	if m.sent.IsZero() {
		m.sent = d.Message.Published()
	}
	if m.id == "" || len(m.id) > maxMessageID || !awsmessage.ValidText(m.id) {
		m.id = derivedID(q.identity.ID, d.Sequence)
	}
	if m.sender == "" || !awsmessage.ValidText(m.sender) {
		m.sender = q.account
	}
	if len(m.body) > maxMessageSize || !awsmessage.ValidText(m.body) {
		encoding := "base64"
		m.body = base64.StdEncoding.EncodeToString(d.Message.Body())
		if m.attributes == nil {
			m.attributes = make(map[string]attributeValue)
		}
		m.attributes[bodyEncoding] = attributeValue{DataType: "String", StringValue: &encoding}
	}
	return m
}

// shownText is the text, or none if SQS cannot carry it.
func shownText(s string) string {
	if !awsmessage.ValidText(s) {
		return ""
	}
	return s
}

// maxMessageID is the longest message id of the service's model.
const maxMessageID = 100

// derivedID is the message id of a message that came without one: the same at every receive.
func derivedID(queueID string, sequence uint64) string {
	h := sha256.New()
	h.Write([]byte(queueID)) // a hash's Write never fails
	h.Write(binary.BigEndian.AppendUint64(nil, sequence))
	return awsproto.FormatID([16]byte(h.Sum(nil)))
}
