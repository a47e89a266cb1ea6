package broker_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/property"
)

// A model of a queue that is small enough to be seen to be right: every message in a list, looked through each time.
type model struct {
	ordered  bool
	messages []*modelled
}

type modelled struct {
	id     string
	group  string
	name   string // for deduplication
	sent   time.Time
	due    time.Time // it is not ready before
	hidden time.Time // it is under a lease until then
	count  int       // how often it came back
	gone   bool
	handle broker.Handle
}

// advance ends the leases whose time is over.
func (m *model) advance(now time.Time) {
	for _, x := range m.messages {
		if !x.gone && !x.hidden.IsZero() && !x.hidden.After(now) {
			x.hidden = time.Time{}
			x.count++
		}
	}
}

func (m *model) find(id string) *modelled {
	at := slices.IndexFunc(m.messages, func(x *modelled) bool { return x.id == id })
	if at < 0 {
		return nil
	}
	return m.messages[at]
}

// duplicate is the message of that name that was sent within the period.
func (m *model) duplicate(name string, now time.Time) bool {
	return slices.ContainsFunc(m.messages, func(x *modelled) bool {
		return x.name == name && now.Sub(x.sent) < broker.DeduplicationPeriod
	})
}

// out reports whether it is under a lease.
func (x *modelled) out(now time.Time) bool { return !x.gone && x.hidden.After(now) }

// locked reports whether an earlier message of x's group is out, in an ordered queue, but for those of the batch.
func (m *model) locked(x *modelled, now time.Time, batch []string) bool {
	for _, y := range m.messages {
		if y == x {
			return false
		}
		if m.ordered && y.group == x.group && y.out(now) && !slices.Contains(batch, y.id) {
			return true
		}
	}
	return false
}

// earliest reports whether nothing of x's group that is ready comes before it.
func (m *model) earliest(x *modelled, now time.Time) bool {
	for _, y := range m.messages {
		if y == x {
			return true
		}
		if y.group == x.group && !y.gone && !y.out(now) && !y.due.After(now) {
			return false
		}
	}
	return true
}

func (m *model) counts(now time.Time) (ready, out, delayed int) {
	for _, x := range m.messages {
		switch {
		case x.gone:
		case x.out(now):
			out++
		case x.due.After(now):
			delayed++
		default:
			ready++
		}
	}
	return ready, out, delayed
}

// TestQueueModel compares random operations on a queue with the model, ordered and not, in virtual time.
func TestQueueModel(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runModel(t, seed) })
		})
	}
}

func runModel(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	ctx := context.Background()
	b, err := broker.Open(ctx, memory.NewStore(), broker.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(ctx, b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close(); _ = b.Close() }()
	m := &model{ordered: seed%2 == 0}
	spec := broker.QueueSpec{Name: "q", Durable: seed%3 != 0, Ordered: m.ordered}
	if m.ordered {
		spec.Limits = &broker.QueueLimits{Deduplicate: broker.DeduplicateInQueue}
	}
	if _, _, err := s.DeclareQueue(ctx, spec); err != nil {
		t.Fatal(err)
	}
	var script []string
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(script, "\n"))
	}
	for i := range 150 {
		switch random.IntN(10) {
		case 0, 1, 2, 3:
			script = append(script, sendModelled(ctx, fail, s, m, random, fmt.Sprint(i)))
		case 4, 5, 6:
			script = append(script, receiveModelled(ctx, fail, s, m, random))
		case 7, 8:
			script = append(script, settleModelled(ctx, fail, s, m, random))
		default:
			d := time.Duration(random.IntN(120)) * time.Second
			script = append(script, fmt.Sprint("wait ", d))
			time.Sleep(d)
		}
		synctest.Wait()
		m.advance(time.Now())
		info, err := s.Queue(ctx, "q")
		if err != nil {
			fail("%v", err)
		}
		ready, out, delayed := m.counts(time.Now())
		if info.Ready != ready || info.Unacked != out || info.Delayed != delayed {
			fail("%d ready, %d out, %d delayed; want %d, %d, %d", info.Ready, info.Unacked, info.Delayed, ready, out, delayed)
		}
	}
}

type failer func(format string, args ...any)

func sendModelled(ctx context.Context, fail failer, s *broker.Session, m *model, random *rand.Rand, id string) string {
	now := time.Now()
	x := &modelled{id: id, group: fmt.Sprint("g", random.IntN(3)), sent: now, due: now}
	headers := property.Table{{Name: broker.GroupHeader, Value: x.group}}
	switch {
	case m.ordered && random.IntN(2) == 0:
		x.name = fmt.Sprint("n", random.IntN(5))
		headers = append(headers, property.Field{Name: broker.DeduplicationHeader, Value: x.name})
	case !m.ordered && random.IntN(3) == 0:
		x.due = now.Add(time.Duration(1+random.IntN(200)) * time.Second).Truncate(time.Millisecond)
		headers = append(headers, property.Field{Name: broker.DueHeader, Value: x.due.UnixMilli()})
	}
	set := property.Set{Headers: headers}
	block, err := set.Append(nil)
	if err != nil {
		fail("%v", err)
	}
	done := make(chan bool, 1)
	if err := s.Send(ctx, "q", broker.NewMessage("", "q", block, []byte(id)), func(r broker.Receipt, err error) {
		done <- r.Duplicate
	}); err != nil {
		fail("%v", err)
	}
	duplicate := <-done
	if want := x.name != "" && m.duplicate(x.name, now); duplicate != want {
		fail("send %s of %s as %q: duplicate %v", id, x.group, x.name, duplicate)
	}
	if !duplicate {
		m.messages = append(m.messages, x)
	}
	return fmt.Sprintf("send %s of %s as %q, due in %v: duplicate %v", id, x.group, x.name, x.due.Sub(now), duplicate)
}

func receiveModelled(ctx context.Context, fail failer, s *broker.Session, m *model, random *rand.Rand) string {
	n, lease := 1+random.IntN(4), time.Duration(1+random.IntN(100))*time.Second
	got, _, err := s.Get(ctx, "q", broker.GetOptions{Max: n, Lease: lease})
	if err != nil {
		fail("%v", err)
	}
	now := time.Now()
	var ids []string
	for _, d := range got {
		x := m.find(string(d.Message.Body()))
		switch {
		case x == nil || x.gone || x.out(now) || x.due.After(now):
			fail("received %s, which is not ready", d.Message.Body())
		case m.locked(x, now, ids):
			fail("received %s, whose group is locked", x.id)
		case m.ordered && !m.earliest(x, now):
			fail("received %s, which is not the first of its group", x.id)
		case int(d.Count) != x.count:
			fail("received %s for the %d. time, want %d", x.id, d.Count, x.count)
		}
		x.hidden, x.handle = now.Add(lease), d.Lease.Handle()
		ids = append(ids, x.id)
	}
	if len(got) < n { // then there must be nothing more
		for _, x := range m.messages {
			if !x.gone && !x.out(now) && !x.due.After(now) && !m.locked(x, now, ids) {
				fail("received %v of %d, and not %s", ids, n, x.id)
			}
		}
	}
	return fmt.Sprint("receive ", n, " for ", lease, ": ", ids)
}

func settleModelled(ctx context.Context, fail failer, s *broker.Session, m *model, random *rand.Rand) string {
	if len(m.messages) == 0 {
		return "nothing to settle"
	}
	x, now := m.messages[random.IntN(len(m.messages))], time.Now()
	lease, err := s.FindLease("q", x.handle)
	if held := x.out(now); held != (err == nil) {
		fail("the lease of %s: %v, want %v", x.id, err, held)
	}
	if err != nil {
		return "no lease of " + x.id
	}
	switch random.IntN(3) {
	case 0:
		d := time.Duration(1+random.IntN(100)) * time.Second
		if err := s.Extend(d, lease); err != nil {
			fail("%v", err)
		}
		x.hidden = now.Add(d)
		return fmt.Sprint("extend ", x.id, " by ", d)
	case 1:
		if err := s.Extend(0, lease); err != nil {
			fail("%v", err)
		}
		x.hidden, x.count = time.Time{}, x.count+1
		return "give back " + x.id
	}
	if err := s.Settle(broker.Ack, nil, lease); err != nil {
		fail("%v", err)
	}
	x.gone = true
	return "settle " + x.id
}
