package storetest

import (
	"encoding/json"

	"github.com/portico-mq/portico/broker"
)

// must fails the test for an error.
func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func restartRights(f *fixture) {
	_, err := f.b.PutNamespace("n/ 1", broker.NamespaceSpec{Description: "d", Tags: []string{"t"}, DefaultQueueType: "x"})
	f.must(err)
	_, err = f.b.SaveUser("u", broker.UserSpec{
		Password: "secret", Hashing: broker.HashSHA512, Tags: []string{"a"}, Limits: map[broker.LimitName]int64{broker.LimitChannels: 3},
	})
	f.must(err)
	f.must(f.b.SetPermission("u", "n/ 1", broker.Permission{Read: "r"}))
	f.must(f.b.SetTopicPermission("u", "n/ 1", "x", broker.TopicPermission{Write: "w"}))
	for _, operator := range []bool{false, true} {
		_, err = f.b.PutPolicy(broker.Policy{
			Namespace: "n/ 1", Name: "p", Operator: operator, Pattern: "^q", ApplyTo: broker.PolicyForQueues, Definition: json.RawMessage("{}"),
			Limits: broker.QueueLimits{HasMaxLength: true, MaxLength: 2},
		})
		f.must(err)
	}
	_, err = f.b.SetGlobalParameter("g", json.RawMessage(`[1]`))
	f.must(err)
	for range 2 {
		f.restart()
		info, err := f.b.NamespaceInfo("n/ 1")
		if err != nil || info.Description != "d" || info.DefaultQueueType != "x" || len(info.Tags) != 1 {
			f.Fatalf("namespace %+v, %v", info, err)
		}
		if u, err := f.b.User("u"); err != nil || u.Hashing != broker.HashSHA512 || u.Limits[broker.LimitChannels] != 3 {
			f.Fatalf("user %+v, %v", u, err)
		}
		if _, err := f.b.Authenticate("u", "secret", true); err != nil {
			f.Fatal(err)
		}
		if p, t := f.b.Permissions(), f.b.TopicPermissions(); len(p) != 1 || p[0].Read != "r" || len(t) != 1 || t[0].Write != "w" {
			f.Fatalf("permissions %+v, %+v", p, t)
		}
		if len(f.b.Policies("n/ 1", false)) != 1 || len(f.b.Policies("n/ 1", true)) != 1 {
			f.Fatal("policies are missing")
		}
		if v := f.b.GlobalParameters()["g"]; string(v) != `[1]` {
			f.Fatalf("parameter %s", v)
		}
	}
	f.must(f.b.DeleteUser("u"))
	f.must(f.b.ClearPolicy("n/ 1", "p", true))
	f.must(f.b.ClearGlobalParameter("g"))
	f.restart()
	if len(f.b.Users()) > 0 || len(f.b.Policies("n/ 1", true)) > 0 || len(f.b.Policies("n/ 1", false)) != 1 || len(f.b.GlobalParameters()) > 0 {
		f.Fatal("what was removed came back")
	}
}

func deletedNamespace(f *fixture) {
	ctx := f.ctx()
	fill := func(want int) {
		f.Helper()
		_, err := f.b.PutNamespace("n", broker.NamespaceSpec{})
		f.must(err)
		s, err := f.b.OpenSession(ctx, f.b.Root(), "n")
		f.must(err)
		defer s.Close()
		if n := len(s.QueueNames()) + len(s.Bindings("")); n != want {
			f.Fatalf("%d queues and bindings, want %d", n, want)
		}
		if want > 0 {
			return
		}
		_, _, err = s.DeclareExchange(ctx, broker.ExchangeSpec{Name: "x", Kind: broker.Direct, Durable: true})
		f.must(err)
		for _, name := range []string{"a", "b"} {
			_, _, err = s.DeclareQueue(ctx, broker.QueueSpec{Name: name, Durable: true})
			f.must(err)
			f.must(s.Bind(ctx, broker.Binding{Source: "x", Destination: name, Kind: broker.ToQueue, Key: "k"}))
		}
		done := make(chan error, 1)
		_, err = s.Publish(broker.NewMessage("x", "k", nil, []byte("0")), broker.CompletionFunc(func(err error) { done <- err }))
		f.must(err)
		f.must(<-done)
	}
	fill(0)
	f.restart()
	fill(4)
	f.must(f.b.DeleteNamespace(ctx, "n")) // its queues were not opened since
	ids, err := f.store.QueueLogs(ctx)
	if err != nil || len(ids) > 0 {
		f.Fatalf("logs %v, %v", ids, err)
	}
	f.restart()
	if _, err := f.b.NamespaceInfo("n"); !broker.IsKind(err, broker.KindNotFound) {
		f.Fatalf("it came back: %v", err)
	}
	fill(0)
}
