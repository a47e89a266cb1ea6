package broker_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// pausingStore is a store whose reads of queues' logs wait after the first message.
type pausingStore struct {
	*memory.Store
	paused chan struct{} // has one value when a read waits
	goOn   chan struct{} // closed: none waits any more
}

func newPausingStore(store *memory.Store) *pausingStore {
	return &pausingStore{store, make(chan struct{}, 1), make(chan struct{})}
}

func (s *pausingStore) OpenQueueLog(ctx context.Context, id string) (broker.QueueLog, broker.Recovered, error) {
	log, found, err := s.Store.OpenQueueLog(ctx, id)
	return pausingLog{log, s}, found, err
}

type pausingLog struct {
	broker.QueueLog
	store *pausingStore
}

func (l pausingLog) Read(from uint64, maxMessages, maxBytes int, emit func(uint64, []byte), end func(error)) {
	first := true
	l.QueueLog.Read(from, maxMessages, maxBytes, func(seq uint64, payload []byte) {
		emit(seq, payload)
		if first {
			select {
			case l.store.paused <- struct{}{}:
			case <-l.store.goOn:
			}
			<-l.store.goOn
		}
		first = false
	}, end)
}

// restarts is a broker that is opened again and again over what it stored.
type restarts struct {
	*testing.T
	kept   *memory.Store
	window int64 // of all queues, in bytes; 0: the usual one
	b      *broker.Broker
	s      *broker.Session
}

func (r *restarts) start(store broker.Store) {
	r.Helper()
	b, err := broker.Open(r.Context(), store, broker.Options{WindowBytes: r.window})
	if err != nil {
		r.Fatal(err)
	}
	if r.s, err = b.OpenSession(r.Context(), b.Root(), "/"); err != nil {
		r.Fatal(err)
	}
	r.b = b
}

func (r *restarts) stop() {
	r.Helper()
	r.s.Close()
	if err := r.b.Close(); err != nil {
		r.Fatal(err)
	}
}

func (r *restarts) publish(body string) {
	r.Helper()
	done := make(chan error, 1)
	_, err := r.s.Publish(broker.NewMessage("", "q", nil, []byte(body)), broker.CompletionFunc(func(err error) { done <- err }))
	if err == nil {
		err = <-done
	}
	if err != nil {
		r.Fatal(err)
	}
}

// publishWhileReading starts the broker again, which must find so many messages, and publishes when it has read the first.
func (r *restarts) publishWhileReading(found int, body string) {
	r.Helper()
	store := newPausingStore(r.kept)
	r.start(store)
	if info, err := r.s.Queue(r.Context(), "q"); err != nil || info.Ready != found {
		r.Fatalf("%d messages, %v; want %d", info.Ready, err, found)
	}
	<-store.paused
	r.publish(body)
	close(store.goOn)
}

// sequences tells where each message stands.
func (r *restarts) sequences() map[string]uint64 {
	r.Helper()
	at := map[string]uint64{}
	err := r.s.Browse(r.Context(), "q", nil, func(seq uint64, m *broker.Message) bool {
		at[string(m.Body())] = seq
		return true
	})
	if err != nil {
		r.Fatal(err)
	}
	return at
}

// touch takes the first message and gives it back, which a state tells of.
func (r *restarts) touch() {
	r.Helper()
	got, _, err := r.s.Get(r.Context(), "q", broker.GetOptions{})
	if err == nil && len(got) == 1 {
		done := make(chan error, 1)
		if err = r.s.Settle(broker.Release, broker.CompletionFunc(func(err error) { done <- err }), got[0].Lease); err == nil {
			err = <-done
		}
	}
	if err != nil || len(got) != 1 {
		r.Fatalf("%d messages, %v", len(got), err)
	}
}

func (r *restarts) journal(queueID string, settled ...uint64) {
	r.Helper()
	done := make(chan error, 1)
	r.kept.Journal().Append(broker.EncodeTransaction(queueID, settled...), storedFunc(func(_ uint64, err error) { done <- err }))
	if err := <-done; err != nil {
		r.Fatal(err)
	}
}

type storedFunc func(uint64, error)

func (f storedFunc) Stored(seq uint64, err error) { f(seq, err) }

func (r *restarts) expect(bodies ...string) {
	r.Helper()
	for _, want := range bodies {
		got, left, err := r.s.Get(r.Context(), "q", broker.GetOptions{AutoAck: true})
		if err != nil || len(got) != 1 || string(got[0].Message.Body()) != want {
			r.Fatalf("got %d messages (%d left), %v; want %s", len(got), left, err, want)
		}
	}
	if info, err := r.s.Queue(r.Context(), "q"); err != nil || info.Ready != 0 {
		r.Errorf("%d messages left, %v", info.Ready, err)
	}
}

// TestSettledWhileReading settles a message by a transaction that a kill left in the journal, and publishes others while
// the one before it is being read: once so that the new one stands behind the settled one, and once more behind that.
func TestSettledWhileReading(t *testing.T) {
	for _, told := range []bool{false, true} {
		t.Run(fmt.Sprintf("told=%t", told), func(t *testing.T) { settledWhileReading(t, told) })
	}
}

// settledWhileReading has a state that tells of the first two messages, or none.
func settledWhileReading(t *testing.T, told bool) {
	r := &restarts{T: t, kept: memory.NewStore()}
	r.start(r.kept)
	q, _, err := r.s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	r.publish("first")
	r.publish("settled")
	at := r.sequences()
	if told {
		r.touch()
	}
	r.stop()
	r.journal(q.ID, at["settled"])
	r.publishWhileReading(1, "second")
	r.touch()
	r.stop()
	r.publishWhileReading(2, "third")
	r.expect("first", "second", "third")
	r.stop()
}

// TestSettledAndNotThere begins with a transaction in the journal that settles a message which the log does not hold: it
// was handed out before it was stored, and a kill came between.
func TestSettledAndNotThere(t *testing.T) {
	r := &restarts{T: t, kept: memory.NewStore()}
	r.start(r.kept)
	q, _, err := r.s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		r.publish(fmt.Sprint(i))
	}
	at := r.sequences()
	r.touch()
	r.stop()
	r.journal(q.ID, at["2"]+1, at["2"]+broker.SequenceStep)
	r.publishWhileReading(3, "3")
	r.stop()
	r.publishWhileReading(4, "4")
	r.expect("0", "1", "2", "3", "4")
	r.stop()
}

// lateStore is a store that answers appends late: while the second read of a queue's log is under way, between the second
// message and the third one that it hands out. The first read hands out two, and ends when all is appended.
type lateStore struct {
	*memory.Store
	appended chan struct{}

	mu      sync.Mutex
	reads   int
	answers []func()
}

func (s *lateStore) OpenQueueLog(ctx context.Context, id string) (broker.QueueLog, broker.Recovered, error) {
	log, found, err := s.Store.OpenQueueLog(ctx, id)
	return lateLog{log, s}, found, err
}

type lateLog struct {
	broker.QueueLog
	store *lateStore
}

func (l lateLog) Append(payload []byte, stored broker.Stored) uint64 {
	l.QueueLog.Append(payload, storedFunc(func(seq uint64, err error) {
		l.store.mu.Lock()
		defer l.store.mu.Unlock()
		l.store.answers = append(l.store.answers, func() { stored.Stored(seq, err) })
	}))
	return 0
}

func (l lateLog) Read(from uint64, maxMessages, maxBytes int, emit func(uint64, []byte), end func(error)) {
	l.store.mu.Lock()
	l.store.reads++
	read := l.store.reads
	l.store.mu.Unlock()
	if read == 1 {
		l.QueueLog.Read(from, 2, maxBytes, emit, func(err error) {
			<-l.store.appended
			end(err)
		})
		return
	}
	n := 0
	l.QueueLog.Read(from, maxMessages, maxBytes, func(seq uint64, payload []byte) {
		emit(seq, payload)
		if n++; n == 2 {
			l.store.answer()
		}
	}, end)
}

func (s *lateStore) answer() {
	s.mu.Lock()
	answers := s.answers
	s.answers = nil
	s.mu.Unlock()
	for _, answer := range answers {
		answer()
	}
}

// TestReadBeforeItsAnswer has a full window read on to messages whose appends are answered only then.
func TestReadBeforeItsAnswer(t *testing.T) {
	const window = 128 << 10
	r := &restarts{T: t, kept: memory.NewStore(), window: window}
	r.start(r.kept)
	if _, _, err := r.s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		t.Fatal(err)
	}
	body := func(i int) string { return strings.Repeat(fmt.Sprint(i), 2*window/5) }
	for i := range 3 { // the third one fills the window
		r.publish(body(i))
	}
	r.stop()
	store := &lateStore{Store: r.kept, appended: make(chan struct{})}
	r.start(store)
	for i := 3; i < 5; i++ {
		if _, err := r.s.Publish(broker.NewMessage("", "q", nil, []byte(body(i))), nil); err != nil {
			t.Fatal(err)
		}
	}
	close(store.appended)
	for i := range 5 {
		got, _, err := r.s.Get(t.Context(), "q", broker.GetOptions{AutoAck: true, Wait: 10 * time.Second})
		if err != nil || len(got) != 1 || string(got[0].Message.Body()) != body(i) {
			t.Fatalf("%d messages, %v; want the one of %d", len(got), err, i)
		}
	}
	store.answer()
	r.stop()
}
