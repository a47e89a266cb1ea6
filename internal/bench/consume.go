package bench

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// consumer takes messages out of a queue and acks them, ackEvery at a time.
type consumer struct {
	conn       *amqp.Connection
	ch         *amqp.Channel
	queue      string
	deliveries <-chan amqp.Delivery
	taken      *atomic.Int64
	ackEvery   int
	unacked    int
	// observe is called with every body, in the consumer's goroutine.
	observe func(body []byte)
}

func (libraryClient) consume(_ context.Context, o Options, queue string, taken *atomic.Int64) (taker, error) {
	return newConsumer(o, queue, taken)
}

func (c *consumer) close() { c.conn.Close() }

func newConsumer(o Options, queue string, taken *atomic.Int64) (*consumer, error) {
	conn, err := dial(o.URL)
	if err != nil {
		return nil, err
	}
	c := &consumer{conn: conn, queue: queue, taken: taken, ackEvery: o.AckEvery}
	if c.ch, err = conn.Channel(); err == nil {
		err = c.ch.Qos(o.Prefetch, 0, false)
	}
	if err == nil {
		c.deliveries, err = c.ch.Consume(queue, "", false, false, false, false, nil)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("consume: %w", err)
	}
	return c, nil
}

func (c *consumer) run(ctx context.Context, limit int64) error {
	for limit == 0 || c.taken.Load() < limit {
		select {
		case d, ok := <-c.deliveries:
			if !ok {
				return ended(ctx, fmt.Errorf("the consumer of %s was closed after %d messages", c.queue, c.taken.Load()))
			}
			if c.observe != nil {
				c.observe(d.Body)
			}
			last := c.taken.Add(1) == limit
			if c.unacked++; c.unacked < c.ackEvery && !last {
				continue
			}
			if err := d.Ack(c.unacked > 1); err != nil {
				return ended(ctx, fmt.Errorf("ack: %w", err))
			}
			c.unacked = 0
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func (c *consumer) settle() error {
	if _, err := c.ch.QueueDeclarePassive(c.queue, true, false, false, false, nil); err != nil {
		return fmt.Errorf("wait for the acks: %w", err)
	}
	return nil
}

func runConsume(ctx context.Context, o Options, queues []string, r *Result) error {
	r.Consumers, r.Prefetch, r.AckEvery = o.Consumers, o.Prefetch, o.AckEvery
	if err := fill(ctx, o, queues[0]); err != nil {
		return err
	}
	how, err := o.client()
	if err != nil {
		return err
	}
	var taken atomic.Int64
	done := make(chan taker, o.Consumers)
	g := newGroup(ctx)
	defer g.stop()
	o.processor.start()
	start := time.Now()
	for range o.Consumers {
		c, err := how.consume(g.ctx, o, queues[0], &taken)
		if err != nil {
			return err
		}
		defer c.close()
		g.start(func(ctx context.Context) error {
			err := c.run(ctx, int64(o.Messages))
			done <- c
			return err
		})
	}
	// The one that took the last message is first; the others wait in vain.
	first := <-done
	if ctx := g.ctx; ctx.Err() != nil {
		return g.wait()
	}
	if err := first.settle(); err != nil {
		return err
	}
	r.count(taken.Load(), time.Since(start))
	o.processor.stop()
	g.stop()
	return g.wait()
}

// fill publishes the backlog of Consume, over four connections.
func fill(ctx context.Context, o Options, queue string) error {
	o.Connections = 4
	g := newGroup(ctx)
	var confirmed atomic.Int64
	closeAll, err := publishAll(g, o, o.Connections, []string{queue}, o.Messages, &confirmed)
	if err != nil {
		g.stop()
		return err
	}
	defer closeAll()
	g.wg.Wait()
	g.stop()
	return g.wait()
}

func runBoth(ctx context.Context, o Options, queues []string, r *Result) error {
	r.Connections, r.InFlight, r.Consumers, r.Prefetch, r.AckEvery = o.Connections, o.InFlight, o.Consumers, o.Prefetch, o.AckEvery
	how, err := o.client()
	if err != nil {
		return err
	}
	g := newGroup(ctx)
	defer g.stop()
	var confirmed, taken atomic.Int64
	for range o.Consumers {
		c, err := how.consume(g.ctx, o, queues[0], &taken)
		if err != nil {
			return err
		}
		defer c.close()
		g.start(func(ctx context.Context) error { return c.run(ctx, 0) })
	}
	closeAll, err := publishAll(g, o, o.Connections, queues, 0, &confirmed)
	if err != nil {
		return err
	}
	defer closeAll()
	var confirmedBefore, takenBefore int64
	started := false
	n, elapsed := g.measure(o, func() int64 {
		if !started {
			started, confirmedBefore, takenBefore = true, confirmed.Load(), taken.Load()
			return 0
		}
		return min(confirmed.Load()-confirmedBefore, taken.Load()-takenBefore)
	})
	r.count(n, elapsed)
	return g.wait()
}

func runLatency(ctx context.Context, o Options, queues []string, r *Result) error {
	r.Connections, r.InFlight, r.Consumers, r.Prefetch = 1, o.InFlight, 1, o.Prefetch
	conn, err := dial(o.URL)
	if err != nil {
		return err
	}
	defer conn.Close()
	g := newGroup(ctx)
	defer g.stop()
	var confirmed, taken atomic.Int64
	c, err := newConsumer(o, queues[0], &taken)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	p, err := newPublisher(conn, queues[0], o.Size, o.InFlight, &confirmed)
	if err != nil {
		return err
	}
	from := time.Since(epoch) + o.Warmup
	samples := make([]time.Duration, 0, int(o.Duration.Seconds()+1)*o.Rate)
	c.observe = func(body []byte) {
		sent := time.Duration(binary.BigEndian.Uint64(body))
		if sent >= from {
			samples = append(samples, time.Since(epoch)-sent)
		}
	}
	g.start(func(ctx context.Context) error { return c.run(ctx, 0) })
	g.start(func(ctx context.Context) error { return p.runAt(ctx, o.Rate) })
	n, elapsed := g.measure(o, taken.Load)
	r.count(n, elapsed)
	if err := g.wait(); err != nil {
		return err
	}
	if len(samples) == 0 {
		return fmt.Errorf("nothing was delivered in %v", o.Duration)
	}
	r.Latency = spread(samples)
	return nil
}

// runAt publishes at a steady rate until the context ends. A publisher that
// falls behind catches up, and the times in the bodies are those of the
// publish, not of the plan.
func (p *publisher) runAt(ctx context.Context, rate int) error {
	interval := time.Second / time.Duration(rate)
	t := time.NewTicker(interval)
	defer t.Stop()
	start := time.Now()
	for ctx.Err() == nil {
		for time.Duration(p.published)*interval <= time.Since(start) {
			if err := p.publish(ctx); err != nil {
				return ended(ctx, err)
			}
		}
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	return nil
}

func spread(samples []time.Duration) *Spread {
	slices.Sort(samples)
	at := func(q float64) float64 {
		i := min(int(q*float64(len(samples))), len(samples)-1)
		return float64(samples[i].Nanoseconds()) / 1000
	}
	return &Spread{P50: at(0.50), P99: at(0.99), Max: at(1)}
}
