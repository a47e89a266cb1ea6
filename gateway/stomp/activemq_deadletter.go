package stomp

import (
	"context"
	"strconv"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// deadLetterQueue gets what clients of ActiveMQ's dialect reject.
const deadLetterQueue = "ActiveMQ.DLQ"

// deadLetter makes the copy of a delivery for the dead letter queue, which is declared if it is not there.
func (activemq) deadLetter(ctx context.Context, c *conn, u *unacked) (*broker.Message, error) {
	root, err := c.root(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := root.QueueSpec(deadLetterQueue); broker.IsKind(err, broker.KindNotFound) {
		if _, _, err := root.DeclareQueue(ctx, broker.QueueSpec{Name: deadLetterQueue, Durable: true}); err != nil {
			return nil, err
		}
	}
	m := u.msg
	from := place{name: u.from.Queue().Name()}
	if from.name == u.sub.topicQueue {
		from = place{topic: true, name: m.Key()}
	}
	props, err := deadProperties(m, from)
	if err != nil {
		return nil, err
	}
	return broker.NewMessage("", deadLetterQueue, props, m.Body()), nil
}

// deadProperties are a dead message's properties: its own, with where it came from, and without an end of its time.
func deadProperties(m *broker.Message, from place) (property.Block, error) {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil, err
	}
	headers := make(property.Table, 0, len(set.Headers)+2)
	at := ""
	if d, ok := m.Expiration(); ok {
		at = strconv.FormatInt(m.Published().Add(d).UnixMilli(), 10)
	}
	for _, h := range set.Headers {
		switch h.Name {
		case originalHeader, originalExpirationHeader:
		case expiresHeader:
			if text, ok := h.Value.(string); ok {
				at = text
			}
		default:
			headers = append(headers, h)
		}
	}
	headers = append(headers, property.Field{Name: originalHeader, Value: from.String()})
	if at != "" {
		headers = append(headers, property.Field{Name: originalExpirationHeader, Value: at})
	}
	set.Headers, set.Expiration, set.Flags = headers, "", set.Flags&^property.FlagExpiration
	return set.Append(nil)
}
