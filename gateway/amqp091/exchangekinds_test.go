package amqp091

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

func declareExchange(t testing.TB, ch *amqp.Channel, name, kind string, args amqp.Table) {
	t.Helper()
	if err := ch.ExchangeDeclare(name, kind, true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
}

func bindQueue(t testing.TB, ch *amqp.Channel, queue, key, exchange string) {
	t.Helper()
	if err := ch.QueueBind(queue, key, exchange, false, nil); err != nil {
		t.Fatal(err)
	}
}

// spread publishes 1,000 messages and tells where they went.
func spread(t *testing.T, ch *amqp.Channel, exchange string, of func(i int) (key string, p amqp.Publishing), queues ...string) map[string]int {
	t.Helper()
	got := make(map[string]int)
	for i := range 1000 {
		key, p := of(i)
		if !publishConfirmed(t, ch, exchange, key, p) {
			t.Fatal("not confirmed")
		}
	}
	total := 0
	for _, q := range queues {
		n, err := ch.QueuePurge(q, false)
		if err != nil {
			t.Fatal(err)
		}
		got[q] = n
		total += n
	}
	if total != 1000 {
		t.Errorf("%d of 1000 messages in %v", total, got)
	}
	return got
}

func TestExchangesThatChooseOne(t *testing.T) {
	ch := startServer(t, Options{}).channel(t)
	confirming(t, ch)
	for _, q := range []string{"a", "b"} {
		declareWith(t, ch, q, nil)
	}
	byKey := func(i int) (string, amqp.Publishing) { return fmt.Sprint(i), amqp.Publishing{} }
	byHeader := func(i int) (string, amqp.Publishing) {
		return "same", amqp.Publishing{Headers: amqp.Table{"h": fmt.Sprint(i)}}
	}
	byID := func(i int) (string, amqp.Publishing) { return "same", amqp.Publishing{MessageId: fmt.Sprint(i)} }
	same := func(int) (string, amqp.Publishing) { return "same", amqp.Publishing{} }
	for i, c := range []struct {
		kind   string
		args   amqp.Table
		of     func(int) (string, amqp.Publishing)
		keyOfB string
		least  int // of the messages that b gets
		most   int
	}{
		{"x-random", nil, same, "1", 400, 600},
		{"x-modulus-hash", nil, byKey, "1", 400, 600},
		{"x-consistent-hash", nil, byKey, "1", 400, 600},
		{"x-consistent-hash", nil, byKey, "3", 690, 810},
		{"x-consistent-hash", amqp.Table{"hash-header": "h"}, byHeader, "1", 400, 600},
		{"x-consistent-hash", amqp.Table{"hash-property": "message_id"}, byID, "1", 400, 600},
	} {
		x := fmt.Sprint("x", i)
		declareExchange(t, ch, x, c.kind, c.args)
		bindQueue(t, ch, "a", "1", x)
		bindQueue(t, ch, "b", c.keyOfB, x)
		if n := spread(t, ch, x, c.of, "a", "b")["b"]; n < c.least || n > c.most {
			t.Errorf("%s %v: %d of 1000 went to b", c.kind, c.args, n)
		}
		if c.kind == "x-random" {
			continue
		}
		if got := spread(t, ch, x, same, "a", "b"); got["a"] != 1000 && got["b"] != 1000 {
			t.Errorf("%s %v: equal messages went to %v", c.kind, c.args, got)
		}
	}
}

func TestRecentHistory(t *testing.T) {
	ch := startServer(t, Options{}).channel(t)
	confirming(t, ch)
	declareExchange(t, ch, "x", "x-recent-history", amqp.Table{"x-recent-history-length": 2})
	for _, q := range []string{"early", "late"} {
		declareWith(t, ch, q, nil)
	}
	bindQueue(t, ch, "early", "", "x")
	for _, body := range []string{"1", "2", "3"} {
		publishConfirmed(t, ch, "x", "k", amqp.Publishing{Body: []byte(body)})
	}
	publishConfirmed(t, ch, "x", "k", amqp.Publishing{Headers: amqp.Table{"x-recent-history-no-store": true}, Body: []byte("4")})
	bindQueue(t, ch, "late", "", "x")
	for _, body := range []string{"1", "2", "3", "4"} {
		wantGet(t, ch, "early", body)
	}
	for _, body := range []string{"2", "3"} {
		wantGet(t, ch, "late", body)
	}
	if _, ok, err := ch.Get("late", true); ok || err != nil {
		t.Errorf("one more: %v, %v", ok, err)
	}
}

func TestWordsOfExchangeKinds(t *testing.T) {
	s := startServer(t, Options{})
	declareWith(t, s.channel(t), "q", nil)
	declareExchange(t, s.channel(t), "hash", "x-consistent-hash", nil)
	for _, c := range []struct {
		want string
		ask  func(ch *amqp.Channel) error
	}{
		{"hash-header and hash-property are mutually exclusive", func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare("x", "x-consistent-hash", true, false, false, false, amqp.Table{"hash-header": "a", "hash-property": "message_id"})
		}},
		{"Unsupported property: app_id", func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare("x", "x-consistent-hash", true, false, false, false, amqp.Table{"hash-property": "app_id"})
		}},
		{"The binding key must be greater than 0", func(ch *amqp.Channel) error { return ch.QueueBind("q", "0", "hash", false, nil) }},
		{"The binding key must be an integer: <<", func(ch *amqp.Channel) error { return ch.QueueBind("q", "abc", "hash", false, nil) }},
		{"Invalid argument 0, 'x-recent-history-length' must be a positive integer", func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare("x", "x-recent-history", true, false, false, false, amqp.Table{"x-recent-history-length": 0})
		}},
	} {
		if err := c.ask(s.channel(t)); err == nil || !strings.Contains(err.Error(), "PRECONDITION_FAILED - "+c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestDelayedMessages(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	confirming(t, ch)
	declareExchange(t, ch, "x", "x-delayed-message", amqp.Table{"x-delayed-type": "topic"})
	for _, q := range []string{"q", "copy"} {
		declareWith(t, ch, q, nil)
	}
	bindQueue(t, ch, "q", "a.*", "x")
	bindQueue(t, ch, "copy", "cc", "x")
	from, copied := consume(t, ch, "q", "", true), consume(t, ch, "copy", "", true)
	delayed := amqp.Publishing{Headers: amqp.Table{"x-delay": int32(50), "BCC": []any{"cc"}}, Body: []byte("late")}
	if !publishConfirmed(t, ch, "x", "a.b", delayed) {
		t.Error("not confirmed")
	}
	for _, p := range []amqp.Publishing{
		{Headers: amqp.Table{"x-delay": int32(-5)}, Body: []byte("1")}, {Headers: amqp.Table{"x-delay": "text"}, Body: []byte("2")},
	} {
		publishConfirmed(t, ch, "x", "a.b", p)
	}
	d := wantBodies(t, from, "1", "2", "late")
	if d.Headers["x-delay"] != int32(-50) || d.Exchange != "x" || d.RoutingKey != "a.b" {
		t.Errorf("%v from %q by %q", d.Headers, d.Exchange, d.RoutingKey)
	}
	wantBodies(t, copied, "late")
	for want, args := range map[string]amqp.Table{
		"Invalid argument, 'x-delayed-type' must be an existing exchange type":     nil,
		"Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'": {"x-delayed-type": "x-delayed-message"},
		"unknown exchange type 'zzz'":                                              {"x-delayed-type": "zzz"},
	} {
		err := s.channel(t).ExchangeDeclare("y", "x-delayed-message", true, false, false, false, args)
		if err == nil || !strings.Contains(err.Error(), "PRECONDITION_FAILED - "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
