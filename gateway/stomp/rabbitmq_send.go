package stomp

import (
	"context"
	"errors"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// send publishes a message. Its receipt means stored and synced; a message that reaches no queue is dropped, and its
// receipt comes at once.
func (r rabbitmq) send(ctx context.Context, c *conn, f *wire.Frame) error {
	c.server.waitAlarm(ctx)
	if _, ok := f.Get("message-id"); ok {
		return faultf("Invalid header", "'message-id' is not allowed on 'SEND'.\n")
	}
	d, err := r.destination(c, f)
	if err != nil {
		return err
	}
	if d.kind == toTemp {
		return badUse(f)
	}
	tx, err := c.transactionOf(f)
	if err != nil {
		return err
	}
	replyTo, err := r.replyTo(ctx, c, f)
	if err != nil {
		return err
	}
	props, err := r.properties(c, f, replyTo)
	if err != nil {
		return err
	}
	if d.kind == toQueue {
		if err := r.declareOnce(ctx, c, f, d.key); err != nil {
			return err
		}
	}
	if len(d.exchange) > 255 || len(d.key) > 255 {
		return exception("precondition_failed", "the exchange's or queue's name or the routing key is longer than 255 bytes")
	}
	m := broker.NewMessage(d.exchange, d.key, props, f.Body)
	if tx != nil {
		if err := tx.add(m, f.Command); err != nil {
			return err
		}
		if id, ok := f.Get("receipt"); ok {
			tx.receipts = append(tx.receipts, string(id)) // it comes with the commit
		}
		return nil
	}
	if d.kind != toQueue {
		return c.publish(f, m, nil)
	}
	return c.publish(f, m, func() error { return r.declareOnce(ctx, c, f, d.key) })
}

// destination reads the frame's destination header.
func (rabbitmq) destination(c *conn, f *wire.Frame) (destination, error) {
	text, ok := f.Get("destination")
	if !ok {
		return destination{}, faultf("Missing destination", "%s must include a 'destination' header\n", quoted(f.Command))
	}
	return c.server.parseDestination(string(text))
}

// badUse refuses a destination that is good for other frames only.
func badUse(f *wire.Frame) error {
	text, _ := f.Get("destination")
	return faultf("Invalid destination", "'%s' is not a valid destination for '%s'\n", text, f.Command)
}

// declareOnce declares the queue of a /queue/ destination when the connection uses it for the first time.
func (r rabbitmq) declareOnce(ctx context.Context, c *conn, f *wire.Frame, name string) error {
	if _, ok := c.declared[name]; ok {
		return nil
	}
	spec, err := queueSpec(f, broker.QueueSpec{Name: name, Durable: true})
	if err != nil {
		return err
	}
	if !spec.Durable {
		// RabbitMQ's defaults for a queue that is not to last (rabbit_routing_util.erl queue_declare_method).
		spec, err = queueSpec(f, broker.QueueSpec{Name: name, AutoDelete: true, Exclusive: true})
		if err != nil {
			return err
		}
	}
	if err := r.declare(ctx, c, f, spec); err != nil {
		return err
	}
	c.declared[name] = struct{}{}
	return nil
}

// queueSpec changes a queue's default properties as the frame's headers say.
func queueSpec(f *wire.Frame, spec broker.QueueSpec) (broker.QueueSpec, error) {
	for _, p := range []struct {
		header   string
		property *bool
	}{{"persistent", &spec.Durable}, {"durable", &spec.Durable}, {"auto-delete", &spec.AutoDelete}, {"exclusive", &spec.Exclusive}} {
		text, ok := f.Get(p.header)
		if !ok {
			continue
		}
		if *p.property, ok = boolean(text); !ok {
			return spec, processingError()
		}
	}
	return spec, nil
}

// replyTo makes the queue for replies when the frame's reply-to is the client's own name for one (/temp-queue/), and
// returns its name; "" otherwise. What comes to that queue is delivered without a SUBSCRIBE, under that name.
func (r rabbitmq) replyTo(ctx context.Context, c *conn, f *wire.Frame) (string, error) {
	text, ok := f.Get("reply-to")
	if !ok {
		return "", nil
	}
	d, err := c.server.parseDestination(string(text))
	if err != nil {
		return "", processingError()
	}
	if d.kind != toTemp {
		return "", nil
	}
	if name, ok := c.replies[d.key]; ok {
		return name, nil
	}
	name := "amq.gen-" + broker.UniqueName()
	spec := broker.QueueSpec{Name: name, Generated: true, AutoDelete: true, Exclusive: true}
	if _, _, err := c.session.DeclareQueue(ctx, spec); err != nil {
		return "", err
	}
	id := tempPrefix + d.key
	s := &subscription{conn: c, dialect: r, id: id, tag: idTag + id, queue: name, acks: ackAuto}
	if err := c.consume(ctx, s, broker.ConsumeOptions{AutoAck: true}); err != nil {
		_, gone := c.session.DeleteQueue(ctx, name, false, false)
		return "", errors.Join(err, gone)
	}
	s.resume()
	c.replies[d.key] = name
	return name, nil
}
