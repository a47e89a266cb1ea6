package broker

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// The records of a segment of delayed messages: a message that waits (kind, when it is due, its further keys, the
// envelope), or the sequences of messages that were sent out. Numbers and lengths are varints.
const (
	recordDelayed = 1
	recordFired   = 2
)

var errBadDelayRecord = errors.New("broker: not a record of delayed messages")

func appendDelayed(dst []byte, d *delayed) []byte {
	dst = append(dst, recordDelayed)
	dst = binary.AppendUvarint(dst, uint64(d.at))
	dst = binary.AppendUvarint(dst, uint64(len(d.keys)))
	for _, key := range d.keys {
		dst = binary.AppendUvarint(dst, uint64(len(key)))
		dst = append(dst, key...)
	}
	return append(dst, d.msg.raw...)
}

func appendFired(dst []byte, seqs []uint64) []byte {
	dst = append(dst, recordFired)
	dst = binary.AppendUvarint(dst, uint64(len(seqs)))
	for _, seq := range seqs {
		dst = binary.AppendUvarint(dst, seq)
	}
	return dst
}

// decodeDelayed reads a message that waits.
func decodeDelayed(raw []byte) (*delayed, error) {
	if len(raw) == 0 || raw[0] != recordDelayed {
		return nil, errBadDelayRecord
	}
	v := varints{rest: raw[1:]}
	d := &delayed{at: int64(v.next())}
	for range v.length(1) {
		n := v.length(1)
		d.keys = append(d.keys, string(v.rest[:n]))
		v.rest = v.rest[n:]
	}
	if v.bad {
		return nil, errBadDelayRecord
	}
	m, err := decodeMessage(v.rest)
	d.msg = m
	return d, err
}

func decodeFired(raw []byte) ([]uint64, error) {
	if len(raw) == 0 || raw[0] != recordFired {
		return nil, errBadDelayRecord
	}
	v := varints{rest: raw[1:]}
	var seqs []uint64
	for range v.length(1) {
		seqs = append(seqs, v.next())
	}
	if v.bad || len(v.rest) > 0 {
		return nil, errBadDelayRecord
	}
	return seqs, nil
}

// adoptDelays takes up the segments of an exchange's line, which are read in the background.
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
		l.segments = append(l.segments, &segment{id: id, pending: 1}) // until it is read
	}
	l.firing = true // nothing goes out before all of it is in order
	l.working.Add(1)
	go l.recover(l.segments)
	return nil
}

// recover reads the segments that an earlier run of the broker left, and begins to send.
func (l *delayLine) recover(segments []*segment) {
	defer l.working.Done()
	for _, seg := range segments {
		if err := l.recoverSegment(seg); err != nil {
			l.ns.b.log.Error("reading delayed messages", "ns", l.ns.name, "exchange", l.exchange, "err", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.firing = false
	l.arm()
}

func (l *delayLine) recoverSegment(seg *segment) error {
	log, err := l.ns.b.store.OpenRecordLog(context.Background(), seg.id)
	if err != nil {
		return err
	}
	waiting := make(map[uint64]*delayed)
	bytes := int64(0)
	for next := uint64(1); ; {
		entries, err := log.Read(context.Background(), next, 256, 4<<20)
		if err != nil {
			log.Close()
			return err
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			next = e.Sequence + 1
			bytes += int64(len(e.Payload))
			if d, err := decodeDelayed(e.Payload); err == nil {
				d.seg, d.seq, d.msg, d.keys = seg, e.Sequence, nil, nil
				waiting[e.Sequence] = d
				continue
			}
			fired, err := decodeFired(e.Payload)
			if err != nil {
				l.ns.b.log.Error("unreadable delayed message skipped", "ns", l.ns.name, "exchange", l.exchange, "seq", e.Sequence, "err", err)
			}
			for _, seq := range fired {
				delete(waiting, seq)
			}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seg.log, seg.bytes, seg.live, seg.pending = log, bytes, len(waiting), 0
	for _, seq := range slices.Sorted(maps.Keys(waiting)) {
		l.add(*waiting[seq])
	}
	return nil
}
