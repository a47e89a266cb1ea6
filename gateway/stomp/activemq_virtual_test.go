package stomp

import (
	"testing"

	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/selector"
)

// TestActiveMQVirtualDestinations: composites, mirrored queues and other virtual topics than VirtualTopic.>, as configured.
func TestActiveMQVirtualDestinations(t *testing.T) {
	odd, err := selector.Parse("convert_string_expressions:odd = 1")
	must(t, err)
	g := startWith(t, memory.NewStore(), Options{Dialect: ActiveMQ, Destinations: NewDestinations(DestinationOptions{
		Virtual: VirtualDestinations{
			Topics: []VirtualTopic{{Pattern: "Other.>", Prefix: "VC.*.", Postfix: ".end"}},
			Composites: []Composite{
				{Name: "CQ.a", To: []Forward{{Name: "q1"}, {Topic: true, Name: "t2"}}},
				{Name: "CQ.b", Keeps: true, To: []Forward{{Name: "q1"}, {Name: "q3", Selector: odd}}},
				{Topic: true, Name: "CT.a", To: []Forward{{Name: "q1"}}},
			},
			Mirrored: &Mirrored{Prefix: "M.", Postfix: ".x"},
		},
	})})
	p := g.login(plain12)
	for _, to := range []string{
		"/queue/CQ.a", "/queue/CQ.b", "/topic/CT.a", "/queue/q1", "/topic/t2", "/queue/q3", "/topic/M.CQ.b.x", "/queue/VC.app.Other.t.end",
		"/queue/Consumer.A.VirtualTopic.X",
	} {
		p.do("SUBSCRIBE\nid:" + to + "\ndestination:" + to + "\nreceipt:r\n\n\x00")
	}
	for _, c := range []struct {
		to, headers string
		want        map[string]string // by destination, what original-destination is
	}{
		{"/queue/CQ.a", "", map[string]string{"/queue/q1": "/queue/CQ.a", "/topic/t2": "/queue/CQ.a"}},
		{"/queue/CQ.b", "odd:0\n", map[string]string{"/queue/q1": "/queue/CQ.b", "/queue/CQ.b": "-", "/topic/M.CQ.b.x": "-"}},
		{"/queue/CQ.b", "odd:1\n", map[string]string{
			"/queue/q1": "/queue/CQ.b", "/queue/CQ.b": "-", "/queue/q3": "/queue/CQ.b", "/topic/M.CQ.b.x": "-",
		}},
		{"/topic/CT.a", "", map[string]string{"/queue/q1": "/topic/CT.a"}},
		{"/topic/Other.t", "", map[string]string{"/queue/VC.app.Other.t.end": "/topic/Other.t"}},
	} {
		for _, how := range []string{"", "transaction:t\n"} {
			if how != "" {
				p.send("BEGIN\ntransaction:t\n\n\x00")
			}
			p.send("SEND\ndestination:" + c.to + "\n" + c.headers + how + "\nx\x00")
			if how != "" {
				p.send("COMMIT\ntransaction:t\n\n\x00")
			}
			got := map[string]bool{}
			for range c.want {
				f := p.read("MESSAGE")
				to := f.headers["destination"]
				original, ok := c.want[to]
				if !ok || got[to] {
					t.Errorf("%s: got %v", c.to, f)
				}
				got[to] = true
				p.has(f, "original-destination", original, "subscription", to)
			}
		}
	}
	p.do("SEND\ndestination:/topic/VirtualTopic.X\nreceipt:r\n\nx\x00") // reaches nobody: another virtual topic is configured
	p.send("SEND\ndestination:/topic/CT.a\n\nx\x00")
	p.has(p.read("MESSAGE"), "destination", "/queue/q1")
	p.fails("SEND\ndestination:/queue/CQ.a\nAMQ_SCHEDULED_CRON:* * * * *\nreceipt:r\n\nx\x00",
		"Not supported: a schedule with AMQ_SCHEDULED_CRON for a virtual destination")
}
