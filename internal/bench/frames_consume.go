package bench

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// framesConsumer acks each delivery by itself, and writes the acks of what came
// together at once.
type framesConsumer struct {
	conn     *framesConn
	queue    string
	taken    *atomic.Int64
	ackEvery int
	unacked  int
	left     uint64 // bytes of a body to come
	tag      uint64 // of the delivery that is being read
}

func (framesClient) consume(ctx context.Context, o Options, queue string, taken *atomic.Int64) (taker, error) {
	conn, err := dialFrames(ctx, o.URL)
	if err != nil {
		return nil, err
	}
	c := &framesConsumer{conn: conn, queue: queue, taken: taken, ackEvery: o.AckEvery}
	err = conn.call(1, &wire.ChannelOpen{}, wire.IDChannelOpenOk)
	if err == nil {
		err = conn.call(1, &wire.BasicQos{PrefetchCount: uint16(o.Prefetch)}, wire.IDBasicQosOk)
	}
	if err == nil {
		err = conn.call(1, &wire.BasicConsume{Queue: []byte(queue)}, wire.IDBasicConsumeOk)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("consume: %w", err)
	}
	return c, nil
}

func (c *framesConsumer) close() { c.conn.Close() }

func (c *framesConsumer) run(ctx context.Context, limit int64) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	for limit == 0 || c.taken.Load() < limit {
		if c.conn.in.Buffered() == 0 || len(c.conn.out) >= framesOut {
			if err := c.conn.flush(); err != nil {
				return ended(ctx, err)
			}
		}
		whole, err := c.read()
		if err != nil {
			return ended(ctx, err)
		}
		if !whole {
			continue
		}
		last := c.taken.Add(1) == limit
		if c.unacked++; c.unacked < c.ackEvery && !last {
			continue
		}
		c.conn.send(1, &wire.BasicAck{DeliveryTag: c.tag, Multiple: c.unacked > 1})
		c.unacked = 0
	}
	return c.conn.flush()
}

// read reads a frame, and tells whether a delivery ends with it.
func (c *framesConsumer) read() (whole bool, err error) {
	f, err := c.conn.in.ReadFrame()
	if err != nil {
		return false, err
	}
	switch id, arguments, _ := wire.SplitMethod(f.Payload); {
	case f.Type == wire.FrameMethod && id == wire.IDBasicDeliver:
		var m wire.BasicDeliver
		err = m.ReadFrom(arguments)
		c.tag = m.DeliveryTag
		return false, err
	case f.Type == wire.FrameHeader:
		h, err := wire.ParseContentHeader(f.Payload)
		c.left = h.BodySize
		return c.left == 0, err
	case f.Type == wire.FrameBody && uint64(len(f.Payload)) <= c.left:
		c.left -= uint64(len(f.Payload))
		return c.left == 0, nil
	}
	return false, c.conn.unexpected(f)
}

// settle also reads what is delivered meanwhile, which nobody counts.
func (c *framesConsumer) settle() error {
	c.conn.send(1, &wire.QueueDeclare{Queue: []byte(c.queue), Passive: true, Durable: true})
	if err := c.conn.flush(); err != nil {
		return err
	}
	for {
		f, err := c.conn.in.ReadFrame()
		if err != nil {
			return fmt.Errorf("wait for the acks: %w", err)
		}
		switch id, _, _ := wire.SplitMethod(f.Payload); {
		case f.Type == wire.FrameMethod && id == wire.IDQueueDeclareOk:
			return nil
		case f.Type == wire.FrameMethod && id != wire.IDBasicDeliver:
			return c.conn.unexpected(f)
		}
	}
}
