package jetstream_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/storetest"
)

// reader takes the deliveries of a stream, and notes how many syncs had ended when each came.
type reader struct {
	ended *atomic.Int64
	got   chan int64
}

func (r *reader) Deliver(*broker.Consumer, broker.Delivery) bool {
	r.got <- r.ended.Load()
	return true
}

func (r *reader) Cancelled(*broker.Consumer) {}

// A reader keeps offsets, so it gets only what a power cut cannot take back any more.
func TestStreamHandsOutWhatIsSynced(t *testing.T) {
	var begun, ended atomic.Int64
	store, err := jetstream.Open(t.Context(), jetstream.Options{
		Dir: t.TempDir(), Logger: quiet(),
		Sync: func() error {
			begun.Add(1)
			ended.Store(begun.Load())
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Open(t.Context(), store, storetest.Options())
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "s", Durable: true, Stream: true}); err != nil {
		t.Fatal(err)
	}
	r := &reader{ended: &ended, got: make(chan int64, 100)}
	c, err := s.Consume(t.Context(), "s", r, broker.ConsumeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.Resume()
	for i := range 50 {
		before := begun.Load() // a sync that begins after this covers it, if it is stored by then
		if _, err := s.Publish(broker.NewMessage("", "s", nil, fmt.Append(nil, i)), nil); err != nil {
			t.Fatal(err)
		}
		if at := <-r.got; at <= before {
			t.Fatalf("message %d came after %d syncs, and %d had begun before it was published", i, at, before)
		}
	}
	s.Close()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}
