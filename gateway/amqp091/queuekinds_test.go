package amqp091

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/broker"
)

// declareWith declares a durable queue with arguments.
func declareWith(t testing.TB, ch *amqp.Channel, name string, args amqp.Table) {
	t.Helper()
	if _, err := ch.QueueDeclare(name, true, false, false, false, args); err != nil {
		t.Fatal(err)
	}
}

// publishConfirmed publishes on a confirming channel and reports whether that was acknowledged.
func publishConfirmed(t testing.TB, ch *amqp.Channel, exchange, key string, p amqp.Publishing) bool {
	t.Helper()
	confirm, err := ch.PublishWithDeferredConfirmWithContext(context.Background(), exchange, key, false, false, p)
	if err != nil {
		t.Fatal(err)
	}
	return confirm.Wait()
}

func confirming(t testing.TB, ch *amqp.Channel) {
	t.Helper()
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
}

func wantGet(t testing.TB, ch *amqp.Channel, queue, body string) amqp.Delivery {
	t.Helper()
	d, ok, err := ch.Get(queue, true)
	if err != nil || !ok || string(d.Body) != body {
		t.Fatalf("got %v %q, %v; want %q", ok, d.Body, err, body)
	}
	return d
}

func TestFullQueueNacks(t *testing.T) {
	ch := startServer(t, Options{}).channel(t)
	confirming(t, ch)
	for _, kind := range []string{"classic", "quorum"} {
		declareWith(t, ch, kind, amqp.Table{"x-queue-type": kind, "x-max-length": 1, "x-overflow": "reject-publish"})
		if !publishConfirmed(t, ch, "", kind, amqp.Publishing{}) {
			t.Error("the first is nacked")
		}
		if publishConfirmed(t, ch, "", kind, amqp.Publishing{}) {
			t.Error("the second is acknowledged")
		}
	}
	declareWith(t, ch, "dead", nil)
	declareWith(t, ch, "dlx", amqp.Table{
		"x-max-length-bytes": 3, "x-overflow": "reject-publish-dlx", "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
	})
	dead := consume(t, ch, "dead", "", true)
	if publishConfirmed(t, ch, "", "dlx", amqp.Publishing{Body: []byte("four")}) {
		t.Error("what does not fit is acknowledged")
	}
	d := wantBodies(t, dead, "four")
	if d.Headers["x-first-death-reason"] != "maxlen" || d.Headers["x-last-death-queue"] != "dlx" {
		t.Errorf("headers %v", d.Headers)
	}
}

func TestFullQueueRefusesATransaction(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declareWith(t, ch, "q", amqp.Table{"x-max-length": 1, "x-overflow": "reject-publish"})
	if err := ch.Tx(); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, "", "q", "1")
	publish(t, ch, "", "q", "2")
	err := ch.TxCommit()
	if err == nil || !strings.Contains(err.Error(), "partial tx completion") {
		t.Errorf("commit: %v", err)
	}
}

func TestDeliveryLimit(t *testing.T) {
	ch := startServer(t, Options{}).channel(t)
	declareWith(t, ch, "dead", nil)
	declareWith(t, ch, "q", amqp.Table{
		"x-queue-type": "quorum", "x-delivery-limit": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead",
	})
	publish(t, ch, "", "q", "poison")
	from := consume(t, ch, "q", "", false)
	dead := consume(t, ch, "dead", "", true)
	for i := range 2 {
		d := wantBodies(t, from, "poison")
		if count, _ := d.Headers["x-delivery-count"].(int64); int(count) != i {
			t.Errorf("delivery %d has the count %v", i, d.Headers["x-delivery-count"])
		}
		if err := d.Nack(false, true); err != nil {
			t.Fatal(err)
		}
	}
	if d := wantBodies(t, dead, "poison"); d.Headers["x-first-death-reason"] != "delivery_limit" {
		t.Errorf("headers %v", d.Headers)
	}
}

func TestPriorities(t *testing.T) {
	ch := startServer(t, Options{}).channel(t)
	confirming(t, ch)
	declareWith(t, ch, "q", amqp.Table{"x-max-priority": 3})
	for i, priority := range []uint8{0, 2, 9, 2, 3, 1} {
		publishConfirmed(t, ch, "", "q", amqp.Publishing{Priority: priority, Body: fmt.Append(nil, i)})
	}
	wantBodies(t, consume(t, ch, "q", "", true), "2", "4", "1", "3", "5", "0")
}

func TestSingleActiveConsumer(t *testing.T) {
	s := startServer(t, Options{})
	ch, other := s.channel(t), s.channel(t)
	declareWith(t, ch, "q", amqp.Table{"x-single-active-consumer": true})
	first := consume(t, ch, "q", "first", false)
	second := consume(t, other, "q", "second", false)
	for i := range 3 {
		publish(t, ch, "", "q", fmt.Sprint(i))
	}
	last := wantBodies(t, first, "0", "1", "2")
	if err := last.Ack(true); err != nil {
		t.Fatal(err)
	}
	if err := ch.Cancel("first", false); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, "", "q", "3")
	wantBodies(t, second, "3")
	_, err := s.channel(t).Consume("q", "third", false, true, false, false, nil)
	if want := "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("exclusive: %v", err)
	}
	declareWith(t, other, "qq", amqp.Table{"x-single-active-consumer": true, "x-queue-type": "quorum"})
	_, _, err = other.Get("qq", true)
	if want := "RESOURCE_LOCKED - cannot obtain access to locked queue 'qq' in vhost '/'. basic.get operations"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("get: %v", err)
	}
}

func TestConsumerTimeout(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	declareWith(t, ch, "q", amqp.Table{"x-consumer-timeout": 50})
	publish(t, ch, "", "q", "slow")
	wantBodies(t, consume(t, ch, "q", "", false), "slow")
	e := receive(t, "the end of the channel", closed)
	if want := "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 50 ms. "; e == nil || !strings.HasPrefix(e.Reason, want) {
		t.Fatalf("closed with %v", e)
	}
	// The message is there again, and what is acknowledged in time stays.
	next := s.channel(t)
	d := wantBodies(t, consume(t, next, "q", "", false), "slow")
	if !d.Redelivered {
		t.Error("not marked redelivered")
	}
	if err := d.Ack(false); err != nil {
		t.Fatal(err)
	}
}

// A policy sets the timeout of consumers that are there already, and lets dead letters wait for a queue.
func TestConsumerTimeoutAndDeadLetterStrategyByPolicy(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	declareWith(t, ch, "q", nil)
	deliveries := consume(t, ch, "q", "", false)
	if _, err := s.broker.PutPolicy(broker.Policy{
		Namespace: "/", Name: "p", Pattern: "^q$", ApplyTo: broker.PolicyForQueues,
		Limits: broker.QueueLimits{
			ConsumerTimeout: 50 * time.Millisecond, HasDeadLetter: true, DeadLetter: "late", HasDeadLetterKey: true, DeadLetterKey: "k",
			Overflow: broker.RejectNew, KeepUndelivered: true,
		},
	}); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, "", "q", "slow")
	wantBodies(t, deliveries, "slow")
	if e := receive(t, "the end of the channel", closed); e == nil || !strings.Contains(e.Reason, "Timeout value used: 50 ms") {
		t.Fatalf("closed with %v", e)
	}
	next := s.channel(t)
	if d, ok, err := next.Get("q", false); err != nil || !ok || d.Reject(false) != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	declareWith(t, next, "dead", nil)
	if err := next.ExchangeDeclare("late", "direct", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := next.QueueBind("dead", "k", "late", false, nil); err != nil {
		t.Fatal(err)
	}
	if d := wantBodies(t, consume(t, next, "dead", "", true), "slow"); d.Headers["x-first-death-reason"] != "rejected" {
		t.Errorf("headers %v", d.Headers)
	}
}

// A consumer of a higher priority gets everything as long as it has credit; what is more goes to the next one.
func TestConsumerPriorityWithPrefetch(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declareWith(t, ch, "q", nil)
	confirming(t, ch)
	receivers := make(map[string]<-chan amqp.Delivery)
	priorities := map[string]int{"low": -1, "middle": 0, "high": 5}
	for _, tag := range []string{"low", "middle", "high"} {
		c := s.channel(t)
		if err := c.Qos(2, 0, false); err != nil {
			t.Fatal(err)
		}
		deliveries, err := c.Consume("q", tag, false, false, false, false, amqp.Table{"x-priority": priorities[tag]})
		if err != nil {
			t.Fatal(err)
		}
		receivers[tag] = deliveries
	}
	for i := range 7 {
		publishConfirmed(t, ch, "", "q", amqp.Publishing{Body: fmt.Append(nil, i)})
	}
	wantBodies(t, receivers["high"], "0", "1")
	last := wantBodies(t, receivers["middle"], "2", "3")
	wantBodies(t, receivers["low"], "4", "5")
	if err := last.Ack(true); err != nil { // room at the second one, while the first has none
		t.Fatal(err)
	}
	wantBodies(t, receivers["middle"], "6")
}

func TestAlternateExchange(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	exchange := func(name, kind string, args amqp.Table) {
		t.Helper()
		if err := ch.ExchangeDeclare(name, kind, true, false, false, false, args); err != nil {
			t.Fatal(err)
		}
	}
	exchange("x", "direct", amqp.Table{"alternate-exchange": "y"})
	exchange("y", "direct", amqp.Table{"alternate-exchange": "x"}) // a circle, which ends
	exchange("front", "fanout", nil)
	for _, name := range []string{"known", "rest"} {
		declareWith(t, ch, name, nil)
	}
	for _, err := range []error{
		ch.QueueBind("known", "k", "x", false, nil), ch.QueueBind("rest", "r", "y", false, nil), ch.ExchangeBind("x", "", "front", false, nil),
		ch.QueueBind("known", "", "front", false, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	confirming(t, ch)
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	publishConfirmed(t, ch, "x", "k", amqp.Publishing{Body: []byte("1")})
	publishConfirmed(t, ch, "x", "r", amqp.Publishing{Body: []byte("2")})
	publishConfirmed(t, ch, "front", "r", amqp.Publishing{Body: []byte("3")})
	publishConfirmed(t, ch, "front", "k", amqp.Publishing{Body: []byte("4")}) // led there already: x has found a queue
	// One of several keys is enough.
	publishConfirmed(t, ch, "x", "r", amqp.Publishing{Headers: amqp.Table{"CC": []any{"k"}}, Body: []byte("5")})
	if err := ch.PublishWithContext(context.Background(), "x", "none", true, false, amqp.Publishing{Body: []byte("6")}); err != nil {
		t.Fatal(err)
	}
	if r := receive(t, "a return", returns); string(r.Body) != "6" {
		t.Errorf("returned %q", r.Body)
	}
	for _, body := range []string{"1", "3", "4", "5"} {
		wantGet(t, ch, "known", body)
	}
	for _, body := range []string{"2", "3"} {
		wantGet(t, ch, "rest", body)
	}
	if _, ok, err := ch.Get("rest", true); ok || err != nil {
		t.Errorf("one more: %v, %v", ok, err)
	}
	err := ch.ExchangeDeclare("x", "direct", true, false, false, false, nil)
	if want := "inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received none but current is the value 'y' of type 'longstr'"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("declared again: %v", err)
	}
	err = s.channel(t).ExchangeDeclare("z", "direct", true, false, false, false, amqp.Table{"alternate-exchange": 1})
	if want := "invalid type 'signedint' for arg 'alternate-exchange' in exchange 'z' in vhost '/'"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("a number: %v", err)
	}
}
