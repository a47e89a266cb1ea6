package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// stampSize is how many bytes of a body carry the time and the number of its
// publish.
const stampSize = 16

// epoch is what the times in bodies count from; the monotonic clock is used.
var epoch = time.Now()

// publisher has one channel in confirm mode and keeps a window of unconfirmed
// messages full. It belongs to one goroutine: confirms are read between
// publishes, so that no lock and no second goroutine is in the way.
type publisher struct {
	ch        *amqp.Channel
	queue     string
	window    int
	confirms  chan amqp.Confirmation
	body      []byte
	published uint64
	unsettled int
	confirmed *atomic.Int64
}

func newPublisher(conn *amqp.Connection, queue string, size, window int, confirmed *atomic.Int64) (*publisher, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	if err := ch.Confirm(false); err != nil {
		return nil, fmt.Errorf("confirm.select: %w", err)
	}
	return &publisher{
		ch: ch, queue: queue, window: window, body: make([]byte, size), confirmed: confirmed,
		// Room for the whole window: the connection's reader never waits for us.
		confirms: ch.NotifyPublish(make(chan amqp.Confirmation, window)),
	}, nil
}

// publish sends one message; it waits for a confirm when the window is full.
func (p *publisher) publish(ctx context.Context) error {
	for {
		select {
		case c, ok := <-p.confirms:
			if err := p.confirm(c, ok); err != nil {
				return err
			}
			continue
		default:
		}
		if p.unsettled < p.window {
			break
		}
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint64(p.body, uint64(time.Since(epoch)))
	binary.BigEndian.PutUint64(p.body[8:], p.published)
	err := p.ch.PublishWithContext(ctx, "", p.queue, false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: p.body})
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	p.published++
	p.unsettled++
	return nil
}

// await waits for one confirm.
func (p *publisher) await(ctx context.Context) error {
	select {
	case c, ok := <-p.confirms:
		return p.confirm(c, ok)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *publisher) confirm(c amqp.Confirmation, ok bool) error {
	if !ok {
		return fmt.Errorf("the channel was closed with %d messages unconfirmed", p.unsettled)
	}
	if !c.Ack {
		return errRefused
	}
	p.unsettled--
	p.confirmed.Add(1)
	return nil
}

// settle waits until everything published is confirmed.
func (p *publisher) settle(ctx context.Context) error {
	for p.unsettled > 0 {
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run publishes until the context ends.
func (p *publisher) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := p.publish(ctx); err != nil {
			return ended(ctx, err)
		}
	}
	return nil
}

// ended returns nil for an error that only says that the context has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// libraryClient is amqp091-go.
type libraryClient struct{}

func (libraryClient) name() string { return LibraryClient + " " + clientVersion() }

func (libraryClient) publish(g *group, o Options, queues []string, messages int, confirmed *atomic.Int64) (func(), error) {
	conn, err := dial(o.URL)
	if err != nil {
		return nil, err
	}
	for i, queue := range queues {
		p, err := newPublisher(conn, queue, o.Size, o.InFlight, confirmed)
		if err != nil {
			conn.Close()
			return nil, err
		}
		if messages == 0 {
			g.start(p.run)
			continue
		}
		n := (messages + len(queues) - 1 - i) / len(queues)
		g.start(func(ctx context.Context) error { return p.publishAll(ctx, n) })
	}
	return func() { conn.Close() }, nil
}

// publishAll publishes n messages and waits for their confirms.
func (p *publisher) publishAll(ctx context.Context, n int) error {
	for range n {
		if err := p.publish(ctx); err != nil {
			return err
		}
	}
	return p.settle(ctx)
}

func dialAll(url string, n int) (conns []*amqp.Connection, closeAll func(), err error) {
	closeAll = func() {
		for _, c := range conns {
			c.Close()
		}
	}
	for range n {
		c, err := dial(url)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		conns = append(conns, c)
	}
	return conns, closeAll, nil
}

func runPublish(ctx context.Context, o Options, queues []string, r *Result) error {
	return publishTo(ctx, o, o.Connections, queues, r)
}

func runQueues(ctx context.Context, o Options, queues []string, r *Result) error {
	r.Queues = len(queues)
	return publishTo(ctx, o, len(queues), queues, r)
}

// publishTo measures n publishers that share out the queues.
func publishTo(ctx context.Context, o Options, n int, queues []string, r *Result) error {
	r.Connections, r.InFlight = o.Connections, o.InFlight
	g := newGroup(ctx)
	var confirmed atomic.Int64
	closeAll, err := publishAll(g, o, n, queues, 0, &confirmed)
	if err != nil {
		g.stop()
		return err
	}
	defer closeAll()
	counted, elapsed := g.measure(o, confirmed.Load)
	r.count(counted, elapsed)
	return g.wait()
}

func (r *Result) count(n int64, elapsed time.Duration) {
	r.Messages, r.Seconds = n, elapsed.Seconds()
	if elapsed > 0 {
		r.Rate = float64(n) / elapsed.Seconds()
	}
}
