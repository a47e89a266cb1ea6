package amqp091

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// basic.qos, consume, cancel, deliver and get.

// consumer receives the deliveries of one consumer tag. It implements broker.Receiver.
type consumer struct {
	ch       *channel
	tag      []byte
	autoAck  bool
	kind     string // the queue's type
	consumer *broker.Consumer
}

// cancel ends the consumer. Nothing is delivered after it.
func (k *consumer) cancel() {
	if k.consumer != nil {
		k.consumer.Cancel()
	}
}

// Deliver appends the frames of a delivery to what is to be written. It is called with a queue of the broker locked
// and never waits: when too much is to be written, the consumer pauses until the writer has made room.
func (k *consumer) Deliver(from *broker.Consumer, d broker.Delivery) bool {
	ch, c := k.ch, k.ch.c
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.dead || ch.closed:
		return false
	case len(c.out) >= highWater:
		c.paused = append(c.paused, from)
		return false
	}
	ch.nextTag++
	if !k.autoAck {
		ch.unacked.push(ch.nextTag, d.Lease)
	}
	ch.lane.HandedOut(false, k.autoAck, d.Redelivered)
	m := wire.BasicDeliver{
		ConsumerTag: k.tag, DeliveryTag: ch.nextTag, Redelivered: d.Redelivered,
		Exchange: []byte(d.Message.Exchange()), RoutingKey: []byte(d.Message.Key()),
	}
	out, at := wire.BeginMethod(c.out, ch.id, wire.IDBasicDeliver)
	out = wire.EndFrame(m.AppendTo(out), at)
	c.append(wire.AppendContent(out, ch.id, wire.ClassBasic, deliveredProperties(d, k.kind), d.Message.Body(), c.frameMax))
	return true
}

// deliveredProperties are the message's; a quorum queue adds how often it has been handed out and came back, a stream
// the offset.
func deliveredProperties(d broker.Delivery, kind string) property.Block {
	b := d.Message.Properties()
	switch {
	case kind == "quorum" && d.Count > 0:
		return b.WithHeader("x-delivery-count", int64(d.Count))
	case kind == streamQueue:
		return b.WithHeader(offsetArgument, int64(d.Sequence))
	}
	return b
}

// Cancelled tells the client that the queue is gone, if it wants to know.
func (k *consumer) Cancelled(*broker.Consumer) {
	c := k.ch.c
	c.mu.Lock()
	known := k.ch.consumers[string(k.tag)] == k
	delete(k.ch.consumers, string(k.tag))
	known = known && c.can.cancelNotify
	held := known && k.ch.holding
	if held {
		k.ch.held = append(k.ch.held, k)
	}
	c.mu.Unlock()
	if known && !held {
		k.notifyCancel()
	}
}

func (k *consumer) notifyCancel() {
	k.ch.c.notify(k.ch.id, &wire.BasicCancel{ConsumerTag: k.tag, NoWait: true})
}

// holdCancels keeps back what [consumer.Cancelled] tells until sendCancels: the channel that deletes a queue learns that
// this is done before it learns which of its consumers are gone. A client that waits for the latter may close then.
func (ch *channel) holdCancels() {
	ch.c.mu.Lock()
	ch.holding = true
	ch.c.mu.Unlock()
}

func (ch *channel) sendCancels() {
	ch.c.mu.Lock()
	held := ch.held
	ch.holding, ch.held = false, nil
	ch.c.mu.Unlock()
	for _, k := range held {
		k.notifyCancel()
	}
}

func (ch *channel) handleQos(m *wire.BasicQos) error {
	if m.PrefetchSize != 0 {
		return connectionFault(wire.NotImplemented, "prefetch_size!=0 (%d)", m.PrefetchSize)
	}
	if m.Global {
		ch.lane.SharedPrefetch.Store(int64(m.PrefetchCount))
		ch.global = m.PrefetchCount != 0
		ch.credit.SetLimit(int(m.PrefetchCount))
	} else {
		ch.lane.Prefetch.Store(int64(m.PrefetchCount))
		ch.prefetch = int(m.PrefetchCount)
	}
	ch.c.sendMethod(ch.id, &wire.BasicQosOk{})
	return nil
}

func (ch *channel) handleConsume(m *wire.BasicConsume) error {
	tag := string(m.ConsumerTag)
	if tag == "" {
		tag = "amq.ctag-" + broker.UniqueName()
	}
	if string(m.Queue) == directReplyQueue {
		return ch.consumeDirectReplies(tag, m)
	}
	queue, err := ch.queueName(m.Queue)
	if err != nil {
		return err
	}
	c := ch.c
	info, err := c.session.Queue(c.background(), queue)
	if err != nil {
		return err
	}
	kind := queueType(info.Spec.Attributes[attributes])
	opts, err := ch.consumeOptions(queue, kind, m)
	if err != nil {
		return err
	}
	opts.Tag, opts.Lane = tag, ch.lane
	if opts.Attributes, err = consumerAttributes(m); err != nil {
		return err
	}
	k := &consumer{ch: ch, tag: []byte(tag), autoAck: m.NoAck, kind: kind}
	c.mu.Lock()
	_, taken := ch.consumers[tag]
	if taken = taken || ch.direct.hasTag(tag); !taken {
		ch.consumers[tag] = k
	}
	c.mu.Unlock()
	if taken {
		return reusedTag(tag)
	}
	consumer, err := c.session.Consume(c.background(), queue, k, opts)
	if err != nil {
		c.mu.Lock()
		delete(ch.consumers, tag)
		c.mu.Unlock()
		return err
	}
	k.consumer = consumer
	if !m.NoWait {
		c.sendMethod(ch.id, &wire.BasicConsumeOk{ConsumerTag: k.tag})
	}
	consumer.Resume()
	return nil
}

func reusedTag(tag string) *fault {
	return connectionFault(wire.NotAllowed, "attempt to reuse consumer tag '%s'", tag)
}

// consumeOptions has two credits for each consumer: the channel's, which all share, and its own.
func (ch *channel) consumeOptions(queue, kind string, m *wire.BasicConsume) (broker.ConsumeOptions, error) {
	opts := broker.ConsumeOptions{AutoAck: m.NoAck, Exclusive: m.Exclusive}
	if !m.NoAck {
		opts.Credits = append(opts.Credits, ch.credit)
		if ch.prefetch > 0 {
			opts.Credits = append(opts.Credits, broker.NewCredit(ch.prefetch))
			opts.Prefetch = ch.prefetch
		}
	}
	if v, ok := m.Arguments.Lookup("x-priority"); ok {
		priority, isInt := v.Int()
		if !isInt {
			return opts, channelFault(wire.PreconditionFailed, "invalid arg 'x-priority' for queue '%s' in vhost '%s': \"expected integer, got %s\"",
				queue, ch.c.session.Namespace(), typeName(v.Type))
		}
		opts.Priority = int32(max(min(priority, maxPriority), -maxPriority))
	}
	if err := ch.streamOptions(&opts, queue, kind, m); err != nil {
		return opts, err
	}
	if ch.global && kind != "classic" {
		return opts, connectionFault(wire.NotImplemented, "queue '%s' in vhost '%s' does not support global qos",
			queue, ch.c.session.Namespace())
	}
	return opts, nil
}

const maxPriority = 1<<31 - 1

func (ch *channel) handleCancel(m *wire.BasicCancel) error {
	tag := string(m.ConsumerTag)
	c := ch.c
	c.mu.Lock()
	k := ch.consumers[tag]
	delete(ch.consumers, tag)
	c.mu.Unlock()
	switch {
	case k != nil:
		k.cancel()
	case ch.direct.hasTag(tag):
		ch.direct.stop()
		ch.direct = nil
	}
	if !m.NoWait { // a tag that nobody has is answered too
		c.sendMethod(ch.id, &wire.BasicCancelOk{ConsumerTag: []byte(tag)})
	}
	return nil
}

func (ch *channel) handleGet(m *wire.BasicGet) error {
	queue, err := ch.queueName(m.Queue)
	if err != nil {
		return err
	}
	c := ch.c
	info, err := c.session.Queue(c.background(), queue)
	if err != nil {
		return err
	}
	kind := queueType(info.Spec.Attributes[attributes])
	if kind == streamQueue {
		return connectionFault(wire.NotImplemented, "basic.get not supported by stream queues %s", ch.resource("queue", queue))
	}
	if kind == "quorum" && info.Spec.SingleActive { // classic queues allow it, until RabbitMQ 4.3
		return channelFault(wire.ResourceLocked, "cannot obtain access to locked %s. basic.get operations are not supported by "+
			"quorum queues with single active consumer", ch.resource("queue", queue))
	}
	got, left, err := c.session.Get(c.background(), queue, broker.GetOptions{Max: 1, AutoAck: m.NoAck, Lane: ch.lane})
	if err != nil {
		return err
	}
	if len(got) == 0 {
		ch.lane.Count(broker.FetchedNothing, 1)
		c.sendMethod(ch.id, &wire.BasicGetEmpty{})
		return nil
	}
	d := got[0]
	ch.lane.HandedOut(true, m.NoAck, d.Redelivered)
	c.send(func(dst []byte) []byte {
		ch.nextTag++
		if !m.NoAck {
			ch.unacked.push(ch.nextTag, d.Lease)
		}
		dst = wire.AppendMethod(dst, ch.id, &wire.BasicGetOk{
			DeliveryTag: ch.nextTag, Redelivered: d.Redelivered, MessageCount: uint32(left),
			Exchange: []byte(d.Message.Exchange()), RoutingKey: []byte(d.Message.Key()),
		})
		return wire.AppendContent(dst, ch.id, wire.ClassBasic, deliveredProperties(d, kind), d.Message.Body(), c.frameMax)
	})
	return nil
}

var _ broker.Receiver = (*consumer)(nil)
