package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// subscribe subscribes a connection.
func (b *stompBench) subscribe(c *stompConn, destination, ack string) error {
	prefetch := "prefetch-count"
	if b.ActiveMQ {
		prefetch = "activemq.prefetchSize"
	}
	err := c.call("SUBSCRIBE", fmt.Sprintf("id:1\ndestination:%s\nack:%s\n%s:%d\n", destination, ack, prefetch, b.Prefetch))
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// dialAll opens the connections of a run, with so large a buffer each.
func (b *stompBench) dialAll(ctx context.Context, in int) (conns []*stompConn, closeAll func(), err error) {
	closeAll = func() {
		for _, c := range conns {
			c.Close()
		}
	}
	for range b.Connections {
		c, err := b.dial(ctx, in)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		conns = append(conns, c)
	}
	return conns, closeAll, nil
}

func (b *stompBench) receive(ctx context.Context, r *Result) error {
	fill := newGroup(ctx)
	const fillers, window = 4, 100
	if _, err := b.senders(fill, fillers, window, b.Messages); err != nil {
		fill.stop()
		return errors.Join(err, fill.wait())
	}
	if err := fill.wait(); err != nil {
		return fmt.Errorf("fill the queue: %w", err)
	}
	conns, closeAll, err := b.dialAll(ctx, framesOut)
	if err != nil {
		return err
	}
	defer closeAll()
	g := newGroup(ctx)
	all := &stompTakers{limit: int64(b.Messages), done: make(chan struct{})}
	b.times.processor.start()
	start := time.Now()
	for _, c := range conns {
		g.start(func(ctx context.Context) error {
			defer context.AfterFunc(ctx, func() { c.Close() })()
			if err := b.subscribe(c, "/queue/"+b.name, "client-individual"); err != nil {
				return err
			}
			return all.take(c)
		})
	}
	if err := g.wait(); err != nil {
		return err
	}
	b.times.processor.stop()
	r.count(all.taken.Load(), time.Since(start))
	return nil
}

// stompTakers share out what is in a queue.
type stompTakers struct {
	limit int64
	taken atomic.Int64
	done  chan struct{} // closed when the limit is reached
}

// take acks each message by itself, and writes the acks of what came together at once, until all have taken as many as
// there are and the broker has all acks.
func (t *stompTakers) take(c *stompConn) error {
	ended := make(chan struct{})
	defer close(ended)
	go func() { // it waits for what no longer comes
		select {
		case <-t.done:
			_ = c.SetReadDeadline(time.Unix(1, 0)) // one that is closed reads no more either
		case <-ended:
		}
	}()
	for {
		f, ok, err := c.next()
		if err == nil && !ok {
			if f, err = c.answer(); errors.Is(err, os.ErrDeadlineExceeded) {
				if err := c.SetReadDeadline(time.Time{}); err != nil {
					return err
				}
				return c.call("UNSUBSCRIBE", "id:1\n")
			}
		}
		if err != nil {
			return err
		}
		id := f.header("ack")
		if string(f.command) != "MESSAGE" || id == nil {
			return f.unexpected()
		}
		c.out = append(append(append(c.out, "ACK\nid:"...), id...), "\n\n\x00"...)
		if t.taken.Add(1) == t.limit {
			close(t.done)
		}
		if len(c.out) >= framesOut {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
}

const (
	// topicIn is how much a subscriber reads at once.
	topicIn = 4 << 10
	// topicPause is between a message that all have and the next one.
	topicPause = 50 * time.Millisecond
	// topicPatience is how long a message may take.
	topicPatience = 30 * time.Second
)

func (b *stompBench) topic(ctx context.Context, r *Result) error {
	conns, closeAll, err := b.dialAll(ctx, topicIn)
	if err != nil {
		return err
	}
	defer closeAll()
	publisher, err := b.dial(ctx, topicIn)
	if err != nil {
		return err
	}
	defer publisher.Close()
	for _, c := range conns {
		if err := b.subscribe(c, "/topic/"+b.name, "auto"); err != nil {
			return err
		}
	}
	g := newGroup(ctx)
	all := &stompAudience{size: int64(len(conns)), arrived: make(chan time.Time, 1)}
	for _, c := range conns {
		g.start(func(ctx context.Context) error {
			defer context.AfterFunc(ctx, func() { c.Close() })()
			return ended(ctx, all.listen(c))
		})
	}
	took, err := b.speak(g.ctx, publisher, all, r)
	if err != nil {
		g.cancel(err)
	}
	g.stop()
	if err := g.wait(); err != nil {
		return err
	}
	slices.Sort(took)
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
	r.Latency = &Spread{P50: micros(took[len(took)/2]), P99: micros(took[len(took)*99/100]), Max: micros(took[len(took)-1])}
	return nil
}

// speak sends one message after the other and returns how long each took to reach everybody.
func (b *stompBench) speak(ctx context.Context, c *stompConn, to *stompAudience, r *Result) (took []time.Duration, err error) {
	frame := fmt.Appendf(nil, "SEND\ndestination:/topic/%s\ncontent-length:%d\n\n", b.name, b.Size)
	at := len(frame)
	frame = append(append(frame, make([]byte, b.Size)...), 0)
	begin := time.Now()
	var counted time.Time
	for number := uint64(0); ; number++ {
		if counted.IsZero() && time.Since(begin) >= b.Warmup {
			b.times.processor.start()
			counted = time.Now()
		}
		if !counted.IsZero() && time.Since(counted) >= b.Duration && len(took) > 0 {
			break
		}
		binary.BigEndian.PutUint64(frame[at:], number)
		sent := time.Now()
		if _, err := c.Write(frame); err != nil {
			return nil, err
		}
		select {
		case all := <-to.arrived:
			if !counted.IsZero() {
				took = append(took, all.Sub(sent))
			}
		case <-time.After(topicPatience):
			return nil, fmt.Errorf("not every subscriber had message %d after %v", number, topicPatience)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		select {
		case <-time.After(topicPause):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	b.times.processor.stop()
	elapsed := time.Since(counted)
	r.Seconds, r.Messages = elapsed.Seconds(), int64(len(took))*to.size
	r.Rate = float64(len(took)) / elapsed.Seconds()
	return took, nil
}

// stompAudience is everybody who listens to a topic.
type stompAudience struct {
	size    int64
	have    atomic.Int64   // how many have the current message
	arrived chan time.Time // when the last of them had it
}

// listen takes messages and checks that each comes once, in order.
func (a *stompAudience) listen(c *stompConn) error {
	for want := uint64(0); ; want++ {
		f, err := c.read()
		if err != nil {
			return err
		}
		if string(f.command) != "MESSAGE" || len(f.body) < 8 {
			return f.unexpected()
		}
		if got := binary.BigEndian.Uint64(f.body); got != want {
			return fmt.Errorf("message %d came where %d was to come", got, want)
		}
		if a.have.Add(1) == a.size {
			a.have.Store(0)
			a.arrived <- time.Now()
		}
	}
}
