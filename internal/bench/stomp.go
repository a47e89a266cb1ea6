package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// The scenarios over STOMP.
const (
	// STOMPSend counts receipts of SEND per second: persistent messages to one queue, each with a receipt of its own.
	STOMPSend Scenario = "stomp-send"
	// STOMPReceive counts messages per second out of a queue that was filled before, each acked by itself in the mode
	// client-individual. The time ends with the receipt of a frame that was sent after the last ACK.
	STOMPReceive Scenario = "stomp-receive"
	// STOMPTopic sends one message after the other to a topic with many subscribers, each with a connection of its own,
	// and measures from the SEND until the last of them has it.
	STOMPTopic Scenario = "stomp-topic"
)

// STOMPOptions say how to measure. WithDefaults fills what is zero.
type STOMPOptions struct {
	// URL is where the broker is: stomp://user:password@host:port.
	URL string
	// Label names the broker in the report.
	Label string
	// ActiveMQ speaks as clients of ActiveMQ do, those of RabbitMQ otherwise: that is how a connection is named and how
	// a prefetch is asked for.
	ActiveMQ bool
	// Connections that send or receive, 1 by default; in STOMPTopic the subscribers, 5,000 by default.
	Connections int
	// InFlight is how many receipts a connection waits for at a time, 1 by default.
	InFlight int
	// Prefetch of a subscription, 500 by default.
	Prefetch int
	// Size of a body in bytes, 1,024 by default.
	Size int
	// Messages is what STOMPReceive fills the queue with: 100,000 by default.
	Messages int
	// Duration is how long is measured, 10 s by default; Warmup how long the load runs before that, 2 s by default.
	// STOMPReceive has neither.
	Duration, Warmup time.Duration
	// BrokerPID is the broker's process, whose processor time is measured too; 0 when it is not known.
	BrokerPID int
}

// WithDefaults returns the options for a scenario with every zero replaced.
func (o STOMPOptions) WithDefaults(s Scenario) STOMPOptions {
	if s == STOMPTopic {
		setDefault(&o.Connections, 5000)
	}
	setDefault(&o.Connections, 1)
	setDefault(&o.InFlight, 1)
	setDefault(&o.Prefetch, 500)
	setDefault(&o.Size, 1024)
	setDefault(&o.Messages, 100_000)
	setDefault(&o.URL, "stomp://guest:guest@127.0.0.1:61613")
	setDefault(&o.Duration, 10*time.Second)
	setDefault(&o.Warmup, 2*time.Second)
	return o
}

// stompBench is one run.
type stompBench struct {
	STOMPOptions
	name    string // of the run's destination
	dialled int
	times   Options // what group.measure needs
}

// RunSTOMP measures one scenario once, with a queue or topic of its own. STOMP cannot delete a queue: it stays, empty but
// for what STOMPSend has sent to it.
func RunSTOMP(ctx context.Context, s Scenario, o STOMPOptions) (Result, error) {
	o = o.WithDefaults(s)
	b := &stompBench{
		STOMPOptions: o, name: fmt.Sprintf("bench-%08x", rand.Uint32()),
		times: Options{Duration: o.Duration, Warmup: o.Warmup, processor: &processorTime{broker: o.BrokerPID}},
	}
	r := Result{
		Scenario: s, Label: o.Label, Client: FramesClient, Size: o.Size, Started: time.Now().UTC().Truncate(time.Second),
	}
	var err error
	switch s {
	case STOMPSend:
		r.Connections, r.InFlight = o.Connections, o.InFlight
		err = b.send(ctx, &r)
	case STOMPReceive:
		r.Consumers, r.Prefetch = o.Connections, o.Prefetch
		err = b.receive(ctx, &r)
	case STOMPTopic:
		r.Consumers = o.Connections
		err = b.topic(ctx, &r)
	default:
		err = fmt.Errorf("unknown scenario %q", s)
	}
	b.times.processor.perMessage(&r)
	return r, err
}

func (b *stompBench) dial(ctx context.Context, in int) (*stompConn, error) {
	id := ""
	if b.dialled++; b.ActiveMQ {
		id = b.name + "-" + strconv.Itoa(b.dialled)
	}
	return dialSTOMP(ctx, b.URL, id, in)
}

func (b *stompBench) send(ctx context.Context, r *Result) error {
	g := newGroup(ctx)
	confirmed, err := b.senders(g, b.Connections, b.InFlight, 0)
	if err != nil {
		g.stop()
		return errors.Join(err, g.wait())
	}
	n, elapsed := g.measure(b.times, confirmed.Load)
	if err := g.wait(); err != nil {
		return err
	}
	r.count(n, elapsed)
	return nil
}
