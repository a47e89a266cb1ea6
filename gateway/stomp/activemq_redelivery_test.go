package stomp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker/memory"
)

// policed is a server whose connections speak ActiveMQ's dialect, with these policies.
func policed(t *testing.T, policies ...Policy) *gateway {
	return startWith(t, memory.NewStore(), Options{
		Dialect: ActiveMQ, Destinations: NewDestinations(DestinationOptions{Policies: policies}),
	})
}

// nack rejects a message, with a receipt.
func nack(f frame, more string) string { return reject(f, more+"receipt:r\n") }

func reject(f frame, more string) string {
	return "NACK\nid:" + strings.ReplaceAll(f.headers["ack"], ":", `\c`) + "\n" + more + "\n\x00"
}

// TestActiveMQRedeliveryPolicy: a rejected message comes back after its pause as often as the policy says, without being
// in another's way, and goes to the dead letter queue then.
func TestActiveMQRedeliveryPolicy(t *testing.T) {
	g := policed(
		t, Policy{Pattern: "r.>", Redelivery: &RedeliveryPolicy{
			Maximum: 2, InitialDelay: 20 * time.Millisecond, Delay: 10 * time.Millisecond, BackOff: true, Multiplier: 3,
		}},
		Policy{Pattern: "r.never", Redelivery: &RedeliveryPolicy{}},
	)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:d\ndestination:/queue/ActiveMQ.DLQ\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/r.q\nack:client\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/queue/r.q\npersistent:true\nfoo:bar\nexpires:9999999999999\n\nx\x00")
	first := p.read("MESSAGE")
	p.has(first, "redelivered", "-", "redeliveryDelay", "-")
	f := first
	for _, pause := range []string{"20", "60"} {
		p.send(reject(f, ""))
		f = p.read("MESSAGE")
		p.has(f, "redelivered", "true", "redeliveryDelay", pause, "foo", "bar", "persistent", "true",
			"message-id", first.headers["message-id"], "timestamp", first.headers["timestamp"], "expires", "9999999999999",
			"portico:redeliveries", "-", "portico:due", "-")
	}
	p.send(reject(f, ""))
	p.has(p.read("MESSAGE"), "subscription", "d", "original-destination", "/queue/r.q", "redeliveryDelay", "60",
		"originalExpiration", "9999999999999", "redelivered", "-")
	// In a transaction, too; what is aborted did not happen.
	p.send("SEND\ndestination:/queue/r.q\npersistent:true\n\ny\x00")
	f = p.read("MESSAGE")
	p.do("BEGIN\ntransaction:t\n\n\x00" + nack(f, "transaction:t\n"))
	p.do("ABORT\ntransaction:t\n\n\x00" + "BEGIN\ntransaction:t\n\n\x00" + nack(f, "transaction:t\n"))
	p.send("COMMIT\ntransaction:t\n\n\x00")
	p.has(p.read("MESSAGE"), "redeliveryDelay", "20", "subscription", "1")
	// The closest pattern counts.
	p.do("SUBSCRIBE\nid:2\ndestination:/queue/r.never\nack:client\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/queue/r.never\npersistent:true\n\nz\x00")
	p.send(reject(p.read("MESSAGE"), ""))
	p.has(p.read("MESSAGE"), "subscription", "d", "original-destination", "/queue/r.never", "redeliveryDelay", "-")
}

// TestActiveMQRedeliveryPauses: they grow as ActiveMQ's do.
func TestActiveMQRedeliveryPauses(t *testing.T) {
	r := RedeliveryPolicy{InitialDelay: 7, Delay: 100, BackOff: true, Multiplier: 2, MaximumDelay: 500}
	last, pauses := time.Duration(0), ""
	for i := range 6 {
		last = r.next(last, i == 0)
		pauses += fmt.Sprint(int64(last), " ")
	}
	if pauses != "7 14 28 56 112 224 " {
		t.Error(pauses)
	}
	if got := r.next(400, false); got != 500 {
		t.Error(got)
	}
	if got := (&RedeliveryPolicy{BackOff: true, Multiplier: 1000}).next(longestSchedule*time.Millisecond, false); got != longestSchedule*time.Millisecond {
		t.Error(got)
	}
}

// TestActiveMQDeadLetterStrategies: what is not persistent is gone, unless a policy wants it, and each pattern of
// destinations has its dead letters where its policy says.
func TestActiveMQDeadLetterStrategies(t *testing.T) {
	g := policed(
		t, Policy{Pattern: "ind.>", DeadLetters: &DeadLetterStrategy{Individual: true, QueuePrefix: "DLQ.", QueueSuffix: ".dead"}},
		Policy{Pattern: "ind.>", Topic: true, DeadLetters: &DeadLetterStrategy{Individual: true, TopicPrefix: "DLT."}},
		Policy{Pattern: "np.>", DeadLetters: &DeadLetterStrategy{NonPersistent: true, DropExpired: true, Expiration: time.Hour}},
		Policy{Pattern: "disc.>", DeadLetters: &DeadLetterStrategy{Discard: true}},
		Policy{Pattern: "own.q", DeadLetters: &DeadLetterStrategy{Queue: "dead.own"}},
	)
	p := g.login("CONNECT\naccept-version:1.2\nclient-id:c\n\n\x00")
	for i, dead := range []string{"/queue/ActiveMQ.DLQ", "/queue/DLQ.ind.q.dead", "/queue/DLT.ind.t", "/queue/dead.own"} {
		p.do(fmt.Sprintf("SUBSCRIBE\nid:d%d\ndestination:%s\nreceipt:r\n\n\x00", i, dead))
	}
	soon := fmt.Sprintf("expires:%d\n", time.Now().Add(10*time.Millisecond).UnixMilli())
	for _, c := range []struct{ to, headers, subscription, mode string }{
		{"/queue/plain", "", "", ""},
		{"/queue/plain", "persistent:true\n", "d0", "-"},
		{"/queue/ind.q", "persistent:true\n", "d1", "-"},
		{"/topic/ind.t", "persistent:true\n", "d2", "-"},
		{"/topic/ind.t", "", "", ""},
		{"/queue/np.q", "", "d0", "NON_PERSISTENT"},
		{"/queue/disc.q", "persistent:true\n", "", ""},
		{"/queue/own.q", "persistent:true\n", "d3", "-"},
		{"/queue/ActiveMQ.DLQ2", "persistent:true\n", "d0", "-"},
		{"/temp-queue/t", "persistent:true\n", "d0", "-"},
	} {
		p.do("SUBSCRIBE\nid:1\ndestination:" + c.to + "\nack:client\nactivemq.prefetchSize:1\nreceipt:r\n" +
			map[bool]string{true: "activemq.subscriptionName:n\n"}[strings.HasPrefix(c.to, "/topic")] + "\n\x00")
		p.send("SEND\ndestination:" + c.to + "\n" + c.headers + "\nx\x00")
		p.send(reject(p.read("MESSAGE"), ""))
		if c.subscription != "" {
			f := p.read("MESSAGE")
			p.has(f, "subscription", c.subscription, "originalDeliveryMode", c.mode, "persistent", "true", "originalExpiration", "0")
			if strings.HasPrefix(c.to, "/queue/np") == (f.headers["expires"] == "0") {
				t.Errorf("%s: it expires at %s", c.to, f.headers["expires"])
			}
		}
		p.do("UNSUBSCRIBE\nid:1\nreceipt:r\n\n\x00")
	}
	// A topic's message that no durable subscription has is gone when it is rejected.
	p.do("SUBSCRIBE\nid:1\ndestination:/topic/ind.u\nack:client\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/topic/ind.u\npersistent:true\n\nx\x00")
	p.send(reject(p.read("MESSAGE"), ""))
	// What expires goes there too, and says why, but not where the policy does not want it.
	for _, to := range []string{"/queue/np.q", "/queue/disc.q", "/queue/ind.q"} {
		p.send("SEND\ndestination:" + to + "\npersistent:true\n" + soon + "\nx\x00")
	}
	f := p.read("MESSAGE")
	p.has(f, "subscription", "d1", "original-destination", "/queue/ind.q",
		"dlqDeliveryFailureCause", "java.lang.Throwable: Message Expired. Expiration:"+f.headers["originalExpiration"])
	// A dead letter that is rejected is gone.
	p.do("UNSUBSCRIBE\nid:d0\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:d\ndestination:/queue/ActiveMQ.DLQ\nack:client\nreceipt:r\n\n\x00")
	p.send("SEND\ndestination:/queue/ActiveMQ.DLQ\npersistent:true\n\nx\x00")
	p.do(nack(p.read("MESSAGE"), ""))
	if info, _ := g.info("ActiveMQ.DLQ"); info.Ready != 0 || info.Unacked != 0 {
		t.Error(info)
	}
}
