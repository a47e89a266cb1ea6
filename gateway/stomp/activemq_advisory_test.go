package stomp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// advised reads an advisory: its topic behind ActiveMQ.Advisory. and its body.
func advised(p *peer) (name string, body map[string]map[string]any, f frame) {
	p.Helper()
	f = p.read("MESSAGE")
	p.has(f, "type", "Advisory", "priority", "0", "timestamp", "0", "expires", "0", "originBrokerName", "localhost",
		"transformation", "jms-advisory-json", "content-length", "-")
	must(p.T, json.Unmarshal([]byte(f.body), &body))
	return strings.TrimPrefix(f.headers["destination"], "/topic/ActiveMQ.Advisory."), body, f
}

// expect reads advisories and compares the topic, what the body is, and a part of it.
func (p *peer) expect(want ...string) {
	p.Helper()
	for _, w := range want {
		name, body, f := advised(p)
		kind := ""
		for k := range body {
			kind = k
		}
		got := name + " " + kind
		if n, ok := f.headers["consumerCount"]; ok {
			got += " " + n
		}
		if d, ok := body[kind]["destination"].(map[string]any); ok && kind == "DestinationInfo" {
			got += fmt.Sprint(" ", d["@class"], " ", d["string"], " ", body[kind]["operationType"])
		}
		if got != w {
			p.Errorf("got %q, want %q: %s", got, w, f.body)
		}
	}
}

// TestActiveMQAdvisories: who subscribes to ActiveMQ.Advisory.> is told of connections, consumers and destinations.
func TestActiveMQAdvisories(t *testing.T) {
	g := amq(t)
	m := g.login(plain12)
	m.do("SUBSCRIBE\nid:m\ndestination:/topic/ActiveMQ.Advisory.>\nreceipt:r\n\n\x00")
	a := g.login("CONNECT\naccept-version:1.2\nclient-id:cli\nlogin:guest\npasscode:guest\n\n\x00")
	name, body, _ := advised(m)
	info := body["ConnectionInfo"]
	if name != "Connection" || info["clientId"] != "cli" || info["userName"] != "guest" || info["password"] != "" ||
		!strings.HasPrefix(fmt.Sprint(info["clientIp"]), "tcp://127.0.0.1:") {
		t.Error(name, body)
	}
	a.do("SUBSCRIBE\nid:1\ndestination:/queue/q1\nselector:a=1\nactivemq.priority:3\nreceipt:r\n\n\x00")
	m.expect("Queue DestinationInfo ActiveMQQueue ActiveMQ.DLQ 0", "Queue DestinationInfo ActiveMQQueue q1 0")
	name, body, f := advised(m)
	m.has(f, "consumerCount", "1")
	info = body["ConsumerInfo"]
	if name != "Consumer.Queue.q1" || info["selector"] != "convert_string_expressions:a=1" || info["prefetchSize"] != 1000.0 || info["priority"] != 3.0 {
		t.Error(name, body)
	}
	b := g.login(plain12)
	b.do("SUBSCRIBE\nid:1\ndestination:/queue/q1\nreceipt:r\n\n\x00")
	m.expect("Connection ConnectionInfo", "Consumer.Queue.q1 ConsumerInfo 2")
	b.do("SUBSCRIBE\nid:2\ndestination:/topic/t1,/queue/w.>\nactivemq.prefetchSize:7\nreceipt:r\n\n\x00")
	m.expect("Topic DestinationInfo ActiveMQTopic t1 0", "Consumer.Topic.t1 ConsumerInfo 1", "Consumer.Queue.w.> ConsumerInfo 1")
	b.send("SEND\ndestination:/topic/t2\n\nx\x00SEND\ndestination:/topic/t1\n\nx\x00")
	m.expect("Topic DestinationInfo ActiveMQTopic t2 0")
	b.read("MESSAGE")
	b.do("SUBSCRIBE\nid:3\ndestination:/temp-queue/x\nreceipt:r\n\n\x00")
	temporary := func(f frame) string {
		var info struct {
			DestinationInfo struct{ Destination struct{ String string } }
		}
		must(t, json.Unmarshal([]byte(f.body), &info))
		return info.DestinationInfo.Destination.String
	}
	_, _, f = advised(m)
	queue := temporary(f)
	m.has(f, "destination", "/topic/ActiveMQ.Advisory.TempQueue")
	m.expect("Consumer.Queue." + queue + " ConsumerInfo 1")
	b.do("SUBSCRIBE\nid:4\ndestination:/temp-topic/y\nreceipt:r\n\n\x00")
	_, _, f = advised(m)
	topic := temporary(f)
	m.has(f, "destination", "/topic/ActiveMQ.Advisory.TempTopic")
	m.expect("Consumer.Topic." + topic + " ConsumerInfo 1")
	b.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00")
	m.expect("Consumer.Queue.q1 RemoveInfo 1")
	if _, err := g.session().DeleteQueue(t.Context(), "q1", false, false); err != nil {
		t.Fatal(err)
	}
	a.read("ERROR")
	gone := map[string]bool{}
	for range 2 {
		name, _, _ := advised(m)
		gone[name] = true
	}
	if !gone["Queue"] || !gone["Consumer.Queue.q1"] {
		t.Error(gone)
	}
	b.send("DISCONNECT\n\n\x00")
	gone = map[string]bool{}
	for range 7 {
		name, _, _ := advised(m)
		gone[name] = true
	}
	for _, name := range []string{
		"Consumer.Topic.t1", "Consumer.Queue.w.>", "Consumer.Queue." + queue, "Consumer.Topic." + topic, "TempQueue", "TempTopic", "Connection",
	} {
		if !gone[name] {
			t.Errorf("nothing of %s: %v", name, gone)
		}
	}
}

// TestActiveMQAdvisoriesOfWhatIsThere: who subscribes to one kind of advisory is told what there is.
func TestActiveMQAdvisoriesOfWhatIsThere(t *testing.T) {
	g := amq(t)
	a := g.login("CONNECT\naccept-version:1.2\nclient-id:cli\n\n\x00")
	a.do("SUBSCRIBE\nid:1\ndestination:/queue/q1\nreceipt:r\n\n\x00SUBSCRIBE\nid:2\ndestination:/topic/t1\nreceipt:r\n\n\x00")
	a.read("RECEIPT")
	a.do("SUBSCRIBE\nid:3\ndestination:/temp-queue/x\nreceipt:r\n\n\x00")
	m := g.login(plain12)
	ask := func(topic string) {
		m.do("SUBSCRIBE\nid:" + topic + "\ndestination:/topic/ActiveMQ.Advisory." + topic + "\nreceipt:r\n\n\x00")
	}
	ask("Connection")
	m.expect("Connection ConnectionInfo", "Connection ConnectionInfo")
	ask("Consumer.Queue.q1")
	m.expect("Consumer.Queue.q1 ConsumerInfo 1")
	ask("Consumer.Topic.>")
	m.expect("Consumer.Topic.t1 ConsumerInfo 1")
	ask("Topic")
	m.expect("Topic DestinationInfo ActiveMQTopic t1 0")
	ask("TempQueue")
	if name, body, _ := advised(m); name != "TempQueue" || !strings.Contains(fmt.Sprint(body), "ActiveMQTempQueue") {
		t.Error(name, body)
	}
	ask("Queue")
	m.expect("Queue DestinationInfo ActiveMQQueue ActiveMQ.DLQ 0", "Queue DestinationInfo ActiveMQQueue q1 0")
	// Those that nobody listens to any more are not published.
	for _, topic := range []string{"Connection", "Consumer.Queue.q1", "Consumer.Topic.>", "Topic", "TempQueue", "Queue"} {
		m.do("UNSUBSCRIBE\nid:" + topic + "\nreceipt:r\n\n\x00")
	}
	if n := g.handler.advisories.listeners["/"]; n != 0 {
		t.Errorf("%d listeners are left", n)
	}
	m.fails("SUBSCRIBE\nid:x\ndestination:/topic/ActiveMQ.Advisory.Queue\ntransformation:jms-advisory-xml\nreceipt:r\n\n\x00",
		"Not supported yet: transformation jms-advisory-xml")
}

// TestActiveMQAdvisoriesOfDeath: of messages that expire or become dead letters.
func TestActiveMQAdvisoriesOfDeath(t *testing.T) {
	g := amq(t)
	p := g.login("CONNECT\naccept-version:1.2\nclient-id:c\n\n\x00")
	p.do("SUBSCRIBE\nid:m\ndestination:/topic/ActiveMQ.Advisory.MessageDLQd.>,/topic/ActiveMQ.Advisory.Expired.>\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/queue/q\npersistent:true\npriority:7\n\nx\x00")
	f := p.read("MESSAGE")
	id := f.headers["message-id"]
	p.do("BEGIN\ntransaction:t\n\n\x00" + nack(f, "transaction:t\n"))
	p.do("ABORT\ntransaction:t\nreceipt:r\n\n\x00")
	p.send(reject(f, ""))
	name, body, _ := advised(p)
	info := body["ActiveMQTextMessage"]
	if name != "MessageDLQd.Queue.q" || info["messageId"] != id || info["persistent"] != true || info["priority"] != 7.0 {
		t.Error(name, body)
	}
	p.do("SUBSCRIBE\nid:2\ndestination:/topic/t\nactivemq.subscriptionName:n\nack:client\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/topic/t\npersistent:true\ncontent-length:1\n\nx\x00")
	f = p.read("MESSAGE")
	p.do("BEGIN\ntransaction:t\n\n\x00" + nack(f, "transaction:t\n"))
	p.send("COMMIT\ntransaction:t\n\n\x00")
	p.expect("MessageDLQd.Topic.t ActiveMQBytesMessage")
	soon := time.Now().Add(10 * time.Millisecond).UnixMilli()
	p.send(fmt.Sprintf("SEND\ndestination:/queue/e\nexpires:%d\n\ngone\x00", soon))
	name, _, f = advised(p)
	if name != "Expired.Queue.e" || f.headers["orignalMessageId"] == "" {
		t.Error(name, f)
	}
	p.send(fmt.Sprintf("SEND\ndestination:/queue/e\nexpires:%d\npersistent:true\n\nkept\x00", soon))
	p.expect("MessageDLQd.Queue.e ActiveMQTextMessage", "Expired.Queue.e ActiveMQTextMessage")
}
