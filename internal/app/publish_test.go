package app

import (
	"strconv"
	"strings"
	"testing"
)

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
