package stomp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// amq starts a server that speaks ActiveMQ's dialect.
func amq(t *testing.T) *gateway {
	t.Helper()
	return startWith(t, memory.NewStore(), Options{Dialect: ActiveMQ})
}

// frame is a frame taken apart.
type frame struct {
	command string
	headers map[string]string
	body    string
}

// read reads the next frame, which must be of the command.
func (p *peer) read(command string) frame {
	p.Helper()
	p.session = "" // names are shown as they are
	text := p.next()
	f := parseFrame(text)
	if f.command != command {
		p.Fatalf("got %q, want a %s", text, command)
	}
	return f
}

// parseFrame takes a frame apart.
func parseFrame(text string) frame {
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	f := frame{command: lines[0], headers: map[string]string{}, body: body}
	for _, line := range lines[1:] {
		name, v, _ := strings.Cut(line, ":")
		f.headers[name] = strings.ReplaceAll(v, `\c`, ":")
	}
	return f
}

// has checks headers, given as name and value in turn; the value "-" is for a header that must not be there.
func (p *peer) has(f frame, pairs ...string) {
	p.Helper()
	for i := 0; i < len(pairs); i += 2 {
		v, ok := f.headers[pairs[i]]
		if want := pairs[i+1]; (want == "-") == ok || (want != "-" && v != want) {
			p.Errorf("header %s is %q (%v), want %q, in %v", pairs[i], v, ok, want, f)
		}
	}
}

// fails sends a frame that must be refused with the message.
func (p *peer) fails(frame, message string) {
	p.Helper()
	p.sendAll(frame)
	f := p.read("ERROR")
	p.has(f, "message", message)
	if strings.Contains(frame, "receipt:r") {
		p.has(f, "receipt-id", "r")
	}
}

// do sends frames and waits for a receipt of the last one, which must ask for "r".
func (p *peer) do(frames ...string) {
	p.Helper()
	p.send(frames...)
	p.has(p.read("RECEIPT"), "receipt-id", "r")
}

const plain12 = "CONNECT\naccept-version:1.2\nhost:broker.example.com\n\n\x00"

// TestActiveMQConnect: the host is not looked at, heart-beats are as the client says, and the client-id is the session.
func TestActiveMQConnect(t *testing.T) {
	g := amq(t)
	p := g.dial()
	p.send("CONNECT\naccept-version:1.1,1.2\nhost:broker.example.com\nclient-id:me\nheart-beat:300,2999\nrequest-id:7\n\n\x00")
	f := p.read("CONNECTED")
	p.has(f, "server", "ActiveMQ/5.17.2", "version", "1.2", "session", "me", "heart-beat", "2999,300", "response-id", "7")
	other := g.dial()
	other.fails("CONNECT\naccept-version:1.2\nclient-id:me\nreceipt:r\n\n\x00",
		"Broker: localhost - Client: me already connected from tcp://"+p.nc.LocalAddr().String())
	other.wantClosed()
	g.waitEnd()
	p.send("DISCONNECT\nreceipt:r\n\n\x00")
	p.read("RECEIPT")
	g.waitEnd()
	p = g.login("CONNECT\naccept-version:1.2\nclient-id:me\n\n\x00") // it is free again
	for _, c := range []struct{ frame, message string }{
		{"CONNECT\naccept-version:9.9\n\n\x00", "Invalid Protocol version[9.9], supported versions are: [1.2, 1.1, 1.0]"},
		{"CONNECT\nheart-beat:a,b\n\n\x00", "Invalid heart-beat header:a,b"},
		{"CONNECT\nlogin:guest\npasscode:no\n\n\x00", "User name [guest] or password is invalid."},
		{"SEND\ndestination:/queue/q\nreceipt:r\n\n\x00", "Not connected."},
	} {
		p := g.dial()
		p.fails(c.frame, c.message)
	}
	p.fails(plain12, "Already connected.")
	p.wantClosed()
}

// TestActiveMQHeaders: JMS's headers with their defaults, text and bytes, and what a client may not set.
func TestActiveMQHeaders(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SEND\ndestination:/queue/q\nfoo:bar\nmessage-id:mine\nredelivered:true\n\ntext\x00" +
		"SEND\ndestination:/queue/q\npersistent:true\npriority:77\nexpires:9999999999999\ncorrelation-id:c\ntype:t\n" +
		"reply-to:/queue/r\ntimestamp:1234567890123\nJMSXGroupID:g\ncontent-length:3\nreceipt:r\n\na\x00b\x00")
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:r\n\n\x00")
	f := p.read("MESSAGE")
	p.has(f, "destination", "/queue/q", "subscription", "1", "expires", "0", "priority", "4", "foo", "bar", "content-length", "-",
		"persistent", "-", "redelivered", "-", "ack", "-", "reply-to", "-", "receipt", "-", "amq-msg-type", "-")
	if f.body != "text" || !strings.HasPrefix(f.headers["message-id"], "ID:portico-") || f.headers["timestamp"] == "" {
		t.Error(f)
	}
	f = p.read("MESSAGE")
	p.has(f, "persistent", "true", "priority", "9", "expires", "9999999999999", "correlation-id", "c", "type", "t",
		"reply-to", "/queue/r", "timestamp", "1234567890123", "JMSXGroupID", "-", "content-length", "3")
	if f.body != "a\x00b" {
		t.Error(f)
	}
	for _, name := range []string{"priority", "expires", "timestamp"} {
		p := g.login(plain12)
		p.fails("SEND\ndestination:/queue/q\n"+name+":soon\nreceipt:r\n\n\x00", `For input string: "soon"`)
		p.wantClosed()
	}
}

// TestActiveMQEscapes: CONNECTED has no escapes, nor has anything in STOMP 1.0.
func TestActiveMQEscapes(t *testing.T) {
	g := amq(t)
	for version, escaped := range map[string]bool{"1.0": false, "1.1": true, "1.2": true} {
		p := g.dial()
		p.send("CONNECT\naccept-version:" + version + "\n\n\x00")
		if f := p.next(); !strings.Contains(f, "session:ID:") {
			t.Errorf("%q", f)
		}
		p.send("SUBSCRIBE\nid:1\ndestination:/queue/q\n\n\x00SEND\ndestination:/queue/q\nfoo:a\\cb\n\nx\\cy\x00")
		if f := p.next(); strings.Contains(f, "message-id:ID:") == escaped || strings.Contains(f, "foo:a:b\n") == escaped || !strings.HasSuffix(f, `x\cy`) {
			t.Errorf("%s: %q", version, f)
		}
		p.send("ACK\nid:1\nmessage-id:a:b\nsubscription:1\nreceipt:r\\cr\n\n\x00")
		if f := p.next(); strings.Contains(f, "receipt-id:r:r\n") == escaped {
			t.Errorf("%s: %q", version, f)
		}
		p.nc.Close()
		g.waitEnd()
	}
}

// TestActiveMQSeesAMQP: a message that came without any of JMS's headers.
func TestActiveMQSeesAMQP(t *testing.T) {
	g := amq(t)
	s := g.session()
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(broker.NewMessage("", "q", nil, []byte("x")), nil); err != nil {
		t.Fatal(err)
	}
	id := ""
	for _, again := range []string{"-", "true"} {
		p := g.login(plain12)
		p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nack:client\nreceipt:r\n\n\x00")
		f := p.read("MESSAGE")
		p.has(f, "content-length", "1", "destination", "/queue/q", "redelivered", again)
		if id != "" && id != f.headers["message-id"] {
			t.Errorf("the id was %s and is %v", id, f)
		}
		id = f.headers["message-id"]
		p.send("DISCONNECT\n\n\x00")
		g.waitEnd()
	}
}

// TestActiveMQDestinations: every spelling, composites of queues and topics, options, and what MESSAGE shows.
func TestActiveMQDestinations(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:q\ndestination:queue://a,/queue/b , c\n\n\x00" +
		"SUBSCRIBE\nid:t\ndestination:topic://x,/topic/y?consumer.prefetchSize=1\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/queue/a,/topic/x, topic://y,c\n\n1\x00")
	shown := map[string]int{}
	for range 4 {
		f := p.read("MESSAGE")
		shown[f.headers["subscription"]+f.headers["destination"]]++
		p.has(f, "original-destination", "/queue/a,topic://x,topic://y,c")
	}
	if want := map[string]int{"q/queue/a": 1, "t/topic/x": 1, "t/topic/y": 1, "q/queue/c": 1}; len(shown) != 4 || shown["t/topic/y"] != want["t/topic/y"] {
		t.Errorf("delivered %v, want %v", shown, want)
	}
	p.do("SEND\ndestination:/queue/amq.x\nreceipt:r\n\nx\x00") // AMQP keeps such names to itself
	for destination, message := range map[string]string{
		"": "Invalid empty or 'null' Destination header", "/queue/": "Invalid empty or 'null' Destination header",
		"/queue/a,":                          "Invalid empty or 'null' Destination header",
		"/queue/" + strings.Repeat("x", 256): "Illegal destination name: it is longer than 255 bytes",
		strings.Repeat("/queue/a,", 300):     "Illegal destination name: it names too many destinations",
	} {
		p.fails("SEND\ndestination:"+destination+"\nreceipt:r\n\n\x00", message)
	}
	p.fails("SEND\nreceipt:r\n\n\x00", "SEND received without a Destination specified!")
	p.fails("SUBSCRIBE\nid:1\nreceipt:r\n\n\x00", "Invalid empty or 'null' Destination header")
	p.fails("SUBSCRIBE\ndestination:/queue/a\nreceipt:r\n\n\x00", "SUBSCRIBE received without a subscription id!")
}

// TestActiveMQRefuses: what is not built is refused, and nothing is made.
func TestActiveMQRefuses(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.fails("SUBSCRIBE\nid:1\ndestination:/queue/q\ntransformation:jms-advisory-xml\nreceipt:r\n\n\x00",
		"Not supported yet: transformation jms-advisory-xml")
	p.fails("SUBSCRIBE\nid:1\ndestination:/queue/q,/queue/r\nbrowser:true\nreceipt:r\n\n\x00",
		"Not supported: a browser of other than one queue")
	if _, ok := g.info("q"); ok {
		t.Error("a refused frame has made a queue")
	}
}

// TestActiveMQRetroactive: without a recovery policy a retroactive consumer gets what comes after it, as any other.
func TestActiveMQRetroactive(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SEND\ndestination:/topic/t\nreceipt:r\n\nbefore\x00")
	p.do("SUBSCRIBE\nid:1\ndestination:/topic/t\nactivemq.retroactive:true\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:2\ndestination:/topic/t?consumer.retroactive=true\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/topic/t\n\nafter\x00")
	for range 2 {
		if f := p.read("MESSAGE"); f.body != "after" {
			t.Error(f)
		}
	}
}

func TestPatternsOfPlaces(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"A.>", "A", true},
		{"A.>", "A.b.c", true},
		{"A.>", "AB", false},
		{"A.*", "A.b", true},
		{"A.*", "A", false},
		{"A.*", "A.b.c", false},
		{"*.b", "A.b", true},
		{">", "x.y", true},
		{"A.>.z", "A.b", true},
		{"A.b", "A.b", true},
		{"*", "A", true},
	} {
		if got := (place{name: c.pattern}).matches(c.name); got != c.want {
			t.Errorf("%s matches %s: %v", c.pattern, c.name, got)
		}
	}
	if got := (place{name: "A.*.>.b"}).pattern(); got != "A.*.#" {
		t.Error(got)
	}
}

// TestActiveMQWildcards: of topics, and of queues that are there and that come later; a SEND reaches all queues there are.
func TestActiveMQWildcards(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SEND\ndestination:/queue/w.a\nreceipt:r\n\n1\x00")
	p.do("SUBSCRIBE\nid:t\ndestination:/topic/w.*\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:q\ndestination:/queue/w.>\nreceipt:r\n\n\x00")
	p.has(p.read("MESSAGE"), "destination", "/queue/w.a", "subscription", "q")
	other := g.login(plain12)
	other.do("SEND\ndestination:/queue/w.b.c\nreceipt:r\n\n2\x00")
	p.has(p.read("MESSAGE"), "destination", "/queue/w.b.c", "subscription", "q")
	other.do("SEND\ndestination:/topic/w\n\nx\x00SEND\ndestination:/topic/w.d\nreceipt:r\n\n3\x00")
	p.has(p.read("MESSAGE"), "destination", "/topic/w.d", "subscription", "t")
	other.do("SEND\ndestination:/queue/w.>\nreceipt:r\n\n4\x00")
	got := []string{p.read("MESSAGE").headers["destination"], p.read("MESSAGE").headers["destination"]}
	slices.Sort(got)
	if !slices.Equal(got, []string{"/queue/w.a", "/queue/w.b.c"}) {
		t.Error(got)
	}
	p.do("UNSUBSCRIBE\nid:q\nreceipt:r\n\n\x00")
	other.do("SEND\ndestination:/queue/w.z\nreceipt:r\n\n5\x00")
	if info, _ := g.info("w.z"); info.Consumers != 0 || info.Ready != 1 {
		t.Errorf("%+v", info)
	}
}

// TestActiveMQTemporary: a reply comes back over a temporary queue that another connection sends to.
func TestActiveMQTemporary(t *testing.T) {
	g := amq(t)
	asks, answers := g.login(plain12), g.login(plain12)
	answers.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:r\n\n\x00")
	for _, kind := range []string{"queue", "topic"} {
		asks.do("SUBSCRIBE\nid:" + kind + "\ndestination:/temp-" + kind + "/mine\nreceipt:r\n\n\x00")
		asks.do("SEND\ndestination:/queue/q\nreply-to:/temp-" + kind + "/mine\nreceipt:r\n\nask\x00")
		to := answers.read("MESSAGE").headers["reply-to"]
		if !strings.HasPrefix(to, "/remote-temp-"+kind+"/ID:") {
			t.Fatal(to)
		}
		answers.do("SEND\ndestination:" + to + "\nreply-to:" + to + "\nreceipt:r\n\nanswer\x00")
		asks.has(asks.read("MESSAGE"), "destination", "/temp-"+kind+"/mine", "subscription", kind, "reply-to", "/temp-"+kind+"/mine")
	}
	for i := range maxTemporary - 2 {
		asks.send(fmt.Sprintf("SEND\ndestination:/temp-topic/%d\n\n\x00", i))
	}
	asks.fails("SEND\ndestination:/temp-queue/more\nreceipt:r\n\n\x00", "Too many temporary destinations (limit 1000)")
	answers.do("SUBSCRIBE\nid:2\ndestination:/queue/q2\nreceipt:r\n\n\x00")
	asks.do("SEND\ndestination:/queue/q2\nreply-to:/temp-queue/mine\nreceipt:r\n\nask\x00")
	to := answers.read("MESSAGE").headers["reply-to"]
	asks.send("DISCONNECT\n\n\x00")
	g.waitEnd()
	answers.fails("SEND\ndestination:"+to+"\nreceipt:r\n\nlate\x00", "temp-queue://"+strings.TrimPrefix(to, "/remote-temp-queue/"))
	for _, name := range g.session().QueueNames() {
		if isTemporary(name) {
			t.Errorf("%s is still there", name)
		}
	}
}

// TestActiveMQVirtualTopics: each application's queue gets every message, and shows where it was sent to.
func TestActiveMQVirtualTopics(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	for _, app := range []string{"A", "B"} {
		p.do("SUBSCRIBE\nid:" + app + "\ndestination:/queue/Consumer." + app + ".VirtualTopic.X\nreceipt:r\n\n\x00")
	}
	p.do("SUBSCRIBE\nid:t\ndestination:/topic/VirtualTopic.X\nreceipt:r\n\n\x00")
	p.do("UNSUBSCRIBE\nid:B\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/topic/VirtualTopic.X\n\nv\x00")
	for range 2 {
		f := p.read("MESSAGE")
		if f.headers["subscription"] == "t" {
			p.has(f, "destination", "/topic/VirtualTopic.X", "original-destination", "-")
			continue
		}
		p.has(f, "destination", "/queue/Consumer.A.VirtualTopic.X", "original-destination", "/topic/VirtualTopic.X")
	}
	if info, _ := g.info("Consumer.B.VirtualTopic.X"); info.Ready != 1 {
		t.Errorf("%+v", info)
	}
}
