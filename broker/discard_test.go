package broker_test

import (
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// discardQueue makes a queue with one message that was handed out once and whose lease is over.
func discardQueue(t *testing.T) (*broker.Session, broker.Handle) {
	t.Helper()
	store := memory.NewStore()
	b, err := broker.Open(t.Context(), store, broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	if _, err := s.Publish(broker.NewMessage("", "q", nil, []byte("x")), broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	d := getOne(t, s)
	if err := s.Extend(0, d.Lease); err != nil {
		t.Fatal(err)
	}
	return s, d.Lease.Handle()
}

func getOne(t *testing.T, s *broker.Session) broker.Delivery {
	t.Helper()
	got, _, err := s.Get(t.Context(), "q", broker.GetOptions{Lease: time.Minute, Wait: time.Minute})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	return got[0]
}

func discard(t *testing.T, s *broker.Session, h broker.Handle) {
	t.Helper()
	done := make(chan error, 1)
	if err := s.Discard(t.Context(), "q", h, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	info, err := s.Queue(t.Context(), "q")
	if err != nil || info.Ready != 0 || info.Unacked != 0 {
		t.Errorf("left: %+v %v", info, err)
	}
}

func TestDiscardOfAMessageThatCameBack(t *testing.T) {
	s, h := discardQueue(t)
	discard(t, s, h)
	discard(t, s, h) // it is settled: no error
}

func TestDiscardOfAMessageThatWasHandedOutAgain(t *testing.T) {
	s, h := discardQueue(t)
	again := getOne(t, s)
	discard(t, s, h)
	if err := s.Settle(broker.Ack, nil, again.Lease); !broker.IsKind(err, broker.KindStaleLease) {
		t.Errorf("the newer lease: %v", err)
	}
}

func TestDiscardByAHandleThatSaysNothing(t *testing.T) {
	s, h := discardQueue(t)
	for _, wrong := range []broker.Handle{
		{QueueID: "other", Epoch: h.Epoch, Sequence: h.Sequence},
		{QueueID: h.QueueID, Epoch: h.Epoch - 2, Sequence: h.Sequence},
		{QueueID: h.QueueID, Epoch: h.Epoch, Sequence: h.Sequence + 1},
	} {
		if err := s.Discard(t.Context(), "q", wrong, nil); !broker.IsKind(err, broker.KindStaleLease) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if info, err := s.Queue(t.Context(), "q"); err != nil || info.Ready != 1 {
		t.Errorf("left: %+v %v", info, err)
	}
}

// TestDiscardAfterARestart settles, by handles of the run before, a message that has not been read back, one that is
// ready and one that was handed out again; one of the run before that is not.
func TestDiscardAfterARestart(t *testing.T) {
	store := memory.NewStore()
	var handles []broker.Handle
	run := func(use func(s *broker.Session)) {
		b, err := broker.Open(t.Context(), store, broker.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s, err := b.OpenSession(t.Context(), b.Root(), "/")
		if err != nil {
			t.Fatal(err)
		}
		use(s)
		s.Close()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	run(func(s *broker.Session) {
		if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
			t.Fatal(err)
		}
		for range 4 {
			done := make(chan error, 1)
			if _, err := s.Publish(broker.NewMessage("", "q", nil, []byte("x")), broker.CompletionFunc(func(err error) { done <- err })); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			handles = append(handles, getOne(t, s).Lease.Handle())
		}
	})
	ready := func(s *broker.Session) int {
		info, err := s.Queue(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		return info.Ready + info.Unacked
	}
	settle := func(s *broker.Session, h broker.Handle) {
		t.Helper()
		done := make(chan error, 1)
		if err := s.Discard(t.Context(), "q", h, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	run(func(s *broker.Session) {
		settle(s, handles[2]) // perhaps before it is read back
		settle(s, handles[2])
		again := getOne(t, s)
		if again.Sequence != handles[0].Sequence {
			t.Fatalf("first comes %d", again.Sequence)
		}
		settle(s, handles[0])
		if err := s.Settle(broker.Ack, nil, again.Lease); !broker.IsKind(err, broker.KindStaleLease) {
			t.Errorf("the newer lease: %v", err)
		}
		settle(s, handles[1]) // it is ready
		if n := ready(s); n != 1 {
			t.Errorf("%d messages left", n)
		}
		if _, err := s.FindLease("q", handles[3]); !broker.IsKind(err, broker.KindStaleLease) {
			t.Errorf("a lease of the run before: %v", err)
		}
	})
	run(func(s *broker.Session) {
		if n := ready(s); n != 1 {
			t.Errorf("%d messages came back", n)
		}
		if err := s.Discard(t.Context(), "q", handles[3], nil); !broker.IsKind(err, broker.KindStaleLease) {
			t.Errorf("a handle of two runs before: %v", err)
		}
		if d := getOne(t, s); d.Sequence != handles[3].Sequence {
			t.Errorf("left is %d", d.Sequence)
		}
	})
}

func TestDiscardLeased(t *testing.T) {
	s, _ := discardQueue(t)
	leased := getOne(t, s)
	if n, err := s.DiscardLeased(t.Context(), "q"); n != 1 || err != nil {
		t.Errorf("%d discarded, %v", n, err)
	}
	if err := s.Settle(broker.Ack, nil, leased.Lease); !broker.IsKind(err, broker.KindStaleLease) {
		t.Errorf("the lease: %v", err)
	}
	if info, err := s.Queue(t.Context(), "q"); err != nil || info.Ready != 0 || info.Unacked != 0 {
		t.Errorf("left: %+v %v", info, err)
	}
}
