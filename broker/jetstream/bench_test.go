package jetstream_test

import (
	"bytes"
	"sync/atomic"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/storetest"
)

// window lets a bounded number of publishes be unconfirmed.
type window struct {
	room chan struct{}
	left atomic.Int64
	done chan struct{}
}

func (w *window) Done(error) {
	<-w.room
	if w.left.Add(-1) == 0 {
		close(w.done)
	}
}

// BenchmarkPublish is the raw core: one queue, 1 KiB messages, confirmed after a sync.
func BenchmarkPublish(b *testing.B) {
	for _, bench := range []struct {
		name     string
		inFlight int
	}{{"100 in flight", 100}, {"1000 in flight", 1000}, {"4000 in flight", 4000}} {
		b.Run(bench.name, func(b *testing.B) { publishBench(b, bench.inFlight) })
	}
}

func publishBench(b *testing.B, inFlight int) {
	store, err := jetstream.Open(b.Context(), jetstream.Options{Dir: b.TempDir(), Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	br, err := broker.Open(b.Context(), store, storetest.Options())
	if err != nil {
		b.Fatal(err)
	}
	s, err := br.OpenSession(b.Context(), br.Root(), "/")
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := s.DeclareQueue(b.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		b.Fatal(err)
	}
	body := bytes.Repeat([]byte("x"), 1024)
	w := &window{room: make(chan struct{}, inFlight), done: make(chan struct{})}
	w.left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		w.room <- struct{}{}
		if _, err := s.Publish(broker.NewMessage("", "q", nil, body), w); err != nil {
			b.Fatal(err)
		}
	}
	<-w.done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	b.StopTimer()
	s.Close()
	_ = br.Close()
	_ = store.Close()
}
