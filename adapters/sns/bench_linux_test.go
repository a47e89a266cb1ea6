package sns

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// BenchmarkFilteredTopic publishes to one topic with 10,000 filtered subscriptions, none of which takes the message:
// what is measured is the deciding, as it happens in the broker.
func BenchmarkFilteredTopic(b *testing.B) {
	const subscriptions = 10_000
	store := memory.NewStore()
	br, err := broker.Open(b.Context(), store, broker.Options{Rules: NewRules(nil, false).Compilers()})
	if err != nil {
		b.Fatal(err)
	}
	s, err := br.OpenSession(b.Context(), br.Root(), "/")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		s.Close()
		if err := br.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, _, err := s.DeclareExchange(b.Context(), broker.ExchangeSpec{Name: "t", Kind: broker.Fanout, Durable: true}); err != nil {
		b.Fatal(err)
	}
	t := &topic{arn: testTopic, name: "t"}
	for i := range subscriptions {
		queue := fmt.Sprint("q", i)
		if _, _, err := s.DeclareQueue(b.Context(), broker.QueueSpec{Name: queue, AutoDelete: true}); err != nil {
			b.Fatal(err)
		}
		sub := &subscription{
			ARN: testTopic + ":" + fmt.Sprint(i), Topic: testTopic, Protocol: protocolSQS, Endpoint: testQueue,
			Attributes: map[string]string{filterPolicy: fmt.Sprintf(
				`{"event":["order_placed",{"prefix":"x%d"}],"price":[{"numeric":[">",%d]}],"store":["s%d"]}`, i, i%200, i)},
		}
		if err := sub.name(); err != nil {
			b.Fatal(err)
		}
		text, err := ruleText(sub, t)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Bind(b.Context(), sub.binding(queue, text)); err != nil {
			b.Fatal(err)
		}
	}
	str := func(dataType, s string) awsmessage.Value {
		return awsmessage.Value{DataType: dataType, StringValue: &s}
	}
	content := awsmessage.Content{ID: "1", Attributes: map[string]awsmessage.Value{
		"event": str("String", "order_placed"), "price": str("Number", "120.50"), "store": str("String", "example_corp"),
	}}
	block, err := content.Block()
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	before := cpuTime(b)
	for range b.N {
		if n, err := s.Publish(broker.NewMessage("t", "", block, []byte("m")), nil); n != 0 || err != nil {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N)*subscriptions/b.Elapsed().Seconds(), "filters/s")
	// What one core does, whoever else uses it.
	b.ReportMetric(float64(b.N)*subscriptions/(cpuTime(b)-before).Seconds(), "filters/cpu-s")
}

// cpuTime is the processor time that this process took.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
