package broker

import (
	"encoding/binary"
	"errors"
)

// The records of a segment of delayed messages: a message that waits (kind, when it is due, its further keys, the
// envelope); the sequences of messages that have left; the copy of a message of another segment (kind, that segment's id,
// the sequence there, the message's record). Numbers and lengths are varints. A copy counts from when the other segment
// says that the message has left it, or is gone.
const (
	recordDelayed  = 1
	recordDeparted = 2
	recordCopied   = 3
)

var errBadDelayRecord = errors.New("broker: not a record of delayed messages")

// origin is where a copied message stood.
type origin struct {
	segment string
	seq     uint64
}

func appendDelayed(dst []byte, d *delayed) []byte {
	dst = append(dst, recordDelayed)
	dst = binary.AppendUvarint(dst, uint64(d.at))
	dst = binary.AppendUvarint(dst, uint64(len(d.held.keys)))
	for _, key := range d.held.keys {
		dst = appendText(dst, key)
	}
	return append(dst, d.held.msg.raw...)
}

func appendDeparted(dst []byte, seqs []uint64) []byte {
	dst = append(dst, recordDeparted)
	dst = binary.AppendUvarint(dst, uint64(len(seqs)))
	for _, seq := range seqs {
		dst = binary.AppendUvarint(dst, seq)
	}
	return dst
}

// appendCopied copies the record of a message, which may be a copy itself.
func appendCopied(dst []byte, from origin, record []byte) ([]byte, error) {
	_, record, err := splitCopied(record)
	if err != nil {
		return dst, err
	}
	dst = append(dst, recordCopied)
	dst = binary.AppendUvarint(appendText(dst, from.segment), from.seq)
	return append(dst, record...), nil
}

// splitCopied tells where a message was copied from, if it was, and returns its record.
func splitCopied(raw []byte) (*origin, []byte, error) {
	if len(raw) == 0 || raw[0] != recordCopied {
		return nil, raw, nil
	}
	v := varints{rest: raw[1:]}
	from := &origin{segment: string(v.bytes()), seq: v.next()}
	if v.bad {
		return nil, nil, errBadDelayRecord
	}
	return from, v.rest, nil
}

// decodeDelayed reads a message that waits, copied or not.
func decodeDelayed(raw []byte) (*delayed, error) {
	_, raw, err := splitCopied(raw)
	if err != nil || len(raw) == 0 || raw[0] != recordDelayed {
		return nil, errBadDelayRecord
	}
	v := varints{rest: raw[1:]}
	d := &delayed{at: int64(v.next()), held: &delayedMessage{}}
	for range v.length(1) {
		d.held.keys = append(d.held.keys, string(v.bytes()))
	}
	if v.bad {
		return nil, errBadDelayRecord
	}
	d.held.msg, err = decodeMessage(v.rest)
	return d, err
}

func decodeDeparted(raw []byte) ([]uint64, error) {
	if len(raw) == 0 || raw[0] != recordDeparted {
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
