package stomp

import (
	"context"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// artemis is the dialect of ActiveMQ Artemis, after its manual (docs/user-manual/stomp.adoc). What is not here is as in
// ActiveMQ Classic, errors' words included.
//
// An address is a queue (anycast) or a topic (multicast), as a prefix or a header says; one that says neither is a queue
// if there is one of that name, else a topic. Names are the same as in the other dialects: `#` is any number of words.
type artemis struct{ activemq }

// artemisServer is the server header of CONNECTED.
const artemisServer = "ActiveMQ-Artemis/2.31.2 ActiveMQ Artemis Messaging Engine"

func (artemis) String() string { return string(Artemis) }

func (artemis) product(*Options) string { return artemisServer }

// artemisPrefixes are the ways to say in a name what it is. An acceptor of Artemis's has to be set to some; these are
// those of its manual and those that the other brokers' clients know.
var artemisPrefixes = []struct {
	prefix string
	topic  bool
}{
	{"anycast://", false},
	{"multicast://", true},
	{"/queue/", false},
	{"/topic/", true},
	{"queue://", false},
	{"topic://", true},
	{"jms.queue.", false},
	{"jms.topic.", true},
}

// address reads a destination. typeHeader is the header that says what it is.
func (artemis) address(c *conn, f *wire.Frame, typeHeader string) (r *route, prefix string, err error) {
	text, ok := f.Get("destination")
	if !ok || len(text) == 0 {
		return nil, "", activeMQFault("AMQ339001: Destination does not exist: null")
	}
	p := place{name: string(text)}
	kind := strings.ToUpper(value(f, typeHeader, ""))
	for _, known := range artemisPrefixes {
		if rest, ok := strings.CutPrefix(p.name, known.prefix); ok {
			p.name, prefix = rest, known.prefix
			if kind == "" {
				kind = "ANYCAST"
				if known.topic {
					kind = "MULTICAST"
				}
			}
			break
		}
	}
	switch kind {
	case "ANYCAST":
	case "MULTICAST":
		p.topic = true
	case "":
		_, err := c.session.QueueSpec(p.name)
		p.topic = broker.IsKind(err, broker.KindNotFound)
	default:
		return nil, "", activeMQFault("No enum constant org.apache.activemq.artemis.api.core.RoutingType." + kind)
	}
	if p.name == "" || len(p.name) > maxPlaceName {
		return nil, "", activeMQFault("AMQ339001: Destination does not exist: " + string(text))
	}
	return &route{places: []place{p}}, prefix, nil
}

func (d artemis) send(ctx context.Context, c *conn, f *wire.Frame) error {
	c.server.waitAlarm(ctx)
	r, _, err := d.address(c, f, "destination-type")
	if err != nil {
		return err
	}
	return d.sendTo(ctx, c, f, r)
}

func (d artemis) subscribe(ctx context.Context, c *conn, f *wire.Frame) error {
	r, prefix, err := d.address(c, f, "subscription-type")
	if err != nil {
		return err
	}
	s, err := newSubscription(c, d, f)
	if err != nil {
		return err
	}
	s.prefix, s.prefixed = prefix, true
	settings := consumerSettings{frame: f}
	name, durable := durableName(f)
	opts := d.consumeOptions(settings, s, r, durable)
	if !opts.AutoAck {
		opts.Credits, opts.Prefetch = artemisWindow(settings, f)
	}
	return d.start(ctx, c, f, s, r, settings, opts, name, durable)
}

// durableName is the name of a durable subscription, in the spelling that wins.
func durableName(f *wire.Frame) (string, bool) {
	for _, header := range []string{"durable-subscription-name", "durable-subscriber-name", "activemq.subscriptionName"} {
		if v, ok := f.Get(header); ok {
			return string(v), true
		}
	}
	return "", false
}

// bytesOfMessage is what a message takes of a window that is given in bytes, about.
const bytesOfMessage = 1 << 10

// artemisWindow bounds what is unsettled. Artemis counts bytes (10 KiB when nothing is said); here that is a number of
// messages, of 1 KiB each.
func artemisWindow(settings consumerSettings, f *wire.Frame) ([]*broker.Credit, int) {
	n := 10 << 10
	if given, ok := integer(value(f, "consumer-window-size", "")); ok {
		n = given
	} else if given, ok := settings.number("prefetchSize"); ok {
		n = given
	}
	if n < 0 {
		return nil, 0
	}
	messages := max(1, n/bytesOfMessage)
	return []*broker.Credit{broker.NewCredit(messages)}, messages
}

func (d artemis) unsubscribe(ctx context.Context, c *conn, f *wire.Frame) error {
	name, durable := durableName(f)
	_, hasID := f.Get("id")
	switch {
	case durable && !hasID:
		if err := d.forgetDurable(ctx, c, name); err != nil {
			return err
		}
		c.receipt(f)
		return nil
	default:
		return d.activemq.unsubscribe(ctx, c, withoutHeader(f, "activemq.subscriptionName"))
	}
}

// withoutHeader is the frame without a header.
func withoutHeader(f *wire.Frame, name string) *wire.Frame {
	out := *f
	out.Headers = nil
	for _, h := range f.Headers {
		if string(h.Name) != name {
			out.Headers = append(out.Headers, h)
		}
	}
	return &out
}

// settle acknowledges, for NACK too, and at once in a transaction too: Artemis knows no more.
func (d artemis) settle(c *conn, f *wire.Frame) error {
	tag, id, err := d.delivery(c, f)
	if err != nil {
		return err
	}
	if !c.takeOfSubscription(tag, f.Command == wire.Ack) {
		return unexpected(f.Command, id)
	}
	err = c.settleTaken(f, nil, broker.Ack)
	if broker.IsKind(err, broker.KindStaleLease) {
		return unexpected(f.Command, id)
	}
	return err
}

var _ dialect = artemis{}
