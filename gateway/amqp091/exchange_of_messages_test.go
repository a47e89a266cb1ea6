package amqp091

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func declare(t testing.TB, ch *amqp.Channel, name string) amqp.Queue {
	t.Helper()
	q, err := ch.QueueDeclare(name, false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func publish(t testing.TB, ch *amqp.Channel, exchange, key, body string) {
	t.Helper()
	if err := ch.PublishWithContext(context.Background(), exchange, key, false, false, amqp.Publishing{Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func consume(t testing.TB, ch *amqp.Channel, queue, tag string, autoAck bool) <-chan amqp.Delivery {
	t.Helper()
	deliveries, err := ch.Consume(queue, tag, autoAck, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return deliveries
}

func TestPropertiesAndBodiesArriveUnchanged(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declare(t, ch, "q")
	deliveries := consume(t, ch, "q", "", false)
	for _, size := range []int{0, 1, 131064, 131065, 1 << 20} {
		want := amqp.Publishing{
			Headers: amqp.Table{"n": int32(1), "t": amqp.Table{"x": "y"}}, ContentType: "text/plain", Priority: 3,
			CorrelationId: "c", ReplyTo: "r", MessageId: fmt.Sprint(size), AppId: "a", UserId: "guest", Type: "t",
			DeliveryMode: 2, Body: bytes.Repeat([]byte{7}, size),
		}
		if err := ch.PublishWithContext(context.Background(), "", "q", false, false, want); err != nil {
			t.Fatal(err)
		}
		d := receive(t, "delivery", deliveries)
		if d.MessageId != want.MessageId || !bytes.Equal(d.Body, want.Body) || d.Headers["n"] != int32(1) || d.UserId != "guest" ||
			d.Priority != 3 || d.RoutingKey != "q" || d.Exchange != "" || d.Redelivered || d.DeliveryMode != 2 {
			t.Errorf("size %d: got %d bytes, %+v", size, len(d.Body), d.Headers)
		}
		if err := d.Ack(false); err != nil {
			t.Fatal(err)
		}
	}
}

func TestConfirmsAndReturns(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declare(t, ch, "q")
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	const n = 1000
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, n+1))
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	for range n {
		publish(t, ch, "", "q", "x")
	}
	for i := range n {
		if c := receive(t, "confirm", confirms); !c.Ack || c.DeliveryTag != uint64(i+1) {
			t.Fatalf("confirm %+v, want number %d", c, i+1)
		}
	}
	if err := ch.PublishWithContext(context.Background(), "", "nowhere", true, false, amqp.Publishing{Body: []byte("back")}); err != nil {
		t.Fatal(err)
	}
	if r := receive(t, "return", returns); r.ReplyCode != 312 || r.ReplyText != "NO_ROUTE" || string(r.Body) != "back" || r.RoutingKey != "nowhere" {
		t.Errorf("returned %+v", r)
	}
	if c := receive(t, "confirm", confirms); !c.Ack {
		t.Errorf("confirm %+v", c)
	}
	if q, err := ch.QueueDeclarePassive("q", false, false, false, false, nil); err != nil || q.Messages != n {
		t.Errorf("%d messages, %v", q.Messages, err)
	}
}
