package stomp

import (
	"io"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// TestRefusals sends one bad frame; the words were measured on RabbitMQ 3.10.8, but for those of "not_implemented",
// of "Malformed frame" and the verb in access_refused, which is newer. After an error that is not fatal the connection
// must go on.
func TestRefusals(t *testing.T) {
	g := startWith(t, memory.NewStore(), Options{Dialect: RabbitMQ})
	s := g.session()
	for _, spec := range []broker.QueueSpec{{Name: "transient"}, {Name: "q", Durable: true}, {Name: "mine", Exclusive: true}} {
		if _, _, err := s.DeclareQueue(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: "inner", Kind: broker.Direct, Internal: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Consume(t.Context(), "transient", nil, broker.ConsumeOptions{Exclusive: true}); err != nil {
		t.Fatal(err)
	}
	const (
		locked = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be originally " +
			"declared on another connection or the exclusive property value does not match that of the original declaration."
		types = "\nValid destination types are: /temp-queue, /exchange, /topic, /queue, /amq/queue, /reply-queue/.\n"
	)
	for name, c := range map[string]struct {
		frame         string
		message, body string
		fatal         bool
	}{
		"unknown command":       {"FOO\na:b\n\n\x00", "Bad command", "Could not interpret command \"FOO\"\n", false},
		"command of a server":   {"MESSAGE\n\n\x00", "Bad command", "Could not interpret command \"MESSAGE\"\n", false},
		"lower case":            {"send\n\n\x00", "Bad command", "Could not interpret command \"send\"\n", false},
		"SEND nowhere":          {"SEND\nreceipt:r\n\nx\x00", "Missing destination", "\"SEND\" must include a 'destination' header\n", false},
		"SEND message-id":       {"SEND\ndestination:/queue/q\nmessage-id:1\n\nx\x00", "Invalid header", "'message-id' is not allowed on 'SEND'.\n", false},
		"SEND unknown":          {"SEND\ndestination:/foo/a\n\nx\x00", "Unknown destination", "'/foo/a' is not a valid destination." + types, false},
		"SEND relative":         {"SEND\ndestination:foo/a\n\nx\x00", "Unknown destination", "'foo/a' is not a valid destination." + types, false},
		"SEND queue path":       {"SEND\ndestination:/queue/a/b\n\nx\x00", "Invalid destination", "'/a/b' is not a valid queue destination\n", false},
		"SEND no queue":         {"SEND\ndestination:/queue/\n\nx\x00", "Invalid destination", "'/' is not a valid queue destination\n", false},
		"SEND exchange path":    {"SEND\ndestination:/exchange/a/b/c\n\nx\x00", "Invalid destination", "'/a/b/c' is not a valid exchange destination\n", false},
		"SEND default exchange": {"SEND\ndestination:/exchange//k\n\nx\x00", "Invalid destination", "'//k' is not a valid exchange destination\n", false},
		"SEND temp-queue":       {"SEND\ndestination:/temp-queue/t\n\nx\x00", "Invalid destination", "'/temp-queue/t' is not a valid destination for 'SEND'\n", false},
		"SEND no exchange":      {"SEND\ndestination:/exchange/nope/k\n\nx\x00", "not_found", "NOT_FOUND - no exchange 'nope' in vhost '/'", true},
		"SEND internal":         {"SEND\ndestination:/exchange/inner/k\n\nx\x00", "access_refused", "ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'", true},
		"SEND other queue":      {"SEND\ndestination:/queue/transient\n\nx\x00", "precondition_failed", "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'transient' in vhost '/': received 'true' but current is 'false'", true},
		"SEND reserved":         {"SEND\ndestination:/queue/amq.x\n\nx\x00", "access_refused", "ACCESS_REFUSED - queue name 'amq.x' contains reserved prefix 'amq.*'", true},
		"SEND priority":         {"SEND\ndestination:/queue/q\npriority:abc\n\nx\x00", "Processing error", "Processing error", false},
		"SEND timestamp":        {"SEND\ndestination:/queue/q\ntimestamp:abc\n\nx\x00", "Processing error", "Processing error", false},
		"SEND persistent":       {"SEND\ndestination:/queue/q\npersistent:yes\n\nx\x00", "Processing error", "Processing error", false},
		"SEND user-id":          {"SEND\ndestination:/queue/q\nuser-id:other\n\nx\x00", "precondition_failed", "PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'", true},
		"SEND reply-to":         {"SEND\ndestination:/queue/q\nreply-to:foo/bar\n\nx\x00", "Processing error", "Processing error", false},
		"SEND long property":    {"SEND\ndestination:/queue/q\ncorrelation-id:" + strings.Repeat("x", 256) + "\n\nx\x00", "Invalid header", "'correlation-id' is longer than 255 bytes\n", false},
		"SEND long name":        {"SEND\ndestination:/queue/q\n" + strings.Repeat("x", 256) + ":\n\nx\x00", "Invalid header", "a header's name is longer than 255 bytes\n", false},
		"SEND long destination": {"SEND\ndestination:/exchange/amq.topic/" + strings.Repeat("x", 256) + "\n\nx\x00", "precondition_failed", "PRECONDITION_FAILED - the exchange's or queue's name or the routing key is longer than 255 bytes", true},
		"SEND no transaction":   {"SEND\ndestination:/queue/q\ntransaction:t\n\nx\x00", "Bad transaction", "Invalid transaction identifier: \"t\"\n", false},
		"SEND expiration":       {"SEND\ndestination:/queue/q\nexpiration:soon\n\nx\x00", "precondition_failed", "PRECONDITION_FAILED - invalid expiration 'soon': no_integer", true},
		"SEND queue://":         {"SEND\ndestination:queue://a\n\nx\x00", "Unknown destination", "'queue://a' is not a valid destination." + types, false},
		"SEND composite":        {"SEND\ndestination:/queue/a,/topic/b\n\nx\x00", "Invalid destination", "'/a,/topic/b' is not a valid queue destination\n", false},
		"SUBSCRIBE nowhere":     {"SUBSCRIBE\nid:1\n\n\x00", "Missing destination", "\"SUBSCRIBE\" must include a 'destination' header\n", false},
		"SUBSCRIBE no queue":    {"SUBSCRIBE\nid:1\ndestination:/amq/queue/nope\nreceipt:r\n\n\x00", "not_found", "NOT_FOUND - no queue 'nope' in vhost '/'", true},
		"SUBSCRIBE no exchange": {"SUBSCRIBE\nid:1\ndestination:/exchange/nope/a\nreceipt:r\n\n\x00", "not_found", "NOT_FOUND - no exchange 'nope' in vhost '/'", true},
		"SUBSCRIBE locked":      {"SUBSCRIBE\nid:1\ndestination:/amq/queue/mine\n\n\x00", "resource_locked", locked, true},
		"SUBSCRIBE in use":      {"SUBSCRIBE\nid:1\ndestination:/amq/queue/transient\n\n\x00", "access_refused", "ACCESS_REFUSED - queue 'transient' in vhost '/' in exclusive use", true},
		"SUBSCRIBE bad ack":     {"SUBSCRIBE\nid:1\ndestination:/queue/q\nack:foo\n\n\x00", "Processing error", "Processing error", false},
		"SUBSCRIBE prefetch":    {"SUBSCRIBE\nid:1\ndestination:/queue/q\nprefetch-count:abc\n\n\x00", "Processing error", "Processing error", false},
		"SUBSCRIBE durable":     {"SUBSCRIBE\ndestination:/topic/a\ndurable:true\n\n\x00", "Missing Header", "Header 'id' is required for durable subscriptions", false},
		"SUBSCRIBE odd durable": {"SUBSCRIBE\nid:1\ndestination:/queue/new\ndurable:yes\n\n\x00", "Processing error", "Processing error", false},
		"SUBSCRIBE temp id":     {"SUBSCRIBE\nid:/temp-queue/x\ndestination:/queue/q\n\n\x00", "Processing error", "Processing error", false},
		"SUBSCRIBE temp-queue":  {"SUBSCRIBE\nid:1\ndestination:/temp-queue/x\n\n\x00", "Invalid destination", "'/temp-queue/x' is not a valid destination for 'SUBSCRIBE'\n", false},
		"UNSUBSCRIBE unknown":   {"UNSUBSCRIBE\nid:9\nreceipt:r\n\n\x00", "No subscription found", "UNSUBSCRIBE must refer to an existing subscription.\nSubscription to \"id='9'\" not found.\n", false},
		"UNSUBSCRIBE nothing":   {"UNSUBSCRIBE\n\n\x00", "Missing destination or id", "UNSUBSCRIBE must include a 'destination' or 'id' header", false},
		"UNSUBSCRIBE temp":      {"UNSUBSCRIBE\nid:/temp-queue/x\n\n\x00", "Invalid id", "UNSUBSCRIBE 'id' may not start with /temp-queue/\n", false},
		"ACK nothing":           {"ACK\nreceipt:r\n\n\x00", "Missing header", "\"ACK\" must include the \"id\" header\n", false},
		"NACK nothing":          {"NACK\n\n\x00", "Missing header", "\"NACK\" must include the \"id\" header\n", false},
		"ACK malformed":         {"ACK\nid:foo\n\n\x00", "Invalid header", "\"ACK\" must include a valid \"id\" header\n", false},
		"ACK of others":         {"ACK\nid:T_1@@session-x@@1\n\n\x00", "Subscription not found", "Message with id \"T_1@@session-x@@1\" has no subscription", false},
		"ACK not a number":      {"ACK\nid:T_1@@session-x@@a\n\n\x00", "Processing error", "Processing error", false},
		"BEGIN nothing":         {"BEGIN\n\n\x00", "Missing transaction", "\"BEGIN\" must include a 'transaction' header\n", false},
		"COMMIT nothing":        {"COMMIT\n\n\x00", "Missing transaction", "\"COMMIT\" must include a 'transaction' header\n", false},
		"ABORT nothing":         {"ABORT\n\n\x00", "Missing transaction", "\"ABORT\" must include a 'transaction' header\n", false},
		"COMMIT unknown":        {"COMMIT\ntransaction:t\n\n\x00", "Bad transaction", "Invalid transaction identifier: \"t\"\n", false},
		"ABORT unknown":         {"ABORT\ntransaction:t\n\n\x00", "Bad transaction", "Invalid transaction identifier: \"t\"\n", false},
		"bad escape":            {"SEND\ndestination:/queue/q\na:\\t\n\nx\x00", "Malformed frame", "a header has an undefined escape sequence", true},
		"no colon":              {"SEND\ndestination:/queue/q\na\n\nx\x00", "Malformed frame", "a header line is malformed", true},
		"4 GiB":                 {"SEND\ndestination:/queue/q\ncontent-length:4294967296\n\n", "Malformed frame", "the body is too long", true},
		"300 KiB name":          {"SEND\ndestination:/queue/" + strings.Repeat("x", 300<<10) + "\n\nx\x00", "Malformed frame", "a header is too long", true},
		"1 MB of headers":       {"SEND\n" + strings.Repeat("aaaaaaaaa:"+strings.Repeat("b", 989)+"\n", 1000) + "\n\x00", "Malformed frame", "the headers are too long", true},
		"2,000 headers":         {"SEND\n" + strings.Repeat("a:b\n", 2000) + "\n\x00", "Malformed frame", "there are too many headers", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := g.login(connect12)
			p.T = t
			p.sendAll(c.frame)
			p.want(refusal(c.message, c.body))
			if c.fatal {
				p.wantClosed()
			} else {
				p.sync()
			}
		})
	}
	if _, ok := g.info("new"); ok {
		t.Error("a refused frame has declared a queue")
	}
}

func TestLimitedUser(t *testing.T) {
	g := start(t)
	if err := g.broker.PutUser("lim", "lim", nil); err != nil {
		t.Fatal(err)
	}
	if err := g.broker.SetPermission("lim", "/", broker.Permission{Configure: "^c", Write: "^w", Read: "^r"}); err != nil {
		t.Fatal(err)
	}
	const login = "CONNECT\naccept-version:1.2\nlogin:lim\npasscode:lim\n\n\x00"
	for frame, text := range map[string]string{
		"SEND\ndestination:/queue/xx\n\n\x00":                              "configure access to queue 'xx'",
		"SEND\ndestination:/queue/cx\n\n\x00":                              "write access to exchange 'amq.default'",
		"SEND\ndestination:/topic/cx\n\n\x00":                              "write access to exchange 'amq.topic'",
		"SUBSCRIBE\nid:1\ndestination:/queue/cx\n\n\x00":                   "read access to queue 'cx'",
		"SUBSCRIBE\nid:1\ndestination:/topic/cx\nx-queue-name:cwr\n\n\x00": "write access to queue 'cwr'",
	} {
		p := g.login(login)
		p.send(frame)
		p.want(refusal("access_refused", "ACCESS_REFUSED - "+text+" in vhost '/' refused for user 'lim'"))
		p.wantClosed()
	}
}

func TestSubscribeTwiceCloses(t *testing.T) {
	p := start(t).login(connect12)
	p.send("SUBSCRIBE\ndestination:/queue/q\nid:1\nreceipt:1\n\n\x00")
	p.want(receipt("1"))
	p.send("SUBSCRIBE\ndestination:/queue/other\nid:1\nreceipt:2\n\n\x00")
	p.want(refusal("Duplicated subscription identifier", "A subscription identified by 'T_1' already exists."))
	p.wantClosed()
}

func TestLimitsBeforeLogin(t *testing.T) {
	g := start(t)
	p := g.dial()
	p.sendAll("CONNECT\npasscode:" + strings.Repeat("x", 33<<10) + "\n\n\x00")
	p.want(refusal("Malformed frame", "a header is too long"))
	p.wantClosed()
}

// TestEveryFaultHasWords fails when a dialect has no words for a kind of broker error, or for a problem.
func TestEveryFaultHasWords(t *testing.T) {
	for _, d := range dialects {
		for _, k := range broker.Kinds() {
			f, known := faultOf(d, &broker.Error{Kind: k, Type: broker.ResourceQueue, Name: "NAME", Namespace: "NS"})
			if d.ofBroker(&broker.Error{Kind: k}) == nil || f.message == "" || known != (k != broker.KindInternal) {
				t.Errorf("%v, %v: %+v", d, k, f)
			}
		}
		for _, p := range problems {
			if f := d.say(p, "SEND", "x"); f == nil || f.message == "" {
				t.Errorf("%v, problem %d: %v", d, p, f)
			}
		}
		if f, known := faultOf(d, io.ErrNoProgress); known || strings.Contains(f.body, io.ErrNoProgress.Error()) {
			t.Errorf("%v shows an unknown error: %v", d, f)
		}
	}
}
