package differential

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// replies are the lines with which a server answered one step.
type replies []string

// player plays one scenario against the server at address.
type player struct {
	address string
	// quiet is how long nothing may come until a step counts as answered, when
	// it is not known what has to come.
	quiet time.Duration
	// patience is how long is waited for what has to come.
	patience time.Duration

	events      chan event
	connections map[string]*connection
	queue, tag  string // the last generated names: $queue and $tag in a step
	seen        []event
}

// play plays a scenario. When wanted is not nil, it has the replies to each
// step: waiting for a step ends when they have come.
func (p *player) play(sc scenario, wanted []replies) ([]replies, error) {
	p.events, p.connections = make(chan event, 10000), map[string]*connection{}
	defer func() {
		for _, c := range p.connections {
			_ = c.nc.Close()
		}
	}()
	all := make([]replies, 0, len(sc.steps))
	for i, s := range sc.steps {
		p.seen = p.seen[:0]
		if err := p.do(s); err != nil {
			return all, fmt.Errorf("%s: %s: %w", sc.name, s.text, err)
		}
		switch {
		case wanted == nil:
			p.untilQuiet(s)
		case !s.eventually:
			p.until(wanted[i])
		}
		if wanted != nil {
			p.barrier(s)
		}
		for end := time.Now().Add(p.patience); s.eventually && wanted != nil && time.Now().Before(end) &&
			!slices.Equal(p.lines(), wanted[i]); {
			p.seen = p.seen[:0]
			_ = p.do(s) // it went well before
			p.barrier(s)
		}
		all = append(all, p.lines())
		if wanted != nil && !slices.Equal(all[i], wanted[i]) {
			p.patience = min(p.patience, 100*time.Millisecond) // it is told already, and its like may follow
		}
	}
	if wanted != nil {
		all[len(all)-1] = p.rest(all[len(all)-1])
	}
	return all, nil
}

// rest closes the connections and adds to the last replies what no step had
// waited for.
func (p *player) rest(last replies) replies {
	p.seen = p.seen[:0]
	for name, c := range p.connections {
		c.send(wire.AppendMethod(nil, 0, &wire.ConnectionClose{ReplyCode: 200}))
		end := time.After(p.patience)
		for ended := c.ended; !ended; {
			select {
			case e := <-p.events:
				p.take(e)
				ended = c.ended
			case <-end:
				return append(last, name+" does not answer")
			}
		}
	}
	p.seen = slices.DeleteFunc(p.seen, func(e event) bool {
		_, ok := e.method.(*wire.ConnectionCloseOk)
		return ok || e.method == nil
	})
	return append(last, p.lines()...)
}

// do sends what a step says.
func (p *player) do(s step) error {
	for i := range s.args {
		s.args[i].value = strings.NewReplacer("$queue", p.queue, "$tag", p.tag).Replace(s.args[i].value)
	}
	if s.verb == "connect" {
		return p.connect(s)
	}
	c := p.connections[s.conn]
	if c == nil {
		return fmt.Errorf("no connection %s", s.conn)
	}
	switch s.verb {
	case "wait":
		return nil
	case "drop":
		return c.nc.Close()
	case "raw":
		b, err := s.rawFrames()
		c.send(b)
		return err
	}
	m, err := s.method()
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *wire.BasicPublish:
		b, err := s.message(m, c.frameMax)
		c.send(b)
		return err
	case *wire.ChannelClose:
		c.closing[s.channel] = true
	}
	c.send(wire.AppendMethod(nil, s.channel, m))
	return nil
}

// connect opens a connection, as far as the server lets it come.
func (p *player) connect(s step) error {
	c, err := dial(s.conn, p.address, p.events)
	if err != nil {
		return err
	}
	p.connections[s.conn] = c
	header := []byte("AMQP\x00\x00\x09\x01")
	if s.get("header", "") != "" {
		header = []byte(unquote(s.get("header", "")))
	}
	c.send(header)
	startOk, err := s.startOk()
	if err != nil {
		return err
	}
	tuneOk, err := s.tuneOk()
	if err != nil {
		return err
	}
	if tuneOk.FrameMax > 0 {
		c.frameMax = tuneOk.FrameMax
	}
	for {
		select {
		case e := <-p.events:
			switch e.method.(type) {
			case *wire.ConnectionStart:
				c.send(wire.AppendMethod(nil, 0, startOk))
				continue
			case *wire.ConnectionTune:
				p.seen = append(p.seen, e)
				c.send(wire.AppendMethod(nil, 0, tuneOk))
				c.send(wire.AppendMethod(nil, 0, &wire.ConnectionOpen{VirtualHost: []byte(s.get("vhost", "/"))}))
				continue
			}
			p.take(e)
			if e.conn == c {
				return nil
			}
		case <-time.After(ioTimeout):
			return fmt.Errorf("no answer to the handshake")
		}
	}
}

// take takes note of what came and answers it where the protocol demands it.
func (p *player) take(e event) {
	c := e.conn
	switch m := e.method.(type) {
	case *wire.ChannelOpenOk:
		c.open[e.channel] = true
	case *wire.ChannelClose:
		c.open[e.channel] = false
		c.send(wire.AppendMethod(nil, e.channel, &wire.ChannelCloseOk{}))
	case *wire.ChannelCloseOk:
		c.open[e.channel], c.closing[e.channel] = false, false
	case *wire.ConnectionClose:
		clear(c.open)
		c.send(wire.AppendMethod(nil, 0, &wire.ConnectionCloseOk{}))
	case *wire.ConnectionCloseOk:
		clear(c.open)
		defer c.nc.Close()
	case *wire.QueueDeclareOk:
		if strings.HasPrefix(string(m.Queue), "amq.gen-") {
			p.queue = string(m.Queue)
		}
	case *wire.BasicConsumeOk:
		p.tag = string(m.ConsumerTag)
	case nil:
		clear(c.open)
		c.ended = true
	}
	p.seen = append(p.seen, e)
}

// untilQuiet takes what comes until nothing has come for a while.
func (p *player) untilQuiet(s step) {
	quiet := p.quiet
	if s.verb == "wait" {
		quiet *= 3
	}
	for {
		select {
		case e := <-p.events:
			p.take(e)
		case <-time.After(quiet):
			return
		}
	}
}

// until takes what comes until it is what is wanted, or patience ends.
func (p *player) until(wanted replies) {
	end := time.After(p.patience)
	for !slices.Equal(p.lines(), wanted) {
		select {
		case e := <-p.events:
			p.take(e)
		case <-end:
			return
		}
	}
}

// barrier asks the channel of a step for something that changes nothing: what
// the step caused there has come when the answer is there.
func (p *player) barrier(s step) {
	c := p.connections[s.conn]
	if s.channel == 0 || !c.open[s.channel] || c.closing[s.channel] || s.verb == "raw" {
		return
	}
	c.send(wire.AppendMethod(nil, s.channel, &wire.ChannelFlow{Active: true}))
	end := time.After(p.patience)
	for c.open[s.channel] {
		select {
		case e := <-p.events:
			if _, ok := e.method.(*wire.ChannelFlowOk); ok {
				return
			}
			p.take(e)
		case <-end:
			return
		}
	}
}

// lines shows what came for a step. Servers work on connections, channels and
// queues at the same time, so only the order within each of them counts, and
// confirms count as a set, however they were gathered.
func (p *player) lines() replies {
	type line struct{ key, text string }
	var lines []line
	confirmed := map[string]map[uint64]string{}
	for _, e := range p.seen {
		place := e.conn.name
		if e.channel != 0 {
			place = fmt.Sprintf("%s%d", place, e.channel)
		}
		switch m := e.method.(type) {
		case *wire.BasicAck:
			note(confirmed, place, m.DeliveryTag, "basic.ack")
		case *wire.BasicNack:
			note(confirmed, place, m.DeliveryTag, "basic.nack")
		case *wire.BasicCancel:
			lines = append(lines, line{place + " 1 " + string(m.ConsumerTag), place + " " + e.text})
		case *wire.BasicDeliver:
			lines = append(lines, line{place + " 1 " + string(m.ConsumerTag), place + " " + e.text})
		default:
			lines = append(lines, line{place + " 0", place + " " + e.text})
		}
	}
	for place, tags := range confirmed {
		for tag, what := range tags {
			lines = append(lines, line{fmt.Sprintf("%s 2 %09d", place, tag), fmt.Sprintf("%s %s delivery-tag=%d", place, what, tag)})
		}
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].key < lines[j].key })
	out := replies{}
	for _, l := range lines {
		out = append(out, normalise(l.text))
	}
	return out
}

// note adds what one confirm says. That it may speak for earlier ones does not
// show, which is why scripts publish at most one message a step on a confirm
// channel.
func note(confirmed map[string]map[uint64]string, place string, tag uint64, what string) {
	if confirmed[place] == nil {
		confirmed[place] = map[uint64]string{}
	}
	confirmed[place][tag] = what
}
