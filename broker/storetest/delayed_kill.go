package storetest

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// killed runs do over a store that is cut off after 0, 1, 2, ... writes, until it gets to its end; after each cut, and a
// start, check looks at what is left. do and check are told the round, and must use names of their own in each.
func (f *fixture) killed(do func(f *fixture, round int, s *cutStore), check func(f *fixture, round int)) {
	f.Helper()
	f.s.Close()
	if err := f.b.Close(); err != nil {
		f.Fatal(err)
	}
	open := func(store broker.Store) *fixture {
		b, err := broker.Open(f.Context(), store, Options())
		if err != nil {
			f.Fatal(err)
		}
		g := &fixture{T: f.T, store: store, b: b}
		g.s = g.session()
		return g
	}
	stop := func(g *fixture) {
		g.s.Close()
		if err := g.b.Close(); err != nil {
			f.Fatal(err)
		}
	}
	rounds := 0
	for cut := true; cut; rounds++ {
		s := &cutStore{Store: f.store, left: 1 << 30}
		g := open(s)
		do(g, rounds, s)
		stop(g)
		cut = s.wasCut()
		g = open(f.store)
		check(g, rounds)
		stop(g)
	}
	if rounds < 5 {
		f.Errorf("only %d places to be killed in", rounds)
	}
	g := open(f.store)
	f.b, f.s = g.b, g.s
}

// limit lets so many more writes happen.
func (s *cutStore) limit(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = n
}

// declareDelaying makes a delaying exchange with two queues behind it.
func (f *fixture) declareDelaying(name string) (queues []string) {
	f.Helper()
	if _, _, err := f.s.DeclareExchange(f.Context(), broker.ExchangeSpec{
		Name: name, Kind: broker.Delaying, Routes: broker.Fanout, Durable: true,
	}); err != nil {
		f.Fatal(err)
	}
	for _, q := range []string{name + "a", name + "b"} {
		f.declare(q)
		if err := f.s.Bind(f.Context(), broker.Binding{Source: name, Destination: q, Kind: broker.ToQueue}); err != nil {
			f.Fatal(err)
		}
		queues = append(queues, q)
	}
	return queues
}

// sendLater publishes a message, and reports whether that was confirmed.
func (f *fixture) sendLater(exchange string, ms int, body []byte) bool {
	f.Helper()
	set := property.Set{Type: strconv.Itoa(ms)}
	block, err := set.Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	done := make(waiter, 1)
	if _, err := f.s.Publish(broker.NewMessage(exchange, "", block, body), done); err != nil {
		f.Fatal(err)
	}
	return <-done == nil
}

// awaitUnless waits until a condition holds, or the store is cut off.
func (f *fixture) awaitUnless(s *cutStore, what string, holds func() bool) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	defer cancel()
	for look := time.NewTicker(time.Millisecond); !s.wasCut() && !holds(); {
		select {
		case <-look.C:
		case <-ctx.Done():
			f.Fatal(what)
		}
	}
}

// expectOnce expects each of the messages once in a queue, which may come in any order.
func (f *fixture) expectOnce(queue string, bodies map[string]bool) {
	f.Helper()
	seen := make(map[string]int)
	for range bodies {
		got, _, err := f.s.Get(f.ctx(), queue, broker.GetOptions{Wait: 20 * time.Second})
		if err != nil || len(got) != 1 {
			f.Fatalf("%s: got %v, %v; %d of %d had come", queue, got, err, len(seen), len(bodies))
		}
		name, _, _ := cutBody(got[0].Message.Body())
		if seen[name]++; !bodies[name] || seen[name] > 1 {
			f.Fatalf("%s: %q came %d times", queue, name, seen[name])
		}
	}
	for range 2 {
		f.expectEmpty(queue)
	}
}

// cutBody is the name that a body begins with.
func cutBody(body []byte) (name string, rest []byte, ok bool) {
	for i, b := range body {
		if b == 0 {
			return string(body[:i]), body[i:], true
		}
	}
	return string(body), nil, false
}

// killedMoving: a kill at any moment loses no delayed message that was confirmed, and doubles none.
func killedMoving(f *fixture) {
	confirmed := make(map[string]bool)
	do := func(f *fixture, round int, s *cutStore) {
		name := fmt.Sprint("late", round)
		queues := f.declareDelaying(name)
		clear(confirmed)
		for i := range 3 {
			if body := fmt.Sprint("message", i); f.sendLater(name, 200, []byte(body)) {
				confirmed[body] = true
			}
		}
		s.limit(round)
		f.awaitUnless(s, "the messages did not arrive", func() bool {
			return f.info(queues[0]).Ready == 3 && f.info(queues[1]).Ready == 3 && f.s.Delayed(name) == 0
		})
	}
	f.killed(do, func(f *fixture, round int) {
		for _, q := range []string{"a", "b"} {
			f.expectOnce(fmt.Sprint("late", round)+q, confirmed)
		}
	})
}
