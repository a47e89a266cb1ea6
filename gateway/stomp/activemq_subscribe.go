package stomp

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// How many deliveries may be unsettled when the client does not say (ActiveMQPrefetchPolicy).
const (
	queuePrefetch   = 1000
	topicPrefetch   = 32766
	durablePrefetch = 100
)

// consumerSettings are what headers (activemq.prefetchSize) or options of the destination (consumer.prefetchSize) say
// about a consumer; the latter win, as in ActiveMQ.
type consumerSettings struct {
	frame   *wire.Frame
	options url.Values
}

func (s consumerSettings) get(name string) (string, bool) {
	if values, ok := s.options["consumer."+name]; ok && len(values) > 0 {
		return values[0], true
	}
	v, ok := s.frame.Get("activemq." + name)
	return string(v), ok
}

// number is a setting that is a number; ActiveMQ passes over what is none.
func (s consumerSettings) number(name string) (int, bool) {
	text, _ := s.get(name)
	return integer(text)
}

func integer(text string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	return n, err == nil
}

func (s consumerSettings) isSet(name string) bool {
	text, _ := s.get(name)
	return strings.TrimSpace(text) == "true"
}

// subscribe adds a subscription. Its receipt goes out before its first message. One of the same id is no error: both
// deliver, as in ActiveMQ.
func (d activemq) subscribe(ctx context.Context, c *conn, f *wire.Frame) error {
	s, err := newSubscription(c, d, f)
	if err != nil {
		return err
	}
	r, err := d.destination(c, f)
	if err != nil {
		return err
	}
	c.useTopics(r)
	settings := consumerSettings{f, r.options}
	name, durable := settings.get("subscriptionName")
	return d.start(ctx, c, f, s, r, settings, d.consumeOptions(settings, s, r, durable), name, durable)
}

// newSubscription reads what a SUBSCRIBE says of itself.
func newSubscription(c *conn, d dialect, f *wire.Frame) (*subscription, error) {
	id, hasID := f.Get("id")
	if !hasID && c.version != "1.0" {
		return nil, activeMQFault("SUBSCRIBE received without a subscription id!")
	}
	s := &subscription{
		conn: c, dialect: d, id: string(id), text: value(f, "destination", ""), transformation: value(f, transformationHeader, ""),
	}
	s.tag = activeMQTag(s.id, hasID, s.text)
	switch value(f, "ack", "auto") {
	case "client":
		s.acks = ackClient
	case "client-individual":
		s.acks = ackIndividual
	}
	return s, nil
}

// start lets the subscription's messages come from where the route leads, after its receipt.
func (d activemq) start(
	ctx context.Context, c *conn, f *wire.Frame, s *subscription, r *route, settings consumerSettings, opts broker.ConsumeOptions,
	name string, durable bool,
) error {
	err := refuseConsumer(f)
	if err != nil {
		return err
	}
	if err := c.authorizeAll(rightToRead, r.places); err != nil {
		return err
	}
	if err := choose(c, f, settings, &opts); err != nil {
		return err
	}
	if value(f, "browser", "") == "true" && c.version != "1.0" {
		return d.browse(ctx, c, f, s, r, opts)
	}
	if durable {
		err = d.subscribeDurably(ctx, c, s, r, name, opts)
	} else {
		err = d.subscribeTo(ctx, c, s, r, settings, opts)
	}
	if err != nil {
		s.cancel()
		return err
	}
	c.mu.Lock()
	c.subs[s.tag] = s
	c.mu.Unlock()
	c.server.advisories.subscribed(s, r, c.consumerInfo(f, settings, &opts, r, name))
	c.receipt(f)
	s.resume()
	return nil
}

// activeMQTag names a subscription within its connection: by its id, or without one by its destination.
func activeMQTag(id string, hasID bool, destination string) string {
	if hasID {
		return id
	}
	return "destination " + destination
}

// refuseConsumer refuses what is not built.
func refuseConsumer(f *wire.Frame) error {
	if value(f, transformationHeader, "") == "jms-advisory-xml" {
		return activeMQFault("Not supported yet: transformation jms-advisory-xml")
	}
	return nil
}

func (activemq) consumeOptions(settings consumerSettings, s *subscription, r *route, durable bool) broker.ConsumeOptions {
	opts := broker.ConsumeOptions{AutoAck: s.acks == ackAuto, Tag: s.tag, Lane: s.conn.lane}
	if !opts.AutoAck {
		opts.Prefetch = prefetch(settings, r, durable)
		opts.Credits = []*broker.Credit{broker.NewCredit(opts.Prefetch)}
	}
	if n, ok := settings.number("priority"); ok {
		opts.Priority = int32(max(-128, min(n, 127)))
	}
	return opts
}

// prefetch is how many deliveries may be unsettled.
func prefetch(settings consumerSettings, r *route, durable bool) int {
	n, ok := settings.number("prefetchSize")
	switch {
	case ok:
		// Without a prefetch a client of ActiveMQ has to pull, which STOMP cannot: it would never get anything.
		return max(n, 1)
	case durable:
		return durablePrefetch
	case r.places[0].topic:
		return topicPrefetch
	default:
		return queuePrefetch
	}
}

// subscribeTo consumes from all places of a route: each queue, all queues that match a pattern, now and later, and one
// queue of the subscription's own for its topics.
func (d activemq) subscribeTo(
	ctx context.Context, c *conn, s *subscription, r *route, settings consumerSettings, opts broker.ConsumeOptions,
) error {
	var topics []place
	for _, p := range r.places {
		switch {
		case p.topic:
			topics = append(topics, p)
			continue
		case p.wild():
			s.patterns = append(s.patterns, p)
			continue
		}
		if err := d.prepare(ctx, c, p); err != nil {
			return err
		}
		if err := s.consume(ctx, p.name, c.keepGroups(p.name, opts)); err != nil {
			return err
		}
	}
	if len(s.patterns) > 0 {
		s.opts = opts
		c.server.watch(s)
		for _, name := range c.session.QueueNames() {
			if err := s.attach(ctx, name); err != nil {
				return err
			}
		}
	}
	if len(topics) == 0 {
		return nil
	}
	return d.subscribeToTopics(ctx, c, s, topics, settings, opts)
}

func (activemq) subscribeToTopics(
	ctx context.Context, c *conn, s *subscription, topics []place, settings consumerSettings, opts broker.ConsumeOptions,
) error {
	spec := broker.QueueSpec{Name: topicQueuePrefix + broker.UniqueName(), AutoDelete: true, Exclusive: true}
	if n, ok := settings.number("maximumPendingMessageLimit"); ok && n >= 0 {
		spec.Limits = &broker.QueueLimits{HasMaxLength: true, MaxLength: int64(n)}
	}
	if _, _, err := c.session.DeclareQueue(ctx, spec); err != nil {
		return err
	}
	err := c.bindTopics(ctx, c.session, spec.Name, topics)
	if err == nil {
		s.topicQueue = spec.Name
		err = s.consume(ctx, spec.Name, opts)
	}
	if err != nil {
		_, gone := c.session.DeleteQueue(ctx, spec.Name, false, false)
		return errors.Join(err, gone)
	}
	return nil
}

// bindTopics leads topics to a queue.
func (c *conn) bindTopics(ctx context.Context, session *broker.Session, queue string, topics []place) error {
	for _, p := range topics {
		err := session.Bind(ctx, broker.Binding{
			Source: c.server.opts.TopicExchange, Destination: queue, Kind: broker.ToQueue, Key: p.pattern(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unsubscribe ends a subscription, or forgets a durable one that nobody uses. What was delivered and is not settled goes
// back.
func (d activemq) unsubscribe(ctx context.Context, c *conn, f *wire.Frame) error {
	id, hasID := f.Get("id")
	destination, hasDestination := f.Get("destination")
	if !hasID && c.version != "1.0" {
		return activeMQFault("UNSUBSCRIBE received without a subscription id!")
	}
	if !hasID && !hasDestination {
		return activeMQFault("Must specify the subscriptionId or the destination you are unsubscribing from")
	}
	if name, ok := f.Get("activemq.subscriptionName"); ok {
		if err := d.forgetDurable(ctx, c, string(name)); err != nil {
			return err
		}
		c.receipt(f)
		return nil
	}
	tag := activeMQTag(string(id), hasID, string(destination))
	c.mu.Lock()
	s := c.subs[tag]
	c.mu.Unlock()
	if s == nil {
		return activeMQFault("No subscription matched.")
	}
	c.forget(s)
	s.cancel()
	if err := c.giveBack(s); err != nil {
		return err
	}
	c.receipt(f)
	return nil
}
