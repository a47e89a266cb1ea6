package awsmessage

import (
	"slices"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// What dead letters tell of their death, and what becomes of that when they are sent back.

// The headers of dead letters. RabbitMQ's are written by the AMQP gateway's marker.
const (
	headerSent     = "aws:sent"          // when it was sent first, in milliseconds since 1970
	headerReceived = "aws:received"      // how often it had been received
	headerRedriven = "aws:deduplication" // the deduplication id of a message that was sent back

	deathsHeader = "x-death"
	lastQueue    = "x-last-death-queue"
)

// ofBroker tells the headers whose names attributes can have, and that say what is no attribute.
func ofBroker(name string) bool {
	return name == broker.GroupHeader || name == deathsHeader ||
		strings.HasPrefix(name, "x-first-death-") || strings.HasPrefix(name, "x-last-death-")
}

// MarkDeath adds to the properties of a dead letter what SQS tells of the message it was: when it was
// sent, and how often it was received. The block is what another marker made.
func MarkDeath(m *broker.Message, d broker.Death, block property.Block) (property.Block, error) {
	if d.Reason != broker.DiedOfDeliveries {
		return block, nil
	}
	set, err := block.Decode()
	if err != nil {
		return nil, err
	}
	before := Read(m.Properties())
	if before.Sent.IsZero() {
		before.Sent = m.Published()
	}
	set.Headers = without(set.Headers, headerSent, headerReceived)
	set.Headers = append(set.Headers,
		property.Field{Name: headerSent, Value: before.Sent.UnixMilli()},
		property.Field{Name: headerReceived, Value: int64(before.Received) + int64(d.Deliveries)})
	return set.Append(nil)
}

// readDeath fills in what the headers tell of a death.
func (c *Content) readDeath(headers property.RawTable, own func(string) string) {
	c.Source = own(lastQueue)
	number := func(name string) int64 {
		v, _ := headers.Lookup(name)
		n, _ := v.Int()
		return n
	}
	if ms := number(headerSent); ms > 0 {
		c.Sent = time.UnixMilli(ms)
	}
	if n := number(headerReceived); n > 0 && n < 1<<31 {
		c.Received = uint32(n)
	}
}

// Redriven makes the properties of a dead letter that is sent back: those of a message that never died,
// with a new id. Its deduplication id is only shown: it is no duplicate of itself.
func Redriven(block property.Block, id string) (property.Block, error) {
	set, err := block.Decode()
	if err != nil {
		return nil, err
	}
	set.MessageID = id
	name, _ := set.Headers.Get(broker.DeduplicationHeader)
	set.Headers = without(set.Headers, headerSent, headerReceived, broker.DeduplicationHeader, broker.DueHeader, deathsHeader)
	set.Headers = slices.DeleteFunc(set.Headers, func(f property.Field) bool { return ofBroker(f.Name) && f.Name != broker.GroupHeader })
	if text, ok := name.(string); ok && text != "" {
		set.Headers = append(set.Headers, property.Field{Name: headerRedriven, Value: text})
	}
	return set.Append(nil)
}

func without(headers property.Table, names ...string) property.Table {
	return slices.DeleteFunc(headers, func(f property.Field) bool { return slices.Contains(names, f.Name) })
}
