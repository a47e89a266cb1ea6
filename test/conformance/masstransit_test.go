package conformance

import (
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

// MassTransit itself needs .NET. What it declares and consumes is replayed here, each call with the line of MassTransit's
// repository that it was read from; all are in src/Transports/MassTransit.RabbitMqTransport/RabbitMqTransport.

// massEndpoint declares an exchange and a quorum queue of one name, and binds them, in MassTransit's order: queues,
// exchanges, bindings (Middleware/ConfigureRabbitMqTopologyFilter.cs:58-67).
func massEndpoint(t *testing.T, ch *amqp.Channel, name string) {
	t.Helper()
	// Configuration/RabbitMqQueueConfigurator.cs:24 and 35, Configuration/RabbitMqReceiveEndpointBuilder.cs:93
	quorum := amqp.Table{"x-queue-type": "quorum", "x-quorum-initial-group-size": int32(3)}
	if _, err := ch.QueueDeclare(name, true, false, false, false, quorum); err != nil {
		t.Fatal(err)
	}
	// Configuration/RabbitMqReceiveEndpointBuilder.cs:85-86
	if err := ch.ExchangeDeclare(name, "fanout", true, false, false, false, amqp.Table{}); err != nil {
		t.Fatal(err)
	}
	// Configuration/RabbitMqReceiveEndpointBuilder.cs:95
	if err := ch.QueueBind(name, "", name, false, amqp.Table{}); err != nil {
		t.Fatal(err)
	}
}

func TestMassTransitTopology(t *testing.T) {
	s := server.Start(t)
	const message, event, endpoint = "Shop.Contracts:OrderSubmitted", "Shop.Contracts:IOrderEvent", "order-service"
	conn, err := amqp.Dial(s.AMQPURL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // every start of an application declares everything again
		massEndpoint(t, ch, endpoint)
		for _, name := range []string{message, event} {
			if err := ch.ExchangeDeclare(name, "fanout", true, false, false, false, amqp.Table{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, b := range [][2]string{{event, message}, {endpoint, event}} {
			if err := ch.ExchangeBind(b[0], "", b[1], false, amqp.Table{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, suffix := range []string{"_error", "_skipped"} { // Topology/RabbitMqErrorSettings.cs:27-31
			massEndpoint(t, ch, endpoint+suffix)
		}
	}
	if err := ch.Qos(16, 0, false); err != nil {
		t.Fatal(err)
	}
	// Middleware/RabbitMqConsumerFilter.cs:36-37
	deliveries, err := ch.Consume(endpoint, "", false, false, false, false, amqp.Table{})
	if err != nil {
		t.Fatal(err)
	}
	massPublish(t, conn, message, amqp.Publishing{
		MessageId: "0a000000-0000-0000-0000-000000000001", ContentType: "application/vnd.masstransit+json", DeliveryMode: 2,
		Headers: amqp.Table{"Content-Type": "application/vnd.masstransit+json", "MT-Activity-Id": "00-1-2-00"}, Body: []byte("{}"),
	})
	d := massReceive(t, deliveries)
	if d.Exchange != message || d.Redelivered || d.MessageId == "" || d.Headers["MT-Activity-Id"] != "00-1-2-00" {
		t.Errorf("%+v", d)
	}
	// A message whose consumer fails is published to the error queue's exchange, with what went wrong, and acknowledged.
	massPublish(t, conn, endpoint+"_error", amqp.Publishing{
		MessageId: d.MessageId, ContentType: d.ContentType, DeliveryMode: 2, Body: d.Body,
		Headers: amqp.Table{"MT-Reason": "fault", "MT-Fault-Message": "it failed", "MT-Fault-RetryCount": int32(0)},
	})
	if err := d.Ack(false); err != nil {
		t.Fatal(err)
	}
	failed, ok, err := ch.Get(endpoint+"_error", true)
	if err != nil || !ok || failed.Headers["MT-Reason"] != "fault" || failed.MessageId != d.MessageId {
		t.Errorf("%v, %v, %+v", err, ok, failed)
	}
}

// massPublish publishes as MassTransit does, with a confirm, on a channel of its own.
func massPublish(t *testing.T, conn *amqp.Connection, exchange string, p amqp.Publishing) {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	defer ch.Close()
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	confirm, err := ch.PublishWithDeferredConfirm(exchange, "", false, false, p)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := confirm.WaitContext(t.Context()); !ok || err != nil {
		t.Fatalf("not confirmed: %v", err)
	}
}

func massReceive(t *testing.T, deliveries <-chan amqp.Delivery) amqp.Delivery {
	t.Helper()
	select {
	case d := <-deliveries:
		return d
	case <-time.After(clientTimeout):
		t.Fatal("nothing was delivered")
		return amqp.Delivery{}
	}
}
