package storetest

import (
	"fmt"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/broker/selector"
)

// selecting makes the options of a consumer with a selector.
func (f *fixture) selecting(text string, prefetch int) broker.ConsumeOptions {
	f.Helper()
	s, err := selector.Parse(text)
	if err != nil {
		f.Fatal(err)
	}
	return broker.ConsumeOptions{Filter: broker.SelectorFilter(s), Credits: []*broker.Credit{broker.NewCredit(prefetch)}}
}

// colored publishes messages first to last-1 with a color and waits for them.
func (f *fixture) colored(queue, color string, first, last int) {
	f.Helper()
	f.publishWith(queue, f.headers(property.Field{Name: "color", Value: color}), first, last)
}

func (f *fixture) publishWith(queue string, block property.Block, first, last int) {
	f.Helper()
	done := make(waiter, last-first)
	for i := first; i < last; i++ {
		if _, err := f.s.Publish(broker.NewMessage("", queue, block, fmt.Append(nil, i)), done); err != nil {
			f.Fatal(err)
		}
	}
	for i := first; i < last; i++ {
		f.wait(done)
	}
}

// expectNext receives messages first to last-1 and settles them.
func (f *fixture) expectNext(r *receiver, first, last int) {
	f.Helper()
	for i := first; i < last; i++ {
		d := f.next(r)
		if got := string(d.Message.Body()); got != fmt.Sprint(i) {
			f.Fatalf("got %s, want %d", got, i)
		}
		if err := f.s.Settle(broker.Ack, nil, d.Lease); err != nil {
			f.Fatal(err)
		}
	}
}

func (f *fixture) expectNothing(r *receiver) {
	f.Helper()
	select {
	case d := <-r.got:
		f.Fatalf("got %s", d.Message.Body())
	default:
	}
}

// filters: every consumer gets what it wants, in order, and what nobody wants waits in its place.
func filters(f *fixture) {
	f.declare("q")
	f.colored("q", "red", 0, 2)
	f.colored("q", "blue", 2, 4)
	f.colored("q", "green", 4, 6)
	f.colored("q", "red", 6, 8)
	red, reds := f.consume("q", f.selecting("color = 'red'", 0))
	f.expectNext(reds, 0, 2)
	f.expectNext(reds, 6, 8)
	f.expectNothing(reds)
	f.counts("q", 4, 0)
	slow, blues := f.consume("q", f.selecting("color = 'blue'", 1))
	first := f.next(blues)
	f.colored("q", "red", 8, 9)
	f.expectNext(reds, 8, 9) // past what waits for the other
	f.settle(broker.Requeue, first)
	again := f.next(blues)
	if !again.Redelivered || string(again.Message.Body()) != "2" {
		f.Fatalf("got %s (%v)", again.Message.Body(), again.Redelivered)
	}
	f.settle(broker.Ack, again)
	f.expectNext(blues, 3, 4)
	f.expect("q", false, 4) // without a filter
	_, rest := f.consume("q", broker.ConsumeOptions{})
	f.expectNext(rest, 5, 6)
	red.Cancel()
	slow.Cancel()
	f.colored("q", "red", 9, 12)
	f.expectNext(rest, 9, 12)
	f.counts("q", 0, 1)
	s, err := selector.Parse("TRUE")
	if err != nil {
		f.Fatal(err)
	}
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: "o", Durable: true, Ordered: true}); err != nil {
		f.Fatal(err)
	}
	if _, err := f.s.Consume(f.ctx(), "o", newReceiver(), broker.ConsumeOptions{Filter: broker.SelectorFilter(s)}); !broker.IsKind(err, broker.KindUnsupported) {
		f.Fatalf("a filter on an ordered queue: %v", err)
	}
}

// deepFilters: what is wanted is found behind much that is not, and that is found by who wants it later.
func deepFilters(f *fixture) {
	const n = 20_000
	f.declare("q")
	f.colored("q", "blue", 0, n)
	f.colored("q", "red", n, n+3)
	_, reds := f.consume("q", f.selecting("color = 'red'", 0))
	f.expectNext(reds, n, n+3)
	f.colored("q", "red", n+3, n+5)
	f.expectNext(reds, n+3, n+5)
	f.counts("q", n, 0)
	_, blues := f.consume("q", f.selecting("color <> 'red'", 100))
	f.expectNext(blues, 0, n/2)
	f.restart()
	f.counts("q", n/2, 0)
	red, again := f.consume("q", f.selecting("color = 'red'", 0))
	f.colored("q", "red", n+5, n+6)
	f.expectNext(again, n+5, n+6)
	red.Cancel()
	_, all := f.consume("q", broker.ConsumeOptions{Credits: []*broker.Credit{broker.NewCredit(50)}})
	for range n / 2 {
		if err := f.s.Settle(broker.Ack, nil, f.next(all).Lease); err != nil {
			f.Fatal(err)
		}
	}
	f.counts("q", 0, 0)
}

// keptGroups: a group stays with its consumer until that goes or the group ends.
func keptGroups(f *fixture) {
	f.declare("q")
	group := func(name string, seq int32) property.Block {
		return f.headers(
			property.Field{Name: broker.GroupHeader, Value: name}, property.Field{Name: broker.GroupSequenceHeader, Value: seq},
		)
	}
	options := func(prefetch int) broker.ConsumeOptions {
		return broker.ConsumeOptions{KeepGroups: true, Credits: []*broker.Credit{broker.NewCredit(prefetch)}}
	}
	first, one := f.consume("q", options(1))
	f.publishWith("q", group("a", 1), 0, 1)
	out := f.next(one)
	if !out.OpensGroup {
		f.Fatal("it does not open its group")
	}
	_, two := f.consume("q", options(0))
	f.publishWith("q", group("a", 2), 1, 3)
	f.publishWith("q", group("b", 1), 3, 4)
	f.expectNext(two, 3, 4)
	f.expectNothing(two) // the group's consumer has no room, but it is its group
	f.counts("q", 2, 1)
	f.settle(broker.Ack, out)
	f.expectNext(one, 1, 3)
	f.publishWith("q", group("a", -1), 4, 5)
	last := f.next(one)
	f.publishWith("q", group("a", 1), 5, 6)
	d := f.next(two) // one has no room, and the group is nobody's
	if !d.OpensGroup || string(d.Message.Body()) != "5" {
		f.Fatalf("got %s", d.Message.Body())
	}
	f.settle(broker.Ack, last, d)
	f.publishWith("q", group("c", 1), 6, 7)
	var holder *receiver
	select {
	case d = <-one.got:
		holder = one
	case d = <-two.got:
		holder = two
	case <-time.After(time.Minute):
		f.Fatal("nothing")
	}
	f.settle(broker.Ack, d)
	first.Cancel()
	if holder == one {
		f.publishWith("q", group("c", 2), 7, 8)
		f.expectNext(two, 7, 8)
	}
}

// soleConsumer: one of those that ask for it is served alone.
func soleConsumer(f *fixture) {
	f.declare("q")
	_, any := f.consume("q", broker.ConsumeOptions{})
	f.publish("q", 0, 1)
	f.expectNext(any, 0, 1)
	sole, one := f.consume("q", broker.ConsumeOptions{Sole: true})
	f.publish("q", 1, 2)
	f.expectNext(one, 1, 2)
	_, low := f.consume("q", broker.ConsumeOptions{Sole: true, Priority: -1})
	high, top := f.consume("q", broker.ConsumeOptions{Sole: true, Priority: 1})
	f.publish("q", 2, 3)
	f.expectNext(top, 2, 3)
	high.Cancel()
	f.publish("q", 3, 4)
	f.expectNext(one, 3, 4)
	sole.Cancel()
	f.publish("q", 4, 5)
	f.expectNext(low, 4, 5)
	f.expectNothing(any)
}

// browsing sees what is ready, in order, and takes nothing.
func browsing(f *fixture) {
	const n = 12_000
	f.declare("q")
	f.sendDue("q", "later", time.Hour)
	f.colored("q", "red", 0, 10)
	f.colored("q", "blue", 10, n)
	f.take("q", 1, "0")
	look := func(filter broker.Filter, first, last int) {
		f.Helper()
		at := first
		if err := f.s.Browse(f.ctx(), "q", filter, func(_ uint64, m *broker.Message) bool {
			if got := string(m.Body()); got != fmt.Sprint(at) {
				f.Fatalf("saw %s, want %d", got, at)
			}
			at++
			return at < last
		}); err != nil {
			f.Fatal(err)
		}
		if at != last {
			f.Fatalf("saw up to %d, want %d", at, last)
		}
	}
	look(nil, 1, n)
	look(nil, 1, 5)
	f.restart()
	look(nil, 0, n)
	look(f.selecting("color = 'red'", 0).Filter, 0, 10)
	look(f.selecting("color = 'blue'", 0).Filter, 10, n)
	f.counts("q", n, 0)
}
