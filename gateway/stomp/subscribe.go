package stomp

import (
	"context"

	"github.com/portico-mq/portico/broker"
)

// ackMode is how a subscription's deliveries are settled.
type ackMode uint8

const (
	ackAuto       ackMode = iota // by sending them
	ackClient                    // ACK settles the message and all older ones
	ackIndividual                // ACK settles the message
)

// subscription is a SUBSCRIBE in force. But for scratch it does not change.
type subscription struct {
	conn     *conn
	dialect  dialect
	id       string // "" when the client gave none
	tag      string // its name within the connection: RabbitMQ's consumer tag
	text     string // how RabbitMQ's errors name it
	queue    string
	topic    bool // its destination is a topic
	acks     ackMode
	consumer *broker.Consumer
	scratch  []byte // under conn.mu
}

// Deliver sends a message; see [broker.Receiver].
func (s *subscription) Deliver(_ *broker.Consumer, d broker.Delivery) bool {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	buf, ok := c.out.beginDelivery(s)
	if !ok {
		return false
	}
	c.lastTag++
	if s.acks != ackAuto {
		c.unacked.add(unacked{tag: c.lastTag, sub: s, lease: d.Lease})
	}
	c.lane.HandedOut(false, s.acks == ackAuto, d.Redelivered)
	c.out.endDelivery(s.dialect.appendMessage(buf, c, s, c.lastTag, &d))
	return true
}

// Cancelled tells the client that the queue was deleted; see [broker.Receiver].
func (s *subscription) Cancelled(*broker.Consumer) {
	s.conn.forget(s)
	s.conn.out.fault(s.dialect, s.dialect.cancelled(s), "")
}

// resume lets the subscription's messages come: at first, and when the output has room again.
func (s *subscription) resume() { s.consumer.Resume() }

func (c *conn) forget(s *subscription) {
	c.mu.Lock()
	if c.subs[s.tag] == s {
		delete(c.subs, s.tag)
	}
	c.mu.Unlock()
}

// consume starts a subscription's consumer, paused.
func (c *conn) consume(ctx context.Context, s *subscription, opts broker.ConsumeOptions) error {
	opts.Tag, opts.Lane = s.tag, c.lane
	consumer, err := c.session.Consume(ctx, s.queue, s, opts)
	if err != nil {
		return err
	}
	s.consumer = consumer
	c.mu.Lock()
	c.subs[s.tag] = s
	c.mu.Unlock()
	return nil
}
