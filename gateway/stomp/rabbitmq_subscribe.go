package stomp

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

const (
	idTag      = "T_" // before the id of a subscription, in its consumer tag
	queueTag   = "Q_" // before the destination of one without id
	tempPrefix = "/temp-queue/"
)

// consumerTag is the tag of the subscription that a frame names, and how RabbitMQ's errors name it.
func consumerTag(f *wire.Frame) (id, tag, text string, ok bool) {
	if v, ok := f.Get("id"); ok {
		return string(v), idTag + string(v), "id='" + string(v) + "'", true
	}
	if v, ok := f.Get("destination"); ok {
		return "", queueTag + string(v), "destination='" + string(v) + "'", true
	}
	return "", "", "", false
}

// subscribe adds a subscription. Its receipt goes out before its first message.
func (r rabbitmq) subscribe(ctx context.Context, c *conn, f *wire.Frame) error {
	if err := needsID(f); err != nil {
		return err
	}
	d, err := r.destination(c, f)
	if err != nil {
		return err
	}
	s := &subscription{conn: c, dialect: r, topic: d.kind == toTopic}
	s.id, s.tag, s.text, _ = consumerTag(f)
	if strings.HasPrefix(s.id, tempPrefix) {
		return processingError()
	}
	if d.kind == toTemp {
		return badUse(f)
	}
	c.mu.Lock()
	_, exists := c.subs[s.tag]
	c.mu.Unlock()
	if exists {
		f := faultf("Duplicated subscription identifier", "A subscription identified by '%s' already exists.", s.tag)
		f.fatal = true
		return f
	}
	opts, err := consumeOptions(f, s)
	if err != nil {
		return err
	}
	if err := r.source(ctx, c, f, &d, s); err != nil {
		return err
	}
	if err := r.readStream(c, f, s, &opts); err != nil {
		return err
	}
	if err := c.consume(ctx, s, opts); err != nil {
		return err
	}
	c.receipt(f)
	s.resume()
	return nil
}

// needsID refuses a durable subscription without an id.
func needsID(f *wire.Frame) error {
	if _, ok := f.Get("id"); !ok && durable(f) {
		return faultf("Missing Header", "Header 'id' is required for durable subscriptions")
	}
	return nil
}

// durable reports whether the frame asks for a durable subscription.
func durable(f *wire.Frame) bool {
	return value(f, "durable", "") == "true" || value(f, "persistent", "") == "true"
}

// consumeOptions reads what the frame says about the consumer.
func consumeOptions(f *wire.Frame, s *subscription) (broker.ConsumeOptions, error) {
	var opts broker.ConsumeOptions
	switch value(f, "ack", "auto") {
	case "auto":
		s.acks, opts.AutoAck = ackAuto, true
	case "client":
		s.acks = ackClient
	case "client-individual":
		s.acks = ackIndividual
	default:
		return opts, processingError()
	}
	if text, ok := f.Get("prefetch-count"); ok {
		n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
		if err != nil || n < 0 || n > math.MaxUint16 {
			return opts, processingError()
		}
		if n > 0 && s.acks != ackAuto { // AMQP's prefetch does not count what is not to be acknowledged
			opts.Credits = []*broker.Credit{broker.NewCredit(int(n))}
			opts.Prefetch = int(n)
		}
	}
	if text, ok := f.Get("x-priority"); ok {
		n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 32)
		if err != nil {
			return opts, processingError()
		}
		opts.Priority = int32(n)
	}
	return opts, nil
}

// source makes the queue that a subscription consumes from, where its destination asks for one.
func (r rabbitmq) source(ctx context.Context, c *conn, f *wire.Frame, d *destination, s *subscription) error {
	s.queue = d.key
	if d.isQueue() {
		if d.kind != toQueue {
			return nil
		}
		return r.declareOnce(ctx, c, f, d.key)
	}
	if _, err := c.session.Exchange(ctx, d.exchange); err != nil {
		return err // before the queue is made
	}
	spec, err := queueSpec(f, broker.QueueSpec{AutoDelete: true})
	if err != nil {
		return err
	}
	switch {
	case value(f, "x-queue-name", "") != "":
		spec.Name = value(f, "x-queue-name", "")
	case durable(f):
		spec.Name = subscriptionQueue(d.key, s.id)
	default:
		spec.Name = "stomp-subscription-" + broker.UniqueName()
	}
	s.queue = spec.Name
	_, err = c.session.QueueSpec(spec.Name)
	created := broker.IsKind(err, broker.KindNotFound)
	if err := r.declare(ctx, c, f, spec); err != nil {
		return err
	}
	if d.exchange == "" {
		return nil
	}
	err = c.session.Bind(ctx, broker.Binding{Source: d.exchange, Destination: spec.Name, Kind: broker.ToQueue, Key: d.key})
	if err != nil && created {
		_, gone := c.session.DeleteQueue(ctx, spec.Name, true, true)
		return errors.Join(err, gone)
	}
	return err
}

// subscriptionQueue names the queue of a durable subscription as RabbitMQ does, so that an operator finds it under the
// same name: the MD5 of Erlang's external form of the tuple of destination and id, both lists of bytes
// (rabbit_stomp_util.erl subscription_queue_name).
func subscriptionQueue(key, id string) string {
	term := []byte{131, 104, 2}
	for _, s := range []string{key, id} {
		term = appendErlangString(term, s)
	}
	sum := md5.Sum(term)
	return "stomp-subscription-" + base64.RawURLEncoding.EncodeToString(sum[:])
}

func appendErlangString(dst []byte, s string) []byte {
	switch {
	case s == "":
		return append(dst, 106)
	case len(s) <= math.MaxUint16:
		return append(binary.BigEndian.AppendUint16(append(dst, 107), uint16(len(s))), s...)
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 108), uint32(len(s)))
		for i := range len(s) {
			dst = append(dst, 97, s[i])
		}
		return append(dst, 106)
	}
}

// unsubscribe ends a subscription. What it has delivered and the client has not settled can still be settled. With
// durable:true the queue of a durable topic subscription goes too.
func (rabbitmq) unsubscribe(ctx context.Context, c *conn, f *wire.Frame) error {
	if err := needsID(f); err != nil {
		return err
	}
	id, tag, text, ok := consumerTag(f)
	switch {
	case !ok:
		return faultf("Missing destination or id", "UNSUBSCRIBE must include a 'destination' or 'id' header")
	case strings.HasPrefix(id, tempPrefix):
		return faultf("Invalid id", "UNSUBSCRIBE 'id' may not start with %s\n", tempPrefix)
	}
	c.mu.Lock()
	s := c.subs[tag]
	c.mu.Unlock()
	if s == nil {
		return faultf("No subscription found",
			"UNSUBSCRIBE must refer to an existing subscription.\nSubscription to %s not found.\n", quoted(text))
	}
	c.forget(s)
	s.cancel()
	if s.topic && durable(f) {
		if _, err := c.session.DeleteQueue(ctx, s.queue, false, false); err != nil && !broker.IsKind(err, broker.KindNotFound) {
			return err
		}
	}
	c.receipt(f)
	return nil
}
