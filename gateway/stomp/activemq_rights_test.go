package stomp

import (
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// secured starts a server with the rights of ActiveMQ's own example, and users in its groups.
func secured(t *testing.T) *gateway {
	t.Helper()
	everyone := []string{"guests", "users"}
	g := startWith(t, memory.NewStore(), Options{Authorization: &Authorization{Entries: []AuthorizationEntry{
		{Pattern: ">", Read: []string{"admins"}, Write: []string{"admins"}, Admin: []string{"admins"}},
		{Pattern: "USERS.>", Read: []string{"users"}, Write: []string{"users"}, Admin: []string{"users"}},
		{Pattern: "GUEST.>", Read: []string{"guests"}, Write: everyone, Admin: everyone},
		{Pattern: "NOADMIN.>", Read: []string{"users"}, Write: []string{"users"}, Admin: []string{"admins"}},
		{Topic: true, Pattern: ">", Read: []string{"admins"}, Write: []string{"admins"}, Admin: []string{"admins"}},
		{Topic: true, Pattern: "USERS.>", Read: []string{"users"}, Write: []string{"users"}, Admin: []string{"users"}},
		{Topic: true, Pattern: "open", Namespace: "/", Read: []string{"*"}, Write: []string{"*"}},
		{Topic: true, Pattern: "open2", Namespace: "other", Read: []string{"*"}, Write: []string{"*"}},
		{Temporary: true, Read: []string{"users"}, Write: everyone, Admin: []string{"users"}},
	}}})
	for user, tags := range map[string][]string{"system": {"users", "admins"}, "user": {"users"}, "visitor": {"guests"}} {
		must(t, g.broker.PutUser(user, user, tags))
		must(t, g.broker.SetPermission(user, "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}))
	}
	return g
}

func (g *gateway) loginAs(user string) *peer {
	return g.login("CONNECT\naccept-version:1.2\nlogin:" + user + "\npasscode:" + user + "\n\n\x00")
}

// TestActiveMQRights: read, write and admin count for what they do in ActiveMQ, and are refused in its words. Where there
// are such rights, a client cannot pass them by by speaking RabbitMQ's dialect.
func TestActiveMQRights(t *testing.T) {
	g := secured(t)
	user, visitor, system := g.loginAs("user"), g.loginAs("visitor"), g.loginAs("system")
	refused := func(p *peer, frame, message string) {
		t.Helper()
		p.fails(frame+"\nreceipt:r\n\n\x00", message)
	}
	allowed := func(p *peer, frame string) {
		t.Helper()
		p.do(frame + "\nreceipt:r\n\n\x00")
	}
	allowed(user, "SEND\ndestination:/queue/USERS.a")
	refused(user, "SEND\ndestination:/queue/other", "User user is not authorized to write to: queue://other")
	refused(user, "SEND\ndestination:/topic/other", "User user is not authorized to write to: topic://other")
	refused(user, "SUBSCRIBE\nid:1\ndestination:/queue/other", "User user is not authorized to read from: queue://other")
	refused(user, "SUBSCRIBE\nid:1\nbrowser:true\ndestination:/queue/other", "User user is not authorized to read from: queue://other")
	refused(user, "SUBSCRIBE\nid:1\ndestination:/topic/other", "User user is not authorized to read from: topic://other")
	refused(user, "SEND\ndestination:/queue/NOADMIN.a", "User user is not authorized to create: queue://NOADMIN.a")
	refused(user, "SUBSCRIBE\nid:1\ndestination:/queue/NOADMIN.a", "User user is not authorized to create: queue://NOADMIN.a")
	if _, ok := g.info("NOADMIN.a"); ok {
		t.Error("a refused frame has made a queue")
	}
	allowed(system, "SEND\ndestination:/queue/NOADMIN.a")
	allowed(user, "SEND\ndestination:/queue/NOADMIN.a")
	allowed(user, "SEND\ndestination:/queue/GUEST.a")
	refused(user, "SUBSCRIBE\nid:1\ndestination:/queue/GUEST.a", "User user is not authorized to read from: queue://GUEST.a")
	refused(visitor, "SUBSCRIBE\nid:1\ndestination:/queue/USERS.a", "User visitor is not authorized to read from: queue://USERS.a")
	refused(user, "SEND\ndestination:/queue/USERS.a,/queue/other", "User user is not authorized to write to: queue://other")
	refused(user, "SUBSCRIBE\nid:1\ndestination:/queue/>", "User user is not authorized to read from: queue://>")
	refused(user, "SUBSCRIBE\nid:1\ndestination:/queue/*.a", "User user is not authorized to read from: queue://*.a")
	allowed(user, "SUBSCRIBE\nid:1\ndestination:/topic/USERS.>")
	refused(user, "SEND\ndestination:/topic/ActiveMQ.Scheduler.Management\nAMQ_SCHEDULER_ACTION:REMOVEALL",
		"User user is not authorized to write to: topic://ActiveMQ.Scheduler.Management")
	refused(user, "SEND\ndestination:/queue/other\nAMQ_SCHEDULED_CRON:* * * * *", "User user is not authorized to write to: queue://other")
	user.send("BEGIN\ntransaction:t\n\n\x00")
	refused(user, "SEND\ndestination:/queue/other\ntransaction:t", "User user is not authorized to write to: queue://other")
	allowed(visitor, "SEND\ndestination:/topic/open")
	refused(visitor, "SEND\ndestination:/topic/open2", "User visitor is not authorized to write to: topic://open2")

	allowed(user, "SUBSCRIBE\nid:2\ndestination:/temp-queue/mine")
	visitor.sendAll("SUBSCRIBE\nid:2\ndestination:/temp-queue/mine\nreceipt:r\n\n\x00")
	if f := visitor.read("ERROR"); f.headers["message"][:45] != "User visitor is not authorized to read from: "[:45] {
		t.Errorf("%v", f)
	}
	// A change of a user's groups counts at once.
	must(t, g.broker.PutUser("visitor", "visitor", []string{"users"}))
	allowed(visitor, "SEND\ndestination:/queue/USERS.a")
}

func TestRightsCover(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{">", "a", true},
		{">", ">", true},
		{"A.>", "A", true},
		{"A.>", "A.b", true},
		{"A.>", "A.>", true},
		{"A.>", "A.*", true},
		{"A.>", ">", false},
		{"A.*", "A.*", true},
		{"A.*", "A.>", false},
		{"A.*", "A.b", true},
		{"A.*", "A", false},
		{"A.*", "A.b.c", false},
		{"A.b", "A.*", false},
		{"A.b", "A.b", true},
		{"A", "A.b", false},
		{"*.b", "A.b", true},
		{"*.>", "A", true},
	} {
		e := AuthorizationEntry{Pattern: c.pattern}
		if got := e.covers(place{name: c.name}); got != c.want {
			t.Errorf("%s covers %s: %v", c.pattern, c.name, got)
		}
	}
}
