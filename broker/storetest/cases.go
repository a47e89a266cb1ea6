package storetest

import (
	"bytes"
	"fmt"
	"time"

	"github.com/portico-mq/portico/broker"
)

func consumeInOrder(f *fixture) {
	f.declare("q")
	f.publish("q", 0, 100)
	_, r := f.consume("q", broker.ConsumeOptions{})
	f.publish("q", 100, 200)
	for i := range 200 {
		d := f.next(r)
		if got := string(d.Message.Body()); got != fmt.Sprint(i) || d.Redelivered {
			f.Fatalf("got %s, want %d", got, i)
		}
	}
	f.counts("q", 0, 200)
}

func requeuePosition(f *fixture) {
	f.declare("q")
	f.publish("q", 0, 5)
	ds := f.expect("q", false, 0, 1, 2)
	f.settle(broker.Requeue, ds[1])
	f.expect("q", true, 1)
	f.settle(broker.Requeue, ds[0])
	if err := f.s.Settle(broker.Ack, nil, ds[1].Lease); !broker.IsKind(err, broker.KindStaleLease) {
		f.Fatalf("settling twice: %v", err)
	}
	f.expect("q", true, 0)
	f.expect("q", false, 3, 4)
	f.counts("q", 0, 5)
}

func leaseDeadline(f *fixture) {
	f.declare("q")
	f.publish("q", 0, 1)
	first := f.get("q", broker.GetOptions{Lease: 30 * time.Millisecond})
	again := f.get("q", broker.GetOptions{Lease: time.Hour, Wait: time.Minute})
	if len(again) != 1 || again[0].Count != 1 || again[0].First.IsZero() {
		f.Fatalf("after the deadline: %+v", again)
	}
	if err := f.s.Settle(broker.Ack, nil, first[0].Lease); !broker.IsKind(err, broker.KindStaleLease) {
		f.Fatalf("a lease that has ended: %v", err)
	}
	found, err := f.s.FindLease("q", again[0].Lease.Handle())
	if err != nil {
		f.Fatal(err)
	}
	if err := f.s.Extend(0, found); err != nil {
		f.Fatal(err)
	}
	d := f.get("q", broker.GetOptions{Lease: time.Hour})
	f.settle(broker.Ack, d...)
	f.counts("q", 0, 0)
}

func getWaits(f *fixture) {
	f.declare("q")
	got := make(chan int, 1)
	s := f.session()
	defer s.Close()
	go func() {
		ds, _, err := s.Get(f.Context(), "q", broker.GetOptions{Wait: time.Minute})
		if err != nil {
			f.Error(err)
		}
		got <- len(ds)
	}()
	f.publish("q", 0, 1)
	if n := <-got; n != 1 {
		f.Fatalf("got %d messages", n)
	}
}

func restartUnsettled(f *fixture) {
	f.declare("q")
	f.publish("q", 0, 10)
	ds := f.expect("q", false, 0, 1, 2, 3, 4, 5)
	f.settle(broker.Ack, ds[1], ds[3], ds[4])
	f.restart()
	f.counts("q", 7, 0)
	f.expect("q", true, 0, 2, 5)
	f.publish("q", 10, 12)
	f.expect("q", false, 6, 7, 8, 9, 10, 11)
	f.restart()
	f.counts("q", 9, 0)
	all := f.expect("q", true, 0, 2, 5, 6, 7, 8, 9, 10, 11)
	f.settle(broker.Ack, all...)
	f.restart()
	f.counts("q", 0, 0)
	f.expectEmpty("q")
}

func restartTopology(f *fixture) {
	ctx := f.ctx()
	f.declare("q")
	if _, _, err := f.s.DeclareExchange(ctx, broker.ExchangeSpec{Name: "x", Kind: broker.Direct, Durable: true}); err != nil {
		f.Fatal(err)
	}
	if err := f.s.Bind(ctx, broker.Binding{Source: "x", Destination: "q", Kind: broker.ToQueue, Key: "k"}); err != nil {
		f.Fatal(err)
	}
	if err := f.b.PutUser("u", "secret", []string{"administrator"}); err != nil {
		f.Fatal(err)
	}
	if err := f.b.SetPermission("u", "/", broker.Permission{Configure: "^q", Write: ".*", Read: ""}); err != nil {
		f.Fatal(err)
	}
	if _, err := f.b.Namespace(ctx, "made on first use", true); err != nil {
		f.Fatal(err)
	}
	f.restart()
	p, err := f.b.Authenticate("u", "secret", true)
	if err != nil {
		f.Fatal(err)
	}
	s, err := f.b.OpenSession(ctx, p, "/")
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	owned, err := f.b.OpenSession(ctx, p, "made on first use")
	if err != nil {
		f.Fatalf("the namespaces' owner: %v", err)
	}
	owned.Close()
	if n, err := s.Publish(broker.NewMessage("x", "k", nil, []byte("0")), nil); n != 1 || err != nil {
		f.Fatalf("publish: %d, %v", n, err)
	}
	if _, _, err := s.Get(ctx, "q", broker.GetOptions{}); !broker.IsKind(err, broker.KindDenied) {
		f.Fatalf("get: %v", err)
	}
	if err := f.s.Unbind(ctx, broker.Binding{Source: "x", Destination: "q", Kind: broker.ToQueue, Key: "k"}); err != nil {
		f.Fatal(err)
	}
	f.restart()
	if n, err := f.s.Publish(broker.NewMessage("x", "k", nil, nil), nil); n != 0 || err != nil {
		f.Fatalf("publish after unbind: %d, %v", n, err)
	}
}

func largeBacklog(f *fixture) {
	const n = 30_000
	f.declare("q")
	f.publish("q", 0, n)
	f.counts("q", n, 0)
	credit := broker.NewCredit(100)
	_, r := f.consume("q", broker.ConsumeOptions{Credits: []*broker.Credit{credit}})
	var batch []broker.Lease
	for i := range n {
		d := f.next(r)
		if got := string(d.Message.Body()); got != fmt.Sprint(i) {
			f.Fatalf("got %s, want %d", got, i)
		}
		if batch = append(batch, d.Lease); len(batch) == 50 {
			if err := f.s.Settle(broker.Ack, nil, batch...); err != nil {
				f.Fatal(err)
			}
			batch = batch[:0]
		}
		if i == n/2 {
			f.publish("q", n, n+10)
		}
	}
	for i := range 10 {
		if got := string(f.next(r).Message.Body()); got != fmt.Sprint(n+i) {
			f.Fatalf("got %s, want %d", got, n+i)
		}
	}
}

func prefetch(f *fixture) {
	f.declare("a")
	f.declare("b")
	f.publish("a", 0, 10)
	f.publish("b", 0, 10)
	shared := broker.NewCredit(3)
	_, r := f.consume("a", broker.ConsumeOptions{Credits: []*broker.Credit{shared}})
	ds := []broker.Delivery{f.next(r), f.next(r), f.next(r)}
	f.counts("a", 7, 3)
	f.consumeTo("b", r, broker.ConsumeOptions{Credits: []*broker.Credit{shared}})
	f.counts("b", 10, 0)
	f.settle(broker.Ack, ds[0])
	f.next(r)
	shared.SetLimit(5)
	f.next(r)
	f.next(r)
	a, b := f.info("a"), f.info("b")
	if a.Unacked+b.Unacked != 5 || a.Ready+b.Ready != 14 {
		f.Fatalf("%d and %d are out, %d and %d ready", a.Unacked, b.Unacked, a.Ready, b.Ready)
	}
}

func transaction(f *fixture) {
	f.declare("a")
	f.declare("b")
	f.publish("a", 0, 3)
	ds := f.expect("a", false, 0, 1, 2)
	tx := f.s.Begin()
	for i, q := range []string{"a", "b", "b"} {
		if _, err := tx.Publish(broker.NewMessage("", q, nil, fmt.Append(nil, 10+i))); err != nil {
			f.Fatal(err)
		}
	}
	tx.Settle(broker.Ack, ds[0].Lease, ds[1].Lease)
	tx.Settle(broker.Requeue, ds[2].Lease)
	f.counts("b", 0, 0)
	done := make(waiter, 1)
	if err := tx.Commit(done); err != nil {
		f.Fatal(err)
	}
	f.wait(done)
	f.counts("a", 2, 0)
	f.counts("b", 2, 0)
	f.restart()
	f.counts("a", 2, 0)
	f.counts("b", 2, 0)
	f.expect("a", true, 2)
	f.expect("a", false, 10)
	f.expect("b", false, 11, 12)
}

// transactionsInOrder commits without waiting: a large transaction, which needs several appends, and small ones.
func transactionsInOrder(f *fixture) {
	f.declare("q")
	const rounds, large = 3, 40
	body := bytes.Repeat([]byte("x"), 64<<10)
	var want int
	done := make(waiter, 2*rounds)
	commit := func(n int, body []byte) {
		tx := f.s.Begin()
		for range n {
			m := broker.NewMessage("", "q", nil, append(fmt.Append(nil, want, " "), body...))
			want++
			if _, err := tx.Publish(m); err != nil {
				f.Fatal(err)
			}
		}
		if err := tx.Commit(done); err != nil {
			f.Fatal(err)
		}
	}
	for range rounds {
		commit(large, body)
		commit(2, nil)
	}
	for range 2 * rounds {
		f.wait(done)
	}
	f.restart()
	for n := 0; n < want; {
		for _, d := range f.get("q", broker.GetOptions{Max: 100, AutoAck: true}) {
			if number, _, _ := bytes.Cut(d.Message.Body(), []byte(" ")); string(number) != fmt.Sprint(n) {
				f.Fatalf("message %d is %s", n, number)
			}
			n++
		}
	}
}

func largeTransaction(f *fixture) {
	const n = 2500
	f.declare("a")
	f.declare("b")
	tx := f.s.Begin()
	for i := range n {
		if _, err := tx.Publish(broker.NewMessage("", "a", nil, fmt.Append(nil, i))); err != nil {
			f.Fatal(err)
		}
	}
	done := make(waiter, 1)
	if err := tx.Commit(done); err != nil {
		f.Fatal(err)
	}
	f.wait(done)
	f.restart()
	f.expect("a", false, upTo(0, n)...)
}

// largestMessages: a message can be as large as the setting for that lets it, and so can all of a transaction's together;
// what is larger is refused, and does nobody else any harm.
func largestMessages(f *fixture) {
	f.stop()
	f.largest = broker.LargestMessageSize
	f.start()
	f.declare("a")
	f.declare("b")
	body := bytes.Repeat([]byte("0123456789abcde"), broker.LargestMessageSize/15)
	f.sendMessage("a", broker.NewMessage("", "a", nil, body))
	if _, err := f.s.Publish(broker.NewMessage("", "a", nil, append(body, "0123456789abcde"...)), nil); !broker.IsKind(err, broker.KindTooLarge) {
		f.Fatalf("larger than the largest: %v", err)
	}
	half := body[:broker.LargestMessageSize/2-1000]
	tx := f.s.Begin()
	for _, queue := range []string{"a", "b"} {
		if _, err := tx.Publish(broker.NewMessage("", queue, nil, half)); err != nil {
			f.Fatal(err)
		}
	}
	if _, err := tx.Publish(broker.NewMessage("", "b", nil, half)); !broker.IsKind(err, broker.KindTooLarge) {
		f.Fatalf("a transaction larger than the largest: %v", err)
	}
	tx.Rollback()
	for _, queue := range []string{"a", "b"} {
		if _, err := tx.Publish(broker.NewMessage("", queue, nil, half)); err != nil {
			f.Fatal(err)
		}
	}
	done := make(waiter, 1)
	if err := tx.Commit(done); err != nil {
		f.Fatal(err)
	}
	f.wait(done)
	f.restart()
	for _, want := range []struct {
		queue string
		body  []byte
	}{{"a", body}, {"a", half}, {"b", half}} {
		got := f.get(want.queue, broker.GetOptions{AutoAck: true, Wait: time.Minute})
		if len(got) != 1 || !bytes.Equal(got[0].Message.Body(), want.body) {
			f.Fatalf("%d messages from %s, or another one", len(got), want.queue)
		}
	}
}

func memoryQueues(f *fixture) {
	ctx := f.ctx()
	s := f.session()
	if _, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: "mine", Exclusive: true}); err != nil {
		f.Fatal(err)
	}
	if _, err := f.s.Queue(ctx, "mine"); !broker.IsKind(err, broker.KindLocked) {
		f.Fatalf("another session's queue: %v", err)
	}
	if err := s.Bind(ctx, broker.Binding{Source: "amq.fanout", Destination: "mine", Kind: broker.ToQueue}); err != nil {
		f.Fatal(err)
	}
	done := make(waiter, 1)
	if n, err := f.s.Publish(broker.NewMessage("amq.fanout", "", nil, []byte("x")), done); n != 1 || err != nil {
		f.Fatalf("publish: %d, %v", n, err)
	}
	f.wait(done)
	if got, _, err := s.Get(ctx, "mine", broker.GetOptions{AutoAck: true}); len(got) != 1 || err != nil {
		f.Fatalf("get: %d, %v", len(got), err)
	}
	s.Close()
	if _, err := f.s.Queue(ctx, "mine"); !broker.IsKind(err, broker.KindNotFound) {
		f.Fatalf("after its session: %v", err)
	}
	if len(f.s.Bindings("")) != 0 {
		f.Fatal("its binding is left")
	}
	if _, _, err := f.s.DeclareQueue(ctx, broker.QueueSpec{Name: "auto", AutoDelete: true}); err != nil {
		f.Fatal(err)
	}
	c, _ := f.consume("auto", broker.ConsumeOptions{})
	c.Cancel()
	if _, err := f.s.Queue(ctx, "auto"); !broker.IsKind(err, broker.KindNotFound) {
		f.Fatalf("after its last consumer: %v", err)
	}
}

func purge(f *fixture) {
	f.declare("q")
	f.publish("q", 0, 20_000)
	held := f.expect("q", false, 0)
	n, err := f.s.PurgeQueue(f.ctx(), "q")
	if n != 19_999 || err != nil {
		f.Fatalf("purge: %d, %v", n, err)
	}
	f.publish("q", 1, 3)
	f.counts("q", 2, 1)
	f.restart()
	_ = held
	f.expect("q", true, 0)
	f.expect("q", false, 1, 2)
	f.expectEmpty("q")
}

func deleteQueue(f *fixture) {
	ctx := f.ctx()
	f.declare("q")
	f.publish("q", 0, 10)
	_, r := f.consume("q", broker.ConsumeOptions{Credits: []*broker.Credit{broker.NewCredit(2)}})
	d := f.next(r)
	f.next(r)
	if _, err := f.s.DeleteQueue(ctx, "q", true, false); !broker.IsKind(err, broker.KindInUse) {
		f.Fatalf("if unused: %v", err)
	}
	if _, err := f.s.DeleteQueue(ctx, "q", false, true); !broker.IsKind(err, broker.KindNotEmpty) {
		f.Fatalf("if empty: %v", err)
	}
	if n, err := f.s.DeleteQueue(ctx, "q", false, false); n != 8 || err != nil {
		f.Fatalf("delete: %d, %v", n, err)
	}
	<-r.cancelled
	if err := f.s.Settle(broker.Ack, nil, d.Lease); err != nil {
		f.Fatalf("settling what the queue took with it: %v", err)
	}
	f.declare("q")
	f.counts("q", 0, 0)
	f.restart()
	f.counts("q", 0, 0)
}

func recordLogs(f *fixture) {
	ctx := f.ctx()
	if _, err := f.s.CreateLog(ctx, broker.LogSpec{Name: "l", Shards: 2}); err != nil {
		f.Fatal(err)
	}
	l, err := f.s.Log("l", broker.AccessWrite)
	if err != nil {
		f.Fatal(err)
	}
	for i := range 10 {
		seq, err := l.Append(ctx, i%2, broker.NewMessage("", "k", nil, fmt.Append(nil, i)))
		if want := uint64(i/2 + 1); seq != want || err != nil {
			f.Fatalf("append: %d, %v, want %d", seq, err, want)
		}
	}
	f.restart()
	if l, err = f.s.Log("l", broker.AccessRead); err != nil {
		f.Fatal(err)
	}
	records, err := l.Read(ctx, 1, 3, 2, 1<<20)
	if err != nil || len(records) != 2 || string(records[0].Message.Body()) != "5" || records[1].Sequence != 4 {
		f.Fatalf("read: %v, %v", records, err)
	}
	if records, err = l.Read(ctx, 1, 6, 10, 1<<20); err != nil || len(records) != 0 {
		f.Fatalf("read at the end: %v, %v", records, err)
	}
	if last, err := l.Last(ctx, 0); last != 5 || err != nil {
		f.Fatalf("last: %d, %v", last, err)
	}
	if err := f.s.DeleteLog(ctx, "l"); err != nil {
		f.Fatal(err)
	}
	f.restart()
	if _, err := f.s.Log("l", broker.AccessRead); !broker.IsKind(err, broker.KindNotFound) {
		f.Fatalf("after its deletion: %v", err)
	}
}

// stuckFloor settles much more than what may stay dead above one message that nobody settles.
func stuckFloor(f *fixture) {
	const size, n = 64 << 10, 200
	f.declare("q")
	body := bytes.Repeat([]byte("x"), size)
	send := func() {
		done := make(waiter, 1)
		if _, err := f.s.Publish(broker.NewMessage("", "q", nil, body), done); err != nil {
			f.Fatal(err)
		}
		f.wait(done)
	}
	f.publish("q", 0, 2)
	f.expect("q", false, 0, 1)
	for range n {
		send()
		f.settle(broker.Ack, f.get("q", broker.GetOptions{})...)
	}
	f.publish("q", 2, 3)
	// The log is purged beside the queue's work, which a busy machine can keep waiting.
	f.eventually(func() bool { return f.info("q").Dead <= 2*testDeadBytes })
	f.restart()
	f.counts("q", 3, 0)
	f.expect("q", true, 0, 1)
	f.expect("q", false, 2)
}
