package stomp

import (
	"fmt"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker/memory"
)

// TestActiveMQExpires: what is persistent and expires goes to the dead letter queue, other messages are gone.
func TestActiveMQExpires(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:d\ndestination:/queue/ActiveMQ.DLQ\nreceipt:r\n\n\x00")
	soon := time.Now().Add(20 * time.Millisecond).UnixMilli()
	p.send(fmt.Sprintf("SEND\ndestination:/queue/q\nexpires:%d\n\ngone\x00SEND\ndestination:/queue/q\nexpires:%d\npersistent:true\n\nkept\x00", soon, soon))
	p.send("SEND\ndestination:/queue/q\nexpires:1\npersistent:true\n\npast\x00")
	bodies := map[string]bool{}
	for range 2 {
		f := p.read("MESSAGE")
		bodies[f.body] = true
		p.has(f, "expires", "0", "original-destination", "/queue/q", "persistent", "true", "x-death", "-", "x-first-death-queue", "-")
		if f.headers["originalExpiration"] == "" {
			t.Error(f)
		}
	}
	if !bodies["kept"] || !bodies["past"] {
		t.Error(bodies)
	}
	g.wantCounts(0, 0)
}

// TestActiveMQRedeliveries: a message that came back too often goes to the dead letter queue of its queue.
func TestActiveMQRedeliveries(t *testing.T) {
	g := startWith(t, memory.NewStore(), Options{
		Dialect: ActiveMQ, Destinations: NewDestinations(DestinationOptions{MaximumRedeliveries: 2, IndividualDeadLetters: true}),
	})
	g.login(plain12).do("SEND\ndestination:/queue/q\npersistent:true\nreceipt:r\n\nx\x00")
	for range 3 {
		p := g.login(plain12)
		p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\nreceipt:r\n\n\x00")
		p.read("MESSAGE")
		p.nc.Close()
		g.waitEnd()
	}
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/ActiveMQ.DLQ.Queue.q\nreceipt:r\n\n\x00")
	p.has(p.read("MESSAGE"), "original-destination", "/queue/q",
		"dlqDeliveryFailureCause", "java.lang.Throwable: Exceeded redelivery policy limit, redeliveries:2")
}
