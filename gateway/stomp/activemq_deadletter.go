package stomp

import (
	"context"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// ActiveMQ's dead letter queues get what its clients reject, what came back too often where that is bounded, and what
// expires, if it was persistent. Queues that this dialect declares have it as their dead letter queue; for any other one
// without, a rejected message is copied to it.

// deadLetterQueue is the one for all, and begins the names of those for one queue or topic.
const deadLetterQueue = "ActiveMQ.DLQ"

// Headers of a dead letter (ActiveMQDestination and RegionBroker of 5.17.2).
const (
	failureCauseHeader = "dlqDeliveryFailureCause"
	originalModeHeader = "originalDeliveryMode"
)

// deadLetterLimits are those of a queue that this dialect declares; nil when nothing is to become of its dead.
func (c *conn) deadLetterLimits(queue string, from place) *broker.QueueLimits {
	d := c.server.opts.Destinations
	namespace := c.session.Namespace()
	to, ok := d.strategyFor(namespace, from).deadLetterFor(from)
	if strings.HasPrefix(queue, deadLetterQueue) {
		return nil
	}
	limits := &broker.QueueLimits{
		HasDeliveryLimit: d.opts.MaximumRedeliveries > 0, DeliveryLimit: int64(d.opts.MaximumRedeliveries),
	}
	if r := d.redeliveryFor(namespace, queue); r != nil && !from.topic {
		limits.HasDeliveryLimit, limits.DeliveryLimit = r.Maximum >= 0, int64(max(r.Maximum, 0))
	}
	if ok {
		limits.HasDeadLetter, limits.HasDeadLetterKey, limits.DeadLetterKey = true, true, to
	}
	if *limits == (broker.QueueLimits{}) {
		return nil
	}
	return limits
}

// makeDeadLetterQueue makes a queue of dead letters that is not there.
func (c *conn) makeDeadLetterQueue(ctx context.Context, name string) error {
	root, err := c.root(ctx)
	if err != nil {
		return err
	}
	if _, err := root.QueueSpec(name); !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	_, _, err = root.DeclareQueue(ctx, broker.QueueSpec{Name: name, Durable: true, Generated: true})
	return err
}

// OwnsDeath reports whether a dead message is on its way to where ActiveMQ's dead letters go.
func (d *Destinations) OwnsDeath(m *broker.Message, death broker.Death) bool {
	if !death.NewKey {
		return false
	}
	if strings.HasPrefix(death.Key, deadLetterQueue) {
		return true
	}
	from := d.origin(m, death.Queue)
	to, ok := d.strategyFor(death.Namespace, from).deadLetterFor(from)
	return ok && to == death.Key
}

// origin is where a message was that died in a queue: in the topic, if the queue is a durable subscription's.
func (d *Destinations) origin(m *broker.Message, queue string) place {
	if m.Exchange() != "" && strings.HasPrefix(queue, durablePrefix) {
		return place{topic: true, name: m.Key()}
	}
	return place{name: queue, temp: isTemporary(queue)}
}

// MarkDeath is the broker's DeathMarker for the deaths that OwnsDeath.
func (d *Destinations) MarkDeath(m *broker.Message, death broker.Death) (property.Block, []string, error) {
	from := d.origin(m, death.Queue)
	strategy := d.strategyFor(death.Namespace, from)
	cause := ""
	switch death.Reason {
	case broker.DiedOfAge:
		cause = "java.lang.Throwable: Message Expired. Expiration:" + expiryOf(m)
	case broker.DiedOfDeliveries:
		cause = "java.lang.Throwable: Exceeded redelivery policy limit, redeliveries:" + strconv.Itoa(int(death.Deliveries)-1)
	case broker.DiedOfRejection, broker.DiedOfLength:
	}
	var not []string
	expired := death.Reason == broker.DiedOfAge
	dead := strategy.takes(m, expired)
	if !dead {
		not = []string{death.Key}
	}
	if a := d.advisories.Load(); a != nil {
		a.died(death.Namespace, m, from, dead, expired)
	}
	props, err := strategy.properties(m, from, cause)
	return props, not, err
}

// takes reports whether a dead message becomes a dead letter.
func (s *DeadLetterStrategy) takes(m *broker.Message, expired bool) bool {
	return (s.NonPersistent || persistent(m)) && !(expired && s.DropExpired)
}

func persistent(m *broker.Message) bool {
	mode, _ := m.Properties().DeliveryMode()
	return mode == property.Persistent
}

// deadLetter makes the copy of a rejected delivery for where its place's dead letters go; nil when it is to be gone.
func (activemq) deadLetter(ctx context.Context, c *conn, u *unacked) (*broker.Message, error) {
	m := u.msg
	from := place{name: u.queue(), temp: isTemporary(u.queue())}
	if from.name == u.sub.topicQueue {
		if !strings.HasPrefix(from.name, durablePrefix) {
			return nil, nil // without a durable subscription nobody waits for a topic's messages
		}
		from = place{topic: true, temp: isTemporary(m.Key()), name: m.Key()}
	}
	strategy := c.server.opts.Destinations.strategyFor(c.session.Namespace(), from)
	to, ok := strategy.deadLetterFor(from)
	if !ok || !strategy.takes(m, false) {
		return nil, nil
	}
	props, err := strategy.properties(m, from, "")
	if err != nil {
		return nil, err
	}
	return broker.NewMessage("", to, props, m.Body()), c.makeDeadLetterQueue(ctx, to)
}

// expiryOf is when a message expires, in milliseconds since 1970; "0" for never.
func expiryOf(m *broker.Message) string {
	if v, ok := m.Properties().Headers().Lookup(expiresHeader); ok {
		if text, ok := v.Bytes(); ok {
			return string(text)
		}
	}
	if d, ok := m.Expiration(); ok {
		return strconv.FormatInt(m.Published().Add(d).UnixMilli(), 10)
	}
	return "0"
}

// properties are a dead letter's: those of the message, with where it came from and why, and without an end of its time
// but that of the strategy.
func (s *DeadLetterStrategy) properties(m *broker.Message, from place, cause string) (property.Block, error) {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil, err
	}
	headers := make(property.Table, 0, len(set.Headers)+5)
	if _, ok := set.Headers.Get(timestampHeader); !ok {
		headers = append(headers, property.Field{Name: timestampHeader, Value: strconv.FormatInt(m.Published().UnixMilli(), 10)})
	}
	for _, h := range set.Headers {
		switch h.Name {
		case originalHeader, originalExpirationHeader, expiresHeader, failureCauseHeader, originalModeHeader,
			redeliveriesHeader, broker.DueHeader:
		default:
			headers = append(headers, h)
		}
	}
	headers = append(
		headers, property.Field{Name: originalHeader, Value: from.String()},
		property.Field{Name: originalExpirationHeader, Value: expiryOf(m)},
	)
	if cause != "" {
		headers = append(headers, property.Field{Name: failureCauseHeader, Value: cause})
	}
	if !persistent(m) {
		headers = append(headers, property.Field{Name: originalModeHeader, Value: "NON_PERSISTENT"})
		set.DeliveryMode = property.Persistent
	}
	set.Headers, set.Expiration, set.Flags = headers, "", set.Flags&^property.FlagExpiration
	if s.Expiration > 0 {
		set.Expiration = strconv.FormatInt(s.Expiration.Milliseconds(), 10)
	}
	return set.Append(nil)
}
