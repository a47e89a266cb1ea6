package amqp091

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

func bodies(t testing.TB, from <-chan amqp.Delivery, n int) (list []string, last amqp.Delivery) {
	t.Helper()
	for range n {
		last = receive(t, "delivery", from)
		list = append(list, string(last.Body))
	}
	return list, last
}

func wantBodies(t testing.TB, from <-chan amqp.Delivery, want ...string) amqp.Delivery {
	t.Helper()
	got, last := bodies(t, from, len(want))
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
	return last
}

// What a closed channel had goes back to its place, marked as redelivered.
func TestUnackedComesBackInOrder(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declare(t, ch, "q")
	for i := range 5 {
		publish(t, ch, "", "q", fmt.Sprint(i))
	}
	first := s.channel(t)
	if _, err := first.QueueDeclarePassive("q", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	deliveries := consume(t, first, "q", "", false)
	d := wantBodies(t, deliveries, "0", "1", "2", "3", "4")
	if d.Redelivered || d.DeliveryTag != 5 {
		t.Errorf("%+v", d)
	}
	if err := first.Ack(1, false); err != nil {
		t.Fatal(err)
	}
	if err := first.Nack(3, false, true); err != nil { // comes at once again, to the only consumer
		t.Fatal(err)
	}
	if d := wantBodies(t, deliveries, "2"); !d.Redelivered || d.DeliveryTag != 6 {
		t.Errorf("%+v", d)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if d := wantBodies(t, consume(t, ch, "q", "", true), "1", "2", "3", "4"); !d.Redelivered {
		t.Error("not marked as redelivered")
	}
}

// A quorum queue counts how often a message came back.
func TestDeliveryCount(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	if _, err := ch.QueueDeclare("quorum", true, false, false, false, amqp.Table{"x-queue-type": "quorum"}); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, "", "quorum", "x")
	deliveries := consume(t, ch, "quorum", "t", false)
	for round := range int64(3) {
		d := receive(t, "delivery", deliveries)
		count, there := d.Headers["x-delivery-count"]
		if there != (round > 0) || (there && count != round) {
			t.Errorf("round %d: %v", round, d.Headers)
		}
		if err := d.Nack(false, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := ch.Cancel("t", false); err != nil {
		t.Fatal(err)
	}
	for d := range deliveries {
		if err := d.Nack(false, true); err != nil {
			t.Fatal(err)
		}
	}
	if d, ok, err := ch.Get("quorum", true); !ok || err != nil || d.Headers["x-delivery-count"] == nil {
		t.Errorf("%v, %v, %v", d.Headers, ok, err)
	}
}

func TestRecover(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declare(t, ch, "q")
	publish(t, ch, "", "q", "x")
	deliveries := consume(t, ch, "q", "", false)
	wantBodies(t, deliveries, "x")
	if err := ch.Recover(true); err != nil { //nolint:staticcheck // deprecated, and still sent by old clients
		t.Fatal(err)
	}
	if d := wantBodies(t, deliveries, "x"); !d.Redelivered {
		t.Error("not marked as redelivered")
	}
}

func TestPrefetch(t *testing.T) {
	s := startServer(t, Options{})
	for _, global := range []bool{false, true} {
		ch := s.channel(t)
		q := declare(t, ch, "")
		for i := range 6 {
			publish(t, ch, "", q.Name, fmt.Sprint(i))
		}
		if err := ch.Qos(2, 0, global); err != nil {
			t.Fatal(err)
		}
		merged := make(chan amqp.Delivery, 10)
		for range 2 {
			deliveries := consume(t, ch, q.Name, "", false)
			go func() {
				for d := range deliveries {
					merged <- d
				}
			}()
		}
		want := 4 // two consumers of two
		if global {
			want = 2
		}
		bodies(t, merged, want)
		if q, err := ch.QueueDeclarePassive(q.Name, false, false, false, false, nil); err != nil || q.Messages != 6-want {
			t.Errorf("global %v: %d ready, want %d, %v", global, q.Messages, 6-want, err)
		}
		if err := ch.Ack(0, true); err != nil {
			t.Fatal(err)
		}
		bodies(t, merged, 6-want-max(0, 6-2*want))
	}
}

func TestGet(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declare(t, ch, "q")
	if _, ok, err := ch.Get("q", false); ok || err != nil {
		t.Errorf("of an empty queue: %v, %v", ok, err)
	}
	publish(t, ch, "", "q", "a")
	publish(t, ch, "", "q", "b")
	d, ok, err := ch.Get("q", false)
	if err != nil || !ok || string(d.Body) != "a" || d.MessageCount != 1 {
		t.Errorf("%+v, %v, %v", d, ok, err)
	}
	if err := d.Ack(false); err != nil {
		t.Fatal(err)
	}
}

func TestTransaction(t *testing.T) {
	s := startServer(t, Options{})
	ch, tx := s.channel(t), s.channel(t)
	declare(t, ch, "in")
	declare(t, ch, "out")
	publish(t, ch, "", "in", "x")
	returns := tx.NotifyReturn(make(chan amqp.Return, 1))
	if err := tx.Tx(); err != nil {
		t.Fatal(err)
	}
	deliveries := consume(t, tx, "in", "", false)
	wantBodies(t, deliveries, "x")
	act := func(end func() error) {
		t.Helper()
		publish(t, tx, "", "out", "y")
		if err := tx.PublishWithContext(context.Background(), "", "nowhere", true, false, amqp.Publishing{}); err != nil {
			t.Fatal(err)
		}
		if err := tx.Ack(1, false); err != nil {
			t.Fatal(err)
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	ready := func(queue string) int {
		t.Helper()
		q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		return q.Messages
	}
	act(tx.TxRollback)
	if n := ready("out"); n != 0 || len(returns) != 0 {
		t.Errorf("after the rollback: %d in out, %d returned", n, len(returns))
	}
	act(tx.TxCommit) // the delivery is still there to be acknowledged
	if n := ready("out"); n != 1 {
		t.Errorf("after the commit: %d in out", n)
	}
	receive(t, "return", returns)
	if err := tx.Close(); err != nil {
		t.Fatal(err)
	}
	if n := ready("in"); n != 0 {
		t.Errorf("%d came back", n)
	}
}

// A request and its answer over direct reply-to, between two connections.
func TestDirectReply(t *testing.T) {
	s := startServer(t, Options{})
	server, client := s.channel(t), s.channel(t)
	declare(t, server, "rpc")
	requests := consume(t, server, "rpc", "", true)
	replies := consume(t, client, "amq.rabbitmq.reply-to", "", true)
	if err := client.PublishWithContext(context.Background(), "", "rpc", false, false, amqp.Publishing{
		ReplyTo: "amq.rabbitmq.reply-to", CorrelationId: "c", Body: []byte("question"),
	}); err != nil {
		t.Fatal(err)
	}
	d := receive(t, "request", requests)
	if !strings.HasPrefix(d.ReplyTo, directReplyPrefix) || d.CorrelationId != "c" {
		t.Fatalf("reply to %q, correlation %q", d.ReplyTo, d.CorrelationId)
	}
	if _, err := server.QueueDeclarePassive(d.ReplyTo, false, false, false, false, nil); err != nil {
		t.Error(err)
	}
	publish(t, server, "", d.ReplyTo, "answer")
	wantBodies(t, replies, "answer")
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	returns := server.NotifyReturn(make(chan amqp.Return, 1))
	if err := server.PublishWithContext(context.Background(), "", d.ReplyTo, true, false, amqp.Publishing{}); err != nil {
		t.Fatal(err)
	}
	receive(t, "return", returns)
}

func TestSenderSelectedKeys(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	for _, q := range []string{"to", "cc", "bcc"} {
		declare(t, ch, q)
	}
	if err := ch.PublishWithContext(context.Background(), "", "to", false, false, amqp.Publishing{
		Headers: amqp.Table{"CC": []any{"cc"}, "BCC": []any{"bcc"}, "n": int32(1)},
	}); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"to", "cc", "bcc"} {
		d := receive(t, "delivery", consume(t, ch, q, "", true))
		if _, ok := d.Headers["BCC"]; ok || d.Headers["n"] != int32(1) || d.Headers["CC"] == nil {
			t.Errorf("%s got %v", q, d.Headers)
		}
	}
}

func TestExchanges(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	for _, x := range []string{"source", "sink"} {
		if err := ch.ExchangeDeclare(x, "topic", false, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	q := declare(t, ch, "")
	for _, err := range []error{
		ch.ExchangeBind("sink", "a.#", "source", false, nil), ch.QueueBind(q.Name, "#.z", "sink", false, nil),
		ch.QueueBind(q.Name, "a.*.z", "sink", false, nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	deliveries := consume(t, ch, q.Name, "", true)
	publish(t, ch, "source", "b.z", "not this")
	publish(t, ch, "source", "a.b.z", "once")
	if err := ch.ExchangeUnbind("sink", "a.#", "source", false, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, "source", "a.b.z", "not any more")
	publish(t, ch, "sink", "z", "last")
	wantBodies(t, deliveries, "once", "last")
}

func TestExclusiveQueueAndCancelNotification(t *testing.T) {
	s := startServer(t, Options{})
	owner, other := s.channel(t), s.channel(t)
	if _, err := owner.QueueDeclare("mine", false, false, true, false, nil); err != nil {
		t.Fatal(err)
	}
	_, err := other.QueueDeclarePassive("mine", false, false, false, false, nil)
	want := "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be originally declared " +
		"on another connection or the exclusive property value does not match that of the original declaration."
	var told *amqp.Error
	if !errors.As(err, &told) || told.Code != 405 || told.Reason != want {
		t.Errorf("%v", err)
	}
	cancelled := owner.NotifyCancel(make(chan string, 1))
	consume(t, owner, "mine", "tag", true)
	if _, err := owner.QueueDelete("mine", false, false, false); err != nil {
		t.Fatal(err)
	}
	if tag := receive(t, "cancellation", cancelled); tag != "tag" {
		t.Errorf("%q was cancelled", tag)
	}
}

// An exclusive consumer keeps others from consuming, not from getting.
func TestGetBesideAnExclusiveConsumer(t *testing.T) {
	s := startServer(t, Options{})
	owner, other := s.channel(t), s.channel(t)
	declare(t, owner, "q")
	if _, err := owner.Consume("q", "one", true, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := other.Get("q", true); ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if _, err := other.Consume("q", "two", true, false, false, false, nil); err == nil {
		t.Error("a second consumer came beside the exclusive one")
	}
}

// A publisher is told and stopped while memory is low; one who only asks is not.
func TestBlockedPublisher(t *testing.T) {
	s := startServer(t, Options{})
	conn := s.dial(t)
	ch := openChannel(t, conn)
	declare(t, ch, "q")
	blocked := conn.NotifyBlocked(make(chan amqp.Blocking, 2))
	s.broker.SetAlarm(broker.AlarmMemory, true)
	if _, err := ch.QueueDeclarePassive("q", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	publish(t, ch, "", "q", "x")
	if b := receive(t, "blocking", blocked); !b.Active || b.Reason != "low on memory" {
		t.Errorf("%+v", b)
	}
	s.broker.SetAlarm(broker.AlarmMemory, false)
	if b := receive(t, "unblocking", blocked); b.Active {
		t.Errorf("%+v", b)
	}
	if q, err := ch.QueueDeclarePassive("q", false, false, false, false, nil); err != nil || q.Messages != 1 {
		t.Errorf("%d messages, %v", q.Messages, err)
	}
}

func TestPermissions(t *testing.T) {
	s := startServer(t, Options{})
	for _, tt := range []struct {
		ask  func(ch *amqp.Channel) error
		want string
	}{
		{func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare("ok", false, false, false, false, nil)
			return err
		}, ""},
		{func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare("no", false, false, false, false, nil)
			return err
		}, "ACCESS_REFUSED - configure access to queue 'no' in vhost '/' refused for user 'limited'"},
		{publishAndWait("", "ok", amqp.Publishing{}), "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'limited'"},
		{func(ch *amqp.Channel) error { return ch.QueueBind("ok", "k", "amq.direct", false, nil) }, "ACCESS_REFUSED - read access to exchange 'amq.direct' in vhost '/' refused for user 'limited'"},
	} {
		conn, err := amqp.Dial("amqp://limited:limited@" + s.addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		got := ""
		var told *amqp.Error
		if err := tt.ask(openChannel(t, conn)); errors.As(err, &told) {
			got = told.Reason
		}
		if got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestAMQPLAIN(t *testing.T) {
	t.Parallel()
	s := startServer(t, Options{})
	for password, good := range map[string]bool{"guest": true, "wrong": false} {
		conn, err := amqp.DialConfig(s.url(), amqp.Config{SASL: []amqp.Authentication{&amqp.AMQPlainAuth{Username: "guest", Password: password}}})
		if (err == nil) != good {
			t.Errorf("%s: %v", password, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// A client that is there when the server stops is told so.
func TestShutdownTellsClients(t *testing.T) {
	s := startServer(t, Options{})
	conn := s.dial(t)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	openChannel(t, conn)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.loop.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	e := receive(t, "close", closed)
	if e == nil || e.Code != int(wire.ConnectionForced) || e.Reason != "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" {
		t.Errorf("%v", e)
	}
}
