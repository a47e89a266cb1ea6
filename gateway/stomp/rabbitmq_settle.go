package stomp

import (
	"strconv"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

func (d rabbitmq) settle(c *conn, f *wire.Frame) error {
	id, ok := f.Get(c.ackName)
	if !ok {
		return faultf("Missing header", "%s must include the %s header\n", quoted(f.Command), quoted(c.ackName))
	}
	tag, err := c.deliveryTag(f, string(id))
	if err != nil {
		return err
	}
	tx, err := c.transactionOf(f)
	if err != nil {
		return err
	}
	outcome := broker.Ack
	if f.Command == wire.Nack {
		outcome = broker.Requeue
		if value(f, "requeue", "true") == "false" {
			outcome = broker.Reject
		}
	}
	if !d.take(c, tag) {
		return unknownTag(tag)
	}
	err = c.settleTaken(f, tx, outcome)
	if broker.IsKind(err, broker.KindStaleLease) {
		return unknownTag(tag)
	}
	return err
}

// take moves the delivery of the tag, and the older ones of the whole connection if it was delivered in client mode, as
// RabbitMQ does, from the ledger to c.taken.
func (rabbitmq) take(c *conn, tag uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var also func(*unacked) bool
	if at, ok := c.unacked.find(tag); ok && c.unacked.entries[at].sub.acks == ackClient {
		also = func(*unacked) bool { return true }
	}
	var ok bool
	c.taken, ok = c.unacked.take(tag, also, c.taken[:0])
	return ok
}

// deliveryTag reads a message-id: the consumer tag, the session and the delivery tag, with @@ between.
func (c *conn) deliveryTag(f *wire.Frame, id string) (uint64, error) {
	rest, tail, ok := cutLast(id, separator)
	tag, session, ok2 := cutLast(rest, separator)
	if !ok || !ok2 {
		return 0, faultf("Invalid header", "%s must include a valid %s header\n", quoted(f.Command), quoted(c.ackName))
	}
	n, err := strconv.ParseUint(tail, 10, 64)
	if err != nil {
		return 0, processingError()
	}
	// Another session's tags would settle what they do not mean. A subscription that has ended is no reason to refuse
	// to settle what it has delivered.
	if session != c.id {
		return 0, faultf("Subscription not found", "Message with id %s has no subscription", quoted(id))
	}
	if at, ok := c.subscriptionOf(n); ok && at != tag {
		return 0, unknownTag(n)
	}
	return n, nil
}

// subscriptionOf is the consumer tag of a delivery that is not settled.
func (c *conn) subscriptionOf(tag uint64) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.unacked.find(tag)
	if !ok {
		return "", false
	}
	return c.unacked.entries[at].sub.tag, true
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
