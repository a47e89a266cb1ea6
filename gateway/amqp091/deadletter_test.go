package amqp091

import (
	"context"
	"maps"
	"reflect"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What RabbitMQ 3.13 writes: x-death with a table for each queue and reason, the first and the last death.
func TestHeadersOfDeadLetters(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declare(t, ch, "dead")
	if _, err := ch.QueueDeclare("work", false, false, false, false, amqp.Table{
		"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
	}); err != nil {
		t.Fatal(err)
	}
	work, dead := consume(t, ch, "work", "", false), consume(t, ch, "dead", "", false)
	if err := ch.PublishWithContext(context.Background(), "", "work", false, false, amqp.Publishing{
		Headers: amqp.Table{"kept": "yes"}, MessageId: "m", Body: []byte("x"),
	}); err != nil {
		t.Fatal(err)
	}
	for round := int64(1); round <= 2; round++ {
		if err := receive(t, "delivery", work).Nack(false, false); err != nil {
			t.Fatal(err)
		}
		d := receive(t, "dead letter", dead)
		deaths, _ := d.Headers["x-death"].([]any)
		if len(deaths) != 1 {
			t.Fatalf("%d deaths in %v", len(deaths), d.Headers)
		}
		death, _ := deaths[0].(amqp.Table)
		if at, ok := death["time"].(time.Time); !ok || time.Since(at) > time.Minute {
			t.Errorf("time is %v", death["time"])
		}
		death = maps.Clone(death)
		delete(death, "time")
		if want := (amqp.Table{
			"count": round, "reason": "rejected", "queue": "work", "exchange": "", "routing-keys": []any{"work"},
		}); !reflect.DeepEqual(death, want) {
			t.Errorf("%v, want %v", death, want)
		}
		for name, want := range map[string]string{
			"x-first-death-queue": "work", "x-first-death-reason": "rejected", "x-last-death-queue": "work", "kept": "yes",
		} {
			if d.Headers[name] != want {
				t.Errorf("%s is %v, want %q", name, d.Headers[name], want)
			}
		}
		if d.MessageId != "m" || d.RoutingKey != "dead" {
			t.Errorf("message id %q, routing key %q", d.MessageId, d.RoutingKey)
		}
		if err := d.Ack(false); err != nil {
			t.Fatal(err)
		}
		// An application sends it again, with the headers that it got.
		if err := ch.PublishWithContext(context.Background(), "", "work", false, false, amqp.Publishing{
			Headers: d.Headers, MessageId: "m", Body: d.Body,
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A message that would go round by itself is dropped; one that somebody rejects goes round as often as it is.
func TestDeadLettersDoNotGoInACircle(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	if _, err := ch.QueueDeclare("round", false, false, false, false, amqp.Table{
		"x-dead-letter-exchange": "", "x-message-ttl": int32(1),
	}); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, "", "round", "x")
	for deadline := time.Now().Add(time.Minute); ; {
		q, err := ch.QueueDeclarePassive("round", false, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if q.Messages == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the message still goes round")
		}
	}
}
