package broker_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// What happens to messages is counted once at each place, and a lane's counts outlive it in its connection's.
func TestCounts(t *testing.T) {
	ctx := context.Background()
	b, err := broker.Open(ctx, memory.NewStore(), broker.Options{
		SystemExchanges: []broker.ExchangeSpec{{Name: "f", Kind: broker.Fanout, Durable: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := b.OpenSession(ctx, b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"a", "b"} {
		if _, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: name}); err != nil {
			t.Fatal(err)
		}
		if err := s.Bind(ctx, broker.Binding{Source: "f", Destination: name, Kind: broker.ToQueue}); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []string{"f", "", ""} {
		if _, err := s.Publish(broker.NewMessage(to, "a", nil, []byte("x")), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Publish(broker.NewMessage("", "nobody", nil, nil), nil); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Get(ctx, "a", broker.GetOptions{Max: 2})
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	if err := s.Settle(broker.Ack, nil, got[0].Lease); err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(broker.Requeue, nil, got[1].Lease); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Get(ctx, "a", broker.GetOptions{AutoAck: true}); err != nil {
		t.Fatal(err)
	}
	a := s.QueueCounts()["a"].Counts
	want := broker.Counts{broker.Published: 3, broker.Fetched: 2, broker.FetchedAutoAck: 1, broker.Acked: 1, broker.Redelivered: 1}
	if a != want {
		t.Errorf("queue a: got %v, want %v", a, want)
	}
	want[broker.Published], want[broker.Routed] = 4, 4
	if got := s.Counts(); got != want {
		t.Errorf("namespace: got %v, want %v", got, want)
	}
	if got := s.ExchangeCounts(); got["f"] != (broker.Counts{broker.Published: 1, broker.Routed: 2}) ||
		got[""] != (broker.Counts{broker.Published: 3, broker.Routed: 2}) {
		t.Errorf("exchanges: got %v", got)
	}
}

func TestConnectionsAreListed(t *testing.T) {
	ctx := context.Background()
	b, err := broker.Open(ctx, memory.NewStore(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := b.OpenSession(ctx, b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	reason := ""
	c := s.Register(broker.ConnectionInfo{
		Peer: netip.MustParseAddrPort("127.0.0.1:9"), Local: netip.MustParseAddrPort("127.0.0.1:5672"),
	}, func(r string) { reason = r })
	l := c.OpenLane(1)
	l.Count(broker.Published, 2)
	l.HandedOut(false, false, true)
	if n := l.Unacked.Load(); n != 1 {
		t.Errorf("%d deliveries are unsettled, want 1", n)
	}
	l.Settled(broker.Ack, 1)
	l.Close()
	l.Close()
	if len(c.Lanes()) != 0 || c.Counts() != (broker.Counts{broker.Published: 2, broker.Delivered: 1, broker.Redelivered: 1, broker.Acked: 1}) {
		t.Errorf("got %v", c.Counts())
	}
	if list := b.Connections(); len(list) != 1 || list[0].Name() != "127.0.0.1:9 -> 127.0.0.1:5672" {
		t.Fatalf("got %v", list)
	}
	b.Connections()[0].End("because")
	c.OpenLane(2)
	c.Unregister()
	c.Unregister()
	if len(b.Connections()) != 0 || reason != "because" {
		t.Errorf("reason %q, connections %v", reason, b.Connections())
	}
	want := broker.Totals{ConnectionsOpened: 1, ConnectionsClosed: 1, LanesOpened: 2, LanesClosed: 2}
	if got := b.Totals(); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Of the consumers of a queue that serves one at a time, the others are listed as waiting.
func TestWaitingConsumersAreListed(t *testing.T) {
	ctx := context.Background()
	b, err := broker.Open(ctx, memory.NewStore(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := b.OpenSession(ctx, b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: "q", SingleActive: true}); err != nil {
		t.Fatal(err)
	}
	for _, tag := range []string{"first", "second"} {
		if _, err := s.Consume(ctx, "q", taker{}, broker.ConsumeOptions{Tag: tag}); err != nil {
			t.Fatal(err)
		}
	}
	list := s.QueueConsumers("q")
	if len(list) != 2 || list[0].Options.Tag != "first" || list[0].Waiting || !list[1].Waiting {
		t.Errorf("got %+v", list)
	}
}
