package broker_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/property"
)

// tryPublish publishes to a queue and returns what became of it.
func tryPublish(t *testing.T, s *broker.Session, queue, body string) error {
	t.Helper()
	done := make(chan error, 1)
	if _, err := s.Publish(broker.NewMessage("", queue, nil, []byte(body)), broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		t.Fatal(err)
	}
	return <-done
}

func TestFullQueueRefusesWhatIsNew(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		limits := toDead
		limits.HasMaxLength, limits.MaxLength, limits.Overflow = true, 2, broker.RejectNew
		s := limited(t, durable, limits)
		publishTo(t, s, "q", "1")
		publishTo(t, s, "q", "2")
		if err := tryPublish(t, s, "q", "3"); !broker.IsKind(err, broker.KindFull) {
			t.Errorf("a third message: %v", err)
		}
		if d := take(t, s, "q"); string(d.Message.Body()) != "1" {
			t.Errorf("got %q", d.Message.Body())
		}
		publishTo(t, s, "q", "4")
		tx := s.Begin()
		if _, err := tx.Publish(broker.NewMessage("", "q", nil, []byte("5"))); err != nil {
			t.Fatal(err)
		}
		if err := tx.Commit(nil); !broker.IsKind(err, broker.KindFull) {
			t.Errorf("a transaction: %v", err)
		}
		synctest.Wait()
		if n := readyIn(t, s, "dead"); n != 0 {
			t.Errorf("%d dead letters", n)
		}
	})
}

func TestRefusedMessagesAreDeadLettered(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		limits := toDead
		limits.HasMaxLength, limits.MaxLength, limits.Overflow = true, 1, broker.RejectNewDeadLetter
		s := limited(t, durable, limits)
		publishTo(t, s, "q", "1")
		if err := tryPublish(t, s, "q", "2"); !broker.IsKind(err, broker.KindFull) {
			t.Errorf("a second message: %v", err)
		}
		if d := take(t, s, "dead"); string(d.Message.Body()) != "2" {
			t.Errorf("dead letter is %q", d.Message.Body())
		}
		if n := readyIn(t, s, "q"); n != 1 {
			t.Errorf("%d ready", n)
		}
	})
}

func TestBytesAreBounded(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		limits := toDead
		limits.HasMaxBytes, limits.MaxBytes = true, 10
		s := limited(t, durable, limits)
		for _, body := range []string{"aaaa", "bbbb", "cc", "dd"} {
			publishTo(t, s, "q", body)
		}
		if d := take(t, s, "dead"); string(d.Message.Body()) != "aaaa" {
			t.Errorf("dead letter is %q", d.Message.Body())
		}
		info, err := s.Queue(t.Context(), "q")
		if err != nil || info.Ready != 3 || info.ReadyBytes != 8 {
			t.Errorf("%d messages of %d bytes, %v", info.Ready, info.ReadyBytes, err)
		}
		// A message larger than the bound empties the queue.
		publishTo(t, s, "q", strings.Repeat("x", 11))
		synctest.Wait()
		if n := readyIn(t, s, "q"); n != 0 {
			t.Errorf("%d ready", n)
		}
	})
}

func TestMessageThatComesBackTooOftenDies(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		limits := toDead
		limits.HasDeliveryLimit, limits.DeliveryLimit = true, 2
		s := limited(t, durable, limits)
		publishTo(t, s, "q", "poison")
		for i := range 3 {
			d := take(t, s, "q")
			if d.Count != uint32(i) {
				t.Errorf("delivery %d came back %d times", i, d.Count)
			}
			if err := s.Settle(broker.Requeue, nil, d.Lease); err != nil {
				t.Fatal(err)
			}
		}
		if d := take(t, s, "dead"); string(d.Message.Body()) != "poison" {
			t.Errorf("dead letter is %q", d.Message.Body())
		}
		if n := readyIn(t, s, "q"); n != 0 {
			t.Errorf("%d ready", n)
		}
	})
}

func TestDeadLetterIsKeptUntilItReachesAQueue(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		s := limited(t, durable, broker.QueueLimits{
			HasDeadLetter: true, DeadLetter: "late", Overflow: broker.RejectNew, KeepUndelivered: true,
		})
		publishTo(t, s, "q", "kept")
		if err := s.Settle(broker.Reject, nil, take(t, s, "q").Lease); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		if _, _, err := s.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: "late", Kind: broker.Fanout}); err != nil {
			t.Fatal(err)
		}
		if err := s.Bind(t.Context(), broker.Binding{Source: "late", Destination: "dead", Kind: broker.ToQueue}); err != nil {
			t.Fatal(err)
		}
		if d := take(t, s, "dead"); string(d.Message.Body()) != "kept" {
			t.Errorf("dead letter is %q", d.Message.Body())
		}
	})
}

// prioritized opens a broker over a store with a queue of priorities up to 5.
func prioritized(t *testing.T, store *memory.Store, durable bool) (*broker.Broker, *broker.Session) {
	t.Helper()
	b, err := broker.Open(t.Context(), store, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: durable, Priorities: 5}); err != nil {
		t.Fatal(err)
	}
	return b, s
}

func publishRanked(t *testing.T, s *broker.Session, priority uint8, body string) {
	t.Helper()
	set := property.Set{Priority: priority}
	block, err := set.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	if _, err := s.Publish(broker.NewMessage("", "q", block, []byte(body)), broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestHighestPriorityGoesOutFirst(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		store := memory.NewStore()
		b, s := prioritized(t, store, durable)
		for i, priority := range []uint8{0, 3, 200, 3, 5, 1} { // what is above the highest counts as that
			publishRanked(t, s, priority, fmt.Sprint(i))
		}
		d := take(t, s, "q")
		if string(d.Message.Body()) != "2" {
			t.Fatalf("first is %q", d.Message.Body())
		}
		publishRanked(t, s, 5, "6")
		if err := s.Settle(broker.Requeue, nil, d.Lease); err != nil { // back before those that came later
			t.Fatal(err)
		}
		if durable { // the order outlives a restart
			s.Close()
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b, s = prioritized(t, store, durable)
		}
		for i, want := range []string{"2", "4", "6", "1", "3", "5", "0"} {
			if d := take(t, s, "q"); string(d.Message.Body()) != want {
				t.Errorf("message %d is %q, want %q", i, d.Message.Body(), want)
			}
		}
		s.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
}

// boundedIn opens a broker over a store with a queue of at most 100 bytes.
func boundedIn(t *testing.T, store *memory.Store) (*broker.Broker, *broker.Session, func()) {
	t.Helper()
	b, err := broker.Open(t.Context(), store, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	spec := broker.QueueSpec{Name: "q", Durable: true, Limits: &broker.QueueLimits{HasMaxBytes: true, MaxBytes: 100}}
	if _, _, err := s.DeclareQueue(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	return b, s, func() {
		s.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestBytesCountOverARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		_, s, end := boundedIn(t, store)
		for range 9 {
			publishTo(t, s, "q", "0123456789")
		}
		if err := s.Settle(broker.Ack, nil, take(t, s, "q").Lease); err != nil {
			t.Fatal(err)
		}
		end()
		_, s, end = boundedIn(t, store)
		defer end()
		info, err := s.Queue(t.Context(), "q")
		if err != nil || info.Ready != 8 || info.ReadyBytes != 80 {
			t.Errorf("%d messages of %d bytes, %v", info.Ready, info.ReadyBytes, err)
		}
		for range 5 {
			publishTo(t, s, "q", "0123456789")
		}
		synctest.Wait()
		if info, err := s.Queue(t.Context(), "q"); err != nil || info.Ready != 10 || info.ReadyBytes != 100 {
			t.Errorf("%d messages of %d bytes, %v", info.Ready, info.ReadyBytes, err)
		}
	})
}

func TestPoliciesBoundQueuesInUse(t *testing.T) {
	inBothKinds(t, func(t *testing.T, durable bool) {
		b, s, end := boundedIn(t, memory.NewStore())
		defer end()
		if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "p", Durable: durable}); err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"1", "2", "3"} {
			publishTo(t, s, "p", body)
		}
		policy := broker.Policy{Namespace: "/", Name: "p", Pattern: "^p$", ApplyTo: broker.PolicyForQueues}
		put := func(l broker.QueueLimits) {
			t.Helper()
			policy.Limits = l
			if _, err := b.PutPolicy(policy); err != nil {
				t.Fatal(err)
			}
		}
		put(broker.QueueLimits{HasMaxBytes: true, MaxBytes: 2})
		synctest.Wait()
		if n := readyIn(t, s, "p"); n != 2 {
			t.Errorf("%d ready with 2 bytes", n)
		}
		put(broker.QueueLimits{HasMaxLength: true, MaxLength: 1, Overflow: broker.RejectNew}) // drops nothing
		if n := readyIn(t, s, "p"); n != 2 {
			t.Errorf("%d ready when new ones are refused", n)
		}
		if err := tryPublish(t, s, "p", "4"); !broker.IsKind(err, broker.KindFull) {
			t.Errorf("published: %v", err)
		}
		if err := b.ClearPolicy("/", "p", false); err != nil {
			t.Fatal(err)
		}
		publishTo(t, s, "p", "5")
		put(broker.QueueLimits{HasDeliveryLimit: true, DeliveryLimit: 0})
		for range 3 {
			if err := s.Settle(broker.Requeue, nil, take(t, s, "p").Lease); err != nil {
				t.Fatal(err)
			}
		}
		if n := readyIn(t, s, "p"); n != 0 {
			t.Errorf("%d ready after they came back", n)
		}
	})
}

func TestPolicySetsTheAlternateExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		b, s, end := boundedIn(t, store)
		for _, name := range []string{"x", "rest"} {
			if _, _, err := s.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: name, Kind: broker.Fanout, Durable: true}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Bind(t.Context(), broker.Binding{Source: "rest", Destination: "q", Kind: broker.ToQueue}); err != nil {
			t.Fatal(err)
		}
		reaches := func() int {
			t.Helper()
			n, err := s.Publish(broker.NewMessage("x", "", nil, nil), nil)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := reaches(); n != 0 {
			t.Errorf("%d queues without a policy", n)
		}
		if _, err := b.PutPolicy(broker.Policy{
			Namespace: "/", Name: "p", Pattern: "^x$", ApplyTo: broker.PolicyForExchanges, Alternate: "rest",
		}); err != nil {
			t.Fatal(err)
		}
		if n := reaches(); n != 1 {
			t.Errorf("%d queues with it", n)
		}
		end()
		_, s, end = boundedIn(t, store)
		defer end()
		if n := reaches(); n != 1 {
			t.Errorf("%d queues after a restart", n)
		}
	})
}
