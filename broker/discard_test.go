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
	if err := s.Discard("q", h, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
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
		{QueueID: h.QueueID, Epoch: h.Epoch - 1, Sequence: h.Sequence},
		{QueueID: h.QueueID, Epoch: h.Epoch, Sequence: h.Sequence + 1},
	} {
		if err := s.Discard("q", wrong, nil); !broker.IsKind(err, broker.KindStaleLease) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
	if info, err := s.Queue(t.Context(), "q"); err != nil || info.Ready != 1 {
		t.Errorf("left: %+v %v", info, err)
	}
}
