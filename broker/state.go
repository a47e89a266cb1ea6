package broker

import (
	"encoding/binary"
	"errors"
)

// The state of a queue, as it is written into its log: what is unsettled among the messages that the dispatcher has
// taken, and how often each was handed out. It is whole each time, so that recovery needs the last one only, and
// small, because unsettled messages mostly form runs. Everything in it is a varint:
//
//	version
//	next                     the cursor: messages from here on were not taken
//	mark                     messages up to here may have been handed out, see outMark
//	n, n x (gap, span, messages, count)   runs of unsettled messages below next, by sequence: gap from the end of the
//	                         run before, span = last - first, how many messages it holds, times handed out
//	n, n x (seq, place, count)            unsettled messages that were moved to place
//	n, n x (seq, count)                   unsettled messages that this state's entry moves, in order
//	n, n x (delta)           messages at or above next that are settled all the same, ascending
//	n, n x (delta)           parts of transactions that are applied here, ascending
//	n, n x (...)             of a stream: its segments, see appendSegments; may be left out
//	delayed                  how many of the messages that were taken are not due; may be left out
//	unnamed                  messages below this have no name that deduplicates any more; may be left out
//	n, n x (...), ...        of a queue with priorities: what waits below next, see backlogState; may be left out
type state struct {
	next    uint64
	mark    uint64
	runs    []run
	copies  []moved
	skipped []uint64
	applied []uint64

	segments []streamSegment
	delayed  uint64
	unnamed  uint64
	backlog  *backlogState // nil: nothing waits there
}

// run is a range of unsettled messages with no settled one between them.
type run struct {
	from, to uint64 // first and last sequence
	messages uint64 // how many there are in it: states and copies take sequences too
	count    uint32 // how often each was handed out
}

// moved is an unsettled message that lives on as a copy.
type moved struct {
	seq, place uint64
	count      uint32
}

const stateVersion = 2

var errBadState = errors.New("broker: not a queue state")

func appendState(dst []byte, st *state, moving []moved) []byte {
	dst = binary.AppendUvarint(dst, stateVersion)
	dst = binary.AppendUvarint(dst, st.next)
	dst = binary.AppendUvarint(dst, st.mark)
	dst = binary.AppendUvarint(dst, uint64(len(st.runs)))
	at := uint64(0)
	for _, r := range st.runs {
		dst = binary.AppendUvarint(dst, r.from-at)
		dst = binary.AppendUvarint(dst, r.to-r.from)
		dst = binary.AppendUvarint(dst, r.messages)
		dst = binary.AppendUvarint(dst, uint64(r.count))
		at = r.to
	}
	dst = binary.AppendUvarint(dst, uint64(len(st.copies)))
	for _, c := range st.copies {
		dst = binary.AppendUvarint(dst, c.seq)
		dst = binary.AppendUvarint(dst, c.place)
		dst = binary.AppendUvarint(dst, uint64(c.count))
	}
	dst = binary.AppendUvarint(dst, uint64(len(moving)))
	for _, c := range moving {
		dst = binary.AppendUvarint(dst, c.seq)
		dst = binary.AppendUvarint(dst, uint64(c.count))
	}
	dst = appendAscending(appendAscending(dst, st.skipped), st.applied)
	if len(st.segments) > 0 || st.delayed > 0 || st.unnamed > 0 || st.backlog != nil {
		dst = appendSegments(dst, st.segments)
	}
	if st.delayed > 0 || st.unnamed > 0 || st.backlog != nil {
		dst = binary.AppendUvarint(dst, st.delayed)
	}
	if st.unnamed > 0 || st.backlog != nil {
		dst = binary.AppendUvarint(dst, st.unnamed)
	}
	if st.backlog != nil {
		dst = st.backlog.append(dst)
	}
	return dst
}

func appendAscending(dst []byte, list []uint64) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	at := uint64(0)
	for _, n := range list {
		dst = binary.AppendUvarint(dst, n-at)
		at = n
	}
	return dst
}

// decodeState reads a state whose entry is at sequence at.
func decodeState(raw []byte, at uint64) (*state, error) {
	d := varints{rest: raw}
	if d.next() != stateVersion {
		return nil, errBadState
	}
	st := &state{next: d.next(), mark: d.next()}
	pos := uint64(0)
	for range d.length(4) {
		r := run{from: pos + d.next()}
		r.to = r.from + d.next()
		r.messages = d.next()
		r.count = uint32(d.next())
		pos = r.to
		st.runs = append(st.runs, r)
	}
	for range d.length(3) {
		st.copies = append(st.copies, moved{seq: d.next(), place: d.next(), count: uint32(d.next())})
	}
	n := d.length(2)
	for i := range n {
		st.copies = append(st.copies, moved{seq: d.next(), place: at + uint64(i), count: uint32(d.next())})
	}
	st.skipped = d.ascending()
	st.applied = d.ascending()
	if len(d.rest) > 0 {
		st.segments = d.segments()
	}
	if len(d.rest) > 0 {
		st.delayed = d.next()
	}
	if len(d.rest) > 0 {
		st.unnamed = d.next()
	}
	if len(d.rest) > 0 {
		st.backlog = d.backlog()
	}
	if d.bad || len(d.rest) > 0 {
		return nil, errBadState
	}
	return st, nil
}

// varints reads unsigned varints; after the first bad one everything is zero.
type varints struct {
	rest []byte
	bad  bool
}

func (d *varints) next() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *varints) ascending() []uint64 {
	var list []uint64
	at := uint64(0)
	for range d.length(1) {
		at += d.next()
		list = append(list, at)
	}
	return list
}

// length reads the number of items of at least itemBytes bytes each.
func (d *varints) length(itemBytes int) int {
	n := d.next()
	if n > uint64(len(d.rest)/itemBytes) {
		d.bad, d.rest = true, nil
		return 0
	}
	return int(n)
}
