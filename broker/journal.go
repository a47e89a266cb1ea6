package broker

import (
	"slices"
	"sync"
)

// journalState knows which transactions over several appends are in the journal. The journal holds one until all its
// parts are applied and synced; each queue's state names the parts it has applied that may still be in the journal.
// Together they make a restart apply exactly what is missing.
type journalState struct {
	b *Broker

	mu       sync.Mutex
	open     []uint64 // entries that are not finished, ascending
	last     uint64
	floor    uint64         // everything below has been removed, and that is synced
	purging  bool           // a removal is under way
	due      []journalWrite // synced, and to be applied in this order
	applying bool           // a goroutine is at it
}

// partBits is how many low bits of a part's id number the parts of one journal entry.
const partBits = 12

// stillHeld drops the parts whose entry has left the journal.
func (j *journalState) stillHeld(parts []uint64) []uint64 {
	if len(parts) == 0 {
		return nil
	}
	j.mu.Lock()
	floor := j.floor
	j.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(parts), func(id uint64) bool { return id>>partBits < floor })
}

// write puts a transaction into the journal and then applies it.
func (j *journalState) write(c *commit, direct, journaled []*part) {
	j.b.store.Journal().Append(encodeEntry(journaled, c.departures), journalWrite{j, c, direct, journaled})
}

type journalWrite struct {
	j         *journalState
	c         *commit
	direct    []*part
	journaled []*part
}

// Stored is told the entry's number.
func (w journalWrite) Stored(number uint64, err error) {
	if err != nil {
		w.c.abandon(err, len(w.direct)+len(w.journaled))
		return
	}
	w.j.mu.Lock()
	w.j.open = append(w.j.open, number)
	w.j.last = number
	w.j.mu.Unlock()
	w.c.entry = number
	for i, p := range w.journaled {
		p.id = number<<partBits | uint64(i)
	}
	// Nothing may be applied before the entry is synced: one queue's part could reach the disk alone.
	w.j.b.store.Sync(w)
}

// Done is told that the entry is synced.
func (w journalWrite) Done(err error) {
	if err != nil {
		w.c.abandon(err, len(w.direct)+len(w.journaled))
		return
	}
	w.j.mu.Lock()
	defer w.j.mu.Unlock()
	w.j.due = append(w.j.due, w)
	if !w.j.applying {
		w.j.applying = true
		go w.j.apply() // it may open queues, which whoever tells of a sync must not wait for
	}
}

// apply hands out the parts of what is due, so that those of one queue are applied in the journal's order.
func (j *journalState) apply() {
	for {
		j.mu.Lock()
		if len(j.due) == 0 {
			j.applying = false
			j.mu.Unlock()
			return
		}
		w := j.due[0]
		j.due = j.due[1:]
		j.mu.Unlock()
		w.c.start(append(w.direct, w.journaled...))
		w.c.by.journaled.Add(-1)
	}
}

// abandon ends a transaction of n parts of which none was applied.
func (c *commit) abandon(err error, n int) {
	c.by.journaled.Add(-1)
	c.mu.Lock()
	c.left -= n + len(c.departures)
	c.mu.Unlock()
	c.finish(err)
}

// finished is told that an entry is applied and synced.
func (j *journalState) finished(number uint64) {
	j.mu.Lock()
	if i, ok := slices.BinarySearch(j.open, number); ok {
		j.open = slices.Delete(j.open, i, i+1)
	}
	j.mu.Unlock()
	j.purge()
}

// purge removes the entries below the first that is not finished, but never the newest: its number must not be given
// out again, whatever a power cut leaves of an empty journal. The queues go on naming what they have applied of an
// entry until its removal is synced; else it could come back and be applied twice.
func (j *journalState) purge() {
	j.mu.Lock()
	below := j.last
	if len(j.open) > 0 {
		below = j.open[0]
	}
	if j.purging || below <= j.floor {
		j.mu.Unlock()
		return
	}
	j.purging = true
	j.mu.Unlock()
	j.b.store.Journal().Purge(below, func(err error) {
		if err != nil {
			j.purged(0, err)
			return
		}
		j.b.store.Sync(CompletionFunc(func(err error) { j.purged(below, err) }))
	})
}

func (j *journalState) purged(below uint64, err error) {
	if err != nil {
		j.b.log.Warn("purging the journal", "err", err)
	}
	j.mu.Lock()
	j.purging = false
	if err == nil {
		j.floor = below
	}
	j.mu.Unlock()
	if err == nil {
		j.purge()
	}
}
