package broker

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
	j.b.store.Journal().Append(encodeParts(journaled), journalWrite{j, c, direct, journaled})
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
	c.left -= n
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

// storedPart is a part as the journal holds it.
type storedPart struct {
	queueID  string
	acked    []uint64
	messages [][]byte
}

// encodeParts encodes parts: each the queue's id, the sequences it settles, its messages.
func encodeParts(parts []*part) []byte {
	dst := binary.AppendUvarint(nil, uint64(len(parts)))
	for _, p := range parts {
		dst = binary.AppendUvarint(dst, uint64(len(p.queue.id)))
		dst = append(dst, p.queue.id...)
		seqs := make([]uint64, len(p.acked))
		for i, e := range p.acked {
			seqs[i] = e.seq
		}
		slices.Sort(seqs)
		dst = appendAscending(dst, seqs)
		dst = binary.AppendUvarint(dst, uint64(len(p.messages)))
		for _, m := range p.messages {
			dst = binary.AppendUvarint(dst, uint64(len(m.raw)))
			dst = append(dst, m.raw...)
		}
	}
	return dst
}

func decodeParts(raw []byte) ([]storedPart, error) {
	d := varints{rest: raw}
	var parts []storedPart
	for range d.length(3) {
		p := storedPart{queueID: string(d.bytes())}
		p.acked = d.ascending()
		for range d.length(1) {
			p.messages = append(p.messages, d.bytes())
		}
		parts = append(parts, p)
	}
	if d.bad || len(d.rest) > 0 {
		return nil, errors.New("broker: not a journal entry")
	}
	return parts, nil
}

func (d *varints) bytes() []byte {
	n := d.length(1)
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

// recoverJournal applies what a crash left in the journal and not in the queues, before any queue is used.
func (b *Broker) recoverJournal(ctx context.Context) error {
	j := &b.journal
	queues := make(map[string]*Queue)
	for _, ns := range b.namespaces {
		for _, q := range ns.queues {
			queues[q.id] = q
		}
	}
	todo := make(map[*Queue][]*part)
	var commits []*commit
	err := b.store.Journal().Load(ctx, func(number uint64, raw []byte) error {
		parts, err := decodeParts(raw)
		if err != nil {
			return fmt.Errorf("entry %d: %w", number, err)
		}
		c := &commit{b: b, entry: number, left: 1}
		commits = append(commits, c)
		j.open = append(j.open, number)
		j.last = number
		for i, sp := range parts {
			q := queues[sp.queueID]
			if q == nil {
				continue // deleted since
			}
			p := &part{commit: c, queue: q, id: number<<partBits | uint64(i), seqs: sp.acked}
			for _, raw := range sp.messages {
				m, err := decodeMessage(raw)
				if err != nil {
					return fmt.Errorf("entry %d: %w", number, err)
				}
				p.messages = append(p.messages, m)
			}
			todo[q] = append(todo[q], p)
			c.left++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(j.open) > 0 {
		j.floor = j.open[0]
	}
	for q, parts := range todo {
		if err := q.recoverParts(ctx, parts); err != nil {
			return err
		}
	}
	done := make(chan error, len(commits))
	for _, c := range commits {
		c.done = CompletionFunc(func(err error) { done <- err })
		c.finish(nil)
	}
	for range commits {
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

// recoverParts opens the queue and applies those of the parts that its state does not name.
func (q *Queue) recoverParts(ctx context.Context, parts []*part) error {
	var missing []*part
	var settling error
	err := q.openWith(ctx, func() {
		for _, p := range parts {
			if slices.Contains(q.rec.applied, p.id) {
				continue
			}
			missing = append(missing, p)
			for _, seq := range p.seqs {
				settling = errors.Join(settling, q.settleRecovered(ctx, seq))
			}
		}
	})
	if err = errors.Join(err, settling); err != nil {
		return err
	}
	for _, p := range parts {
		if !slices.Contains(missing, p) {
			p.commit.finish(nil)
			continue
		}
		q.mu.Lock()
		q.rec.parts = append(q.rec.parts, p)
		q.record()
		q.mu.Unlock()
	}
	return nil
}

// settleRecovered settles a message of the log. It need not be there: it can have been handed out before it was stored,
// and a kill can have come between. Another entry may have its place then.
func (q *Queue) settleRecovered(ctx context.Context, seq uint64) error {
	for e := q.copied.head; e != nil; e = e.next {
		if e.seq == seq && q.takeBack(e) {
			q.forget(e)
			return nil
		}
	}
	found, err := q.log.Fetch(ctx, seq, 1, 1)
	if err == nil && len(found) > 0 && found[0].Sequence == seq {
		q.skipUnread(seq)
	}
	return err
}
