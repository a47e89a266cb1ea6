package broker

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The runs of blocks are those of a walk through all entries, whatever happened to them.
func TestRunsOfBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var l entryList
	var all, gone []*entry
	seq := uint64(0)
	for round := range 300 {
		for range rng.IntN(40) {
			e := &entry{seq: seq + 1, after: seq}
			if rng.IntN(20) == 0 { // what was not this queue's to keep
				e.seq++
				if rng.IntN(2) == 0 {
					e.after = e.seq - 1
				}
			}
			seq = e.seq
			l.pushBack(e)
			all = append(all, e)
		}
		for range rng.IntN(40) {
			if len(all) == 0 {
				break
			}
			i := rng.IntN(len(all))
			if rng.IntN(2) == 0 {
				i = min(i, 5)
			}
			switch e := all[i]; rng.IntN(4) {
			case 0:
				e.setLimbo(!e.limbo)
			case 1:
				e.setMoving(!e.moving)
			case 2:
				e.count++
				e.changed()
			default:
				l.remove(e)
				all = slices.Delete(all, i, i+1)
				gone = append(gone, e)
			}
		}
		for len(gone) > 0 && rng.IntN(4) == 0 { // as a queue with priorities takes what it reads
			i := rng.IntN(len(gone))
			e := &entry{seq: gone[i].seq, after: gone[i].after}
			gone = slices.Delete(gone, i, i+1)
			l.insert(e, l.head)
			at, _ := slices.BinarySearchFunc(all, e.seq, func(e *entry, seq uint64) int { return int(int64(e.seq) - int64(seq)) })
			all = slices.Insert(all, at, e)
		}
		var want state
		for e := l.head; e != nil; e = e.next {
			if !e.moving {
				want.addEntry(e)
			}
		}
		if got := l.appendRuns(nil); !slices.Equal(got, want.runs) {
			t.Fatalf("round %d: %d runs, want %d\n%+v\n%+v", round, len(got), len(want.runs), got, want.runs)
		}
	}
	// A list whose runs nobody asks for keeps no blocks of what is gone.
	for range 100 * blockEntries {
		seq++
		e := &entry{seq: seq}
		l.pushBack(e)
		l.remove(e)
	}
	if len(l.blocks) > 40+len(all) {
		t.Errorf("%d blocks for %d entries", len(l.blocks), len(all))
	}
}
