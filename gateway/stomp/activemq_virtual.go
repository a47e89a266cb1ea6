package stomp

import (
	"context"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/broker/selector"
)

// Virtual destinations, as a broker.xml has them: what is sent to one goes to others, too, or instead. Composites and
// mirrored queues count for what ActiveMQ's clients send, virtual topics for all of a topic's messages.

// VirtualDestinations are those of a configuration; the zero value is ActiveMQ's default, the virtual topics
// VirtualTopic.>.
type VirtualDestinations struct {
	// Topics replace the default ones, if there are any.
	Topics     []VirtualTopic
	Composites []Composite
	// Mirrored sends what is sent to a queue to the topic of its name, too, between these; nil: it does not.
	Mirrored *Mirrored
}

// VirtualTopic is topics whose subscribers are queues: what is sent to a topic X that the pattern matches is in all
// queues whose names are made of the prefix, X and the postfix. The prefix can have a * for a word.
type VirtualTopic struct{ Pattern, Prefix, Postfix string }

// Composite is a queue or topic whose messages go elsewhere.
type Composite struct {
	Topic bool
	Name  string
	Keeps bool // they go there, too (forwardOnly="false")
	To    []Forward
}

// Forward is where they go.
type Forward struct {
	Topic    bool
	Name     string
	Selector *selector.Selector // which ones; nil: all
}

// Mirrored names the topics of mirrored queues.
type Mirrored struct{ Prefix, Postfix string }

// virtualTopic is the topic whose messages are in a queue of this name.
func (v *VirtualDestinations) virtualTopic(queue string) (place, bool) {
	if len(v.Topics) == 0 {
		return virtualTopic(queue)
	}
	for _, t := range v.Topics {
		name, ok := strings.CutSuffix(queue, t.Postfix)
		if !ok {
			continue
		}
		words := strings.Split(strings.TrimSuffix(t.Prefix, "."), ".")
		for i, word := range words {
			first, rest, more := strings.Cut(name, ".")
			if !more || (word != "*" && word != first) {
				break
			}
			name = rest
			if i == len(words)-1 && (place{name: t.Pattern}).matches(name) {
				return place{topic: true, name: name}, true
			}
		}
	}
	return place{}, false
}

// forward is a place that a message goes to because of another one.
type forward struct {
	to       place
	original string // what the message shows of that; "" for nothing
	filter   broker.Filter
}

// forwards are the places of these that a message goes to itself, and where else it goes.
func (v *VirtualDestinations) forwards(places []place) (own []place, more []forward) {
	if len(v.Composites) == 0 && v.Mirrored == nil {
		return places, nil
	}
	for _, p := range places {
		keeps := true
		for _, c := range v.Composites {
			if c.Topic != p.topic || c.Name != p.name || p.temp {
				continue
			}
			keeps = c.Keeps
			for _, to := range c.To {
				f := forward{to: place{topic: to.Topic, name: to.Name}, original: p.String()}
				if to.Selector != nil {
					f.filter = broker.SelectorFilter(to.Selector)
				}
				more = append(more, f)
			}
		}
		if keeps {
			own = append(own, p)
		}
		if v.Mirrored != nil && !p.topic && !p.temp {
			more = append(more, forward{to: place{topic: true, name: v.Mirrored.Prefix + p.name + v.Mirrored.Postfix}})
		}
	}
	return own, more
}

// forwarded are the messages that go elsewhere.
func (d activemq) forwarded(
	ctx context.Context, c *conn, all []forward, props property.Block, body []byte, plan *plan, now time.Time,
) ([]*broker.Message, error) {
	var messages []*broker.Message
	for _, f := range all {
		shown := props
		if _, has := props.Headers().Lookup(originalHeader); f.original != "" && !has {
			var err error
			if shown, err = withHeaders(props, property.Field{Name: originalHeader, Value: f.original}); err != nil {
				return nil, err
			}
		}
		if f.filter != nil && !f.filter.Match(c.server.messageFor(f.to, shown, body)) {
			continue
		}
		if len(f.to.name) > maxPlaceName {
			return nil, activeMQFault("Illegal destination name: it is longer than 255 bytes")
		}
		if err := d.prepare(ctx, c, f.to); err != nil {
			return nil, err
		}
		one, err := d.messages(c, []place{f.to}, shown, body, plan, now)
		if err != nil {
			return nil, err
		}
		messages = append(messages, one...)
	}
	return messages, nil
}
