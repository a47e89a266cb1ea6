package amqp091

import (
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/broker"
)

// readStream consumes a stream with a prefetch of 100.
func readStream(t testing.TB, ch *amqp.Channel, stream string, args amqp.Table) <-chan amqp.Delivery {
	t.Helper()
	if err := ch.Qos(100, 0, false); err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume(stream, "", false, false, false, false, args)
	if err != nil {
		t.Fatal(err)
	}
	return deliveries
}

// wantOffsets takes deliveries, whose bodies are their offsets, and acknowledges each.
func wantOffsets(t testing.TB, from <-chan amqp.Delivery, want ...int) {
	t.Helper()
	for _, offset := range want {
		d := receive(t, "delivery", from)
		if string(d.Body) != fmt.Sprint(offset) || d.Headers["x-stream-offset"] != int64(offset) || d.Redelivered {
			t.Errorf("got %q at %v, want %d", d.Body, d.Headers["x-stream-offset"], offset)
		}
		if err := d.Ack(false); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStreamOffsets(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	confirming(t, ch)
	declareWith(t, ch, "s", amqp.Table{"x-queue-type": "stream", "x-max-age": "1h", "x-max-length-bytes": 1_000_000})
	for i := range 300 {
		publishConfirmed(t, ch, "", "s", amqp.Publishing{Body: fmt.Append(nil, i), Headers: amqp.Table{"x-stream-offset": "mine"}})
	}
	var tail []int
	for i := 250; i < 300; i++ {
		tail = append(tail, i)
	}
	for _, offset := range []any{int64(250), int32(250), int16(250)} {
		wantOffsets(t, readStream(t, s.channel(t), "s", amqp.Table{"x-stream-offset": offset}), tail...)
	}
	for _, offset := range []any{"first", "1h", time.Now().Add(-time.Hour), int64(0)} {
		wantOffsets(t, readStream(t, s.channel(t), "s", amqp.Table{"x-stream-offset": offset}), 0, 1, 2)
	}
	wantOffsets(t, readStream(t, s.channel(t), "s", amqp.Table{"x-stream-offset": "last"}), 299)
	next := readStream(t, s.channel(t), "s", nil)
	future := readStream(t, s.channel(t), "s", amqp.Table{"x-stream-offset": time.Now().Add(time.Hour)})
	publish(t, ch, "", "s", "300")
	wantOffsets(t, next, 300)
	wantOffsets(t, future, 300)
	q, err := ch.QueueDeclarePassive("s", true, false, false, false, nil)
	if err != nil || q.Messages != 301 || q.Consumers != 0 {
		t.Errorf("%+v, %v", q, err)
	}
}

// All outcomes only make room, since RabbitMQ 3.12.7 (its pull request 9644).
func TestStreamCredit(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declareWith(t, ch, "s", amqp.Table{"x-queue-type": "stream"})
	for i := range 10 {
		publish(t, ch, "", "s", fmt.Sprint(i))
	}
	if err := ch.Qos(1, 0, false); err != nil {
		t.Fatal(err)
	}
	from, err := ch.Consume("s", "", false, true, false, false, amqp.Table{"x-stream-offset": "first"})
	if err != nil {
		t.Fatal(err)
	}
	for i, settle := range []func(d amqp.Delivery) error{
		func(d amqp.Delivery) error { return d.Nack(false, true) },
		func(d amqp.Delivery) error { return d.Nack(false, false) },
		func(d amqp.Delivery) error { return d.Reject(true) },
		func(d amqp.Delivery) error { return d.Reject(false) },
		func(d amqp.Delivery) error { return d.Ack(true) },
		func(amqp.Delivery) error { return nil },
	} {
		if d := receive(t, "delivery", from); string(d.Body) != fmt.Sprint(i) {
			t.Errorf("got %q, want %d", d.Body, i)
		} else if err := settle(d); err != nil {
			t.Fatal(err)
		}
	}
	if len(from) > 0 {
		t.Error("more was delivered than there is credit for")
	}
}

func TestStreamFilters(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declareWith(t, ch, "s", amqp.Table{"x-queue-type": "stream", "x-stream-filter-size-bytes": 32})
	for i := range 12 {
		p := amqp.Publishing{Body: fmt.Append(nil, i)}
		if i%4 > 0 {
			p.Headers = amqp.Table{"x-stream-filter-value": []string{"", "one", "two", "three"}[i%4]}
		}
		if err := ch.PublishWithContext(t.Context(), "", "s", false, false, p); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter     any
		unfiltered any
		want       []int
	}{
		{"one", nil, []int{1, 5, 9}},
		{"one", true, []int{0, 1, 4, 5, 8, 9}},
		{"one", false, []int{1, 5, 9}},
		{[]any{"one", "three"}, nil, []int{1, 3, 5, 7, 9, 11}},
		{[]any{"two", "nothing"}, true, []int{0, 2, 4, 6, 8, 10}},
		{nil, nil, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{nil, true, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
	} {
		args := amqp.Table{"x-stream-offset": "first"}
		if c.filter != nil {
			args["x-stream-filter"] = c.filter
		}
		if c.unfiltered != nil {
			args["x-stream-match-unfiltered"] = c.unfiltered
		}
		wantOffsets(t, readStream(t, s.channel(t), "s", args), c.want...)
	}
}

func TestStreamRefusals(t *testing.T) {
	s := startServer(t, Options{})
	declareWith(t, s.channel(t), "s", amqp.Table{"x-queue-type": "stream"})
	for name, value := range map[string]any{
		"x-stream-filter-size-bytes": 15, "x-consumer-timeout": 1000, "x-stream-max-segment-size-bytes": int64(3_000_000_001), "x-max-age": "1w",
	} {
		args := amqp.Table{"x-queue-type": "stream", name: value}
		if _, err := s.channel(t).QueueDeclare("other", true, false, false, false, args); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, offset := range []any{"where", "5w", "0s", int64(-1), 1.5, true} {
		ch := s.channel(t)
		if err := ch.Qos(1, 0, false); err != nil {
			t.Fatal(err)
		}
		_, err := ch.Consume("s", "", false, false, false, false, amqp.Table{"x-stream-offset": offset})
		if err == nil || !strings.Contains(err.Error(), "invalid_stream_offset_arg") {
			t.Errorf("%v: %v", offset, err)
		}
	}
}

func TestStreamAsDefaultQueueType(t *testing.T) {
	s := startServer(t, Options{})
	if _, err := s.broker.PutNamespace("/", broker.NamespaceSpec{DefaultQueueType: "stream"}); err != nil {
		t.Fatal(err)
	}
	ch := s.channel(t)
	declareWith(t, ch, "s", nil)
	declareWith(t, ch, "s", amqp.Table{"x-queue-type": "stream"})
	declare(t, ch, "transient")
	publish(t, ch, "", "s", "0")
	wantOffsets(t, readStream(t, ch, "s", amqp.Table{"x-stream-offset": "first"}), 0)
}

func TestDeadLettersIntoAStream(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declareWith(t, ch, "s", amqp.Table{"x-queue-type": "stream"})
	declareWith(t, ch, "q", amqp.Table{"x-max-length": 0, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "s"})
	from := readStream(t, ch, "s", nil)
	publish(t, ch, "", "q", "0")
	d := receive(t, "delivery", from)
	if string(d.Body) != "0" || d.Headers["x-first-death-queue"] != "q" || d.Headers["x-stream-offset"] != int64(0) {
		t.Errorf("got %q, %v", d.Body, d.Headers)
	}
}
