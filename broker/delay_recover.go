package broker

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// adoptDelays takes up the segments of an exchange's line, which are read once the journal is done with.
func (ns *Namespace) adoptDelays(exchange string, value []byte) error {
	var ids []string
	if err := json.Unmarshal(value, &ids); err != nil {
		return err
	}
	x := ns.exchanges[exchange]
	if x == nil || x.delays == nil {
		return errors.New("its exchange is gone")
	}
	l := x.delays
	for _, id := range ids {
		l.segments = append(l.segments, &segment{id: id, pending: 1, full: true}) // until it is read
	}
	l.firing = true // nothing goes out before all of it is in order
	return nil
}

// delaySegments are the segments of all lines that an earlier run of the broker left.
type delaySegments map[string]*segment

func (b *Broker) delaySegments() delaySegments {
	all := make(delaySegments)
	b.eachDelayLine(func(l *delayLine) {
		for _, seg := range l.segments {
			all[seg.id] = seg
		}
	})
	return all
}

func (b *Broker) eachDelayLine(do func(*delayLine)) {
	for _, ns := range b.namespaces {
		for _, x := range ns.exchanges {
			if x.delays != nil {
				do(x.delays)
			}
		}
	}
}

// open gives departures of the journal their segments' logs, and leaves out those of segments that are gone.
func (all delaySegments) open(ctx context.Context, b *Broker, departures []departure) ([]departure, error) {
	var open []departure
	for _, d := range departures {
		seg := all[d.segment]
		if seg == nil || fault == faultMoving {
			continue
		}
		if seg.log == nil {
			log, err := b.store.OpenRecordLog(ctx, seg.id)
			if err != nil {
				return nil, err
			}
			seg.log = log
		}
		d.log = seg.log
		open = append(open, d)
	}
	return open, nil
}

// recoverDelays reads in the background what waits, and begins to send.
func (b *Broker) recoverDelays() {
	b.eachDelayLine(func(l *delayLine) {
		if len(l.segments) > 0 {
			l.working.Add(1)
			go l.recover(slices.Clone(l.segments))
		}
	})
}

// recover reads the segments that an earlier run of the broker left, and begins to send.
func (l *delayLine) recover(segments []*segment) {
	defer l.working.Done()
	all := make(map[string]*foundSegment, len(segments))
	for _, seg := range segments {
		found := &foundSegment{seg: seg}
		if err := l.readSegment(found); err != nil {
			l.logError("reading delayed messages", err)
			found.waiting = nil
		}
		all[seg.id] = found
	}
	spurious, hidden := make(map[*foundSegment][]uint64), make(map[*foundSegment][]uint64)
	for _, found := range all {
		spurious[found], hidden[found] = found.spurious(all)
	}
	for _, seg := range segments {
		found := all[seg.id]
		if found.waiting == nil {
			continue // what cannot be read stays for a look
		}
		for _, seq := range hidden[found] {
			delete(found.waiting, seq)
			found.seg.unreadable = true // so that it stays
		}
		if err := l.forgetCopies(found, spurious[found]); err != nil {
			l.logError("forgetting copies of delayed messages", err)
			return // else they could count later
		}
		l.adoptFound(found)
	}
	l.mu.Lock()
	l.firing = false
	l.mu.Unlock()
	l.fire()
}

// foundSegment is what stands in a segment.
type foundSegment struct {
	seg     *segment
	bytes   int64
	waiting map[uint64]*delayed // nil when it could not be read
	copies  map[uint64]origin   // where those of them that are copies come from
}

// spurious lists the copies that do not count: those whose originals do. If an original could not be read, the copy is
// hidden, and waits for another start.
func (f *foundSegment) spurious(all map[string]*foundSegment) (seqs, hidden []uint64) {
	for seq, from := range f.copies {
		o := all[from.segment]
		if o == nil || f.waiting[seq] == nil || fault == faultCompaction {
			continue
		}
		switch {
		case o.waiting == nil:
			hidden = append(hidden, seq)
		case o.waiting[from.seq] != nil:
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs, hidden
}

// readSegment reads a segment's records.
func (l *delayLine) readSegment(f *foundSegment) error {
	log := f.seg.log // the journal may have opened it
	if log == nil {
		var err error
		if log, err = l.ns.b.store.OpenRecordLog(context.Background(), f.seg.id); err != nil {
			return err
		}
		l.mu.Lock()
		f.seg.log = log
		l.mu.Unlock()
	}
	f.waiting, f.copies = make(map[uint64]*delayed), make(map[uint64]origin)
	for next := uint64(1); ; {
		entries, err := log.Read(context.Background(), next, 256, 4<<20)
		if err != nil || len(entries) == 0 {
			return err
		}
		for _, e := range entries {
			next = e.Sequence + 1
			f.bytes += int64(len(e.Payload))
			if err := f.add(e); err != nil {
				l.ns.b.log.Error("unreadable delayed message skipped", "ns", l.ns.name, "exchange", l.exchange, "seq", e.Sequence, "err", err)
			}
		}
	}
}

// add takes up one record.
func (f *foundSegment) add(e LogEntry) error {
	if d, err := decodeDelayed(e.Payload); err == nil {
		d.size, d.held = int64(len(e.Payload)), nil
		f.waiting[e.Sequence] = d
		if from, _, err := splitCopied(e.Payload); err == nil && from != nil {
			f.copies[e.Sequence] = *from
		}
		return nil
	}
	gone, err := decodeDeparted(e.Payload)
	for _, seq := range gone {
		delete(f.waiting, seq)
	}
	return err
}

// forgetCopies notes that copies have left a segment, so that they never count.
func (l *delayLine) forgetCopies(f *foundSegment, seqs []uint64) error {
	if len(seqs) == 0 {
		return nil
	}
	for _, seq := range seqs {
		delete(f.waiting, seq)
	}
	return appendAndWait(f.seg.log, appendDeparted(nil, seqs))
}

// adoptFound puts what waits into the index.
func (l *delayLine) adoptFound(f *foundSegment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seg := f.seg
	seg.bytes, seg.pending, seg.full = f.bytes, 0, false
	for _, seq := range slices.Sorted(maps.Keys(f.waiting)) {
		seg.insert(f.waiting[seq], seq)
		l.add(f.waiting[seq])
	}
}

// storedWait waits for one append.
type storedWait chan error

// Stored implements Stored.
func (w storedWait) Stored(_ uint64, err error) { w <- err }

// appendAndWait appends a record, and returns when it is stored.
func appendAndWait(log RecordLog, record []byte) error {
	done := make(storedWait, 1)
	log.Append(record, done)
	return <-done
}
