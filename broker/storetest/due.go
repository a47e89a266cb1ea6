package storetest

import (
	"fmt"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// sendDue sends a message that may be handed out after a while.
func (f *fixture) sendDue(queue, body string, after time.Duration) {
	f.Helper()
	block := f.headers(property.Field{Name: broker.DueHeader, Value: time.Now().Add(after).UnixMilli()})
	f.sendMessage(queue, broker.NewMessage("", queue, block, []byte(body)))
}

// dueMessages: a message waits in its queue until it is due, over a restart, and is no ready one. The restart must be over
// before the first is due.
func dueMessages(f *fixture) {
	f.declare("q")
	f.sendDue("q", "third", 2300*time.Millisecond)
	f.sendDue("q", "second", 2*time.Second)
	f.sendDue("q", "never", time.Hour)
	f.publish("q", 0, 1)
	info := f.info("q")
	if info.Ready != 1 || info.Delayed != 3 {
		f.Fatalf("%d ready, %d delayed", info.Ready, info.Delayed)
	}
	f.expect("q", false, 0)
	f.expectEmpty("q")
	f.restart()
	for _, want := range []string{"0", "second", "third"} {
		got := f.get("q", broker.GetOptions{Wait: time.Minute, AutoAck: true})
		if len(got) != 1 || string(got[0].Message.Body()) != want {
			f.Fatalf("got %v, want %s", got, want)
		}
	}
	f.expectEmpty("q")
	if info := f.info("q"); info.Ready != 0 || info.Delayed != 1 {
		f.Fatalf("%d ready, %d delayed", info.Ready, info.Delayed)
	}
	if n, err := f.s.PurgeQueue(f.ctx(), "q"); n != 0 || err != nil {
		f.Fatalf("purged %d, %v", n, err)
	}
	if info := f.info("q"); info.Delayed != 0 {
		f.Fatalf("%d delayed after a purge", info.Delayed)
	}
}

// discardedDelayed: what is not due can be looked at, and be discarded by its handle, for good.
func discardedDelayed(f *fixture) {
	f.declare("q")
	for _, body := range []string{"a", "b", "c"} {
		f.sendDue("q", body, time.Hour)
	}
	f.publish("q", 0, 1)
	look := func() map[string]broker.Handle {
		f.Helper()
		found := map[string]broker.Handle{}
		err := f.s.BrowseDelayed(f.ctx(), "q", func(h broker.Handle, m *broker.Message) bool {
			found[string(m.Body())] = h
			return true
		})
		if err != nil {
			f.Fatal(err)
		}
		return found
	}
	found := look()
	if len(found) != 3 {
		f.Fatalf("found %v", found)
	}
	done := make(waiter, 1)
	if err := f.s.Discard(f.ctx(), "q", found["b"], done); err != nil {
		f.Fatal(err)
	}
	f.wait(done)
	f.restart()
	found = look()
	if _, ok := found["b"]; ok || len(found) != 2 {
		f.Fatalf("found %v", found)
	}
	if info := f.info("q"); info.Ready != 1 || info.Delayed != 2 {
		f.Fatalf("%d ready, %d delayed", info.Ready, info.Delayed)
	}
}

// manyDelayed: what is not due is in nobody's way, however much it is.
func manyDelayed(f *fixture) {
	const n = 20_000
	f.declare("q")
	block := f.headers(property.Field{Name: broker.DueHeader, Value: time.Now().Add(time.Hour).UnixMilli()})
	done := make(waiter, n)
	for i := range n {
		if _, err := f.s.Publish(broker.NewMessage("", "q", block, fmt.Append(nil, i)), done); err != nil {
			f.Fatal(err)
		}
	}
	for range n {
		f.wait(done)
	}
	f.publish("q", 0, 3)
	f.expect("q", false, 0)
	f.restart()
	f.expect("q", true, 0)
	f.expect("q", false, 1, 2)
	if info := f.info("q"); info.Ready != 0 || info.Delayed != n {
		f.Fatalf("%d ready, %d delayed", info.Ready, info.Delayed)
	}
}

// lockedBacklog: one group that is locked and has a large backlog is in no other's way, and comes back in order.
func lockedBacklog(f *fixture) {
	const n = 20_000
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: "q", Durable: true, Ordered: true}); err != nil {
		f.Fatal(err)
	}
	send := func(group string, first, last int) {
		f.Helper()
		block := f.headers(property.Field{Name: broker.GroupHeader, Value: group})
		done := make(waiter, last-first)
		for i := first; i < last; i++ {
			if _, err := f.s.Publish(broker.NewMessage("", "q", block, fmt.Append(nil, i)), done); err != nil {
				f.Fatal(err)
			}
		}
		for i := first; i < last; i++ {
			f.wait(done)
		}
	}
	send("a", 0, n)
	locked := f.take("q", 1, "0")
	send("b", 0, 1)
	send("c", 1, 2)
	send("d", 2, 3)
	f.take("q", 9, "0", "1", "2")
	f.counts("q", n-1, 4)
	f.settle(broker.Requeue, locked...)
	for i := 0; i < n; {
		got := f.get("q", broker.GetOptions{Max: 1000, Lease: time.Hour, Wait: time.Minute})
		if len(got) == 0 {
			f.Fatalf("nothing after %d", i)
		}
		for _, d := range got {
			if string(d.Message.Body()) != fmt.Sprint(i) {
				f.Fatalf("got %s, want %d", d.Message.Body(), i)
			}
			i++
		}
		if err := f.s.Settle(broker.Ack, nil, leases(got)...); err != nil {
			f.Fatal(err)
		}
	}
	f.counts("q", 0, 3)
}

// retention drops what is too old, out or not.
func retention(f *fixture) {
	spec := broker.QueueSpec{Name: "q", Durable: true, Limits: &broker.QueueLimits{Retention: time.Hour}}
	if _, _, err := f.s.DeclareQueue(f.ctx(), spec); err != nil {
		f.Fatal(err)
	}
	f.publish("q", 0, 3)
	f.sendDue("q", "later", time.Hour)
	f.take("q", 1, "0")
	f.restart()
	f.counts("q", 3, 0)
	f.take("q", 1, "0")
	if err := f.s.ConfigureQueue(f.ctx(), "q", "test", nil, &broker.QueueLimits{Retention: time.Millisecond}); err != nil {
		f.Fatal(err)
	}
	f.eventually(func() bool {
		info := f.info("q")
		return info.Ready == 0 && info.Unacked == 0 && info.Delayed == 0
	})
	f.restart()
	f.expectEmpty("q")
}

// eventually waits for a condition that changes without an event to wait for.
func (f *fixture) eventually(ok func() bool) {
	f.Helper()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-deadline:
			f.Fatal("it did not happen")
		case <-time.After(time.Millisecond):
		}
	}
}
