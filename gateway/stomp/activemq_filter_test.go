package stomp

import (
	"fmt"
	"strings"
	"testing"
)

// TestActiveMQSelectors: by header and by option, comparing strings with numbers; a bad one is refused at SUBSCRIBE, and
// what nobody selects stays.
func TestActiveMQSelectors(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.send("SEND\ndestination:/queue/q\nage:17\n\nyoung\x00SEND\ndestination:/queue/q\nage:30\npersistent:true\n\nold\x00")
	p.do("SEND\ndestination:/queue/q\nreceipt:r\n\nnone\x00")
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nselector:age > 18 AND JMSDeliveryMode = 'PERSISTENT'\nreceipt:r\n\n\x00")
	if f := p.read("MESSAGE"); f.body != "old" {
		t.Error(f)
	}
	p.do("SUBSCRIBE\nid:2\ndestination:/queue/q?consumer.selector=age%3D17\nreceipt:r\n\n\x00")
	if f := p.read("MESSAGE"); f.body != "young" || f.headers["subscription"] != "2" {
		t.Error(f)
	}
	g.wantCounts(1, 0)
	p.fails("SUBSCRIBE\nid:3\ndestination:/queue/q\nselector:a =\nreceipt:r\n\n\x00", "a =")
	deep := strings.Repeat("(", 10000) + "a=1" + strings.Repeat(")", 10000)
	p.fails("SUBSCRIBE\nid:3\ndestination:/queue/q\nselector:"+deep+"\nreceipt:r\n\n\x00", deep[:maxLogged])
	p.fails("SUBSCRIBE\nid:3\ndestination:/queue/q\nselector:a = '"+strings.Repeat("x", 1<<20)+"'\n\n\x00", "The maximum header length was exceeded")
	p.wantClosed()
}

// TestActiveMQNoLocal: a subscriber that does not want its own.
func TestActiveMQNoLocal(t *testing.T) {
	g := amq(t)
	p, other := g.login(plain12), g.login(plain12)
	p.do("SUBSCRIBE\nid:1\ndestination:/topic/t\nactivemq.noLocal:true\nreceipt:r\n\n\x00")
	p.do("SEND\ndestination:/topic/t\nreceipt:r\n\nmine\x00")
	other.do("SEND\ndestination:/topic/t\nreceipt:r\n\ntheirs\x00")
	if f := p.read("MESSAGE"); f.body != "theirs" {
		t.Error(f)
	}
}

// TestActiveMQBrowser: everything is shown, then the end, and nothing is taken.
func TestActiveMQBrowser(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.fill("abc")
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nbrowser:true\nack:client\nreceipt:r\n\n\x00")
	for _, body := range "abc" {
		f := p.read("MESSAGE")
		p.has(f, "destination", "/queue/q", "subscription", "1", "browser", "-")
		if f.body != string(body) {
			t.Error(f)
		}
	}
	p.has(p.read("MESSAGE"), "browser", "end", "subscription", "1", "destination", "/queue/q")
	g.wantCounts(3, 0)
	p.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00")
}

// TestActiveMQExclusive: one consumer is served, and the next one when it goes.
func TestActiveMQExclusive(t *testing.T) {
	g := amq(t)
	var consumers []*peer
	for range 2 {
		p := g.login(plain12)
		p.do("SUBSCRIBE\nid:1\ndestination:/queue/q?consumer.exclusive=true\nreceipt:r\n\n\x00")
		consumers = append(consumers, p)
	}
	sender := g.login(plain12)
	for _, p := range consumers {
		sender.do("SEND\ndestination:/queue/q\n\na\x00SEND\ndestination:/queue/q\nreceipt:r\n\nb\x00")
		p.read("MESSAGE")
		p.read("MESSAGE")
		p.send("DISCONNECT\n\n\x00")
		g.waitEnd()
	}
}

// TestActiveMQGroups: a group stays with its consumer, until it is closed.
func TestActiveMQGroups(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	for id := range 2 {
		p.do(fmt.Sprintf("SUBSCRIBE\nid:%d\ndestination:/queue/q\nreceipt:r\n\n\x00", id))
	}
	owner := map[string]string{}
	for i := range 12 {
		group := []string{"x", "y", "z"}[i%3]
		p.send("SEND\ndestination:/queue/q\nJMSXGroupID:" + group + "\n\n" + group + "\x00")
		f := p.read("MESSAGE")
		if had := owner[f.body]; had != "" && had != f.headers["subscription"] {
			t.Errorf("group %s goes to %s and %s", f.body, had, f.headers["subscription"])
		}
		owner[f.body] = f.headers["subscription"]
	}
	if owner["x"] == owner["y"] && owner["y"] == owner["z"] {
		t.Errorf("all groups go to one consumer: %v", owner)
	}
}
