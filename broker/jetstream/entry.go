package jetstream

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/portico-mq/portico/broker"
)

// A queue's stream has two kinds of entry that hold something, each with a subject of its own.
//
// An entry of messages holds one message or several that came together, storing an entry costing the server about the
// same whatever its size; and it may hold a state that takes effect with them, which is how a transaction is atomic:
//
//	2 x ordinal + 1 if it has a state    the ordinal is how many messages the log had been given before, purged ones
//	                                     included: so a count of what the log holds from any place is two reads
//	stated                               the sequence of the last entry of messages before it that has a state, or 0
//	(length, state)                      if it has one
//	n x (length, message)
//
// An entry of a state holds, with the state, the messages that it moves forward:
//
//	(length, state)
//	n x (length, message)
//
// All numbers are varints.

const (
	// groupMessages and groupBytes bound what shares an entry because it came together. A larger message has one of its
	// own. The server reads up to 64 KiB at once and copies once more what takes several reads.
	groupMessages = 256
	groupBytes    = 56 << 10
)

// positionBits is how many low bits of a position number the messages of one entry.
var positionBits = bits.TrailingZeros64(broker.SequenceStep)

// position is the place of a log that broker.QueueLog calls a sequence: of the message number index of the entry seq.
func position(seq uint64, index int) uint64 { return seq<<positionBits | uint64(index) }

// entryAt is the sequence of the entry that holds a position, and which of its messages that is.
func entryAt(position uint64) (seq uint64, index int) {
	return position >> positionBits, int(position & (broker.SequenceStep - 1))
}

// beginMessages begins an entry of messages. A nil state is none.
func beginMessages(dst []byte, ordinal, stated uint64, state []byte) []byte {
	first := 2 * ordinal
	if state != nil {
		first++
	}
	dst = binary.AppendUvarint(dst, first)
	dst = binary.AppendUvarint(dst, stated)
	if state != nil {
		dst = appendBytes(dst, state)
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// messagesEntry is what an entry of messages holds. The slices are part of what it was decoded from.
type messagesEntry struct {
	ordinal  uint64
	stated   uint64
	state    []byte // nil for none
	messages [][]byte
}

var errBadEntry = errors.New("jetstream: not an entry of a queue's log")

func decodeMessages(raw []byte) (messagesEntry, error) {
	var e messagesEntry
	var n, m int
	e.ordinal, n = binary.Uvarint(raw)
	if n > 0 {
		e.stated, m = binary.Uvarint(raw[n:])
	}
	if n <= 0 || m <= 0 {
		return e, errBadEntry
	}
	raw = raw[n+m:]
	if e.ordinal&1 != 0 {
		var ok bool
		if e.state, raw, ok = cutBytes(raw); !ok {
			return e, errBadEntry
		}
	}
	e.ordinal >>= 1
	var err error
	e.messages, err = decodeList(raw)
	return e, err
}

func encodeState(state []byte, moved [][]byte) []byte {
	size := len(state) + binary.MaxVarintLen64
	for _, m := range moved {
		size += len(m) + binary.MaxVarintLen64
	}
	dst := appendBytes(make([]byte, 0, size), state)
	for _, m := range moved {
		dst = appendBytes(dst, m)
	}
	return dst
}

func decodeState(raw []byte) (state []byte, moved [][]byte, err error) {
	state, rest, ok := cutBytes(raw)
	if !ok {
		return nil, nil, errBadEntry
	}
	moved, err = decodeList(rest)
	return state, moved, err
}

func decodeList(raw []byte) ([][]byte, error) {
	var list [][]byte
	for len(raw) > 0 {
		b, rest, ok := cutBytes(raw)
		if !ok || len(list) == broker.SequenceStep {
			return nil, errBadEntry
		}
		list, raw = append(list, b), rest
	}
	return list, nil
}

func cutBytes(raw []byte) (b, rest []byte, ok bool) {
	length, n := binary.Uvarint(raw)
	if n <= 0 || length > uint64(len(raw)-n) {
		return nil, nil, false
	}
	end := n + int(length)
	return raw[n:end:end], raw[end:], true
}
