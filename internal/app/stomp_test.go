package app

import (
	"bufio"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// stompClient speaks frames as they are.
type stompClient struct {
	*testing.T
	nc net.Conn
	r  *bufio.Reader
}

func dialSTOMP(t *testing.T, addr string) *stompClient {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	c := &stompClient{T: t, nc: nc, r: bufio.NewReader(nc)}
	c.want("CONNECT\naccept-version:1.2\nhost:/\n\n\x00", "CONNECTED\n")
	return c
}

// want sends frames and returns the next one, which must contain every text.
func (c *stompClient) want(frames string, texts ...string) string {
	c.Helper()
	if _, err := c.nc.Write([]byte(frames)); err != nil {
		c.Fatal(err)
	}
	f, err := c.r.ReadString(0)
	if err != nil {
		c.Fatal(err)
	}
	f = strings.TrimLeft(f, "\n")
	for _, text := range texts {
		if !strings.Contains(f, text) {
			c.Fatalf("%q is answered by %q, without %q", frames, f, text)
		}
	}
	return f
}

// TestQueueArgumentsOverSTOMP: headers are the queue's arguments, as AMQP has them, compared and refused like them.
func TestQueueArgumentsOverSTOMP(t *testing.T) {
	r := start(t, "stomp.listen=127.0.0.1:0", "amqp.listen=127.0.0.1:0")
	c := dialSTOMP(t, r.started["stomp"])
	const arguments = "x-message-ttl:60000\nx-max-length:2\nx-dead-letter-exchange:amq.fanout\nx-max-priority:9\n"
	c.want("SEND\ndestination:/queue/q\n"+arguments+"receipt:1\n\na\x00", "RECEIPT")
	conn, err := amqp.Dial("amqp://guest:guest@" + r.started["amqp"] + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	q, err := ch.QueueDeclare("q", true, false, false, false, amqp.Table{
		"x-message-ttl": int64(60000), "x-max-length": int64(2), "x-dead-letter-exchange": "amq.fanout", "x-max-priority": int64(9),
	})
	if err != nil || q.Messages != 1 {
		t.Fatal(q, err)
	}
	c.want("SEND\ndestination:/queue/q\n\nb\x00SEND\ndestination:/queue/q\nreceipt:1\n\nc\x00", "RECEIPT")
	c.want("SUBSCRIBE\nid:1\ndestination:/amq/queue/q\nreceipt:2\n\n\x00", "RECEIPT")
	c.want("", "MESSAGE", "\n\nb")
	for frame, text := range map[string]string{
		"SUBSCRIBE\nid:2\ndestination:/queue/q\n\n\x00":              "inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received none but current is the value '60000' of type 'long'",
		"SEND\ndestination:/queue/n\nx-message-ttl:-1\n\n\x00":       "invalid arg 'x-message-ttl' for queue 'n' in vhost '/'",
		"SEND\ndestination:/queue/n\nx-queue-type:nope\n\n\x00":      "unsupported queue type 'nope'",
		"SUBSCRIBE\nid:2\ndestination:/topic/t\nx-expires:0\n\n\x00": "invalid arg 'x-expires'",
	} {
		dialSTOMP(t, r.started["stomp"]).want(frame, "ERROR", "message:precondition_failed", text)
	}
	dialSTOMP(t, r.started["stomp"]).want("SEND\ndestination:/queue/n\nx-expires:soon\n\n\x00", "message:Processing error")
	d := dialSTOMP(t, r.started["stomp"])
	d.want("SUBSCRIBE\nid:1\ndestination:/queue/quorum\nx-queue-type:quorum\nreceipt:1\n\n\x00", "RECEIPT")
	d.want("SUBSCRIBE\nid:2\ndestination:/topic/t\nx-queue-name:ttl\nx-message-ttl:1000\nauto-delete:false\nreceipt:2\n\n\x00", "RECEIPT")
}

// TestStreamsOverSTOMP: a stream is read from an offset on, and each message tells its own.
func TestStreamsOverSTOMP(t *testing.T) {
	r := start(t, "stomp.listen=127.0.0.1:0")
	c := dialSTOMP(t, r.started["stomp"])
	for i := range 5 {
		c.want("SEND\ndestination:/queue/s\nx-queue-type:stream\nx-stream-filter-value:"+strconv.Itoa(i%2)+"\nreceipt:r\n\n"+strconv.Itoa(i)+"\x00", "RECEIPT")
	}
	const subscribe = "SUBSCRIBE\nid:1\ndestination:/amq/queue/s\nack:client\nprefetch-count:10\n"
	for headers, want := range map[string]string{
		"x-stream-offset:first\n": "01234", "x-stream-offset:offset=3\n": "34", "x-stream-offset:last\n": "4",
		"x-stream-offset:first\nx-stream-filter:1,7\n": "13", "x-stream-offset:timestamp=1\n": "01234",
	} {
		c := dialSTOMP(t, r.started["stomp"])
		c.want(subscribe+headers+"receipt:r\n\n\x00", "RECEIPT")
		for _, n := range want {
			c.want("", "MESSAGE", "x-stream-offset:"+string(n)+"\n", "\n\n"+string(n))
		}
	}
	for frame, text := range map[string]string{
		"SUBSCRIBE\nid:1\ndestination:/amq/queue/s\nprefetch-count:1\n\n\x00": "automatic acknowledgement not supported by stream queues queue 's'",
		"SUBSCRIBE\nid:1\ndestination:/amq/queue/s\nack:client\n\n\x00":       "consumer prefetch count is not set for 'queue 's' in vhost '/''",
		subscribe + "x-stream-offset:soon\n\n\x00":                            "invalid arg 'x-stream-offset' for queue 's'",
	} {
		dialSTOMP(t, r.started["stomp"]).want(frame, "ERROR", text)
	}
}

// TestActiveMQAuthorization: rights in the configuration count for a client that bears no mark of ActiveMQ's.
func TestActiveMQAuthorization(t *testing.T) {
	r := start(t, "stomp.listen=127.0.0.1:0", `stomp.activemq.authorization=queue=open.> read="a, *" write=* admin=administrator, queue=> read=nobody`)
	c := dialSTOMP(t, r.started["stomp"])
	c.want("SEND\ndestination:/queue/open.a\nreceipt:1\n\nx\x00", "RECEIPT")
	c.want("SUBSCRIBE\nid:1\ndestination:/queue/open.a\nreceipt:2\n\n\x00", "RECEIPT")
	c.want("", "MESSAGE")
	c.want("SEND\ndestination:/queue/shut\nreceipt:3\n\nx\x00", "ERROR", `User guest is not authorized to write to\c queue\c//shut`)
	c.want("SEND\ndestination:/topic/t\nreceipt:4\n\nx\x00", "ERROR", `User guest is not authorized to write to\c topic\c//t`)
}
