package broker

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

const (
	// delayWaste is how many bytes of a line's segments may be dead besides as many as live.
	delayWaste = 4 << 20
	// compactMessages and compactBytes are about how much is copied between two looks at what is due.
	compactMessages = 256
	compactBytes    = 1 << 20
)

// compaction copies what waits in a segment into the one that is written, so that the segment can go. First a few copies
// are synced, then the segment says that their originals have left it, then the index follows. A restart in between
// passes over copies whose original is there, so that each message counts once.
type compaction struct {
	seg  *segment
	left []*delayed // not copied yet, by sequence; some may have been sent since
}

// wasteful reports whether a compaction is under way, or due: then it is begun. The caller holds l.mu.
func (l *delayLine) wasteful() bool {
	if l.compact != nil {
		return true
	}
	seg := l.emptiest()
	if seg == nil {
		return false
	}
	seg.full = true
	if seg.pending > 0 {
		return false // soon
	}
	c := &compaction{seg: seg}
	for d := seg.first; d != nil; d = d.next {
		c.left = append(c.left, d)
	}
	slices.SortFunc(c.left, func(a, b *delayed) int { return cmp.Compare(a.seq, b.seq) })
	l.compact = c
	return true
}

// emptiest is the segment with the most to win, if enough of the line is dead; else nil. What is copied of it is less
// than what it frees.
func (l *delayLine) emptiest() *segment {
	var dead, live int64
	var best *segment
	for _, seg := range l.segments {
		if seg.log == nil || seg.unreadable {
			continue
		}
		dead += seg.dead()
		live += seg.live
		if best == nil || seg.dead()-seg.live > best.dead()-best.live {
			best = seg
		}
	}
	if dead <= live+delayWaste || best.first == nil {
		return nil
	}
	return best
}

// copied is a message on its way into another segment.
type copied struct {
	d      *delayed
	target *segment
	seq    uint64
	size   int64
	done   chan<- error
}

// Stored implements Stored.
func (c *copied) Stored(seq uint64, err error) {
	c.seq = seq
	c.done <- err
}

// compactSome copies the next few messages.
func (l *delayLine) compactSome() {
	c := l.compact
	c.left = slices.DeleteFunc(c.left, func(d *delayed) bool { return d.seg != c.seg })
	if len(c.left) == 0 {
		l.endCompaction()
		return
	}
	entries, err := c.seg.log.Read(context.Background(), c.left[0].seq, compactMessages, compactBytes)
	if err == nil && (len(entries) == 0 || entries[0].Sequence != c.left[0].seq) {
		err = errors.New("a message is not where it was")
	}
	if err != nil {
		l.logError("reading delayed messages to copy them", err)
		c.seg.unreadable = true
		l.endCompaction()
		return
	}
	copies, err := l.copy(c, entries)
	if err == nil {
		synced := make(chan error, 1)
		l.ns.b.store.Sync(CompletionFunc(func(err error) { synced <- err }))
		err = <-synced
	}
	var record []byte
	if err == nil {
		seqs := make([]uint64, len(copies))
		for i, cp := range copies {
			seqs[i] = cp.d.seq
		}
		record = appendDeparted(nil, seqs)
		err = appendAndWait(c.seg.log, record)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		if !l.closed {
			l.breakOff("copying delayed messages", err)
		}
		return
	}
	c.seg.bytes += int64(len(record))
	for _, cp := range copies {
		cp.d.remove()
		cp.d.size = cp.size
		cp.target.bytes += cp.size
		cp.target.insert(cp.d, cp.seq)
	}
}

func (l *delayLine) endCompaction() {
	l.mu.Lock()
	l.compact = nil
	l.mu.Unlock()
}

// copy appends copies of those of the entries that wait, and returns when they are stored.
func (l *delayLine) copy(c *compaction, entries []LogEntry) ([]*copied, error) {
	done := make(chan error, len(entries))
	var copies []*copied
	var failed error
	for _, e := range entries {
		i, ok := slices.BinarySearchFunc(c.left, e.Sequence, func(d *delayed, seq uint64) int { return cmp.Compare(d.seq, seq) })
		if !ok {
			continue
		}
		record, err := appendCopied(nil, origin{c.seg.id, e.Sequence}, e.Payload)
		if err != nil {
			failed = err
			break
		}
		target, err := l.writable()
		if err != nil {
			failed = err
			break
		}
		cp := &copied{d: c.left[i], target: target, size: int64(len(record)), done: done}
		copies = append(copies, cp)
		target.log.Append(record, cp)
	}
	for range copies {
		failed = errors.Join(failed, <-done)
	}
	l.mu.Lock()
	for _, cp := range copies {
		cp.target.pending--
	}
	l.mu.Unlock()
	return copies, failed
}
