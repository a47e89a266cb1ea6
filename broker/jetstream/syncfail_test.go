package jetstream_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/storetest"
)

var errDisk = errors.New("the disk is gone")

// failing is a broker whose syncs fail once broken is set.
type failing struct {
	*testing.T
	broken atomic.Bool
	told   chan error
	store  *jetstream.Store
	b      *broker.Broker
	s      *broker.Session
}

func openFailing(t *testing.T, dir string) *failing {
	t.Helper()
	f := &failing{T: t, told: make(chan error, 10)}
	store, err := jetstream.Open(t.Context(), jetstream.Options{
		Dir: dir, Logger: quiet(),
		OnFailure: func(err error) { f.told <- err },
		Sync: func() error {
			if f.broken.Load() {
				return errDisk
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.store = store
	if f.b, err = broker.Open(t.Context(), store, storetest.Options()); err != nil {
		t.Fatal(err)
	}
	if f.s, err = f.b.OpenSession(t.Context(), f.b.Root(), "/"); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *failing) close() error {
	f.s.Close()
	return errors.Join(f.b.Close(), f.store.Close())
}

// publish publishes and returns what the publisher is told.
func (f *failing) publish(queue, body string) error {
	f.Helper()
	done := make(chan error, 1)
	m := broker.NewMessage("", queue, nil, []byte(body))
	if _, err := f.s.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		f.Fatal(err)
	}
	return <-done
}

func (f *failing) get(queue string, n int) []broker.Delivery {
	f.Helper()
	got, _, err := f.s.Get(f.Context(), queue, broker.GetOptions{Max: n})
	if err != nil || len(got) != n {
		f.Fatalf("%d messages, %v; want %d", len(got), err, n)
	}
	return got
}

// TestSyncFails breaks the sync: everything that waits for one, or comes later, gets an error and never an answer;
// the alarm goes on; nothing hangs, the end included; and a restart finds what had been confirmed.
func TestSyncFails(t *testing.T) {
	dir := t.TempDir()
	f := openFailing(t, dir)
	for _, q := range []string{"a", "b"} {
		if _, _, err := f.s.DeclareQueue(t.Context(), broker.QueueSpec{Name: q, Durable: true}); err != nil {
			t.Fatal(err)
		}
	}
	for _, body := range []string{"1", "2", "3"} {
		if err := f.publish("a", body); err != nil {
			t.Fatal(err)
		}
	}
	got := f.get("a", 2)
	alarm := make(chan []broker.Alarm, 10)
	f.b.WatchAlarms(func(on []broker.Alarm) { alarm <- on })

	f.broken.Store(true)
	wants := func(what string, err error) {
		t.Helper()
		if !broker.IsKind(err, broker.KindUnavailable) {
			t.Errorf("%s: %v, want unavailable", what, err)
		}
	}
	wants("publish", f.publish("a", "4"))
	settled := make(chan error, 1)
	if err := f.s.Settle(broker.Ack, broker.CompletionFunc(func(err error) { settled <- err }), got[0].Lease); err != nil {
		t.Fatal(err)
	}
	wants("settlement", <-settled)
	tx := f.s.Begin()
	for _, q := range []string{"a", "b"} {
		if _, err := tx.Publish(broker.NewMessage("", q, nil, []byte("tx"))); err != nil {
			t.Fatal(err)
		}
	}
	committed := make(chan error, 1)
	if err := tx.Commit(broker.CompletionFunc(func(err error) { committed <- err })); err != nil {
		t.Fatal(err)
	}
	wants("transaction", <-committed)
	_, _, err := f.s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "c", Durable: true})
	wants("declare", err)
	_, _, err = f.s.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: "x", Kind: broker.Topic, Durable: true})
	wants("declare of an exchange", err)
	_, err = f.s.PurgeQueue(t.Context(), "b")
	wants("purge", err)

	f.broken.Store(false) // what the kernel did with the pages meanwhile is unknown: a failure is final
	wants("publish after the failure", f.publish("b", "5"))
	if on := <-alarm; len(on) != 1 || on[0] != broker.AlarmStorage {
		t.Errorf("alarms %v, want %v", on, broker.AlarmStorage)
	}
	if err := <-f.told; !errors.Is(err, errDisk) {
		t.Errorf("told %v, want %v", err, errDisk)
	}
	if err := f.close(); err != nil {
		t.Logf("closing: %v", err) // it may say that it failed; it must not hang
	}
	select {
	case err := <-f.told:
		t.Errorf("told a second time: %v", err)
	default:
	}

	// Messages 2 and 3 were confirmed. Whether the settlement of 1, and what failed, happened is unknown.
	f = openFailing(t, dir)
	defer func() {
		if err := f.close(); err != nil {
			t.Error(err)
		}
	}()
	there, _, err := f.s.Get(t.Context(), "a", broker.GetOptions{Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, d := range there {
		found[string(d.Message.Body())] = true
	}
	if !found["2"] || !found["3"] {
		t.Errorf("after a restart there is %v, want at least 2 and 3", found)
	}
	if err := f.publish("b", "6"); err != nil {
		t.Errorf("publish after a restart: %v", err)
	}
	if _, _, err := f.s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "c", Durable: true}); err != nil {
		t.Errorf("declare after a restart: %v", err)
	}
}
