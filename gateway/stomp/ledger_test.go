package stomp

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// someLease is a lease that is valid, whatever it is on.
func someLease(t *testing.T) broker.Lease {
	t.Helper()
	b, err := broker.Open(t.Context(), memory.NewStore(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(); must(t, b.Close()) })
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Publish(broker.NewMessage("", "q", nil, nil), nil); err != nil {
		t.Fatal(err)
	}
	got, _, err := s.Get(t.Context(), "q", broker.GetOptions{})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	return got[0].Lease
}

// TestLedgerAgainstAModel compares with a slice that is searched from its start.
func TestLedgerAgainstAModel(t *testing.T) {
	lease := someLease(t)
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0))
		var l ledger
		var model, out []uint64
		var gone []unacked
		tag := uint64(0)
		for range 500 {
			switch n := random.IntN(10); {
			case n < 5:
				tag++
				l.add(unacked{tag: tag, lease: lease})
				model = append(model, tag)
			case n < 9:
				wanted := tag - random.Uint64N(min(tag, 100)+1)
				cumulative := n == 8
				var also func(*unacked) bool
				if cumulative {
					also = func(*unacked) bool { return true }
				}
				taken, ok := l.take(wanted, also, nil)
				at := slices.Index(model, wanted)
				if ok != (at >= 0) {
					t.Fatalf("seed %d: take(%d) = %v with %v", seed, wanted, ok, model)
				}
				if !ok {
					continue
				}
				from := at
				if cumulative {
					from = 0
				}
				var tags []uint64
				for _, u := range taken {
					tags = append(tags, u.tag)
				}
				if !slices.Equal(tags, model[from:at+1]) {
					t.Fatalf("seed %d: took %v of %v up to %d", seed, tags, model, wanted)
				}
				out, gone = append(out, tags...), append(gone, taken...)
				model = slices.Delete(model, from, at+1)
			default:
				l.restore(gone)
				model = append(model, out...)
				slices.Sort(model)
				out, gone = nil, nil
			}
			if l.len() != len(model) {
				t.Fatalf("seed %d: %d entries, want %d", seed, l.len(), len(model))
			}
			if len(l.entries) > 2*len(model)+130 {
				t.Fatalf("seed %d: %d places for %d entries", seed, len(l.entries), len(model))
			}
		}
	}
}
