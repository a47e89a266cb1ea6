package stomp

import (
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker/memory"
)

// TestArtemisAddresses: what an address is says a prefix or a header, or what is there already.
func TestArtemisAddresses(t *testing.T) {
	g := startWith(t, memory.NewStore(), Options{Dialect: Artemis})
	p := g.login(plain12)
	subscribe := func(id, destination, more string) {
		p.do("SUBSCRIBE\nid:" + id + "\ndestination:" + destination + "\n" + more + "receipt:r\n\n\x00")
	}
	subscribe("q1", "anycast://a", "")
	subscribe("q2", "b", "subscription-type:ANYCAST\n")
	subscribe("t1", "multicast://a", "")
	subscribe("t2", "c.#", "")
	other := g.login(plain12)
	for _, c := range []struct{ destination, more, id, shown string }{
		{"anycast://a", "", "q1", "anycast://a"},
		{"/queue/a", "", "q1", "anycast://a"},
		{"a", "destination-type:ANYCAST\n", "q1", "anycast://a"},
		{"a", "", "q1", "anycast://a"},
		{"b", "", "q2", "b"},
		{"topic://a", "", "t1", "multicast://a"},
		{"a", "destination-type:MULTICAST\n", "t1", "multicast://a"},
		{"c.d.e", "", "t2", "c.d.e"},
	} {
		other.do("SEND\ndestination:" + c.destination + "\n" + c.more + "receipt:r\n\nx\x00")
		p.has(p.read("MESSAGE"), "subscription", c.id, "destination", c.shown)
	}
	p.fails("SEND\ndestination:a\ndestination-type:X\nreceipt:r\n\n\x00", "No enum constant org.apache.activemq.artemis.api.core.RoutingType.X")
	p.fails("SEND\nreceipt:r\n\n\x00", "AMQ339001: Destination does not exist: null")
}

// TestArtemisSettles: NACK is an acknowledgement, a transaction does not hold one up, and the window is of bytes.
func TestArtemisSettles(t *testing.T) {
	g := startWith(t, memory.NewStore(), Options{Dialect: Artemis})
	p := g.login(plain12)
	for range 12 {
		p.do("SEND\ndestination:anycast://q\nreceipt:r\n\nx\x00")
	}
	p.do("SUBSCRIBE\nid:1\ndestination:anycast://q\nack:client-individual\nconsumer-window-size:2048\nreceipt:r\n\n\x00")
	first, second := p.read("MESSAGE"), p.read("MESSAGE")
	g.wantCounts(10, 2)
	id := func(f frame) string { return strings.ReplaceAll(f.headers["ack"], ":", `\c`) }
	p.send("NACK\nid:" + id(first) + "\n\n\x00")
	p.read("MESSAGE")
	p.send("BEGIN\ntransaction:t\n\n\x00ACK\nid:" + id(second) + "\ntransaction:t\n\n\x00")
	p.read("MESSAGE")
	p.do("ABORT\ntransaction:t\nreceipt:r\n\n\x00")
	g.wantCounts(8, 2)
}

// TestArtemisDurable: a durable subscription by either name, forgotten by it.
func TestArtemisDurable(t *testing.T) {
	g := start(t)
	for _, header := range []string{"durable-subscription-name", "durable-subscriber-name"} {
		const login = "CONNECT\naccept-version:1.2\nclient-id:me\nhost:/\n\n\x00"
		p := g.login(connect12)
		subscribe := "SUBSCRIBE\nid:1\ndestination:multicast://t\n" + header + ":n\nreceipt:r\n\n\x00"
		p.do(subscribe) // it is recognised by this
		p.send("DISCONNECT\n\n\x00")
		g.waitEnd()
		p = startWith(t, memory.NewStore(), Options{Dialect: Artemis}).login(login)
		p.do(subscribe)
		p.send("DISCONNECT\n\n\x00")
		p.waitEnd()
		other := p.gateway.login(plain12)
		other.do("SEND\ndestination:multicast://t\nreceipt:r\n\nkept\x00")
		p = p.gateway.login(login)
		p.do(subscribe)
		if f := p.read("MESSAGE"); f.body != "kept" {
			t.Error(f)
		}
		p.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00" + "UNSUBSCRIBE\n" + header + ":n\nreceipt:r\n\n\x00")
		p.read("RECEIPT")
		if _, ok := p.info(durableQueue("me", "n")); ok {
			t.Error("the durable subscription is still there")
		}
	}
}
