package broker_test

import (
	"context"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// taker takes every delivery.
type taker struct{}

func (taker) Deliver(*broker.Consumer, broker.Delivery) bool { return true }
func (taker) Cancelled(*broker.Consumer)                     {}

// BenchmarkPublishDeliver publishes to a queue in memory whose consumer takes everything at once: what a message costs
// the broker besides storage and network.
func BenchmarkPublishDeliver(b *testing.B) {
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
	if _, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: "q"}); err != nil {
		b.Fatal(err)
	}
	c, err := s.Consume(ctx, "q", taker{}, broker.ConsumeOptions{AutoAck: true})
	if err != nil {
		b.Fatal(err)
	}
	c.Resume()
	body := make([]byte, 1024)
	for b.Loop() {
		if _, err := s.Publish(broker.NewMessage("", "q", nil, body), nil); err != nil {
			b.Fatal(err)
		}
	}
}
