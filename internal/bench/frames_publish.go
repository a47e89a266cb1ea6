package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// persistent is a block of properties with delivery-mode 2.
var persistent = []byte{0x10, 0, 2}

// framesPublisher keeps the windows of all its channels full.
type framesPublisher struct {
	conn      *framesConn
	channels  []*framesChannel
	window    int
	confirmed *atomic.Int64
	left      int // to be published; negative for any number
	unsettled int
}

// framesChannel is a channel in confirm mode.
type framesChannel struct {
	frames    []byte // of one publish
	stamp     int    // where in them the body begins
	published uint64
	settled   uint64              // every publish up to this one is confirmed
	beyond    map[uint64]struct{} // confirmed before those below them
	unsettled int
}

func (framesClient) publish(g *group, o Options, queues []string, messages int, confirmed *atomic.Int64) (func(), error) {
	conn, err := dialFrames(g.ctx, o.URL)
	if err != nil {
		return nil, err
	}
	p := &framesPublisher{conn: conn, window: o.InFlight, confirmed: confirmed, left: messages}
	if messages == 0 {
		p.left = -1
	}
	for i, queue := range queues {
		number := uint16(i + 1)
		err := conn.call(number, &wire.ChannelOpen{}, wire.IDChannelOpenOk)
		if err == nil {
			err = conn.call(number, &wire.ConfirmSelect{}, wire.IDConfirmSelectOk)
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
		p.channels = append(p.channels, newFramesChannel(number, queue, o.Size))
	}
	g.start(func(ctx context.Context) error {
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer stop()
		return ended(ctx, p.run())
	})
	return func() { conn.Close() }, nil
}

func newFramesChannel(number uint16, queue string, size int) *framesChannel {
	c := &framesChannel{beyond: make(map[uint64]struct{})}
	c.frames = wire.AppendMethod(nil, number, &wire.BasicPublish{RoutingKey: []byte(queue)})
	head := len(wire.AppendContent(nil, number, wire.ClassBasic, persistent, nil, frameMax))
	c.stamp = len(c.frames) + head + wire.FrameOverhead - 1
	c.frames = wire.AppendContent(c.frames, number, wire.ClassBasic, persistent, make([]byte, size), frameMax)
	return c
}

// run fills the windows, writes, and reads confirms, in turn.
func (p *framesPublisher) run() error {
	for {
		for _, c := range p.channels {
			for c.unsettled < p.window && p.left != 0 {
				if err := p.append(c); err != nil {
					return err
				}
			}
		}
		if p.unsettled == 0 {
			return nil
		}
		if err := p.conn.flush(); err != nil {
			return err
		}
		for first := true; first || p.conn.in.Buffered() > 0; first = false {
			if err := p.read(); err != nil {
				return err
			}
		}
	}
}

// append adds a publish to what is to be sent.
func (p *framesPublisher) append(c *framesChannel) error {
	out := &p.conn.out
	*out = append(*out, c.frames...)
	body := (*out)[len(*out)-len(c.frames)+c.stamp:]
	binary.BigEndian.PutUint64(body, uint64(time.Since(epoch)))
	binary.BigEndian.PutUint64(body[8:], c.published)
	c.published++
	c.unsettled++
	p.unsettled++
	if p.left > 0 {
		p.left--
	}
	if len(*out) >= framesOut {
		return p.conn.flush()
	}
	return nil
}

// read takes one confirm.
func (p *framesPublisher) read() error {
	f, err := p.conn.in.ReadFrame()
	if err != nil {
		return err
	}
	id, arguments, _ := wire.SplitMethod(f.Payload)
	if f.Type == wire.FrameMethod && id == wire.IDBasicNack {
		return errRefused
	}
	var ack wire.BasicAck
	if f.Type != wire.FrameMethod || id != wire.IDBasicAck || int(f.Channel) > len(p.channels) {
		return p.conn.unexpected(f)
	}
	if err := ack.ReadFrom(arguments); err != nil {
		return err
	}
	n, err := p.channels[f.Channel-1].confirm(ack)
	p.unsettled -= n
	p.confirmed.Add(int64(n))
	return err
}

var errConfirmedTwice = errors.New("the broker confirmed what it had confirmed, or what was not published")

// confirm tells how many messages a confirm is about.
func (c *framesChannel) confirm(ack wire.BasicAck) (n int, err error) {
	tag := ack.DeliveryTag
	if _, twice := c.beyond[tag]; tag <= c.settled || tag > c.published || (twice && !ack.Multiple) {
		return 0, errConfirmedTwice
	}
	if !ack.Multiple && tag > c.settled+1 {
		c.beyond[tag] = struct{}{}
		c.unsettled--
		return 1, nil
	}
	for c.settled < tag {
		c.settled++
		if _, before := c.beyond[c.settled]; !before {
			n++
		}
		delete(c.beyond, c.settled)
	}
	for len(c.beyond) > 0 {
		if _, before := c.beyond[c.settled+1]; !before {
			break
		}
		c.settled++
		delete(c.beyond, c.settled)
	}
	c.unsettled -= n
	return n, nil
}
