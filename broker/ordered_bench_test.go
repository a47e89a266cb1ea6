package broker_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/property"
)

// BenchmarkOrderedReceive sends ten messages to an ordered queue, receives ten and settles them, with and without a
// backlog of a million in a thousand groups.
func BenchmarkOrderedReceive(b *testing.B) {
	for name, backlog := range map[string]int{"empty": 0, "backlog": 1_000_000} {
		b.Run(name, func(b *testing.B) { orderedReceive(b, backlog) })
	}
}

func orderedReceive(b *testing.B, backlog int) {
	ctx := context.Background()
	br, err := broker.Open(ctx, memory.NewStore(), broker.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer br.Close()
	s, err := br.OpenSession(ctx, br.Root(), "/")
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: "q", Durable: true, Ordered: true}); err != nil {
		b.Fatal(err)
	}
	sent := 0
	send := func() {
		set := property.Set{Headers: property.Table{{Name: broker.GroupHeader, Value: fmt.Sprint("group", sent%1000)}}}
		sent++
		block, err := set.Append(nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Publish(broker.NewMessage("", "q", block, []byte("body")), nil); err != nil {
			b.Fatal(err)
		}
	}
	for range backlog {
		send()
	}
	leases := make([]broker.Lease, 0, 10)
	for b.Loop() {
		for range 10 {
			send()
		}
		for left := 10; left > 0; {
			got, _, err := s.Get(ctx, "q", broker.GetOptions{Max: left, Lease: time.Minute, Wait: time.Minute})
			if err != nil {
				b.Fatal(err)
			}
			leases = leases[:0]
			for _, d := range got {
				leases = append(leases, d.Lease)
			}
			if err := s.Settle(broker.Ack, nil, leases...); err != nil {
				b.Fatal(err)
			}
			left -= len(got)
		}
	}
}
