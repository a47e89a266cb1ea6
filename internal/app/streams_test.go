package app

import (
	"strings"
	"testing"
)

// The answers to get and purge are those of RabbitMQ 3.10.8; its policies apply to streams since 3.12.
func TestStreamsOverTheAPI(t *testing.T) {
	r := start(t, "management.listen=127.0.0.1:0")
	a := &api{t, "http://" + r.started["management"] + "/api"}
	want := func(status int, text, method, path, body string) {
		t.Helper()
		if code, answer := a.call(method, path, body); code != status || !strings.Contains(answer, text) {
			t.Errorf("%s %s: %d %s", method, path, code, answer)
		}
	}
	want(201, "", "PUT", "/queues/%2F/s", `{"durable":true,"arguments":{"x-queue-type":"stream","x-max-age":"1h"}}`)
	want(400, "invalid property 'non-durable'", "PUT", "/queues/%2F/t", `{"durable":false,"arguments":{"x-queue-type":"stream"}}`)
	want(201, "", "PUT", "/policies/%2F/streams", `{"pattern":"^s","apply-to":"streams","definition":{"max-age":"2h","stream-max-segment-size-bytes":1000}}`)
	want(201, "", "PUT", "/policies/%2F/ttl", `{"pattern":"^s","priority":5,"definition":{"message-ttl":1000}}`)
	want(201, "", "PUT", "/operator-policies/%2F/bytes", `{"pattern":"^s","apply-to":"streams","definition":{"max-length-bytes":1000}}`)
	want(400, "is not a valid max age", "PUT", "/policies/%2F/bad", `{"pattern":"^s","definition":{"max-age":"2x"}}`)
	want(200, "true", "POST", "/exchanges/%2F/amq.default/publish", `{"properties":{},"routing_key":"s","payload":"x","payload_encoding":"string"}`)
	want(400, "540 basic.get not supported by stream queues queue 's' in vhost '/'", "POST", "/queues/%2F/s/get",
		`{"count":1,"ackmode":"ack_requeue_true","encoding":"auto"}`)
	want(400, "queue.purge not supported by stream queues queue 's' in vhost '/'", "DELETE", "/queues/%2F/s/contents", "")
	q := a.object("/queues/%2F/s")
	for name, value := range map[string]any{
		"type": "stream", "messages": 1.0, "messages_ready": 1.0, "messages_unacknowledged": 0.0,
		"policy": "streams", "operator_policy": "bytes",
	} {
		if q[name] != value {
			t.Errorf("%s is %v, want %v", name, q[name], value)
		}
	}
	if dig(q, "effective_policy_definition", "max-age") != "2h" || dig(a.object("/policies/%2F/streams"), "apply-to") != "streams" {
		t.Errorf("policy %v", q["effective_policy_definition"])
	}
	want(204, "", "PUT", "/vhosts/%2F", `{"default_queue_type":"stream"}`)
	want(204, "", "DELETE", "/queues/%2F/s", "")
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}
