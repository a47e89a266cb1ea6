package broker_test

import (
	"slices"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

func TestWatchQueues(t *testing.T) {
	b, err := broker.Open(t.Context(), memory.NewStore(), broker.Options{})
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
	var told []string
	stop := b.WatchQueues(func(namespace, queue string) {
		if _, err := s.QueueSpec(queue); err != nil { // the watcher may call the broker, and finds the queue
			t.Error(err)
		}
		told = append(told, namespace+queue)
	})
	declare := func(spec broker.QueueSpec) {
		if _, _, err := s.DeclareQueue(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	declare(broker.QueueSpec{Name: "a", Durable: true})
	declare(broker.QueueSpec{Name: "b", Exclusive: true})
	declare(broker.QueueSpec{Name: "a", Durable: true})
	stop()
	declare(broker.QueueSpec{Name: "c"})
	if !slices.Equal(told, []string{"/a", "/b"}) {
		t.Errorf("told of %q", told)
	}
}
