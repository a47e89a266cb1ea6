package stomp

import (
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// TestActiveMQAck: client mode counts within the subscription only; each version names a message in its own way.
func TestActiveMQAck(t *testing.T) {
	g := amq(t)
	for version, c := range map[string]struct{ ack, by string }{
		"1.0": {"ACK\nmessage-id:%", "message-id"}, "1.1": {"ACK\nsubscription:1\nmessage-id:%", "message-id"}, "1.2": {"ACK\nid:%", "ack"},
	} {
		p := g.login("CONNECT\naccept-version:" + version + "\n\n\x00")
		for _, body := range "abc" {
			p.send("SEND\ndestination:/queue/q\n\n" + string(body) + "\x00SEND\ndestination:/queue/other\n\nx\x00")
		}
		p.do("SUBSCRIBE\nid:2\ndestination:/queue/other\nack:client\nreceipt:r\n\n\x00")
		for range 3 {
			p.read("MESSAGE")
		}
		p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\nreceipt:r\n\n\x00")
		var ids []string
		for range 3 {
			ids = append(ids, p.read("MESSAGE").headers[c.by])
		}
		p.do(strings.Replace(c.ack, "%", strings.ReplaceAll(ids[1], ":", `\c`), 1) + "\nreceipt:r\n\n\x00")
		g.wantCounts(0, 1)
		if info, _ := g.info("other"); info.Unacked != 3 {
			t.Errorf("%s: the other subscription has %d", version, info.Unacked)
		}
		shown := ids[0]
		if version == "1.2" {
			shown = "null"
		}
		p.fails(strings.Replace(c.ack, "%", strings.ReplaceAll(ids[0], ":", `\c`), 1)+"\nreceipt:r\n\n\x00", "Unexpected ACK received for message-id ["+shown+"]")
		p.do(strings.Replace(c.ack, "%", strings.ReplaceAll(ids[2], ":", `\c`), 1) + "\nreceipt:r\n\n\x00")
		p.send("DISCONNECT\n\n\x00")
		g.waitEnd()
		if _, err := g.session().PurgeQueue(t.Context(), "other"); err != nil {
			t.Fatal(err)
		}
	}
	p := g.login(plain12)
	p.fails("ACK\nreceipt:r\n\n\x00", "ACK received without a ack id for acknowledge!")
	p.fails("NACK\nid:x\nreceipt:r\n\n\x00", "Unexpected NACK received for message-id [null]")
	p = g.login("CONNECT\naccept-version:1.1\n\n\x00")
	p.fails("ACK\nmessage-id:x\nreceipt:r\n\n\x00", "ACK received without a subscription id for acknowledge!")
	p.fails("ACK\nsubscription:1\nreceipt:r\n\n\x00", "ACK received without a message-id to acknowledge!")
	p = g.login("CONNECT\n\n\x00")
	p.fails("NACK\nmessage-id:x\nreceipt:r\n\n\x00", "NACK received but connection is in v1.0 mode.")
}

// TestActiveMQNack: a message that is refused goes to the dead letter queue with its headers, alone, in transactions too.
func TestActiveMQNack(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.send("SEND\ndestination:/queue/q\npersistent:true\n\na\x00")
	p.do("SEND\ndestination:/queue/q\nfoo:b\nexpires:9999999999999\npersistent:true\nreceipt:r\n\nb\x00")
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\nreceipt:r\n\n\x00")
	first, second := p.read("MESSAGE"), p.read("MESSAGE")
	p.do(nack(second, ""))
	g.wantCounts(0, 1)
	p.do("SUBSCRIBE\nid:2\ndestination:/queue/ActiveMQ.DLQ\nreceipt:r\n\n\x00")
	f := p.read("MESSAGE")
	p.has(f, "destination", "/queue/ActiveMQ.DLQ", "original-destination", "/queue/q", "originalExpiration", "9999999999999",
		"expires", "0", "foo", "b", "persistent", "true", "message-id", second.headers["message-id"])
	p.do("BEGIN\ntransaction:t\n\n\x00" + nack(first, "transaction:t\n"))
	g.wantCounts(0, 1)
	p.do("ABORT\ntransaction:t\n\n\x00" + "BEGIN\ntransaction:t\n\n\x00" + nack(first, "transaction:t\n"))
	p.do("UNSUBSCRIBE\nid:2\nreceipt:r\n\n\x00")
	p.do("COMMIT\ntransaction:t\nreceipt:r\n\n\x00")
	g.wantCounts(0, 0)
	if info, _ := g.info("ActiveMQ.DLQ"); info.Ready != 1 {
		t.Errorf("%+v", info)
	}
}

// TestActiveMQTransactions: the receipt of a SEND comes at once; words.
func TestActiveMQTransactions(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("BEGIN\ntransaction:t\nreceipt:r\n\n\x00")
	p.fails("BEGIN\ntransaction:t\nreceipt:r\n\n\x00", "The transaction was already started: t")
	p.do("SEND\ndestination:/queue/q,/queue/other\ntransaction:t\nreceipt:r\n\nx\x00")
	g.wantCounts(0, 0)
	p.fails("COMMIT\ntransaction:u\nreceipt:r\n\n\x00", "Invalid transaction id: u")
	p.fails("SEND\ndestination:/queue/q\ntransaction:u\nreceipt:r\n\n\x00", "Invalid transaction id: u")
	p.fails("BEGIN\nreceipt:r\n\n\x00", "Must specify the transaction you are beginning")
	p.fails("ABORT\nreceipt:r\n\n\x00", "Must specify the transaction you are committing")
	p.do("COMMIT\ntransaction:t\nreceipt:r\n\n\x00")
	g.wantCounts(1, 0)
	p.fails("FOO\nreceipt:r\n\n\x00", "Unknown STOMP action: FOO")
	p.wantClosed()
}

// TestActiveMQDurable: what is sent meanwhile is kept; one client at a time; UNSUBSCRIBE by name forgets it.
func TestActiveMQDurable(t *testing.T) {
	g := amq(t)
	const login = "CONNECT\naccept-version:1.2\nclient-id:me\n\n\x00"
	const subscribe = "SUBSCRIBE\nid:1\ndestination:/topic/d.>\nack:client\nactivemq.subscriptionName:n\nreceipt:r\n\n\x00"
	const forget = "UNSUBSCRIBE\nid:1\nactivemq.subscriptionName:n\nreceipt:r\n\n\x00"
	p := g.login(login)
	p.do(subscribe)
	p.fails(strings.Replace(subscribe, "id:1", "id:2", 1), "Durable consumer is in use for client: me and subscriptionName: n")
	p.fails("SUBSCRIBE\nid:3\ndestination:/queue/q\nactivemq.subscriptionName:n\nreceipt:r\n\n\x00",
		"Invalid Subscription: cannot durably subscribe to a Queue destination!")
	p.fails(forget, "Durable consumer is in use")
	p.send("DISCONNECT\n\n\x00")
	g.waitEnd()
	other := g.login(plain12)
	other.do("SEND\ndestination:/topic/d.a\nreceipt:r\n\nwhile away\x00")
	p = g.login(login)
	p.do(subscribe)
	if f := p.read("MESSAGE"); f.body != "while away" || f.headers["destination"] != "/topic/d.a" {
		t.Error(f)
	}
	p.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00")
	p.do(strings.Replace(subscribe, "d.>", "e", 1)) // for another topic it begins anew
	other.do("SEND\ndestination:/topic/d.a\nreceipt:r\n\nno more\x00")
	other.do("SEND\ndestination:/topic/e\nreceipt:r\n\nanew\x00")
	if f := p.read("MESSAGE"); f.body != "anew" {
		t.Error(f)
	}
	p.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00")
	p.do(forget)
	p.fails(forget, "No durable subscription exists for clientID: me and subscriptionName: n")
	p.fails("UNSUBSCRIBE\nid:9\nreceipt:r\n\n\x00", "No subscription matched.")
	p.fails("UNSUBSCRIBE\nreceipt:r\n\n\x00", "UNSUBSCRIBE received without a subscription id!")
}

// TestActiveMQMendsBindings: a queue that lacks its binding, because the server was killed while it was made, gets it when
// its client comes back.
func TestActiveMQMendsBindings(t *testing.T) {
	g := amq(t)
	const login = "CONNECT\naccept-version:1.2\nclient-id:me\n\n\x00"
	const durable = "SUBSCRIBE\nid:1\ndestination:/topic/m.a\nactivemq.subscriptionName:n\nreceipt:r\n\n\x00"
	const consumer = "SUBSCRIBE\nid:2\ndestination:/queue/Consumer.A.VirtualTopic.M\nreceipt:r\n\n\x00"
	p := g.login(login)
	p.do(durable)
	p.do(consumer)
	p.send("DISCONNECT\n\n\x00")
	g.waitEnd()
	s := g.session()
	for queue, key := range map[string]string{"durable.me.n": "m.a", "Consumer.A.VirtualTopic.M": "VirtualTopic.M"} {
		must(t, s.Unbind(t.Context(), broker.Binding{Source: "amq.topic", Destination: queue, Kind: broker.ToQueue, Key: key}))
	}
	p = g.login(login)
	p.do(durable)
	p.do(consumer)
	p.send("SEND\ndestination:/topic/m.a\n\n1\x00")
	p.has(p.read("MESSAGE"), "subscription", "1")
	p.send("SEND\ndestination:/topic/VirtualTopic.M\n\n2\x00")
	p.has(p.read("MESSAGE"), "subscription", "2")
}

// TestActiveMQPrefetch bounds what is out, whichever way it is said, over all queues of the subscription together.
func TestActiveMQPrefetch(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SEND\ndestination:/queue/q,/queue/other\n\na\x00SEND\ndestination:/queue/q,/queue/other\nreceipt:r\n\nb\x00")
	for subscribe, out := range map[string]int{
		"destination:/queue/q,/queue/other\nactivemq.prefetchSize:3": 3, "destination:/queue/q,/queue/other?consumer.prefetchSize=2": 2,
		"destination:/queue/q,/queue/other": 4, "destination:/queue/q,/queue/other\nactivemq.prefetchSize:0": 1,
	} {
		p := g.login(plain12)
		p.do("SUBSCRIBE\nid:1\nack:client\n" + subscribe + "\nreceipt:r\n\n\x00")
		for range out {
			p.read("MESSAGE")
		}
		p.do("BEGIN\ntransaction:sync\nreceipt:r\n\n\x00") // nothing more comes
		p.send("DISCONNECT\n\n\x00")
		g.waitEnd()
	}
}

// TestRecognised: a connection of the default dialect becomes ActiveMQ's at its first mark, and stays so.
func TestRecognised(t *testing.T) {
	g := start(t)
	for _, mark := range []string{
		"SEND\ndestination:queue://q\n\nx\x00", "SEND\ndestination:/queue/q,/topic/t\n\nx\x00", "SEND\ndestination:/topic/VirtualTopic.x\n\nx\x00",
		"SUBSCRIBE\nid:1\ndestination:/topic/a.>\n\n\x00", "SUBSCRIBE\nid:1\ndestination:/topic/a\nactivemq.prefetchSize:1\n\n\x00",
		"SEND\ndestination:/queue/q\ntransformation:jms-map-json\n\nx\x00",
		"SUBSCRIBE\nid:1\ndestination:/temp-queue/t\n\n\x00", "SUBSCRIBE\nid:1\ndestination:/queue/Consumer.A.VirtualTopic.X\n\n\x00",
	} {
		p := g.login(connect12)
		p.fails("COMMIT\ntransaction:t\nreceipt:x\n\n\x00", "Bad transaction")
		p.send(mark)
		p.fails("COMMIT\ntransaction:t\nreceipt:r\n\n\x00", "Invalid transaction id: t")
		p.nc.Close()
	}
	p := g.dial()
	p.send("CONNECT\nclient-id:me\n\n\x00")
	p.has(p.read("CONNECTED"), "server", "ActiveMQ/5.17.2")
}

// TestRecognisedLate: what was delivered in one dialect is settled in the other.
func TestRecognisedLate(t *testing.T) {
	g := start(t)
	p := g.login(connect12)
	p.fill("a")
	p.send(subscribeClient)
	p.want(receipt("s"), message("1", "a", "false"))
	p.send("SEND\ndestination:queue://other\n\nx\x00")
	p.send(ack("ACK", "1", p, "receipt:r\n"))
	p.want(receipt("r"))
	g.wantCounts(0, 0)
}

// TestDialectByHost: a virtual host's own dialect, and a host that is only a machine's name.
func TestDialectByHost(t *testing.T) {
	g := startWith(t, memory.NewStore(), Options{NamespaceDialects: map[string]Dialect{"amq": ActiveMQ, "rabbit": RabbitMQ}})
	for _, name := range []string{"amq", "rabbit", "a.b"} {
		if _, err := g.broker.PutNamespace(name, broker.NamespaceSpec{}); err != nil {
			t.Fatal(err)
		}
		must(t, g.broker.SetPermission("guest", name, broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}))
	}
	for _, c := range []struct{ headers, server string }{
		{"host:amq\n", activeMQServer},
		{"host:rabbit\nclient-id:x\n", "RabbitMQ/3.13.7"},
		{"host:a.b\n", "RabbitMQ/3.13.7"},
		{"", "RabbitMQ/3.13.7"},
		{"host:localhost\n", activeMQServer},
		{"host:127.0.0.1\n", activeMQServer},
		{"host:mq.example.com\n", activeMQServer},
	} {
		p := g.dial()
		p.send("CONNECT\naccept-version:1.2\n" + c.headers + "\n\x00")
		p.has(p.read("CONNECTED"), "server", c.server)
	}
	p := g.dial()
	p.fails("CONNECT\nhost:nope\n\n\x00", "Bad CONNECT")
}

// TestActiveMQUnsubscribeGivesBack: what is unsettled when a subscription ends goes to the next one, an ACK for it does
// nothing, and what a transaction has stays there.
func TestActiveMQUnsubscribeGivesBack(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	for _, body := range "abc" {
		p.send("SEND\ndestination:/queue/q\n\n" + string(body) + "\x00")
	}
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client-individual\nreceipt:r\n\n\x00")
	var acks []string
	for range 3 {
		acks = append(acks, strings.ReplaceAll(p.read("MESSAGE").headers["ack"], ":", `\c`))
	}
	p.do("BEGIN\ntransaction:t\n\n\x00ACK\nid:" + acks[1] + "\ntransaction:t\nreceipt:r\n\n\x00")
	p.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00")
	g.wantCounts(2, 1)
	p.do("ACK\nid:" + acks[0] + "\nreceipt:r\n\n\x00")
	p.fails("ACK\nid:"+acks[0]+"\nreceipt:r\n\n\x00", "Unexpected ACK received for message-id [null]")
	p.do("COMMIT\ntransaction:t\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:2\ndestination:/queue/q\nreceipt:r\n\n\x00")
	for _, body := range "ac" {
		f := p.read("MESSAGE")
		p.has(f, "redelivered", "true", "subscription", "2")
		if f.body != string(body) {
			t.Error(f)
		}
	}
	g.wantCounts(0, 0)
}
