package stomp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
)

const subscribeClient = "SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\nreceipt:s\n\n\x00"

func ack(command, tag string, p *peer, more string) string {
	return command + "\nid:T_1@@" + p.session + "@@" + tag + "\n" + more + "\n\x00"
}

// wantCounts checks how many messages of the queue q are ready and how many under a lease.
func (g *gateway) wantCounts(ready, unacked int) {
	g.Helper()
	if info, _ := g.info("q"); info.Ready != ready || info.Unacked != unacked {
		g.Fatalf("%d ready and %d unacknowledged, want %d and %d", info.Ready, info.Unacked, ready, unacked)
	}
}

func TestAckClientIsCumulative(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("abc")
	p.send(subscribeClient)
	p.want(receipt("s"), message("1", "a", "false"), message("2", "b", "false"), message("3", "c", "false"))
	p.send(ack("ACK", "2", p, "receipt:r\n"))
	p.want(receipt("r"))
	g.wantCounts(0, 1)
	p.send(ack("ACK", "1", p, ""))
	p.want(refusal("precondition_failed", "PRECONDITION_FAILED - unknown delivery tag 1"))
	p.wantClosed()
	g.waitEnd()
	g.wantCounts(1, 0)
	p = g.login(connect12)
	p.send(subscribeClient)
	p.want(receipt("s"), message("1", "c", "true"))
}

func TestAckIndividual(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("abc")
	p.send(strings.Replace(subscribeClient, "ack:client", "ack:client-individual", 1))
	p.want(receipt("s"), message("1", "a", "false"), message("2", "b", "false"), message("3", "c", "false"))
	p.send(ack("ACK", "2", p, "receipt:r\n"))
	p.want(receipt("r"))
	g.wantCounts(0, 2)
	p.send(ack("ACK", "9", p, "receipt:r\n"))
	p.want(refusal("precondition_failed", "PRECONDITION_FAILED - unknown delivery tag 9"))
}

func TestAckByVersion(t *testing.T) {
	g := start(t)
	for _, c := range []struct{ connect, frame string }{
		{connect10, "ACK\nmessage-id:%s\nreceipt:r\n\n\x00"},
		{connect11, "ACK\nmessage-id:%s\nsubscription:1\nreceipt:r\n\n\x00"},
		{connect12, "ACK\nid:%s\nreceipt:r\n\n\x00"},
	} {
		p := g.login(c.connect)
		p.fill("a")
		p.send(subscribeClient)
		p.want(receipt("s"))
		want := message("1", "a", "false")
		if c.connect != connect12 {
			want = strings.Replace(want, "\nack:T_1@@SESSION@@1", "", 1)
		}
		p.want(want)
		p.send(fmt.Sprintf(c.frame, "T_1@@"+p.session+"@@1"))
		p.want(receipt("r"))
		g.wantCounts(0, 0)
		p.send("DISCONNECT\n\n\x00")
		p.wantClosed()
	}
}

func TestNack(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("abc")
	p.send(strings.Replace(subscribeClient, "receipt:s", "receipt:s\nprefetch-count:2", 1))
	p.want(receipt("s"), message("1", "a", "false"), message("2", "b", "false"))
	p.send(ack("NACK", "2", p, "")) // cumulative: both come back, in their order
	p.want(message("3", "a", "true"), message("4", "b", "true"))
	p.send(ack("NACK", "3", p, "requeue:false\n"))
	p.want(message("5", "c", "false"))
	p.send(ack("ACK", "5", p, "receipt:r\n"))
	p.want(receipt("r"))
	g.wantCounts(0, 0)
}

func TestAutoAckIgnoresPrefetch(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("ab")
	p.send("SUBSCRIBE\nid:1\ndestination:/queue/q\nprefetch-count:1\nreceipt:s\n\n\x00")
	want := func(tag, body string) string {
		return strings.Replace(message(tag, body, "false"), "\nack:T_1@@SESSION@@"+tag, "", 1)
	}
	p.want(receipt("s"), want("1", "a"), want("2", "b"))
	g.wantCounts(0, 0)
}

func TestUnsubscribe(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("a")
	p.send(subscribeClient)
	p.want(receipt("s"), message("1", "a", "false"))
	p.send("UNSUBSCRIBE\nid:1\nreceipt:u\n\n\x00")
	p.want(receipt("u"))
	p.fill("b") // and nothing is delivered
	p.send(ack("ACK", "1", p, "receipt:r\n"))
	p.want(receipt("r"))
	g.wantCounts(1, 0)
	p.send(subscribeClient)
	p.want(receipt("s"), message("2", "b", "false"))
}

func TestSubscriptionWithoutID(t *testing.T) {
	p := start(t).login(connect12)
	p.fill("a")
	p.send("SUBSCRIBE\ndestination:/queue/q\n\n\x00")
	p.want("MESSAGE\ndestination:/queue/q\nmessage-id:Q_/queue/q@@SESSION@@1\nredelivered:false\ncontent-length:1\n\na")
	p.send("UNSUBSCRIBE\ndestination:/queue/q\nreceipt:u\n\n\x00")
	p.want(receipt("u"))
}

func TestServerCancelsSubscription(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.send(subscribeClient)
	p.want(receipt("s"))
	if _, err := g.session().DeleteQueue(t.Context(), "q", false, false); err != nil {
		t.Fatal(err)
	}
	f := fault{
		message: "Server cancelled subscription", subscription: "1",
		body: "The server has canceled a subscription.\nNo more messages will be delivered for \"id='1'\".\n",
	}
	p.want(strings.TrimSuffix(string(rabbitmq{}.appendFault(nil, &f, "")), "\x00\n"))
	// The queue is made again for whoever names it.
	p.send("SEND\ndestination:/queue/q\nreceipt:r\n\na\x00")
	p.want(receipt("r"))
	p.send(subscribeClient)
	p.want(receipt("s"), strings.Replace(message("1", "a", "false"), "content-length", "receipt:r\ncontent-length", 1))
}

func TestTransactionCommit(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("ab")
	p.send(subscribeClient)
	p.want(receipt("s"), message("1", "a", "false"), message("2", "b", "false"))
	p.send("BEGIN\ntransaction:t\nreceipt:b\n\n\x00", "SEND\ndestination:/queue/other\ntransaction:t\nreceipt:x\n\nc\x00",
		ack("ACK", "1", p, "transaction:t\nreceipt:a\n"))
	p.want(receipt("b"), receipt("a"))
	g.wantCounts(0, 2)
	if info, _ := g.info("other"); info.Ready != 0 {
		t.Errorf("visible before the commit: %+v", info)
	}
	p.send("COMMIT\ntransaction:t\nreceipt:c\n\n\x00")
	p.want(receipt("x"), receipt("c"))
	g.wantCounts(0, 1)
	if info, _ := g.info("other"); info.Ready != 1 {
		t.Errorf("not there after the commit: %+v", info)
	}
	p.send("COMMIT\ntransaction:t\n\n\x00")
	p.want(refusal("Bad transaction", "Invalid transaction identifier: \"t\"\n"))
}

func TestTransactionAbort(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("abc")
	p.send(strings.Replace(subscribeClient, "ack:client", "ack:client-individual", 1))
	p.want(receipt("s"), message("1", "a", "false"), message("2", "b", "false"), message("3", "c", "false"))
	p.send("BEGIN\ntransaction:t\n\n\x00", ack("ACK", "2", p, "transaction:t\n"), ack("NACK", "1", p, "transaction:t\n"),
		"SEND\ndestination:/queue/q\ntransaction:t\n\nd\x00", "ABORT\ntransaction:t\nreceipt:a\n\n\x00")
	p.want(receipt("a"))
	g.wantCounts(0, 3)
	// What was settled in it can be settled again, in any order.
	p.send(ack("ACK", "1", p, "receipt:1\n"), ack("ACK", "3", p, "receipt:3\n"), ack("ACK", "2", p, "receipt:2\n"))
	p.want(receipt("1"), receipt("3"), receipt("2"))
	g.wantCounts(0, 0)
}

func TestTransactionEndsWithItsConnection(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("a")
	p.send(subscribeClient)
	p.want(receipt("s"), message("1", "a", "false"))
	p.send("BEGIN\ntransaction:t\n\n\x00", ack("ACK", "1", p, "transaction:t\n"),
		"SEND\ndestination:/queue/q\ntransaction:t\n\nb\x00", "DISCONNECT\nreceipt:d\n\n\x00")
	p.want(receipt("d"), "closed")
	g.waitEnd()
	g.wantCounts(1, 0)
}

func TestTransactionLimits(t *testing.T) {
	p := start(t).login(connect12)
	for i := range maxTransactions {
		p.send(fmt.Sprintf("BEGIN\ntransaction:%d\n\n\x00", i))
	}
	p.send("BEGIN\ntransaction:more\n\n\x00")
	p.want(refusal("Transaction limit exceeded", "Too many concurrent transactions (limit 16)"))
	p.send("BEGIN\ntransaction:0\nreceipt:r\n\n\x00") // forgets the first of the name
	p.want(receipt("r"))
	body := strings.Repeat("x", 15<<20)
	for i := range 4 {
		go p.sendAll(fmt.Sprintf("SEND\ndestination:/queue/q\ntransaction:%d\nreceipt:r\n\n%s\x00BEGIN\ntransaction:0\nreceipt:n%d\n\n\x00", i+1, body, i))
		if i == 3 {
			p.want(refusal("Transaction too large", "Too many bytes in transactions (limit 50331648)"))
		}
		p.want(receipt(fmt.Sprintf("n%d", i)))
	}
}

func TestTopics(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.send("SUBSCRIBE\nid:a\ndestination:/topic/stock.*.nyse\nreceipt:1\n\n\x00", "SUBSCRIBE\nid:b\ndestination:/topic/stock.#\nreceipt:2\n\n\x00",
		"SUBSCRIBE\nid:c\ndestination:/exchange/amq.fanout\nreceipt:3\n\n\x00")
	p.want(receipt("1"), receipt("2"), receipt("3"))
	p.send("SEND\ndestination:/topic/stock\n\n1\x00")
	p.want("MESSAGE\nsubscription:b\ndestination:/topic/stock\nmessage-id:T_b@@SESSION@@1\nredelivered:false\ncontent-length:1\n\n1")
	p.send("UNSUBSCRIBE\nid:b\n\n\x00SEND\ndestination:/topic/stock.usd.nyse\n\n2\x00")
	p.want("MESSAGE\nsubscription:a\ndestination:/topic/stock.usd.nyse\nmessage-id:T_a@@SESSION@@2\nredelivered:false\ncontent-length:1\n\n2")
	p.send("SEND\ndestination:/exchange/amq.fanout/any%2Fkey\n\n3\x00")
	p.want("MESSAGE\nsubscription:c\ndestination:/exchange/amq.fanout/any%2Fkey\nmessage-id:T_c@@SESSION@@3\nredelivered:false\ncontent-length:1\n\n3")
	p.send("DISCONNECT\n\n\x00")
	p.wantClosed()
	g.waitEnd()
	if names := g.session().QueueNames(); len(names) > 0 {
		t.Errorf("queues left: %v", names)
	}
}

func TestDurableSubscription(t *testing.T) {
	g := start(t)
	const subscribe = "SUBSCRIBE\nid:ds\ndestination:/topic/a.b\ndurable:true\nauto-delete:false\nack:client\nreceipt:s\n\n\x00"
	const queue = "stomp-subscription-Jiahd_xYUnRfPK324XvkVw" // as RabbitMQ 3.10.8 named it
	p := g.login(connect12)
	p.send(subscribe)
	p.want(receipt("s"))
	p.send("DISCONNECT\n\n\x00")
	p.wantClosed()
	if info, ok := g.info(queue); !ok || !info.Spec.Durable || info.Spec.AutoDelete {
		t.Fatalf("%+v, %v", info, ok)
	}
	p = g.login(connect12)
	p.send("SEND\ndestination:/topic/a.b\nreceipt:r\n\nx\x00")
	p.want(receipt("r"))
	p.send(subscribe)
	p.want(receipt("s"), "MESSAGE\nsubscription:ds\ndestination:/topic/a.b\nmessage-id:T_ds@@SESSION@@1\nredelivered:false\nack:T_ds@@SESSION@@1\nreceipt:r\ncontent-length:1\n\nx")
	p.send("UNSUBSCRIBE\nid:ds\nreceipt:u\n\n\x00")
	p.want(receipt("u"))
	if _, ok := g.info(queue); !ok {
		t.Error("gone without durable:true")
	}
	p.send(strings.Replace(subscribe, "ack:client", "ack:auto", 1), "UNSUBSCRIBE\nid:ds\ndurable:true\nreceipt:u\n\n\x00")
	p.want(receipt("s"), receipt("u"))
	if _, ok := g.info(queue); ok {
		t.Error("still there after UNSUBSCRIBE with durable:true")
	}
}

// TestQueueProperties checks what SUBSCRIBE's headers make of the queue, as measured on RabbitMQ 3.10.8.
func TestQueueProperties(t *testing.T) {
	g := start(t)
	for name, c := range map[string]struct {
		frame                          string
		durable, autoDelete, exclusive bool
	}{
		"q1": {"SEND\ndestination:/queue/q1\nreceipt:r\n\n\x00", true, false, false},
		"q2": {"SEND\ndestination:/queue/q2\npersistent:false\nreceipt:r\n\n\x00", false, true, true},
		"q3": {"SUBSCRIBE\nid:1\ndestination:/queue/q3\ndurable:false\nreceipt:r\n\n\x00", false, true, true},
		"q4": {"SUBSCRIBE\nid:1\ndestination:/queue/q4\nauto-delete:true\nreceipt:r\n\n\x00", true, true, false},
		"q5": {"SUBSCRIBE\nid:1\ndestination:/topic/t\nx-queue-name:q5\nreceipt:r\n\n\x00", false, true, false},
		"q6": {"SUBSCRIBE\nid:1\ndestination:/topic/t\nx-queue-name:q6\ndurable:true\nreceipt:r\n\n\x00", true, true, false},
		"q7": {"SUBSCRIBE\nid:1\ndestination:/exchange/amq.fanout\nx-queue-name:q7\nexclusive:true\nreceipt:r\n\n\x00", false, true, true},
		"q8": {"SUBSCRIBE\nid:1\ndestination:bare\nx-queue-type:classic\nreceipt:r\n\n\x00", true, false, false},
	} {
		p := g.login(connect12)
		p.send(c.frame)
		p.want(receipt("r"))
		queue := name
		if name == "q8" {
			queue = "bare"
		}
		info, err := g.session().Queue(t.Context(), queue)
		if c.exclusive {
			if !broker.IsKind(err, broker.KindLocked) {
				t.Errorf("%s: not exclusive: %v", name, err)
			}
			continue
		}
		if s := info.Spec; err != nil || s.Durable != c.durable || s.AutoDelete != c.autoDelete {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestReplyQueue(t *testing.T) {
	g := start(t)
	client, server := g.login(connect12), g.login(connect12)
	server.send("SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:s\n\n\x00")
	server.want(receipt("s"))
	client.send("SEND\ndestination:/queue/q\nreply-to:/temp-queue/mine\n\na\x00")
	request := server.next()
	_, rest, _ := strings.Cut(request, "reply-to:")
	to, _, _ := strings.Cut(rest, "\n")
	if !strings.HasPrefix(to, "/reply-queue/amq.gen-") {
		t.Fatalf("%q", request)
	}
	server.send("SEND\ndestination:" + to + "\n\nb\x00")
	want := "MESSAGE\nsubscription:/temp-queue/mine\ndestination:/queue/" + strings.TrimPrefix(to, "/reply-queue/") +
		"\nmessage-id:T_/temp-queue/mine@@SESSION@@1\nredelivered:false\ncontent-length:1\n\nb"
	client.want(want)
	client.send("SEND\ndestination:/queue/q\nreply-to:/temp-queue/mine\n\nc\x00")
	if again := server.next(); !strings.Contains(again, "reply-to:"+to+"\n") {
		t.Errorf("another queue the second time: %q", again)
	}
}

func TestSendToNobody(t *testing.T) {
	p := start(t).login(connect12)
	p.send("SEND\ndestination:/topic/nobody\nreceipt:1\n\nx\x00", "SEND\ndestination:/amq/queue/nothere\nreceipt:2\n\nx\x00")
	p.want(receipt("1"), receipt("2"))
}
