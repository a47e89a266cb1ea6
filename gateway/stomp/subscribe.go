package stomp

import (
	"context"
	"slices"

	"github.com/portico-mq/portico/broker"
)

// ackMode is how a subscription's deliveries are settled.
type ackMode uint8

const (
	ackAuto       ackMode = iota // by sending them
	ackClient                    // ACK settles the message and all older ones
	ackIndividual                // ACK settles the message
)

// subscription is a SUBSCRIBE in force.
type subscription struct {
	conn       *conn
	dialect    dialect
	id         string // "" when the client gave none
	tag        string // its name within the connection
	text       string // how errors name it
	queue      string // RabbitMQ: what it consumes from
	topic      bool   // RabbitMQ: its destination is a topic
	stream     bool   // RabbitMQ: it reads a stream
	topicQueue string // ActiveMQ: the queue of its own that its topics lead to
	advised    bool   // ActiveMQ: it may get advisories; belongs to those
	prefix     string // Artemis: how its destination's name begins, if prefixed
	prefixed   bool
	acks       ackMode
	// ActiveMQ: how maps and objects are to be shown; "" for as they were sent.
	transformation string
	// ActiveMQ: the patterns of queues that it consumes from, and how.
	patterns []place
	opts     broker.ConsumeOptions

	// Under conn.mu:
	consumers []*broker.Consumer
	started   bool // resume was called
	ended     bool
	scratch   []byte
}

// Deliver sends a message; see [broker.Receiver].
func (s *subscription) Deliver(from *broker.Consumer, d broker.Delivery) bool {
	c := s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	buf, ok := c.out.beginDelivery(s)
	if !ok {
		return false
	}
	c.lastTag++
	u := unacked{tag: c.lastTag, sub: s, lease: d.Lease, from: from, msg: d.Message, seq: d.Sequence, count: d.Count}
	if s.acks != ackAuto {
		c.unacked.add(u)
	}
	c.lane.HandedOut(false, s.acks == ackAuto, d.Redelivered)
	c.out.endDelivery(c.out.escaped(s.dialect.appendMessage(buf, c, &u, &d), len(buf)))
	return true
}

// Cancelled tells the client that a queue was deleted; see [broker.Receiver].
func (s *subscription) Cancelled(gone *broker.Consumer) {
	c := s.conn
	c.mu.Lock()
	s.consumers = slices.DeleteFunc(s.consumers, func(one *broker.Consumer) bool { return one == gone })
	left := len(s.consumers) > 0 || len(s.patterns) > 0
	c.mu.Unlock()
	if left {
		return
	}
	c.forget(s)
	c.server.advisories.unsubscribed(s)
	c.out.fault(s.dialect, s.dialect.cancelled(s), "")
}

// consume adds a queue to what the subscription consumes from.
func (s *subscription) consume(ctx context.Context, queue string, opts broker.ConsumeOptions) error {
	consumer, err := s.conn.session.Consume(ctx, queue, s, opts)
	if err != nil {
		return err
	}
	s.conn.mu.Lock()
	ended, started := s.ended, s.started
	if !ended {
		s.consumers = append(s.consumers, consumer)
	}
	s.conn.mu.Unlock()
	switch {
	case ended:
		consumer.Cancel()
	case started:
		consumer.Resume()
	}
	return nil
}

// resume lets the subscription's messages come: at first, and when the output has room again.
func (s *subscription) resume() {
	for _, consumer := range s.all(false) {
		consumer.Resume()
	}
}

// cancel ends its consumers. What is under lease stays so.
func (s *subscription) cancel() {
	s.conn.server.unwatch(s)
	for _, consumer := range s.all(true) {
		consumer.Cancel()
	}
	s.conn.server.advisories.unsubscribed(s)
}

// all are the consumers, to be resumed or, with the end of the subscription, cancelled.
func (s *subscription) all(ended bool) []*broker.Consumer {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	s.started = true
	s.ended = s.ended || ended
	return slices.Clone(s.consumers)
}

func (c *conn) forget(s *subscription) {
	c.mu.Lock()
	if c.subs[s.tag] == s {
		delete(c.subs, s.tag)
	}
	c.mu.Unlock()
}

// consume starts the consumer of a subscription to one queue, paused.
func (c *conn) consume(ctx context.Context, s *subscription, opts broker.ConsumeOptions) error {
	opts.Tag, opts.Lane = s.tag, c.lane
	if err := s.consume(ctx, s.queue, opts); err != nil {
		return err
	}
	c.mu.Lock()
	c.subs[s.tag] = s
	c.mu.Unlock()
	return nil
}
