package definitions

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// load works on the broker until it is told to stop: it publishes to all queues over the exchange, consumes from them
// in each way that there is, and does what has no effect.
func (b *broker) load(t *testing.T) (stop func()) {
	t.Helper()
	conn, err := amqp.DialConfig("amqp://guest:guest@"+b.amqp, amqp.Config{Properties: amqp.Table{"connection_name": "load"}})
	if err != nil {
		t.Fatal(err)
	}
	publishing, consuming := channel(t, conn), channel(t, conn)
	if err := publishing.Confirm(false); err != nil {
		t.Fatal(err)
	}
	if err := consuming.Qos(10, 0, false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	for i, queue := range []string{"work", "safe", "log"} {
		for _, autoAck := range []bool{false, true} {
			if autoAck && queue == "log" {
				continue
			}
			deliveries, err := consuming.Consume(queue, fmt.Sprintf("tag-%d-%t", i, autoAck), autoAck, false, false, false, nil)
			if err != nil {
				t.Fatal(err)
			}
			working.Go(func() {
				for d := range deliveries {
					if !autoAck {
						_ = d.Ack(false) // it fails when the test ends
					}
				}
			})
		}
	}
	working.Go(func() {
		for tick := time.NewTicker(50 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			for _, key := range []string{"a.b", "nowhere"} {
				if err := publishing.PublishWithContext(ctx, "events", key, true, false, amqp.Publishing{Body: []byte("0123456789")}); err != nil {
					return // the test ends
				}
			}
			for _, autoAck := range []bool{false, true} {
				if d, ok, err := publishing.Get("work", autoAck); err == nil && ok && !autoAck {
					_ = d.Ack(false)
				}
			}
		}
	})
	return func() {
		cancel()
		conn.Close()
		working.Wait()
	}
}

func channel(t *testing.T, conn *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// nodeName is the name of the broker's only node.
func (b *broker) nodeName(t *testing.T) string {
	t.Helper()
	return b.ask(t, "GET", "/overview", "").(map[string]any)["node"].(string)
}

// connectionName is the name of the only connection, when it is shown: RabbitMQ shows it late.
func (b *broker) connectionName(t *testing.T) string {
	t.Helper()
	var name string
	b.until(t, "a connection", func() bool {
		list, _ := b.ask(t, "GET", "/connections", "").([]any)
		if len(list) == 1 {
			name, _ = list[0].(map[string]any)["name"].(string)
		}
		return name != ""
	})
	return name
}

// wait waits until everything that is sampled was sampled twice.
func (b *broker) wait(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/queues/%2F/work", "/queues/%2F/safe", "/exchanges/%2F/events"} {
		b.until(t, path, func() bool {
			o, _ := b.ask(t, "GET", path, "").(map[string]any)
			return happens(o)
		})
	}
	b.until(t, "the channels' rates", func() bool {
		list, _ := b.ask(t, "GET", "/channels", "").([]any)
		for _, ch := range list {
			if o, _ := ch.(map[string]any); !happens(o) {
				return false
			}
		}
		return len(list) == 2
	})
}

// happens tells whether something is published or delivered to an object, as it says.
func happens(o map[string]any) bool {
	stats, _ := o["message_stats"].(map[string]any)
	for _, name := range []string{"publish_details", "publish_in_details", "deliver_get_details"} {
		if details, ok := stats[name].(map[string]any); ok && details["rate"] != 0.0 {
			return true
		}
	}
	return false
}

// until waits for a condition.
func (b *broker) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticks := time.NewTicker(200 * time.Millisecond)
	defer ticks.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); <-ticks.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s: not within a minute", b.name, what)
		}
	}
}
