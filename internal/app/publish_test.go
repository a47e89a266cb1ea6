package app

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// max_message_size is the largest body over every protocol.
func TestLargestMessage(t *testing.T) {
	r := start(t, "max_message_size=1KiB", "management.listen=127.0.0.1:0", "amqp.listen=127.0.0.1:0", "stomp.listen=127.0.0.1:0")
	conn, err := amqp.Dial("amqp://guest:guest@" + r.started["amqp"])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("q", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	fits, over := make([]byte, 1024), make([]byte, 1025)
	if err := ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{Body: fits}); err != nil {
		t.Fatal(err)
	}
	if q, err := ch.QueueDeclarePassive("q", true, false, false, false, nil); err != nil || q.Messages != 1 {
		t.Fatalf("%+v, %v", q, err)
	}
	if err := ch.PublishWithContext(t.Context(), "", "q", false, false, amqp.Publishing{Body: over}); err != nil {
		t.Fatal(err)
	}
	var e *amqp.Error
	if err := <-closed; !errors.As(err, &e) || e.Code != 406 ||
		e.Reason != "PRECONDITION_FAILED - message size 1025 is larger than configured max size 1024" {
		t.Errorf("over AMQP: %v", err)
	}
	c := dialSTOMP(t, r.started["stomp"])
	c.want("SEND\ndestination:/amq/queue/q\nreceipt:1\n\n"+strings.Repeat("x", 1025)+"\x00", "ERROR")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	code, body := a.call("POST", "/exchanges/%2F/amq.default/publish",
		`{"routing_key":"q","payload":"`+strings.Repeat("x", 1025)+`","payload_encoding":"string","properties":{}}`)
	if code != 400 {
		t.Errorf("over the API: %d %s", code, body)
	}
	if q := a.object("/queues/%2F/q"); q["messages"] != 1.0 {
		t.Errorf("%v messages", q["messages"])
	}
}

// The API publishes under the rules of AMQP: further routing keys count, and what cannot be is refused.
func TestPublishOverTheAPI(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	for _, name := range []string{"a", "b", "c"} {
		if code, body := a.call("PUT", "/queues/%2F/"+name, `{"durable":true}`); code != 201 {
			t.Fatal(code, body)
		}
	}
	for properties, want := range map[string]string{
		`{"headers":{"CC":["b"],"BCC":["c"]}}`: `200 {"routed":true}`,
		`{"expiration":"abc"}`:                 `400 {"error":"bad_request","reason":"406 PRECONDITION_FAILED - invalid expiration 'abc': no_integer"}`,
		`{"headers":{"CC":"b"}}`:               `400 {"error":"bad_request","reason":"406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr}"}`,
	} {
		code, body := a.call("POST", "/exchanges/%2F/amq.default/publish",
			`{"routing_key":"a","payload":"x","payload_encoding":"string","properties":`+properties+`}`)
		if !strings.HasPrefix(want, strconv.Itoa(code)+" ") || want[4:] != body {
			t.Errorf("%s: %d %s\nwant %s", properties, code, body, want)
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		if q := a.object("/queues/%2F/" + name); q["messages"] != 1.0 {
			t.Errorf("%s has %v", name, q["messages"])
		}
	}
	_, body := a.call("POST", "/queues/%2F/b/get", `{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}`)
	if !strings.Contains(body, `"CC":["b"]`) || strings.Contains(body, "BCC") {
		t.Errorf("got %s", body)
	}
}
