package crash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/test/crash/history"
)

// The queues of the load. Each shows something of its own.
const (
	queueOne     = "crash.one"      // three AMQP publishers, two consumers, some messages held and requeued
	queueOrder   = "crash.order"    // one publisher, one consumer
	queueFanA    = "crash.fan.a"    // a fanout exchange leads to both
	queueFanB    = "crash.fan.b"    //
	queueStomp   = "crash.stomp"    // STOMP only: SEND and ACK with receipts
	queueActive  = "crash.activemq" // the same in ActiveMQ's dialect, whose clients make it
	topicNews    = "crash.news"     // a topic of ActiveMQ's with the durable subscribers A and B, who come late
	subscriberA  = "crash-a"        //
	subscriberB  = "crash-b"        //
	queueSQS     = "crash-sqs"      // SQS only: SendMessage, DeleteMessage
	queueFIFO    = "crash.fifo"     // SQS's FIFO: one publisher, which sends again, one group, one consumer
	queueMixed   = "crash-mixed"    // all three protocols on both sides
	queueTxIn    = "crash.tx.in"    // consumed by transactions,
	queueTxA     = "crash.tx.a"     // which publish a message to each of these
	queueTxB     = "crash.tx.b"     //
	queueDelayed = "crash.later"    // what an exchange has kept for a while
	exchangeFan  = "crash.fan"      //
	exchangeWait = "crash.wait"     // keeps messages for up to longestDelay before queueDelayed gets them
	shareHeld    = 30               // one in so many messages is held until the kill
	shareRequeue = 40               // one in so many is given back once
	pace         = 2 * time.Millisecond
	paceTx       = 12 * time.Millisecond // a transaction waits for two syncs
)

// stored lists all queues that AMQP declares: all but the FIFO queue.
var stored = []string{
	queueOne, queueOrder, queueFanA, queueFanB, queueStomp, queueSQS, queueMixed, queueTxIn, queueTxA, queueTxB, queueDelayed,
}

// longestDelay makes most delayed messages wait while the broker is killed.
const longestDelay = 3 * time.Second

// run is what goes on over one run of the broker: its clients, and the log
// they write. A client ends when its connection does, or when the load stops.
type run struct {
	broker *child
	epoch  int
	log    *history.Log
	ids    *numbers
	// publishing is closed when publishers are to stop.
	publishing chan struct{}
	// draining is set when consumers hold nothing back any more.
	draining atomic.Bool

	wg     sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc
	killed atomic.Bool
	mu     sync.Mutex
	errs   []error
	// seen counts deliveries, so that a drain can tell when there are no more.
	seen   atomic.Int64
	stalls stalls
}

// numbers hands out message and transaction ids that no run uses again, and knows which queues clients have made.
type numbers struct {
	mu      sync.Mutex
	next    map[int]uint64
	earlier map[int]uint64 // next when the present history began
	tx      atomic.Uint64
	queues  map[string]chan struct{} // that clients make, closed when they have
}

// begin begins a history of its own: latest tells of no message of an earlier one.
func (n *numbers) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.earlier = maps.Clone(n.next)
}

// latest are the last messages of a publisher in this history, up to count, in order.
func (n *numbers) latest(publisher, count int) []history.MessageID {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []history.MessageID
	last := n.next[publisher]
	for i := max(n.earlier[publisher], last-min(last, uint64(count))) + 1; i <= last; i++ {
		list = append(list, history.NewMessageID(publisher, i))
	}
	return list
}

func newNumbers() *numbers {
	n := &numbers{next: map[int]uint64{}, queues: map[string]chan struct{}{}}
	for _, q := range []string{queueActive, durableQueue(subscriberA), durableQueue(subscriberB)} {
		n.queues[q] = make(chan struct{})
	}
	return n
}

// make says that a queue is there: what made it was answered.
func (n *numbers) make(queue string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.made(queue) {
		close(n.queues[queue])
	}
}

// made tells whether a queue is there.
func (n *numbers) made(queue string) bool {
	select {
	case <-n.queues[queue]:
		return true
	default:
		return false
	}
}

// waitMade waits until queues are there; false if the context ends before.
func (n *numbers) waitMade(ctx context.Context, queues []string) bool {
	for _, q := range queues {
		select {
		case <-n.queues[q]:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (n *numbers) message(publisher int) history.MessageID {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.next[publisher]++
	return history.NewMessageID(publisher, n.next[publisher])
}

func (n *numbers) transaction() history.TxID { return history.TxID(n.tx.Add(1)) }

// newRun starts nothing yet.
func newRun(ctx context.Context, broker *child, epoch int, log *history.Log, ids *numbers) *run {
	r := &run{broker: broker, epoch: epoch, log: log, ids: ids, publishing: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(ctx)
	r.start("stalls", func() error { return r.stalls.watch(r.ctx, broker.dataDir) })
	return r
}

// start runs a client. Its error counts unless the broker was killed by then:
// a broker that lives must not fail a client.
func (r *run) start(name string, client func() error) {
	r.wg.Go(func() {
		err := client()
		if err == nil || r.killed.Load() || errors.Is(err, context.Canceled) {
			return
		}
		r.mu.Lock()
		r.errs = append(r.errs, fmt.Errorf("%s: %w", name, err))
		r.mu.Unlock()
	})
}

// kill ends the broker, then the clients, and returns when all have ended.
func (r *run) kill() error {
	r.killed.Store(true)
	// On its way into the store an ack changes hands three times: from the
	// socket to the gateway, to the queue's timer, to the store.
	const hands = 3
	r.add(history.Event{Kind: history.Killed, Stall: hands * r.stalls.longest()})
	r.broker.kill()
	return r.stop()
}

// stop ends the clients.
func (r *run) stop() error {
	r.stopPublishing()
	r.cancel()
	r.wg.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Join(r.errs...)
}

func (r *run) stopPublishing() {
	select {
	case <-r.publishing:
	default:
		close(r.publishing)
	}
}

// add records an event of this run.
func (r *run) add(e history.Event) {
	e.Epoch = r.epoch
	r.log.Add(e)
	if e.Kind == history.Delivered {
		r.seen.Add(1)
	}
}

// mayPublish waits for a publisher's next turn, which comes every pace on
// average, and tells whether it may go on.
func (r *run) mayPublish(pace time.Duration) bool {
	t := time.NewTimer(rand.N(2 * pace))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.publishing:
		return false
	case <-r.ctx.Done():
		return false
	}
}

// chance is true once in n times, never while the queues are drained.
func (r *run) chance(n int) bool { return !r.draining.Load() && rand.IntN(n) == 0 }
