package broker_test

import (
	"fmt"
	"io"
	"log/slog"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/storetest"
)

// openOnDisk opens a broker over a store on disk, and a session.
func openOnDisk(tb testing.TB) *broker.Session {
	tb.Helper()
	store, err := jetstream.Open(tb.Context(), jetstream.Options{
		Dir: tb.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		tb.Fatal(err)
	}
	b, err := broker.Open(tb.Context(), store, storetest.Options())
	if err != nil {
		tb.Fatal(err)
	}
	s, err := b.OpenSession(tb.Context(), b.Root(), "/")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		s.Close()
		_ = b.Close()
		_ = store.Close()
	})
	return s
}

// transient declares, binds, and deletes again, a queue of each kind that is in memory only.
func transient(tb testing.TB, s *broker.Session, i int) {
	spec := broker.QueueSpec{Name: fmt.Sprint("t", i)}
	switch i % 3 {
	case 0:
		spec.Exclusive = true
	case 1:
		spec.AutoDelete, spec.Durable = true, true
	}
	if _, _, err := s.DeclareQueue(tb.Context(), spec); err != nil {
		tb.Fatal(err)
	}
	bind := broker.Binding{Source: "amq.topic", Destination: spec.Name, Kind: broker.ToQueue, Key: "a.*." + spec.Name}
	if err := s.Bind(tb.Context(), bind); err != nil {
		tb.Fatal(err)
	}
}

func TestTransientQueuesLeaveNothingBehind(t *testing.T) {
	s := openOnDisk(t)
	const queues = 1000
	for i := range queues {
		transient(t, s, i)
	}
	for i := range queues {
		if _, err := s.DeleteQueue(t.Context(), fmt.Sprint("t", i), false, false); err != nil {
			t.Fatal(err)
		}
	}
	if names, bindings := s.QueueNames(), s.Bindings(""); len(names) > 0 || len(bindings) > 0 {
		t.Fatalf("%d queues and %d bindings are left", len(names), len(bindings))
	}
	if n, err := s.Publish(broker.NewMessage("amq.topic", "a.b.t1", nil, nil), nil); n != 0 || err != nil {
		t.Fatalf("a message still goes to %d queues (%v)", n, err)
	}
}

// BenchmarkTransientQueue declares 10,000 queues in memory with a binding each, and deletes them; the time is that of
// one of them.
func BenchmarkTransientQueue(b *testing.B) {
	s := openOnDisk(b)
	const batch = 10_000
	for done := 0; done < b.N; done += batch {
		n := min(batch, b.N-done)
		for i := range n {
			transient(b, s, i)
		}
		for i := range n {
			if _, err := s.DeleteQueue(b.Context(), fmt.Sprint("t", i), false, false); err != nil {
				b.Fatal(err)
			}
		}
	}
}
