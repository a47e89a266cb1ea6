package broker

import (
	"context"
	"encoding/json"
	"slices"
)

const (
	segmentBytes = 16 << 20 // from here on the next segment is written
	segmentSpare = 1 << 20  // a segment without messages goes from here on
)

// segment is one record log of a line. Its counts and its list are under the line's mu.
type segment struct {
	id         string
	log        RecordLog
	bytes      int64 // of all its records
	live       int64 // of the messages that have not left it
	first      *delayed
	pending    int  // appends under way
	full       bool // no message comes any more
	unreadable bool // something in it waits for another start: it stays
}

// insert adds a message that stands in the segment at seq.
func (seg *segment) insert(d *delayed, seq uint64) {
	d.seg, d.seq = seg, seq
	d.prev, d.next = nil, seg.first
	if seg.first != nil {
		seg.first.prev = d
	}
	seg.first = d
	seg.live += d.size
}

// remove takes a message out of the segment that it has left.
func (d *delayed) remove() {
	if d.prev != nil {
		d.prev.next = d.next
	} else {
		d.seg.first = d.next
	}
	if d.next != nil {
		d.next.prev = d.prev
	}
	d.seg.live -= d.size
	d.seg, d.prev, d.next = nil, nil, nil
}

// dead is how many bytes of the segment nobody needs.
func (seg *segment) dead() int64 { return seg.bytes - seg.live }

// writable is the segment that takes the next message, which counts as pending in it.
func (l *delayLine) writable() (*segment, error) {
	take := func() *segment {
		l.mu.Lock()
		defer l.mu.Unlock()
		if n := len(l.segments); n > 0 && !l.closed {
			if seg := l.segments[n-1]; seg.log != nil && !seg.full && seg.bytes < segmentBytes {
				seg.pending++
				return seg
			}
		}
		return nil
	}
	if seg := take(); seg != nil {
		return seg, nil
	}
	l.openMu.Lock()
	defer l.openMu.Unlock()
	if seg := take(); seg != nil {
		return seg, nil
	}
	seg := &segment{id: newID(), pending: 1}
	log, err := l.ns.b.store.CreateRecordLog(context.Background(), seg.id)
	if err != nil {
		return nil, err
	}
	seg.log = log
	l.mu.Lock()
	segments := append(slices.Clone(l.segments), seg)
	recorded := l.record(segments)
	l.mu.Unlock()
	if err := recorded(); err != nil {
		log.Close()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	l.segments = segments
	return seg, nil
}

func (l *delayLine) key() MetadataKey {
	return MetadataKey{Kind: "delay", Namespace: l.ns.name, Name: l.exchange}
}

// record starts storing which segments the line has, unless it is closed. The caller holds l.mu.
func (l *delayLine) record(segments []*segment) wait {
	if l.closed {
		return func() error { return ErrClosed }
	}
	ids := make([]string, len(segments))
	for i, seg := range segments {
		ids[i] = seg.id
	}
	value, err := json.Marshal(ids)
	return l.ns.startRecord(l.key(), value, err)
}

// removeSpent removes segments that hold nothing that waits any more.
func (l *delayLine) removeSpent() {
	l.openMu.Lock()
	defer l.openMu.Unlock()
	var spent []*segment
	l.mu.Lock()
	kept := slices.Clone(l.segments)
	kept = slices.DeleteFunc(kept, func(seg *segment) bool {
		written := seg == l.segments[len(l.segments)-1] && !seg.full
		done := seg.first == nil && seg.pending == 0 && seg.log != nil && !seg.unreadable && (!written || seg.bytes > segmentSpare)
		if done {
			spent = append(spent, seg)
		}
		return done
	})
	if l.closed || len(spent) == 0 {
		l.mu.Unlock()
		return
	}
	l.segments = kept
	recorded := l.record(kept)
	l.mu.Unlock()
	if err := recorded(); err != nil {
		return // the store has failed, and has said so
	}
	l.drop(spent)
}

func (l *delayLine) drop(segments []*segment) {
	for _, seg := range segments {
		if seg.log != nil {
			seg.log.Close()
		}
		if err := l.ns.b.store.DeleteRecordLog(context.Background(), seg.id); err != nil {
			l.ns.b.log.Error("deleting a segment of delayed messages", "ns", l.ns.name, "exchange", l.exchange, "err", err)
		}
	}
}
