package amqp091

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// someLeases are leases of a real queue.
func someLeases(t *testing.T, n int) []broker.Lease {
	t.Helper()
	ctx := context.Background()
	b, err := broker.Open(ctx, memory.NewStore(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(ctx, b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); b.Close() })
	if _, _, err := s.DeclareQueue(ctx, broker.QueueSpec{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	for range n {
		if _, err := s.Publish(broker.NewMessage("", "q", nil, nil), nil); err != nil {
			t.Fatal(err)
		}
	}
	got, _, err := s.Get(ctx, "q", broker.GetOptions{Max: n})
	if err != nil || len(got) != n {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	leases := make([]broker.Lease, n)
	for i := range got {
		leases[i] = got[i].Lease
	}
	return leases
}

// Random settlements, compared with a map.
func TestUnackedAgainstAMap(t *testing.T) {
	const n = 2000
	leases := someLeases(t, n)
	r := rand.New(rand.NewPCG(1, 2))
	var u unacked
	there := map[uint64]broker.Lease{}
	next := uint64(0)
	for step := range 20000 {
		switch r.IntN(5) {
		case 0, 1:
			next += 1 + uint64(r.IntN(2)) // a tag now and then is a delivery without acknowledgement
			lease := leases[step%n]
			u.push(next, lease)
			there[next] = lease
		default:
			tag, multiple := uint64(r.IntN(int(next)+2)), r.IntN(20) == 0
			var want []broker.Lease
			_, ok := there[tag]
			if ok = ok || (tag == 0 && multiple); ok {
				for have, lease := range there {
					if have == tag || (multiple && (tag == 0 || have < tag)) {
						want = append(want, lease)
						delete(there, have)
					}
				}
			}
			got, found := u.take(tag, multiple, nil)
			if found != ok || len(got) != len(want) {
				t.Fatalf("step %d: tag %d, multiple %v: %d leases, %v; want %d, %v", step, tag, multiple, len(got), found, len(want), ok)
			}
			for _, lease := range want {
				if !slices.Contains(got, lease) {
					t.Fatalf("step %d: a lease is missing", step)
				}
			}
		}
		if len(u.entries)-u.head-u.gaps != len(there) {
			t.Fatalf("step %d: %d entries, %d gaps, want %d", step, len(u.entries)-u.head, u.gaps, len(there))
		}
	}
}

// One old delivery that stays must not keep the memory of all that came after it.
func TestUnackedForgets(t *testing.T) {
	lease := someLeases(t, 1)[0]
	var u unacked
	u.push(1, lease)
	for tag := uint64(2); tag < 100000; tag++ {
		u.push(tag, lease)
		if _, ok := u.take(tag, false, nil); !ok {
			t.Fatalf("tag %d is not there", tag)
		}
	}
	if len(u.entries) > 200 {
		t.Errorf("%d entries are kept for one delivery", len(u.entries))
	}
	u.putBack([]delivered{{7, lease}, {5, lease}})
	if got, ok := u.take(7, true, nil); !ok || len(got) != 3 {
		t.Errorf("%d leases, %v", len(got), ok)
	}
}
