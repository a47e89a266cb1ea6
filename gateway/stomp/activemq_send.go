package stomp

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// send publishes a message to all places that the destination names, together or not at all. Its receipt means stored
// and synced.
func (d activemq) send(ctx context.Context, c *conn, f *wire.Frame) error {
	c.server.waitAlarm(ctx)
	r, err := d.destination(c, f)
	if err != nil {
		return err
	}
	c.useTopics(r)
	return d.sendTo(ctx, c, f, r)
}

func (d activemq) sendTo(ctx context.Context, c *conn, f *wire.Frame, r *route) error {
	if err := c.authorizeAll(rightToWrite, r.places); err != nil {
		return err
	}
	if r.managesSchedules() {
		return d.manageSchedules(ctx, c, f)
	}
	now := time.Now()
	plan, err := planOf(f)
	if err != nil {
		return err
	}
	tx, err := c.transactionOf(f)
	if err != nil {
		return err
	}
	props, err := d.properties(c, f, now)
	if err != nil {
		return err
	}
	places, err := d.targets(ctx, c, r)
	if err != nil {
		return err
	}
	if len(r.places) > 1 || len(places) != 1 || places[0] != r.places[0] {
		if props, err = withHeaders(props, property.Field{Name: originalHeader, Value: r.String()}); err != nil {
			return err
		}
	}
	places, forwards := c.server.opts.Destinations.opts.Virtual.forwards(places)
	if plan.isJob() {
		if len(forwards) > 0 {
			return activeMQFault("Not supported: a schedule with " + scheduledCron + " for a virtual destination")
		}
		return d.addJob(c, f, plan, places, props, now)
	}
	messages, err := d.messages(c, places, props, f.Body, plan, now)
	if err == nil && len(forwards) > 0 {
		var more []*broker.Message
		more, err = d.forwarded(ctx, c, forwards, props, f.Body, plan, now)
		messages = append(messages, more...)
	}
	switch {
	case err != nil:
		return err
	case tx != nil:
		for _, m := range messages {
			if err := tx.add(m, f.Command); err != nil {
				return err
			}
		}
		c.receipt(f)
		return nil
	case len(messages) != 1 || len(places) != 1:
		return d.publishTogether(c, f, messages)
	case places[0].topic:
		return c.publish(f, messages[0], nil)
	default:
		return c.publish(f, messages[0], func() error { return d.prepare(ctx, c, places[0]) })
	}
}

// messages are a message for each place, and of one that is scheduled one for each time.
func (d activemq) messages(
	c *conn, places []place, props property.Block, body []byte, plan *plan, now time.Time,
) ([]*broker.Message, error) {
	if plan != nil {
		job := c.nextMessageID()
		all, err := c.server.scheduledMessages(places, props, body, job, plan.times(now), c.nextMessageID)
		if errors.Is(err, errSchedulesTooLarge) {
			err = activeMQFault("Not supported: " + err.Error())
		}
		return all, err
	}
	all := make([]*broker.Message, len(places))
	for i, p := range places {
		all[i] = c.server.messageFor(p, props, body)
	}
	return all, nil
}

// addJob stores a message that comes again and again. Its receipt means that it is synced.
func (d activemq) addJob(c *conn, f *wire.Frame, plan *plan, places []place, props property.Block, now time.Time) error {
	if _, ok := f.Get("transaction"); ok {
		return activeMQFault("Not supported: a schedule with " + scheduledCron + " in a transaction")
	}
	if _, ok := f.Get("timestamp"); !ok { // each message shows when this SEND was
		var err error
		if props, err = withHeaders(props, property.Field{Name: timestampHeader, Value: strconv.FormatInt(now.UnixMilli(), 10)}); err != nil {
			return err
		}
	}
	j := &job{
		ID: c.nextMessageID(), User: c.session.Principal().Name(), Cron: plan.entry, Delay: plan.delay.Milliseconds(),
		Period: plan.period.Milliseconds(), Repeat: plan.repeat, Left: plan.repeat + 1, Properties: props, Body: f.Body,
	}
	first := now.Add(plan.delay)
	if plan.cron != nil {
		if first = plan.cron.next(now); first.IsZero() {
			return activeMQFault("Not supported: " + scheduledCron + " names no time that comes: " + plan.entry)
		}
		if plan.repeat > maxRepeat {
			return activeMQFault("Not supported: with " + scheduledCron + ", " + scheduledRepeat + " is at most " + strconv.Itoa(maxRepeat))
		}
	}
	j.Next = first.UnixMilli()
	tx := c.session.Begin() // to see whether they may be sent
	for _, p := range places {
		if p.temp {
			return activeMQFault("Not supported: a schedule with " + scheduledCron + " for a temporary destination")
		}
		if _, err := tx.Publish(c.server.messageFor(p, props, nil)); err != nil {
			return err
		}
		j.Places = append(j.Places, jobPlace{p.topic, p.name})
	}
	tx.Rollback()
	if err := c.server.scheduler.add(c.session.Namespace(), j); err != nil {
		return err
	}
	c.receipt(f)
	return nil
}

// destination reads the frame's destination.
func (d activemq) destination(c *conn, f *wire.Frame) (*route, error) {
	text, ok := f.Get("destination")
	switch {
	case !ok && f.Command == wire.Send:
		return nil, activeMQFault("SEND received without a Destination specified!")
	case !ok:
		return nil, activeMQFault("Invalid empty or 'null' Destination header")
	default:
		return d.parse(c, string(text))
	}
}

// targets are the places that a message goes to, each once: a pattern of queues is all that match it now.
func (d activemq) targets(ctx context.Context, c *conn, r *route) ([]place, error) {
	var all []place
	seen := make(map[place]bool, len(r.places))
	add := func(p place) {
		if !seen[p] {
			seen[p] = true
			all = append(all, p)
		}
	}
	for _, p := range r.places {
		if p.wild() && !p.topic {
			for _, name := range c.session.QueueNames() {
				if !isTemporary(name) && p.matches(name) {
					add(place{name: name})
				}
			}
			continue
		}
		if err := d.prepare(ctx, c, p); err != nil {
			return nil, err
		}
		add(p)
	}
	return all, nil
}

// prepare makes the queue of a place when the connection uses it first.
func (d activemq) prepare(ctx context.Context, c *conn, p place) error {
	switch {
	case p.topic:
		return nil
	case p.temp:
		return c.declareTemporary(ctx, p)
	default:
		return d.declareOnce(ctx, c, p.name)
	}
}

// declareOnce makes a queue, unless there is one: one that was declared otherwise is used as it is. One of a virtual
// topic's consumers is bound to it in any case: a server that was killed may have made the queue and not the binding.
func (d activemq) declareOnce(ctx context.Context, c *conn, name string) error {
	if _, ok := c.declared[name]; ok {
		return nil
	}
	if _, err := c.session.QueueSpec(name); broker.IsKind(err, broker.KindNotFound) {
		if err := d.declare(ctx, c, name); err != nil {
			return err
		}
	}
	if err := d.bindConsumer(ctx, c, name); err != nil {
		return err
	}
	c.declared[name] = struct{}{}
	return nil
}

// declare makes a queue.
func (d activemq) declare(ctx context.Context, c *conn, name string) error {
	if err := c.authorize(rightToMake, place{name: name}); err != nil {
		return err
	}
	// Generated: the prefix that AMQP's clients may not use is a name like any other here.
	spec := broker.QueueSpec{Name: name, Durable: true, Generated: true, Limits: c.deadLetterLimits(name, place{name: name})}
	_, _, err := c.declareWithDeadLetters(ctx, spec)
	return err
}

// bindConsumer binds the queue of a virtual topic's consumer to the topic; any other queue is none.
func (activemq) bindConsumer(ctx context.Context, c *conn, name string) error {
	topic, ok := c.server.opts.Destinations.opts.Virtual.virtualTopic(name)
	if !ok {
		return nil
	}
	root, err := c.root(ctx)
	if err != nil {
		return err
	}
	return root.Bind(ctx, broker.Binding{
		Source: c.server.opts.TopicExchange, Destination: name, Kind: broker.ToQueue, Key: topic.pattern(),
	})
}

// declareWithDeadLetters makes a queue and the one of its dead letters.
func (c *conn) declareWithDeadLetters(ctx context.Context, spec broker.QueueSpec) (broker.QueueInfo, bool, error) {
	if l := spec.Limits; l != nil && l.HasDeadLetter {
		if err := c.makeDeadLetterQueue(ctx, l.DeadLetterKey); err != nil {
			return broker.QueueInfo{}, false, err
		}
	}
	info, made, err := c.session.DeclareQueue(ctx, spec)
	if broker.IsKind(err, broker.KindDenied) { // who may declare, but not move messages, gets a queue all the same
		spec.Limits = nil
		info, made, err = c.session.DeclareQueue(ctx, spec)
	}
	return info, made, err
}

// messageFor is the message for one place.
func (s *Server) messageFor(p place, props property.Block, body []byte) *broker.Message {
	if p.topic {
		return broker.NewMessage(s.opts.TopicExchange, p.name, props, body)
	}
	return broker.NewMessage("", p.name, props, body)
}

// publishTogether publishes several messages, or none, in one transaction.
func (d activemq) publishTogether(c *conn, f *wire.Frame, messages []*broker.Message) error {
	tx := c.session.Begin()
	for _, m := range messages {
		if _, err := tx.Publish(m); err != nil {
			return err
		}
	}
	c.lane.Count(broker.Published, len(messages))
	var receipts []string
	if id, ok := f.Get("receipt"); ok {
		receipts = append(receipts, string(id))
	}
	err := tx.Commit(c.await(receipts...))
	if err != nil {
		c.out.arrived()
	}
	return err
}

// withHeaders is a property block with more headers.
func withHeaders(props property.Block, more ...property.Field) (property.Block, error) {
	set, err := props.Decode()
	if err != nil {
		return nil, err
	}
	set.Headers = append(set.Headers, more...)
	return set.Append(nil)
}
