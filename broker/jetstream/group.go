package jetstream

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"github.com/portico-mq/portico/broker"
)

// A message's entry in a queue's stream holds one message or several that came together: storing an entry costs the
// server about the same whatever its size. It is
//
//	ordinal                       how many messages the log had been given before, purged ones included
//	n x (length, message)
//
// with varints. The ordinals make a count of what the log holds from any place on two reads.

const (
	// groupMessages and groupBytes bound what shares an entry. A larger message has one of its own. The server reads up
	// to 64 KiB at once and copies once more what takes several reads.
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

func beginGroup(dst []byte, ordinal uint64) []byte { return binary.AppendUvarint(dst, ordinal) }

func addToGroup(dst, message []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(message))), message...)
}

var errBadGroup = errors.New("jetstream: not an entry of messages")

// decodeGroup reads an entry. The messages are part of raw.
func decodeGroup(raw []byte) (ordinal uint64, messages [][]byte, err error) {
	ordinal, n := binary.Uvarint(raw)
	if n <= 0 {
		return 0, nil, errBadGroup
	}
	for raw = raw[n:]; len(raw) > 0; {
		length, n := binary.Uvarint(raw)
		if n <= 0 || length > uint64(len(raw)-n) || len(messages) == broker.SequenceStep {
			return 0, nil, errBadGroup
		}
		end := n + int(length)
		messages = append(messages, raw[n:end:end])
		raw = raw[end:]
	}
	return ordinal, messages, nil
}
