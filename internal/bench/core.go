package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/property"
)

// Core is the name of RunCore's measurement in a Result.
const Core Scenario = "core"

// CoreOptions say how to measure the broker without a network.
type CoreOptions struct {
	// Dir is where a data directory is made, and removed afterwards; the file
	// system under it is part of what is measured.
	Dir string
	// Durability is "fsync" or "os"; "" means fsync.
	Durability string
	// Publishers, Queues: 1 each when zero; each publisher has a window of its
	// own, and the queues are taken in turn.
	Publishers, Queues int
	// InFlight, Size, Duration and Warmup are as in Options.
	InFlight, Size   int
	Duration, Warmup time.Duration
}

// RunCore publishes to queues of a broker in this process and counts what is
// confirmed: stored and, with fsync, synced. It is what a gateway
// could reach if its protocol cost nothing.
func RunCore(ctx context.Context, o CoreOptions) (r Result, err error) {
	defaults := Options{InFlight: o.InFlight, Size: o.Size, Duration: o.Duration, Warmup: o.Warmup}.WithDefaults(Publish)
	o.Publishers, o.Queues = max(o.Publishers, 1), max(o.Queues, 1)
	dir, err := os.MkdirTemp(o.Dir, "portico-bench-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.DiscardHandler)
	store, err := jetstream.Open(ctx, jetstream.Options{Dir: dir, Durability: jetstream.Durability(o.Durability), Logger: log})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	b, err := broker.Open(ctx, store, broker.Options{Logger: log})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	r = Result{
		Scenario: Core, Label: "core", Client: "in process", Size: defaults.Size, Publishers: o.Publishers,
		InFlight: defaults.InFlight, Queues: o.Queues, Started: time.Now().UTC().Truncate(time.Second),
	}
	g := newGroup(ctx)
	var confirmed atomic.Int64
	for i := range o.Publishers {
		p, e := newCorePublisher(ctx, b, i%o.Queues, defaults, &confirmed)
		if e != nil {
			g.stop()
			return r, errors.Join(e, g.wait())
		}
		g.start(p.run)
	}
	n, elapsed := g.measure(defaults, confirmed.Load)
	r.count(n, elapsed)
	return r, g.wait()
}

// corePublisher keeps a window of publishes full. It is the completion of all
// of them.
type corePublisher struct {
	session   *broker.Session
	queue     string
	body      []byte
	window    chan struct{}
	confirmed *atomic.Int64
	failed    chan error
}

func newCorePublisher(ctx context.Context, b *broker.Broker, queue int, o Options, confirmed *atomic.Int64) (*corePublisher, error) {
	s, err := b.OpenSession(ctx, b.Root(), "/")
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("q%d", queue)
	if _, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: name, Durable: true}); err != nil {
		return nil, err
	}
	return &corePublisher{
		session: s, queue: name, body: make([]byte, o.Size), confirmed: confirmed,
		window: make(chan struct{}, o.InFlight), failed: make(chan error, 1),
	}, nil
}

// Done implements broker.Completion.
func (p *corePublisher) Done(err error) {
	if err != nil {
		select {
		case p.failed <- err:
		default:
		}
	}
	p.confirmed.Add(1)
	<-p.window
}

// run publishes until the context ends and everything is answered.
func (p *corePublisher) run(ctx context.Context) error {
	defer p.session.Close()
	props, err := (&property.Set{DeliveryMode: 2}).Append(nil)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		select {
		case p.window <- struct{}{}:
		case err := <-p.failed:
			return err
		}
		if _, err := p.session.Publish(broker.NewMessage("", p.queue, props, p.body), p); err != nil {
			return err
		}
	}
	for range cap(p.window) {
		p.window <- struct{}{}
	}
	return nil
}
