// Package lambda serves Lambda's event source mappings: a poller hands batches of an SQS queue, or of a Kinesis stream's
// shards, to a function that runs elsewhere. Nothing else of Lambda is here. Its README says what is what.
package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/invocation"
	"github.com/portico-mq/portico/broker"
)

// Options configure the adapter.
type Options struct {
	// Broker keeps the mappings.
	Broker *broker.Broker
	// SQS is whose queues are polled, as a client would.
	SQS *awsproto.Service
	// Kinesis is whose streams are read, likewise.
	Kinesis *awsproto.Service
	// Functions is where functions are invoked; with none, mappings are refused.
	Functions invocation.Endpoint
	// Home is the region whose default account has the namespace "/".
	Home string
	// Log gets invocations that failed; nil means slog.Default.
	Log *slog.Logger
}

// Adapter runs the mappings. It is safe for concurrent use.
type Adapter struct {
	Options
	client *http.Client

	mu      sync.Mutex                    // of changes, and of running
	running map[string]context.CancelFunc // by the mapping's id; each ends its poller

	ctx  context.Context
	stop context.CancelFunc
	work sync.WaitGroup
}

// New makes the adapter and starts the mappings that there are. Close it before the broker.
func New(o Options) (*Adapter, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	a := &Adapter{Options: o, client: newClient(), running: make(map[string]context.CancelFunc)}
	a.ctx, a.stop = context.WithCancel(context.Background())
	for key, text := range o.Broker.Documents(collection) {
		m := &mapping{}
		if err := json.Unmarshal(text, m); err != nil {
			return nil, fmt.Errorf("the event source mapping %s cannot be read: %w", key.Name, err)
		}
		a.start(m)
	}
	return a, nil
}

// Service is what the adapter puts on an awsproto.Endpoint: pages only, since Lambda speaks REST.
func (a *Adapter) Service() *awsproto.Service {
	return &awsproto.Service{Name: "lambda", Pages: []awsproto.Page{{Prefix: mappingsPath, Handler: http.HandlerFunc(a.serve)}}}
}

// Close stops the pollers. A batch that is with its function is received again after its visibility
// timeout, unless the function answers within the time that a stop may take.
func (a *Adapter) Close() error {
	a.mu.Lock()
	for _, stop := range a.running {
		stop()
	}
	a.mu.Unlock()
	late := time.AfterFunc(closeGrace, a.stop)
	defer late.Stop()
	a.work.Wait()
	a.stop()
	return nil
}

// closeGrace is how long functions get to answer when the adapter is closed.
const closeGrace = 2 * time.Second

// start starts a mapping's poller, in place of the one that it has. The caller holds mu, or is New.
func (a *Adapter) start(m *mapping) {
	a.end(m.UUID)
	if !m.Enabled || a.Functions == "" {
		return
	}
	ctx, stop := context.WithCancel(a.ctx)
	a.running[m.UUID] = stop
	if from, _ := parseSource(m.SourceARN); from.service == serviceKinesis { // it was checked when it was set
		p := &streamPoller{caller{a, m}}
		a.work.Go(func() { p.run(ctx) })
		return
	}
	p := &poller{caller{a, m}}
	a.work.Go(func() { p.run(ctx) })
}

func (a *Adapter) end(uuid string) {
	if stop := a.running[uuid]; stop != nil {
		stop()
	}
	delete(a.running, uuid)
}
