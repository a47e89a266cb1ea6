// Package bench measures a message broker over AMQP 0-9-1, with an unmodified
// client (amqp091-go) or with one that costs little, so that one program drives
// Portico and its peers alike.
// docs/performance.md says what is measured with it and what the client itself
// can do.
package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Scenario names what is measured.
type Scenario string

// The scenarios. All messages are persistent, all queues durable.
const (
	// Publish counts confirmed messages per second; every connection has its
	// own publisher and all publish to one queue.
	Publish Scenario = "publish"
	// Consume counts messages per second taken out of a queue that was filled
	// before, each acked by itself. The time ends when the broker has answered
	// a method sent after the last ack.
	Consume Scenario = "consume"
	// Both does the two at once through one queue and counts the slower side.
	Both Scenario = "both"
	// Queues counts confirmed messages per second over many queues at once,
	// each with its own channel and its own window.
	Queues Scenario = "queues"
	// Backlog fills a queue and then counts confirmed messages per second into
	// it and into an empty queue, in turn.
	Backlog Scenario = "backlog"
	// Idle opens many connections and reads the broker's memory.
	Idle Scenario = "idle"
	// Latency measures publish to delivery at a fixed rate.
	Latency Scenario = "latency"
)

// Options say how to measure. WithDefaults fills what is zero.
type Options struct {
	// URL is where the broker is: amqp://user:password@host:port/vhost.
	URL string
	// Client is how the broker is driven: LibraryClient, the default, or
	// FramesClient. Latency and Idle always use the library.
	Client string
	// Label names the broker in the report; its product and version are taken
	// from the server properties when it is empty.
	Label string
	// QueueType is the x-queue-type to declare queues with; none when empty.
	QueueType string
	// Size of a body in bytes, 1,024 by default, at least 16.
	Size int
	// Connections that publish: 1 by default, 4 in Queues; 10,000 in Idle,
	// which do nothing.
	Connections int
	// Consumers, each with a connection of its own: 1 by default.
	Consumers int
	// AckEvery is how many messages a consumer acks at a time, with one
	// basic.ack that says multiple: 1 by default, each by itself.
	AckEvery int
	// InFlight is how many unconfirmed messages a connection may have: 1,000
	// by default; in Queues it is 40 for each queue.
	InFlight int
	// Prefetch of a consumer, 500 by default.
	Prefetch int
	// Queues is how many queues scenario Queues uses, 100 by default.
	Queues int
	// Messages is the backlog of Consume, 200,000 by default, or of Backlog,
	// 5,000,000 by default.
	Messages int
	// Rate of Latency in messages per second, 1,000 by default.
	Rate int
	// Duration is how long is measured, 10 s by default, and Warmup how long
	// the load runs before that, 2 s by default. Consume has neither.
	Duration, Warmup time.Duration
	// BrokerPID is the broker's process, whose processor time is measured too;
	// 0 when it is not known.
	BrokerPID int

	processor *processorTime
}

// setDefault gives an option that is not set its value.
func setDefault[T comparable](option *T, value T) {
	var none T
	if *option == none {
		*option = value
	}
}

// WithDefaults returns the options for a scenario with every zero replaced.
func (o Options) WithDefaults(s Scenario) Options {
	connections, inFlight, messages := 1, 1000, 200_000
	if s == Queues {
		connections, inFlight = 4, 40
	}
	if s == Backlog {
		messages = 5_000_000
	}
	if s == Idle {
		connections = 10_000
	}
	setDefault(&o.Size, 1024)
	setDefault(&o.Connections, connections)
	setDefault(&o.AckEvery, 1)
	setDefault(&o.Consumers, 1)
	setDefault(&o.InFlight, inFlight)
	setDefault(&o.Prefetch, 500)
	setDefault(&o.Queues, 100)
	setDefault(&o.Messages, messages)
	setDefault(&o.Rate, 1000)
	o.processor = &processorTime{broker: o.BrokerPID}
	setDefault(&o.URL, "amqp://guest:guest@127.0.0.1:5672/")
	if o.Client == "" || s == Latency || s == Idle {
		o.Client = LibraryClient
	}
	setDefault(&o.Duration, 10*time.Second)
	setDefault(&o.Warmup, 2*time.Second)
	return o
}

// Result is one run. A field that a scenario has no use for is zero.
type Result struct {
	Scenario    Scenario `json:"scenario"`
	Label       string   `json:"label"`
	Server      string   `json:"server,omitempty"` // product and version
	Client      string   `json:"client"`
	QueueType   string   `json:"queue_type,omitempty"`
	Size        int      `json:"size,omitempty"`
	Connections int      `json:"connections,omitempty"`
	AckEvery    int      `json:"ack_every,omitempty"`
	Publishers  int      `json:"publishers,omitempty"` // scenario core only
	Consumers   int      `json:"consumers,omitempty"`
	InFlight    int      `json:"in_flight,omitempty"`
	Prefetch    int      `json:"prefetch,omitempty"`
	Queues      int      `json:"queues,omitempty"`

	Started  time.Time `json:"started"`
	Seconds  float64   `json:"seconds,omitempty"`
	Messages int64     `json:"messages,omitempty"`
	Rate     float64   `json:"rate,omitempty"` // messages per second
	// EmptyRate is the rate into an empty queue meanwhile: scenario backlog only.
	EmptyRate float64 `json:"empty_rate,omitempty"`
	// ClientMicros and BrokerMicros are the processor time a message of this
	// process and of the broker; 0 where it is not known.
	ClientMicros float64 `json:"client_us,omitempty"`
	BrokerMicros float64 `json:"broker_us,omitempty"`
	// BrokerShare is how much of one core the broker took: the scenarios over SQS only.
	BrokerShare float64 `json:"broker_share,omitempty"`
	// Latency from publish to delivery: scenario latency only.
	Latency *Spread `json:"latency_us,omitempty"`
	// Milliseconds from exec to the last listener's answer, and the resident
	// memory after it has been idle, in MB of 1e6 bytes: scenario startup, and
	// the memory in idle.
	StartMillis float64 `json:"start_ms,omitempty"`
	IdleMB      float64 `json:"idle_mb,omitempty"`
}

// Spread is a distribution in microseconds.
type Spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Run measures one scenario once, with queues of its own that it deletes
// afterwards. A message that the broker refuses is an error: a rate with
// refusals in it means nothing.
func Run(ctx context.Context, s Scenario, o Options) (Result, error) {
	o = o.WithDefaults(s)
	if o.Size < stampSize {
		return Result{}, fmt.Errorf("a body of %d bytes is too small to carry a time; %d are needed", o.Size, stampSize)
	}
	scenario, ok := scenarios[s]
	if !ok {
		return Result{}, fmt.Errorf("unknown scenario %q", s)
	}
	how, err := o.client()
	if err != nil {
		return Result{}, err
	}
	admin, err := dial(o.URL)
	if err != nil {
		return Result{}, err
	}
	defer admin.Close()
	r := Result{
		Scenario: s, Label: o.Label, Server: product(admin), Client: how.name(),
		QueueType: o.QueueType, Size: o.Size, Started: time.Now().UTC().Truncate(time.Second),
	}
	if r.Label == "" {
		r.Label = r.Server
	}
	n := 1
	if s == Queues {
		n = o.Queues
	}
	queues, err := declareQueues(admin, n, o.QueueType)
	if err != nil {
		return Result{}, err
	}
	defer deleteQueues(admin, queues)
	err = scenario(ctx, o, queues, &r)
	o.processor.perMessage(&r)
	return r, err
}

var scenarios = map[Scenario]func(context.Context, Options, []string, *Result) error{
	Publish: runPublish,
	Consume: runConsume,
	Both:    runBoth,
	Queues:  runQueues,
	Backlog: runBacklog,
	Idle:    runIdle,
	Latency: runLatency,
}

// dial opens a connection as the client does by default, with a heartbeat of
// ten seconds.
func dial(url string) (*amqp.Connection, error) {
	conn, err := amqp.Dial(url)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return conn, nil
}

func product(c *amqp.Connection) string {
	name, _ := c.Properties["product"].(string)
	version, _ := c.Properties["version"].(string)
	return name + " " + version
}

// clientVersion is the version of amqp091-go that this program was built with.
func clientVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/rabbitmq/amqp091-go" {
			return m.Version
		}
	}
	return "of unknown version"
}

func declareQueues(conn *amqp.Connection, n int, queueType string) ([]string, error) {
	ch, err := conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	defer ch.Close()
	var args amqp.Table
	if queueType != "" {
		args = amqp.Table{amqp.QueueTypeArg: queueType}
	}
	var names []string
	for i := range n {
		name := fmt.Sprintf("portico-bench-%d-%d", time.Now().UnixNano(), i)
		if _, err := ch.QueueDeclare(name, true, false, false, false, args); err != nil {
			return nil, fmt.Errorf("declare a queue: %w", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// deleteQueues removes the queues of a run. A broker that no longer answers
// has been reported by then.
func deleteQueues(conn *amqp.Connection, queues []string) {
	ch, err := conn.Channel()
	if err != nil {
		return
	}
	defer ch.Close()
	for _, q := range queues {
		if _, err := ch.QueueDelete(q, false, false, false); err != nil {
			return
		}
	}
}

// errRefused means that the broker nacked a publish.
var errRefused = errors.New("the broker refused a message")

// group runs functions at once and returns the first error; the context that
// they share ends with it.
type group struct {
	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func newGroup(ctx context.Context) *group {
	ctx, cancel := context.WithCancelCause(ctx)
	return &group{ctx: ctx, cancel: cancel}
}

func (g *group) start(f func(ctx context.Context) error) {
	g.wg.Go(func() {
		if err := f(g.ctx); err != nil {
			g.cancel(err)
		}
	})
}

// wait returns when all functions have, and the first error.
func (g *group) wait() error {
	g.wg.Wait()
	err := context.Cause(g.ctx)
	g.cancel(nil)
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// errDone ends a group whose time is over.
var errDone = errors.New("measured")

// stop ends the group without an error.
func (g *group) stop() { g.cancel(errDone) }

// measure lets the load of a group run for the warm-up, then counts for the
// duration, and stops it.
func (g *group) measure(o Options, count func() int64) (n int64, elapsed time.Duration) {
	defer g.stop()
	if !g.pass(o.Warmup) {
		return 0, 0
	}
	o.processor.start()
	before, start := count(), time.Now()
	g.pass(o.Duration)
	n, elapsed = count()-before, time.Since(start)
	o.processor.stop()
	return n, elapsed
}

// pass waits, and tells whether the whole time passed before the group ended.
func (g *group) pass(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-g.ctx.Done():
		return false
	}
}
