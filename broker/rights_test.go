package broker_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/property"
)

// rights is a broker with a user "u" over a store that outlives it.
type rights struct {
	*testing.T
	store broker.Store
	b     *broker.Broker
}

func newRights(t *testing.T) *rights {
	t.Helper()
	r := &rights{T: t, store: memory.NewStore()}
	r.open()
	t.Cleanup(func() { r.must(r.b.Close()) })
	r.must(r.b.PutUser("u", "secret", nil))
	return r
}

func (r *rights) open() {
	r.Helper()
	b, err := broker.Open(r.Context(), r.store, broker.Options{
		SystemExchanges: []broker.ExchangeSpec{{Name: "topic", Kind: broker.Topic, Durable: true}},
	})
	r.must(err)
	r.b = b
}

func (r *rights) restart() {
	r.Helper()
	r.must(r.b.Close())
	r.open()
}

func (r *rights) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rights) kind(err error, want broker.Kind) {
	r.Helper()
	if !broker.IsKind(err, want) {
		r.Fatalf("got %v, want %v", err, want)
	}
}

// session opens a session of u in the namespace / with every permission.
func (r *rights) session() *broker.Session {
	r.Helper()
	r.must(r.b.SetPermission("u", "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}))
	p, err := r.b.Authenticate("u", "secret", true)
	r.must(err)
	s, err := r.b.OpenSession(r.Context(), p, "/")
	r.must(err)
	r.Cleanup(s.Close)
	return s
}

// The hashes were made by RabbitMQ 3.10.8, but for those of sha512 and md5, which are of its formula.
func TestPasswordHashes(t *testing.T) {
	r := newRights(t)
	for _, tt := range []struct {
		hash, password string
		how            broker.PasswordHashing
	}{
		{"kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR", "test12", broker.HashSHA256},
		{broker.HashPassword("x", broker.HashSHA512), "x", broker.HashSHA512},
		{broker.HashPassword("x", broker.HashMD5), "x", broker.HashMD5},
	} {
		_, err := r.b.SaveUser("imported", broker.UserSpec{PasswordHash: tt.hash, Hashing: tt.how})
		r.must(err)
		if _, err := r.b.Authenticate("imported", tt.password, true); err != nil {
			t.Errorf("%s: %v", tt.how, err)
		}
		_, err = r.b.Authenticate("imported", tt.password+"x", true)
		r.kind(err, broker.KindUnauthenticated)
	}
	// No password at all fits the empty hash.
	_, err := r.b.SaveUser("imported", broker.UserSpec{})
	r.must(err)
	_, err = r.b.Authenticate("imported", "", true)
	r.kind(err, broker.KindUnauthenticated)
	for _, spec := range []broker.UserSpec{{PasswordHash: "zzz"}, {Hashing: "nope"}} {
		_, err := r.b.SaveUser("bad", spec)
		r.kind(err, broker.KindInvalid)
	}
}

func TestTagsAndPermissionsOfOpenSessions(t *testing.T) {
	r := newRights(t)
	s := r.session()
	r.must(r.b.PutUser("u", "other", []string{"impersonator"}))
	if !s.Principal().HasTag("impersonator") {
		t.Error("the new tag does not count")
	}
	r.must(r.b.ClearPermission("u", "/"))
	_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q"})
	r.kind(err, broker.KindDenied)
	r.restart()
	u, err := r.b.User("u")
	if err != nil || !slices.Equal(u.Tags, []string{"impersonator"}) || len(r.b.Permissions()) > 0 {
		t.Errorf("after a restart: %+v, %v, %v", u, r.b.Permissions(), err)
	}
	r.must(r.b.DeleteUser("u"))
	r.kind(r.b.DeleteUser("u"), broker.KindNotFound)
	r.kind(r.b.SetPermission("u", "/", broker.Permission{}), broker.KindNotFound)
}

func TestTopicPermissions(t *testing.T) {
	r := newRights(t)
	s := r.session()
	r.must(r.b.SetTopicPermission("u", "/", "topic", broker.TopicPermission{Write: `^{username}\.`, Read: "^r"}))
	publish := func(key string) error {
		_, err := s.Publish(broker.NewMessage("topic", key, nil, nil), nil)
		return err
	}
	r.must(publish("u.x"))
	r.kind(publish("x"), broker.KindDenied)
	_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q"})
	r.must(err)
	r.must(s.Bind(t.Context(), broker.Binding{Source: "topic", Destination: "q", Kind: broker.ToQueue, Key: "r.*"}))
	r.kind(s.Bind(t.Context(), broker.Binding{Source: "topic", Destination: "q", Kind: broker.ToQueue, Key: "#"}), broker.KindDenied)
	r.must(r.b.ClearTopicPermissions("u", "/", "topic"))
	r.must(publish("x"))
	r.kind(r.b.SetTopicPermission("u", "/", "topic", broker.TopicPermission{Write: "("}), broker.KindInvalid)
}

func TestLimitsOfNamespacesAndUsers(t *testing.T) {
	r := newRights(t)
	s := r.session()
	set := func(name broker.LimitName, n int64) {
		r.must(r.b.ChangeNamespaceLimits("/", func(map[broker.LimitName]int64) map[broker.LimitName]int64 {
			return map[broker.LimitName]int64{name: n}
		}))
	}
	set(broker.LimitQueues, 1)
	_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "a"})
	r.must(err)
	_, _, err = s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "b"})
	r.kind(err, broker.KindLimit)
	connect := func() (*broker.Session, error) {
		return r.b.Connect(t.Context(), s.Principal(), "/", func(broker.Eviction) {})
	}
	set(broker.LimitConnections, 1)
	first, err := connect()
	r.must(err)
	_, err = connect()
	r.kind(err, broker.KindLimit)
	first.Close()
	r.restart()
	if info, err := r.b.NamespaceInfo("/"); err != nil || info.Limits[broker.LimitConnections] != 1 {
		t.Errorf("after a restart: %+v, %v", info, err)
	}
	set(broker.LimitConnections, -1)
	r.must(r.b.SetUserLimits("u", map[broker.LimitName]int64{broker.LimitConnections: 1, broker.LimitChannels: 2}))
	s = r.session()
	first, err = connect()
	r.must(err)
	defer first.Close()
	_, err = connect()
	r.kind(err, broker.KindLimit)
	r.must(first.AddChannel())
	r.must(first.AddChannel())
	r.kind(first.AddChannel(), broker.KindLimit)
	first.RemoveChannel()
	r.must(first.AddChannel())
}

func TestDeletedNamespaceTakesAllWithIt(t *testing.T) {
	r := newRights(t)
	created, err := r.b.PutNamespace("n", broker.NamespaceSpec{Description: "d", Tags: []string{"a"}})
	if err != nil || !created {
		t.Fatal(created, err)
	}
	r.must(r.b.SetPermission("u", "n", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}))
	_, err = r.b.PutPolicy(broker.Policy{Namespace: "n", Name: "p", Pattern: "", ApplyTo: broker.PolicyForAll})
	r.must(err)
	p, err := r.b.Authenticate("u", "secret", true)
	r.must(err)
	evicted := make(chan broker.Eviction, 1)
	s, err := r.b.Connect(t.Context(), p, "n", func(e broker.Eviction) { evicted <- e })
	r.must(err)
	defer s.Close()
	_, _, err = s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true})
	r.must(err)
	_, _, err = s.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: "x", Kind: broker.Direct, Durable: true})
	r.must(err)
	r.must(r.b.DeleteNamespace(t.Context(), "n"))
	if e := <-evicted; e.Name != "n" || e.Type != broker.ResourceNamespace {
		t.Errorf("evicted: %+v", e)
	}
	_, _, err = s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "late", Durable: true})
	r.kind(err, broker.KindDenied)
	r.kind(r.b.DeleteNamespace(t.Context(), "n"), broker.KindNotFound)
	for range 2 {
		if len(r.b.Permissions()) > 0 || len(r.b.Policies("", false)) > 0 || !slices.Equal(r.b.Namespaces(), []string{"/"}) {
			t.Errorf("left: %v, %v, %v", r.b.Permissions(), r.b.Policies("", false), r.b.Namespaces())
		}
		r.restart()
	}
	_, err = r.b.PutNamespace("n", broker.NamespaceSpec{})
	r.must(err)
	root, err := r.b.OpenSession(t.Context(), r.b.Root(), "n")
	r.must(err)
	defer root.Close()
	if names := root.QueueNames(); len(names) > 0 {
		t.Errorf("queues %v", names)
	}
}

func TestPoliciesApplyAtOnce(t *testing.T) {
	r := newRights(t)
	s := r.session()
	ready := func(queue string, want int) {
		t.Helper()
		for n := -1; n != want; { // a queue that was just opened is still being read
			if n = readyIn(t, s, queue); t.Context().Err() != nil {
				t.Fatalf("%s has %d messages, want %d", queue, n, want)
			}
		}
	}
	put := func(p broker.Policy) {
		t.Helper()
		p.Namespace, p.Definition = "/", json.RawMessage("{}")
		_, err := r.b.PutPolicy(p)
		r.must(err)
	}
	length := func(n int64) broker.QueueLimits { return broker.QueueLimits{HasMaxLength: true, MaxLength: n} }
	declare := func(name string, limits *broker.QueueLimits) {
		t.Helper()
		_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: name, Durable: true, Limits: limits})
		r.must(err)
	}
	five := length(5)
	declare("a1", nil)
	declare("a2", &five)
	for range 10 {
		publishTo(t, s, "a1", "x")
	}
	ready("a1", 10)
	put(broker.Policy{Name: "p", Pattern: "^a", ApplyTo: broker.PolicyForQueues, Limits: length(8)})
	ready("a1", 8)
	put(broker.Policy{Name: "higher", Pattern: "^a", ApplyTo: broker.PolicyForAll, Priority: 1, Limits: length(7)})
	ready("a1", 7)
	put(broker.Policy{Name: "other", Pattern: "^a", ApplyTo: broker.PolicyForExchanges, Priority: 2, Limits: length(1)})
	ready("a1", 7)
	put(broker.Policy{Name: "op", Operator: true, Pattern: "^a", ApplyTo: broker.PolicyForQueues, Limits: length(3)})
	ready("a1", 3)
	for range 10 { // the smallest of the three counts
		publishTo(t, s, "a2", "x")
	}
	ready("a2", 3)
	r.must(r.b.ClearPolicy("/", "op", true))
	for range 10 { // what was declared is smaller than the policy
		publishTo(t, s, "a2", "x")
	}
	ready("a2", 5)
	if p, op := s.QueuePolicies("a1"); p == nil || p.Name != "higher" || op != nil {
		t.Errorf("policies %v, %v", p, op)
	}
	r.restart()
	s = r.session()
	declare("a3", nil) // new ones have them from the start
	for _, name := range []string{"a1", "a3"} {
		for range 10 {
			publishTo(t, s, name, "x")
		}
		ready(name, 7)
	}
	r.must(r.b.ClearPolicy("/", "higher", false))
	r.must(r.b.ClearPolicy("/", "p", false))
	for range 10 {
		publishTo(t, s, "a3", "x")
	}
	ready("a3", 17)
	r.kind(r.b.ClearPolicy("/", "p", false), broker.KindNotFound)
	_, err := r.b.PutPolicy(broker.Policy{Namespace: "/", Name: "p", Pattern: "("})
	r.kind(err, broker.KindInvalid)
}

func TestPolicyExpiresQueue(t *testing.T) {
	r := newRights(t)
	s := r.session()
	_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q"})
	r.must(err)
	_, err = r.b.PutPolicy(broker.Policy{
		Namespace: "/", Name: "p", ApplyTo: broker.PolicyForQueues, Limits: broker.QueueLimits{Expires: time.Millisecond},
	})
	r.must(err)
	for len(s.QueueNames()) > 0 {
		if t.Context().Err() != nil {
			t.Fatal("the queue stays")
		}
	}
}

func TestPolicyDeadLetters(t *testing.T) {
	r := newRights(t)
	s := r.session()
	for _, name := range []string{"q", "dead"} {
		_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: name, Durable: true})
		r.must(err)
	}
	_, err := r.b.PutPolicy(broker.Policy{
		Namespace: "/", Name: "p", Pattern: "^q$", ApplyTo: broker.PolicyForQueues, Limits: broker.QueueLimits{
			HasTTL: true, HasDeadLetter: true, HasDeadLetterKey: true, DeadLetterKey: "dead",
		},
	})
	r.must(err)
	publishTo(t, s, "q", "x")
	if d := take(t, s, "dead"); string(d.Message.Body()) != "x" {
		t.Errorf("got %q", d.Message.Body())
	}
}

func TestGlobalParameters(t *testing.T) {
	r := newRights(t)
	created, err := r.b.SetGlobalParameter("g", json.RawMessage(`{"a":[1]}`))
	if err != nil || !created {
		t.Fatal(created, err)
	}
	r.restart()
	if v := r.b.GlobalParameters()["g"]; string(v) != `{"a":[1]}` {
		t.Errorf("got %s", v)
	}
	r.must(r.b.ClearGlobalParameter("g"))
	r.kind(r.b.ClearGlobalParameter("g"), broker.KindNotFound)
	_, err = r.b.SetGlobalParameter("g", json.RawMessage(`{`))
	r.kind(err, broker.KindInvalid)
}

func TestOrderOfBindingArgumentsDoesNotCount(t *testing.T) {
	r := newRights(t)
	s := r.session()
	_, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true})
	r.must(err)
	a, b := property.Field{Name: "a", Value: int64(1)}, property.Field{Name: "b", Value: "x"}
	for _, arguments := range []property.Table{{a, b}, {b, a}} {
		r.must(s.Bind(t.Context(), broker.Binding{Source: "topic", Destination: "q", Kind: broker.ToQueue, Arguments: arguments}))
	}
	if n := len(s.Bindings("")); n != 1 {
		t.Errorf("%d bindings, want one", n)
	}
	// An earlier version kept it twice.
	old := broker.MetadataKey{Kind: "binding", Namespace: "/", Name: "of an earlier version"}
	stored := make(chan error, 1)
	r.store.PutMetadata(old, []byte(`{"namespace":"/","source":"topic","destination":"q","kind":"queue","key":""}`),
		broker.CompletionFunc(func(err error) { stored <- err }))
	r.must(<-stored)
	r.restart()
	s = r.session()
	r.must(s.Unbind(t.Context(), broker.Binding{Source: "topic", Destination: "q", Kind: broker.ToQueue}))
	r.must(s.Unbind(t.Context(), broker.Binding{Source: "topic", Destination: "q", Kind: broker.ToQueue, Arguments: property.Table{b, a}}))
	r.restart()
	if n := len(r.session().Bindings("")); n != 0 {
		t.Errorf("%d bindings are left", n)
	}
}
