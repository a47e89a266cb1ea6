package app

import (
	"context"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// What is published and delivered in a traced virtual host comes to amq.rabbitmq.trace, with the headers that
// RabbitMQ 3.10.8 gives it; nothing does before and after.
func TestTracing(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0", "amqp.listen=127.0.0.1:0")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	conn, err := amqp.Dial("amqp://guest:guest@" + r.started["amqp"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"traced", "fire"} {
		if _, err := ch.QueueDeclare(name, true, false, false, false, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := ch.QueueBind("fire", "#", "amq.rabbitmq.trace", false, nil); err != nil {
		t.Fatal(err)
	}
	roundTrip := func() {
		t.Helper()
		err := ch.PublishWithContext(t.Context(), "", "traced", false, false, amqp.Publishing{
			ContentType: "text/plain", DeliveryMode: 2, Headers: amqp.Table{"n": int32(5)}, Body: []byte("hi"),
		})
		if err != nil {
			t.Fatal(err)
		}
		deliveries, err := ch.ConsumeWithContext(context.WithoutCancel(t.Context()), "traced", "c", true, false, false, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		<-deliveries
		if err := ch.Cancel("c", false); err != nil {
			t.Fatal(err)
		}
	}
	roundTrip()
	if code, body := a.call("PUT", "/vhosts/%2F", `{"tracing":true}`); code != 204 {
		t.Fatal(code, body)
	}
	roundTrip()
	traces, err := ch.ConsumeWithContext(context.WithoutCancel(t.Context()), "fire", "", true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	published, delivered := <-traces, <-traces
	if tracing := a.object("/vhosts/%2F")["tracing"]; tracing != true {
		t.Errorf("tracing is %v", tracing)
	}
	if code, body := a.call("PUT", "/vhosts/%2F", `{"tracing":false}`); code != 204 {
		t.Fatal(code, body)
	}
	roundTrip()
	if q := a.object("/queues/%2F/fire"); dig(q, "message_stats", "deliver_no_ack") != 2.0 || q["messages"] != 0.0 {
		t.Errorf("the queue of traces is %v", q)
	}
	name := conn.LocalAddr().String() + " -> " + r.started["amqp"]
	for key, d := range map[string]amqp.Delivery{"publish.": published, "deliver.traced": delivered} {
		if d.RoutingKey != key || string(d.Body) != "hi" || d.Exchange != "amq.rabbitmq.trace" {
			t.Errorf("%s: %q from %q with %q", key, d.Body, d.Exchange, d.RoutingKey)
		}
		h := d.Headers
		keys, _ := h["routing_keys"].([]any)
		properties, _ := h["properties"].(amqp.Table)
		headers, _ := properties["headers"].(amqp.Table)
		if h["exchange_name"] != "" || len(keys) != 1 || keys[0] != "traced" || h["vhost"] != "/" || h["user"] != "guest" ||
			h["connection"] != name || h["channel"] != int32(1) || properties["delivery_mode"] != int32(2) ||
			properties["content_type"] != "text/plain" || headers["n"] != int32(5) {
			t.Errorf("%s: headers %v", key, h)
		}
	}
	if routed, _ := published.Headers["routed_queues"].([]any); len(routed) != 1 || routed[0] != "traced" {
		t.Errorf("routed to %v", published.Headers["routed_queues"])
	}
	if delivered.Headers["redelivered"] != int32(0) {
		t.Errorf("redelivered is %v", delivered.Headers["redelivered"])
	}
}
