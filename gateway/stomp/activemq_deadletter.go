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

// deadLetterFor names the dead letter queue of a place.
func (s *Server) deadLetterFor(p place) string {
	if !s.opts.IndividualDeadLetters {
		return deadLetterQueue
	}
	name := deadLetterQueue + ".Queue." + p.name
	if p.topic {
		name = deadLetterQueue + ".Topic." + p.name
	}
	if len(name) > maxPlaceName {
		return deadLetterQueue
	}
	return name
}

// deadLetterLimits are those of a queue that this dialect declares; nil for a dead letter queue.
func (s *Server) deadLetterLimits(queue string) *broker.QueueLimits {
	if strings.HasPrefix(queue, deadLetterQueue) {
		return nil
	}
	return &broker.QueueLimits{
		HasDeadLetter: true, HasDeadLetterKey: true, DeadLetterKey: s.deadLetterFor(place{name: queue}),
		HasDeliveryLimit: s.opts.MaximumRedeliveries > 0, DeliveryLimit: int64(s.opts.MaximumRedeliveries),
	}
}

// makeDeadLetterQueue makes a dead letter queue that is not there.
func (c *conn) makeDeadLetterQueue(ctx context.Context, name string) error {
	root, err := c.root(ctx)
	if err != nil {
		return err
	}
	if _, err := root.QueueSpec(name); !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	_, _, err = root.DeclareQueue(ctx, broker.QueueSpec{Name: name, Durable: true})
	return err
}

// OwnsDeath reports whether a dead message is on its way to a dead letter queue of this front end's.
func OwnsDeath(d broker.Death) bool { return d.NewKey && strings.HasPrefix(d.Key, deadLetterQueue) }

// MarkDeath is the broker's DeathMarker for the deaths that [OwnsDeath]. What was not persistent does not outlive its
// time.
func MarkDeath(m *broker.Message, d broker.Death) (property.Block, []string, error) {
	var not []string
	mode, _ := m.Properties().DeliveryMode()
	if d.Reason == broker.DiedOfAge && mode != property.Persistent {
		not = []string{d.Key}
	}
	props, err := deadProperties(m, place{name: d.Queue, temp: isTemporary(d.Queue)})
	return props, not, err
}

var _ broker.DeathMarker = MarkDeath

// deadLetter makes the copy of a rejected delivery for the dead letter queue.
func (activemq) deadLetter(ctx context.Context, c *conn, u *unacked) (*broker.Message, error) {
	m := u.msg
	from := place{name: u.queue()}
	if from.name == u.sub.topicQueue {
		from = place{topic: true, name: m.Key()}
	}
	props, err := deadProperties(m, from)
	if err != nil {
		return nil, err
	}
	to := c.server.deadLetterFor(from)
	if err := c.makeDeadLetterQueue(ctx, to); err != nil {
		return nil, err
	}
	return broker.NewMessage("", to, props, m.Body()), nil
}

// deadProperties are a dead message's properties: its own, with where it came from, and without an end of its time.
func deadProperties(m *broker.Message, from place) (property.Block, error) {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil, err
	}
	headers := make(property.Table, 0, len(set.Headers)+3)
	if _, ok := set.Headers.Get(timestampHeader); !ok {
		headers = append(headers, property.Field{Name: timestampHeader, Value: strconv.FormatInt(m.Published().UnixMilli(), 10)})
	}
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
