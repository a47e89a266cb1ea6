package storetest

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// rankedAndBounded: priorities and the count of bytes hold over a restart.
func rankedAndBounded(f *fixture) {
	const n = 300
	spec := broker.QueueSpec{
		Name: "q", Durable: true, Priorities: 9,
		Limits: &broker.QueueLimits{HasMaxBytes: true, MaxBytes: 10 * n, Overflow: broker.RejectNew},
	}
	if _, _, err := f.s.DeclareQueue(f.Context(), spec); err != nil {
		f.Fatal(err)
	}
	publish := func(rank int) error {
		set := property.Set{Priority: uint8(rank)}
		block, err := set.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		done := make(chan error, 1)
		m := broker.NewMessage("", "q", block, []byte("12345678"+strconv.Itoa(10+rank)))
		if _, err := f.s.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			f.Fatal(err)
		}
		return <-done
	}
	for i := range n {
		if err := publish(i % 10); err != nil {
			f.Fatal(err)
		}
	}
	f.stop()
	f.start()
	info, err := f.s.Queue(f.Context(), "q")
	if err != nil || info.Ready != n || info.ReadyBytes != 10*n {
		f.Errorf("%d messages of %d bytes, %v", info.Ready, info.ReadyBytes, err)
	}
	if err := publish(0); !broker.IsKind(err, broker.KindFull) {
		f.Errorf("one more: %v", err)
	}
	for i := range n {
		got, _, err := f.s.Get(f.Context(), "q", broker.GetOptions{Wait: time.Minute, AutoAck: true})
		if err != nil || len(got) != 1 {
			f.Fatalf("message %d: %v, %v", i, got, err)
		}
		if rank, _ := got[0].Message.Properties().Priority(); int(rank) != 9-i/(n/10) {
			f.Fatalf("message %d has the priority %d", i, rank)
		}
	}
}

// ranking is a queue with priorities, and what should be in it.
type ranking struct {
	*fixture
	bodies string // what follows a message's number in its body
	sent   int
	left   []rankedMessage
	out    []rankedMessage
}

type rankedMessage struct {
	number, rank int
	seen         bool // it was out before
	delivery     broker.Delivery
}

// newRanking declares a queue with priorities up to 9.
func newRanking(f *fixture, bodyBytes int) *ranking {
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: "q", Durable: true, Priorities: 9}); err != nil {
		f.Fatal(err)
	}
	return &ranking{fixture: f, bodies: strings.Repeat(".", bodyBytes)}
}

// send sends messages of these priorities.
func (r *ranking) send(ranks ...int) {
	r.Helper()
	done := make(waiter, len(ranks))
	for _, rank := range ranks {
		set := property.Set{Priority: uint8(rank)}
		block, err := set.Append(nil)
		if err != nil {
			r.Fatal(err)
		}
		if _, err := r.s.Publish(broker.NewMessage("", "q", block, []byte(strconv.Itoa(r.sent)+r.bodies)), done); err != nil {
			r.Fatal(err)
		}
		r.left = append(r.left, rankedMessage{number: r.sent, rank: rank})
		r.sent++
	}
	for range ranks {
		r.wait(done)
	}
	r.sort()
}

// sort puts what is left in the order in which it goes out.
func (r *ranking) sort() {
	slices.SortFunc(r.left, func(a, b rankedMessage) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), cmp.Compare(a.number, b.number))
	})
}

// take takes so many messages, and checks that they are the next ones.
func (r *ranking) take(n int, autoAck bool) {
	r.Helper()
	for n > 0 && len(r.left) > 0 {
		got := r.get("q", broker.GetOptions{Max: n, AutoAck: autoAck, Wait: time.Minute})
		if len(got) == 0 || len(got) > min(n, len(r.left)) {
			r.Fatalf("%d messages of %d", len(got), len(r.left))
		}
		for _, d := range got {
			want := r.left[0]
			if body := strings.TrimRight(string(d.Message.Body()), "."); body != strconv.Itoa(want.number) {
				r.Fatalf("got message %s, want %d of priority %d", body, want.number, want.rank)
			}
			if d.Redelivered != want.seen {
				r.Fatalf("message %d is marked redelivered: %v", want.number, d.Redelivered)
			}
			want.seen = true
			r.left = r.left[1:]
			if want.delivery = d; !autoAck {
				r.out = append(r.out, want)
			}
		}
		n -= len(got)
	}
	r.counts("q", len(r.left), len(r.out))
}

// giveBack settles the i-th of what is out: acknowledged or requeued.
func (r *ranking) giveBack(i int, outcome broker.Outcome) {
	r.Helper()
	x := r.out[i]
	r.out = slices.Delete(r.out, i, i+1)
	r.settle(outcome, x.delivery)
	if outcome == broker.Requeue {
		r.left = append(r.left, x)
		r.sort()
	}
}

// startAgain restarts the broker, which ends the leases.
func (r *ranking) startAgain() {
	r.Helper()
	r.restart()
	r.left = append(r.left, r.out...)
	r.out = nil
	r.sort()
}

// rankedBacklog: the highest priority goes out first, however much waits, and each in order; over a restart as well.
func rankedBacklog(f *fixture) {
	r := newRanking(f, 0)
	ranks := make([]int, 40_000)
	for i := range ranks {
		ranks[i] = i % 3
	}
	r.send(ranks...)
	late := make([]int, 100)
	for i := range late {
		late[i] = 9 - i%2
	}
	r.send(late...)
	r.take(150, false)
	for range 75 {
		r.giveBack(r.sent%len(r.out), broker.Ack)
	}
	r.giveBack(0, broker.Requeue)
	r.startAgain()
	r.counts("q", len(r.left), 0)
	r.send(0, 9, 1, 8, 9)
	seen := 0
	err := f.s.Browse(f.ctx(), "q", nil, func(_ uint64, m *broker.Message) bool {
		if body := string(m.Body()); body != strconv.Itoa(r.left[seen].number) {
			f.Errorf("message %d is %s to a browser, want %d", seen, body, r.left[seen].number)
			return false
		}
		seen++
		return true
	})
	if err != nil || seen != len(r.left) {
		f.Errorf("browsed %d of %d messages, %v", seen, len(r.left), err)
	}
	r.take(20_000, true)
	r.send(9, 0, 5)
	r.take(len(r.left), true)
	f.expectEmpty("q")
}

// rankedModel: whatever happens to a queue whose window is small, its messages come in the order of their priorities.
func rankedModel(f *fixture) {
	f.stop()
	f.window = 1
	f.start()
	random := rand.New(rand.NewPCG(1, 2))
	r := newRanking(f, 6_000)
	for range 60 {
		switch n := random.IntN(20); {
		case n < 8:
			ranks := make([]int, 1+random.IntN(60))
			for i := range ranks {
				ranks[i] = random.IntN(1 + random.IntN(10))
			}
			r.send(ranks...)
		case n < 14:
			r.take(1+random.IntN(50), random.IntN(2) == 0)
		case n < 18:
			for range random.IntN(1 + len(r.out)) {
				r.giveBack(random.IntN(len(r.out)), []broker.Outcome{broker.Ack, broker.Requeue}[random.IntN(2)])
			}
		case n < 19:
			r.startAgain()
		case random.IntN(4) == 0:
			if _, err := f.s.PurgeQueue(f.ctx(), "q"); err != nil {
				f.Fatal(err)
			}
			r.left = nil
		}
		r.counts("q", len(r.left), len(r.out))
	}
	for len(r.out) > 0 {
		r.giveBack(0, broker.Requeue)
	}
	r.take(len(r.left), true)
	f.expectEmpty("q")
}

// rankedFloor: low priorities that wait do not keep the log of what came after them and was settled.
func rankedFloor(f *fixture) {
	f.stop()
	f.window = 1
	f.start()
	r := newRanking(f, 6_000)
	r.send(make([]int, 100)...)
	high := make([]int, 20)
	for i := range high {
		high[i] = 1 + i%4
	}
	for range 60 { // 7 MB, more than is left dead
		r.send(high...)
		r.take(len(high), true)
	}
	f.eventually(func() bool { return f.info("q").Dead < 2*testDeadBytes })
	r.startAgain()
	r.take(len(r.left), true)
	f.expectEmpty("q")
}
