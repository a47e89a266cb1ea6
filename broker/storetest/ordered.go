package storetest

import (
	"fmt"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// headers makes a property block of headers.
func (f *fixture) headers(fields ...property.Field) property.Block {
	f.Helper()
	set := property.Set{Headers: fields}
	block, err := set.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	return block
}

// send sends a message of a group with a name, and waits for its receipt.
func (f *fixture) send(queue, group, name, body string) broker.Receipt {
	f.Helper()
	fields := property.Table{{Name: broker.GroupHeader, Value: group}}
	if name != "" {
		fields = append(fields, property.Field{Name: broker.DeduplicationHeader, Value: name})
	}
	return f.sendMessage(queue, broker.NewMessage("", queue, f.headers(fields...), []byte(body)))
}

func (f *fixture) sendMessage(queue string, m *broker.Message) broker.Receipt {
	f.Helper()
	done := make(waiter, 1)
	var receipt broker.Receipt
	if err := f.s.Send(f.ctx(), queue, m, func(r broker.Receipt, err error) {
		receipt = r
		done <- err
	}); err != nil {
		f.Fatal(err)
	}
	f.wait(done)
	return receipt
}

// take gets up to n messages under a long lease and compares their bodies. What is being read after a restart may come
// one by one, so that it asks until it has them.
func (f *fixture) take(queue string, n int, want ...string) []broker.Delivery {
	f.Helper()
	got := f.get(queue, broker.GetOptions{Max: n, Lease: time.Hour})
	for len(got) < len(want) {
		more := f.get(queue, broker.GetOptions{Max: n - len(got), Lease: time.Hour})
		if len(more) == 0 {
			break
		}
		got = append(got, more...)
	}
	bodies := make([]string, len(got))
	for i, d := range got {
		bodies[i] = string(d.Message.Body())
	}
	if fmt.Sprint(bodies) != fmt.Sprint(want) {
		f.Fatalf("got %v, want %v", bodies, want)
	}
	return got
}

// orderedGroups: order and lock of groups.
func orderedGroups(f *fixture) {
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: "q", Durable: true, Ordered: true}); err != nil {
		f.Fatal(err)
	}
	last := uint64(0)
	for i, group := range []string{"a", "a", "b", "a", "b", "c"} {
		r := f.send("q", group, "", fmt.Sprint(group, i))
		if r.Sequence <= last || r.Duplicate {
			f.Fatalf("receipt %+v after %d", r, last)
		}
		last = r.Sequence
	}
	first := f.take("q", 2, "a0", "a1")
	f.take("q", 2, "b2", "b4") // a3 waits
	f.take("q", 2, "c5")
	f.settle(broker.Ack, first[1])
	f.take("q", 2) // a0 is out
	f.settle(broker.Release, first[0])
	f.counts("q", 2, 3)
	again := f.take("q", 9, "a0", "a3")
	f.settle(broker.Ack, again[0])
	f.restart()
	f.counts("q", 4, 0)
	f.take("q", 1, "b2")
	b := f.take("q", 1, "a3")
	f.send("q", "a", "", "a6")
	f.take("q", 1, "c5")
	f.take("q", 1) // b4 waits for b2, a6 for a3
	if err := f.s.Extend(0, b[0].Lease); err != nil {
		f.Fatal(err)
	}
	f.take("q", 9, "a3", "a6")
}

// orderedConsumer: a consumer gets one message of a group after the other.
func orderedConsumer(f *fixture) {
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: "q", Durable: true, Ordered: true}); err != nil {
		f.Fatal(err)
	}
	_, r := f.consume("q", broker.ConsumeOptions{})
	for i := range 300 {
		f.send("q", fmt.Sprint(i%3), "", fmt.Sprint(i))
	}
	next := map[int]int{0: 0, 1: 1, 2: 2}
	for range 300 {
		d := f.next(r)
		var n int
		if _, err := fmt.Sscan(string(d.Message.Body()), &n); err != nil || next[n%3] != n {
			f.Fatalf("got %s, want %d", d.Message.Body(), next[n%3])
		}
		next[n%3] += 3
		f.settle(broker.Ack, d)
	}
}

// deduplicated: one message of a name, whatever becomes of it, and over a restart.
func deduplicated(f *fixture) {
	limits := &broker.QueueLimits{Deduplicate: broker.DeduplicateInQueue}
	spec := broker.QueueSpec{Name: "q", Durable: true, Ordered: true, Limits: limits}
	if _, _, err := f.s.DeclareQueue(f.ctx(), spec); err != nil {
		f.Fatal(err)
	}
	first := f.send("q", "a", "one", "first")
	same := func() {
		f.Helper()
		if r := f.send("q", "b", "one", "second"); !r.Duplicate || r.Sequence != first.Sequence {
			f.Fatalf("a duplicate of %+v: %+v", first, r)
		}
	}
	same()
	f.send("q", "a", "two", "other")
	tx := f.s.Begin()
	for _, name := range []string{"one", "three", "three"} {
		block := f.headers(property.Field{Name: broker.DeduplicationHeader, Value: name})
		if _, err := tx.Publish(broker.NewMessage("", "q", block, []byte(name))); err != nil {
			f.Fatal(err)
		}
	}
	done := make(waiter, 1)
	if err := tx.Commit(done); err != nil {
		f.Fatal(err)
	}
	f.wait(done)
	f.counts("q", 3, 0)
	f.settle(broker.Ack, f.take("q", 9, "first", "other", "three")...)
	same()
	f.restart()
	same()
	f.counts("q", 0, 0)
	limits = &broker.QueueLimits{Deduplicate: broker.DeduplicateInGroup}
	if err := f.s.ConfigureQueue(f.ctx(), "q", "test", nil, limits); err != nil {
		f.Fatal(err)
	}
	f.send("q", "a", "four", "a4")
	if r := f.send("q", "b", "four", "b4"); r.Duplicate {
		f.Fatal("a duplicate in another group")
	}
	f.restart()
	if r := f.send("q", "b", "four", "b4"); !r.Duplicate {
		f.Fatal("no duplicate in its group")
	}
}

// forgottenNames: a purge forgets what the queue was sent, and a queue that is declared again never knew it.
func forgottenNames(f *fixture) {
	limits := &broker.QueueLimits{Deduplicate: broker.DeduplicateInQueue}
	spec := broker.QueueSpec{Name: "q", Durable: true, Ordered: true, Limits: limits}
	if _, _, err := f.s.DeclareQueue(f.ctx(), spec); err != nil {
		f.Fatal(err)
	}
	f.send("q", "b", "four", "b4")
	if _, err := f.s.DeleteQueue(f.ctx(), "q", false, false); err != nil {
		f.Fatal(err)
	}
	if _, _, err := f.s.DeclareQueue(f.ctx(), spec); err != nil {
		f.Fatal(err)
	}
	if r := f.send("q", "b", "four", "b4"); r.Duplicate {
		f.Fatal("a queue that was declared again remembers what the deleted one was sent")
	}
	purge := func() {
		f.Helper()
		if _, err := f.s.PurgeQueue(f.ctx(), "q"); err != nil {
			f.Fatal(err)
		}
	}
	purge()
	f.restart()
	if r := f.send("q", "b", "four", "b4"); r.Duplicate {
		f.Fatal("a name that was purged is remembered by the log")
	}
	purge()
	if r := f.send("q", "b", "four", "b4"); r.Duplicate {
		f.Fatal("a name that was purged is remembered")
	}
	f.restart()
	if r := f.send("q", "b", "four", "b4"); !r.Duplicate {
		f.Fatal("no duplicate after a purge")
	}
}
