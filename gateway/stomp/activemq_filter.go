package stomp

import (
	"context"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/selector"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// Which messages a subscription gets: selectors, those of others only, exclusive consumers, groups, and browsers.

// convertStrings lets a selector compare strings with numbers, since every header of STOMP is a string.
const convertStrings = "convert_string_expressions:"

// choose reads which messages a subscription wants.
func choose(c *conn, f *wire.Frame, settings consumerSettings, opts *broker.ConsumeOptions) error {
	text, ok := settings.get("selector")
	if header, has := f.Get("selector"); has && !ok {
		text = string(header)
	}
	if strings.TrimSpace(text) != "" {
		source := text
		if !strings.Contains(source[:min(len(source), 2*len(convertStrings))], "convert_string_expressions:") {
			source = convertStrings + source
		}
		s, err := selector.Parse(source)
		if err != nil {
			return &fault{message: text[:min(len(text), maxLogged)], body: "javax.jms.InvalidSelectorException: " + err.Error()}
		}
		opts.Filter = broker.SelectorFilter(s)
	}
	if settings.isSet("noLocal") || value(f, "no-local", "") == "true" {
		opts.Filter = notLocal{c.ownID + ":", opts.Filter}
	}
	opts.Sole = settings.isSet("exclusive")
	return nil
}

// notLocal takes the messages that another connection sent, and that more takes too, if it is not nil.
type notLocal struct {
	own  string // begins the ids of this connection's messages
	more broker.Filter
}

// Match compares the message's id.
func (n notLocal) Match(m *broker.Message) bool {
	id, _ := m.Properties().MessageID()
	return !strings.HasPrefix(string(id), n.own) && (n.more == nil || n.more.Match(m))
}

// String names the connection.
func (n notLocal) String() string {
	if n.more == nil {
		return "not of " + n.own
	}
	return "not of " + n.own + " " + n.more.String()
}

// keepGroups lets the messages of a group go to one consumer, in queues that have no order of groups of their own.
func (c *conn) keepGroups(queue string, opts broker.ConsumeOptions) broker.ConsumeOptions {
	spec, err := c.session.QueueSpec(queue)
	opts.KeepGroups = err == nil && !spec.Ordered && !spec.Stream
	return opts
}

// browse sends what is in a queue and takes nothing, then a message that says so.
func (d activemq) browse(ctx context.Context, c *conn, f *wire.Frame, s *subscription, r *route, opts broker.ConsumeOptions) error {
	if len(r.places) != 1 || r.places[0].topic || r.places[0].wild() {
		return activeMQFault("Not supported: a browser of other than one queue")
	}
	if err := d.prepare(ctx, c, r.places[0]); err != nil {
		return err
	}
	s.queue, s.acks = r.places[0].name, ackAuto
	c.mu.Lock()
	c.subs[s.tag] = s
	c.mu.Unlock()
	c.receipt(f)
	err := c.session.Browse(ctx, s.queue, opts.Filter, func(seq uint64, m *broker.Message) bool {
		u := unacked{sub: s, msg: m, seq: seq}
		c.mu.Lock()
		buf := c.out.begin()
		c.out.end(c.out.escaped(d.appendMessage(buf, c, &u, &broker.Delivery{Message: m, Sequence: seq}), len(buf)))
		c.mu.Unlock()
		return c.out.waitRoom()
	})
	if err != nil {
		return err
	}
	buf := c.out.begin()
	end := wire.AppendCommand(buf, wire.Message)
	end = wire.AppendHeader(end, "subscription", s.id)
	end = wire.AppendHeader(end, "browser", "end")
	end = wire.AppendHeader(end, "destination", r.places[0].String())
	end = wire.AppendHeader(end, "message-id", "0")
	c.out.end(c.out.escaped(wire.AppendRest(end, nil), len(buf)))
	return nil
}
