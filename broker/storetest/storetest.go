// Package storetest is the contract of a broker over a store, run over every store there is.
package storetest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
)

// OpenStore opens the store under test; calling it again after Close reopens what the first left.
type OpenStore func(t *testing.T) broker.Store

// testDeadBytes makes queues move unsettled messages early.
const testDeadBytes = 2 << 20

// Options is how the tests open a broker.
func Options() broker.Options {
	return broker.Options{
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		SystemExchanges: []broker.ExchangeSpec{
			{Name: "amq.topic", Kind: broker.Topic, Durable: true},
			{Name: "amq.fanout", Kind: broker.Fanout, Durable: true},
			{Name: "amq.direct", Kind: broker.Direct, Durable: true},
			{Name: "amq.headers", Kind: broker.Headers, Durable: true},
		},
		ReservedPrefix: "amq.",
		DeadBytes:      testDeadBytes,
		NamespaceOwner: "u",
		Delay:          delayOf,
		MarkDelayed:    withoutDelay,
	}
}

// Run runs the contract. newStore is called once a test and gives a function that opens that test's store.
func Run(t *testing.T, newStore func(t *testing.T) OpenStore) {
	cases := map[string]func(*fixture){
		"publish then consume in order":                 consumeInOrder,
		"what was published before counts at once":      arrivals,
		"requeue goes back to its position":             requeuePosition,
		"leases end at their deadline":                  leaseDeadline,
		"get waits for a message":                       getWaits,
		"restart brings back exactly what is unsettled": restartUnsettled,
		"restart brings back the topology":              restartTopology,
		"restart brings back rights":                    restartRights,
		"restart brings back documents":                 restartDocuments,
		"a deleted namespace leaves nothing":            deletedNamespace,
		"a window smaller than the backlog":             largeBacklog,
		"prefetch bounds what is out":                   prefetch,
		"transaction over several queues":               transaction,
		"transaction of many messages":                  largeTransaction,
		"the largest messages and transactions":         largestMessages,
		"transactions one after the other":              transactionsInOrder,
		"memory queues":                                 memoryQueues,
		"purge":                                         purge,
		"delete":                                        deleteQueue,
		"logs":                                          recordLogs,
		"ordered groups":                                orderedGroups,
		"fair groups":                                   fairGroups,
		"a consumer of ordered groups":                  orderedConsumer,
		"deduplication":                                 deduplicated,
		"names that are forgotten":                      forgottenNames,
		"messages that are not due":                     dueMessages,
		"many messages that are not due":                manyDelayed,
		"messages that are not due are discarded":       discardedDelayed,
		"a large backlog of a locked group":             lockedBacklog,
		"retention":                                     retention,
		"filters of consumers":                          filters,
		"filters find what lies deep":                   deepFilters,
		"groups kept at consumers":                      keptGroups,
		"exclusive among consumers":                     soleConsumer,
		"browsing":                                      browsing,
		"priorities and bytes over a restart":           rankedAndBounded,
		"priorities far beyond the window":              rankedBacklog,
		"priorities in random operations":               rankedModel,
		"low priorities below much that is settled":     rankedFloor,
		"streams are read from where a consumer wants":  streamPositions,
		"streams over a restart":                        streamRestart,
		"readers of a stream's backlog":                 streamBacklog,
		"segments of a stream":                          streamSegments,
		"policies of a stream":                          streamPolicies,
		"age of a stream":                               streamAge,
		"a transaction into a stream":                   streamTransaction,
		"a declare that a power cut left half done":     halfDeclared,
		"unsettled message below much that is settled":  stuckFloor,
	}
	maps.Copy(cases, delayedCases)
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			f := &fixture{T: t, open: newStore(t)}
			f.start()
			defer f.stop()
			test(f)
		})
	}
}

// fixture is a broker over the store under test, with a session.
type fixture struct {
	*testing.T
	open    OpenStore
	window  int64 // of all queues, in bytes; 0: the usual one
	largest int   // message, in bytes; 0: the usual one
	store   broker.Store
	b       *broker.Broker
	s       *broker.Session
}

func (f *fixture) start() {
	f.Helper()
	f.store = f.open(f.T)
	opts := Options()
	opts.WindowBytes, opts.MaxMessageSize = f.window, f.largest
	b, err := broker.Open(f.Context(), f.store, opts)
	if err != nil {
		f.Fatal(err)
	}
	f.b = b
	f.s = f.session()
}

func (f *fixture) session() *broker.Session {
	f.Helper()
	s, err := f.b.OpenSession(f.Context(), f.b.Root(), "/")
	if err != nil {
		f.Fatal(err)
	}
	return s
}

func (f *fixture) stop() {
	f.Helper()
	f.s.Close()
	if err := f.b.Close(); err != nil {
		f.Error(err)
	}
	if err := f.store.Close(); err != nil {
		f.Error(err)
	}
}

func (f *fixture) restart() {
	f.Helper()
	f.stop()
	f.start()
}

func (f *fixture) declare(name string) {
	f.Helper()
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: name, Durable: true}); err != nil {
		f.Fatal(err)
	}
}

// ctx ends well before the test's own deadline would.
func (f *fixture) ctx() context.Context {
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	f.Cleanup(cancel)
	return ctx
}

// waiter is a Completion to wait for.
type waiter chan error

func (w waiter) Done(err error) { w <- err }

func (f *fixture) wait(w waiter) {
	f.Helper()
	select {
	case err := <-w:
		if err != nil {
			f.Fatal(err)
		}
	case <-time.After(time.Minute):
		f.Fatal("not completed")
	}
}

// publish publishes bodies first to last-1 to a queue and waits for all.
func (f *fixture) publish(queue string, first, last int) {
	f.Helper()
	done := make(waiter, last-first)
	for i := first; i < last; i++ {
		n, err := f.s.Publish(broker.NewMessage("", queue, nil, fmt.Append(nil, i)), done)
		if err != nil || n != 1 {
			f.Fatalf("publish: %d queues, %v", n, err)
		}
	}
	for i := first; i < last; i++ {
		f.wait(done)
	}
}

func (f *fixture) get(queue string, opts broker.GetOptions) []broker.Delivery {
	f.Helper()
	got, _, err := f.s.Get(f.ctx(), queue, opts)
	if err != nil {
		f.Fatal(err)
	}
	return got
}

// expect gets one message after the other and compares.
func (f *fixture) expect(queue string, redelivered bool, bodies ...int) []broker.Delivery {
	f.Helper()
	var all []broker.Delivery
	for _, want := range bodies {
		got := f.get(queue, broker.GetOptions{})
		if len(got) != 1 {
			f.Fatalf("no message, want %d", want)
		}
		if body := string(got[0].Message.Body()); body != fmt.Sprint(want) || got[0].Redelivered != redelivered {
			f.Fatalf("got %s (redelivered %v), want %d (%v)", body, got[0].Redelivered, want, redelivered)
		}
		all = append(all, got...)
	}
	return all
}

func (f *fixture) expectEmpty(queue string) {
	f.Helper()
	if got := f.get(queue, broker.GetOptions{}); len(got) != 0 {
		f.Fatalf("got %q, want nothing", got[0].Message.Body())
	}
}

func (f *fixture) settle(o broker.Outcome, ds ...broker.Delivery) {
	f.Helper()
	done := make(waiter, 1)
	if err := f.s.Settle(o, done, leases(ds)...); err != nil {
		f.Fatal(err)
	}
	f.wait(done)
}

func leases(ds []broker.Delivery) []broker.Lease {
	all := make([]broker.Lease, len(ds))
	for i, d := range ds {
		all[i] = d.Lease
	}
	return all
}

func (f *fixture) counts(queue string, ready, unacked int) {
	f.Helper()
	info := f.info(queue)
	if info.Ready != ready || info.Unacked != unacked {
		f.Fatalf("%d ready and %d unacknowledged, want %d and %d", info.Ready, info.Unacked, ready, unacked)
	}
}

func (f *fixture) info(queue string) broker.QueueInfo {
	f.Helper()
	info, err := f.s.Queue(f.ctx(), queue)
	if err != nil {
		f.Fatal(err)
	}
	return info
}

// receiver is a consumer's end that passes deliveries on.
type receiver struct {
	got       chan broker.Delivery
	cancelled chan struct{}
}

func newReceiver() *receiver {
	return &receiver{got: make(chan broker.Delivery, 100_000), cancelled: make(chan struct{})}
}

func (r *receiver) Deliver(_ *broker.Consumer, d broker.Delivery) bool {
	select {
	case r.got <- d:
		return true
	default:
		return false
	}
}

func (r *receiver) Cancelled(*broker.Consumer) { close(r.cancelled) }

func (f *fixture) consume(queue string, opts broker.ConsumeOptions) (*broker.Consumer, *receiver) {
	f.Helper()
	r := newReceiver()
	return f.consumeTo(queue, r, opts), r
}

func (f *fixture) consumeTo(queue string, r *receiver, opts broker.ConsumeOptions) *broker.Consumer {
	f.Helper()
	c, err := f.s.Consume(f.ctx(), queue, r, opts)
	if err != nil {
		f.Fatal(err)
	}
	c.Resume()
	return c
}

func (f *fixture) next(r *receiver) broker.Delivery {
	f.Helper()
	select {
	case d := <-r.got:
		return d
	case <-time.After(time.Minute):
		f.Fatal("nothing delivered")
	}
	return broker.Delivery{}
}

func upTo(first, last int) []int {
	all := make([]int, 0, last-first)
	for i := first; i < last; i++ {
		all = append(all, i)
	}
	return all
}
