package broker_test

import (
	"slices"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// What is counted is told by front end and type of queue, and outlives its namespace.
func TestFlowsAndDeaths(t *testing.T) {
	b, err := broker.Open(t.Context(), memory.NewStore(), broker.Options{
		QueueType: func(spec *broker.QueueSpec) string { return "kind of " + spec.Name },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutNamespace("n", broker.NamespaceSpec{}); err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "n")
	if err != nil {
		t.Fatal(err)
	}
	s.SetFrontEnd("test")
	limits := broker.QueueLimits{HasMaxLength: true, MaxLength: 1}
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true, Limits: &limits}); err != nil {
		t.Fatal(err)
	}
	publishTo(t, s, "q", "drops out")
	if _, err := s.Publish(broker.NewMessage("", "q", nil, []byte("stays")), nil); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Get(t.Context(), "q", broker.GetOptions{})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if err := s.Settle(broker.Ack, nil, got[0].Lease); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := b.DeleteNamespace(t.Context(), "n"); err != nil {
		t.Fatal(err)
	}
	flows := b.Flows()
	find := func(frontEnd, queueType string) broker.Counts {
		i := slices.IndexFunc(flows, func(f broker.Flow) bool { return f.FrontEnd == frontEnd && f.QueueType == queueType })
		if i < 0 {
			t.Fatalf("nothing was counted of %q and %q: %v", frontEnd, queueType, flows)
		}
		return flows[i].Counts
	}
	published, handed := find("test", ""), find("test", "kind of q")
	if published[broker.Published] != 2 || published[broker.Awaited] != 1 || published[broker.Routed] != 2 {
		t.Errorf("published: %v", published)
	}
	if handed[broker.Fetched] != 1 || handed[broker.Acked] != 1 {
		t.Errorf("handed out: %v", handed)
	}
	want := broker.Deaths{QueueType: "kind of q", Fate: broker.GoneForGood, Reason: broker.DiedOfLength, Count: 1}
	if deaths := b.Deaths(); len(deaths) != 1 || deaths[0] != want {
		t.Errorf("deaths: %v", deaths)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}
