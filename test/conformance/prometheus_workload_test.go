package conformance

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

// doEverything makes a broker do each thing that is measured at least once, and leaves what is a state, such as an
// uncommitted transaction, until the end of the test.
func doEverything(t *testing.T, s *server.Server) {
	t.Helper()
	conn, err := amqp.Dial(s.AMQPURL(t))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	must(t, err)
	declare := func(name string, args amqp.Table) {
		_, err := ch.QueueDeclare(name, true, false, false, false, args)
		must(t, err)
	}
	declare("graves", nil)
	getAndReject(t, ch, declare)
	dieOfAll(t, ch, declare)
	leaveUncommitted(t, conn)
	consumeWithoutAcks(t, conn)
	must(t, ch.PublishWithContext(t.Context(), "", "nowhere", true, false, amqp.Publishing{}))
	must(t, ch.PublishWithContext(t.Context(), "", "nowhere", false, false, amqp.Publishing{}))
	_, err = ch.QueueDelete("got", false, false, false)
	must(t, err)
	if _, err := amqp.Dial("amqp://guest:wrong@" + s.Address(t, "amqp")); err == nil {
		t.Fatal("logged in with a wrong password")
	}
	other, err := amqp.Dial(s.AMQPURL(t))
	must(t, err)
	closed, err := other.Channel()
	must(t, err)
	must(t, closed.Close())
	must(t, other.Close())
}

// getAndReject gets a message again after it was put back, without an acknowledgement, and none.
func getAndReject(t *testing.T, ch *amqp.Channel, declare func(string, amqp.Table)) {
	t.Helper()
	declare("got", amqp.Table{"x-queue-type": "quorum"})
	publishConfirmed(t, ch, "got")
	for range 2 {
		d, ok, err := ch.Get("got", false)
		must(t, err)
		if !ok {
			t.Fatal("there is no message")
		}
		must(t, d.Nack(false, true))
	}
	for _, there := range []bool{true, false} {
		_, ok, err := ch.Get("got", true)
		must(t, err)
		if ok != there {
			t.Fatalf("there is a message: %v", ok)
		}
	}
}

// publishConfirmed publishes a message and waits until it is stored.
func publishConfirmed(t *testing.T, ch *amqp.Channel, key string) {
	t.Helper()
	must(t, ch.Confirm(false))
	c, err := ch.PublishWithDeferredConfirm("", key, false, false, amqp.Publishing{Body: []byte("x")})
	must(t, err)
	c.Wait()
}

// dieOfAll lets messages die for each reason.
func dieOfAll(t *testing.T, ch *amqp.Channel, declare func(string, amqp.Table)) {
	t.Helper()
	to := func(args amqp.Table) amqp.Table {
		args["x-dead-letter-exchange"], args["x-dead-letter-routing-key"] = "", "graves"
		return args
	}
	declare("full", to(amqp.Table{"x-max-length": int32(1)}))
	publishConfirmed(t, ch, "full")
	publishConfirmed(t, ch, "full")
	declare("old", to(amqp.Table{"x-message-ttl": int32(0), "x-queue-type": "quorum", "x-overflow": "reject-publish", "x-dead-letter-strategy": "at-least-once"}))
	publishConfirmed(t, ch, "old")
	declare("refused", to(amqp.Table{}))
	publishConfirmed(t, ch, "refused")
	d, _, err := ch.Get("refused", false)
	must(t, err)
	must(t, d.Reject(false))
	declare("worn", to(amqp.Table{"x-delivery-limit": int32(1), "x-queue-type": "quorum"}))
	publishConfirmed(t, ch, "worn")
	for range 2 {
		d, ok, err := ch.Get("worn", false)
		must(t, err)
		if !ok {
			t.Fatal("there is no message")
		}
		must(t, d.Nack(false, true))
	}
	eventually(t, "four dead letters", func() bool {
		q, err := ch.QueueDeclarePassive("graves", true, false, false, false, nil)
		return err == nil && q.Messages == 4
	})
}

// leaveUncommitted leaves a publication and an acknowledgement in a transaction, and a message unsettled.
func leaveUncommitted(t *testing.T, conn *amqp.Connection) {
	t.Helper()
	ch, err := conn.Channel()
	must(t, err)
	must(t, ch.Qos(5, 0, true))
	must(t, ch.Tx())
	d, ok, err := ch.Get("graves", false)
	must(t, err)
	if !ok {
		t.Fatal("there is no message")
	}
	must(t, d.Ack(false))
	must(t, ch.PublishWithContext(t.Context(), "", "graves", false, false, amqp.Publishing{}))
	_, ok, err = ch.Get("graves", false) // its answer comes after what was published
	must(t, err)
	if !ok {
		t.Fatal("there is no message")
	}
}

// consumeWithoutAcks consumes one message without acknowledgement.
func consumeWithoutAcks(t *testing.T, conn *amqp.Connection) {
	t.Helper()
	ch, err := conn.Channel()
	must(t, err)
	must(t, ch.Qos(1, 0, false))
	deliveries, err := ch.ConsumeWithContext(context.Background(), "graves", "", true, false, false, false, nil)
	must(t, err)
	<-deliveries
}
