package storetest

import (
	"fmt"
	"time"
)

// bulk is a body of half a MiB that begins with a name.
func bulk(name string) []byte { return append([]byte(name), make([]byte, 512<<10)...) }

// fillSegments publishes what is mostly sent soon, and a few messages among it that wait for later; all must be
// confirmed. It returns the names of those that wait.
func (f *fixture) fillSegments(exchange string, later int) map[string]bool {
	f.Helper()
	waiting := make(map[string]bool)
	for i := range 36 {
		ms, name := 1, fmt.Sprint("soon", i)
		if i%12 == 0 {
			ms, name = later, fmt.Sprint("later", i)
			waiting[name] = true
		}
		if !f.sendLater(exchange, ms, bulk(name)) {
			f.Fatal("not confirmed")
		}
	}
	return waiting
}

// compactedDelays: what is sent leaves the disk although messages among it wait for long.
func compactedDelays(f *fixture) {
	queues := f.declareDelaying("late")
	waiting := f.fillSegments("late", 4000)
	f.await("the dead bytes to go", func() bool {
		bytes, live := f.s.DelayedBytes("late")
		return f.info(queues[0]).Ready == 33 && bytes-live <= live+5<<20
	})
	bytes, live := f.s.DelayedBytes("late")
	if bytes > 9<<20 || live < 3<<19 {
		f.Errorf("%d bytes for %d that wait", bytes, live)
	}
	f.restart()
	f.await("what waits to be read", func() bool { return f.s.Delayed("late") == len(waiting) })
	for _, q := range queues {
		if _, err := f.s.PurgeQueue(f.ctx(), q); err != nil {
			f.Fatal(err)
		}
	}
	for _, q := range queues {
		f.expectOnce(q, waiting)
	}
}

// await waits until a condition holds.
func (f *fixture) await(what string, holds func() bool) {
	f.Helper()
	end := time.After(time.Minute)
	for look := time.NewTicker(time.Millisecond); !holds(); {
		select {
		case <-look.C:
		case <-end:
			f.Fatalf("waited in vain for %s", what)
		}
	}
}

// killedCompacting: a kill after every fifth write of a compaction loses none of the messages that wait, and doubles none.
func killedCompacting(f *fixture) {
	var waiting map[string]bool
	do := func(f *fixture, round int, s *cutStore) {
		name := fmt.Sprint("late", round)
		f.declareDelaying(name)
		waiting = make(map[string]bool)
		for i := range 4 {
			body := fmt.Sprint("later", i)
			waiting[body] = true
			if !f.sendLater(name, 1000, append([]byte(body), make([]byte, 100<<10)...)) {
				f.Fatal("not confirmed")
			}
		}
		for i := range 10 {
			if !f.sendLater(name, 100, bulk(fmt.Sprint("soon", i))) {
				f.Fatal("not confirmed")
			}
		}
		s.limit(5 * round)
		f.awaitUnless(s, "nothing was compacted", func() bool {
			bytes, _ := f.s.DelayedBytes(name)
			return bytes < 1<<20 || f.s.Delayed(name) == 0
		})
	}
	f.killed(do, func(f *fixture, round int) {
		all := map[string]bool{}
		for i := range 10 {
			all[fmt.Sprint("soon", i)] = true
		}
		for name := range waiting {
			all[name] = true
		}
		for _, q := range []string{"a", "b"} {
			f.expectOnce(fmt.Sprint("late", round)+q, all)
		}
	})
}
