package broker

import (
	"encoding/binary"
	"errors"
	"slices"
)

// storedPart is a part as the journal holds it.
type storedPart struct {
	queueID  string
	acked    []uint64
	messages [][]byte
}

// encodeEntry encodes parts, each the queue's id, the sequences it settles, its messages; and what leaves the segments of
// delayed messages, each the segment's id and its sequences, which may be left out. A message that stands in the entry
// already is a length of 0 and its number, counted from 0.
func encodeEntry(parts []*part, departures []departure) []byte {
	dst := binary.AppendUvarint(nil, uint64(len(parts)))
	known := make(map[*Message]int)
	for _, p := range parts {
		dst = appendText(dst, p.queue.id)
		seqs := make([]uint64, len(p.acked))
		for i, e := range p.acked {
			seqs[i] = e.seq
		}
		slices.Sort(seqs)
		dst = appendAscending(dst, seqs)
		dst = binary.AppendUvarint(dst, uint64(len(p.messages)))
		for _, m := range p.messages {
			if n, ok := known[m]; ok {
				dst = binary.AppendUvarint(append(dst, 0), uint64(n))
				continue
			}
			if len(parts) > 1 {
				known[m] = len(known)
			}
			dst = binary.AppendUvarint(dst, uint64(len(m.raw)))
			dst = append(dst, m.raw...)
		}
	}
	if len(departures) > 0 {
		dst = binary.AppendUvarint(dst, uint64(len(departures)))
		for _, d := range departures {
			dst = appendAscending(appendText(dst, d.segment), d.seqs)
		}
	}
	return dst
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

func decodeEntry(raw []byte) ([]storedPart, []departure, error) {
	d := varints{rest: raw}
	var parts []storedPart
	var known [][]byte
	for range d.length(3) {
		p := storedPart{queueID: string(d.bytes())}
		p.acked = d.ascending()
		for range d.length(1) {
			m := d.bytes()
			if len(m) == 0 {
				n := d.next()
				if n >= uint64(len(known)) {
					d.bad = true
					break
				}
				m = known[n]
			} else {
				known = append(known, m)
			}
			p.messages = append(p.messages, m)
		}
		parts = append(parts, p)
	}
	var departures []departure
	if len(d.rest) > 0 {
		for range d.length(2) {
			departures = append(departures, departure{segment: string(d.bytes()), seqs: d.ascending()})
		}
	}
	if d.bad || len(d.rest) > 0 {
		return nil, nil, errors.New("broker: not a journal entry")
	}
	return parts, departures, nil
}

func (d *varints) bytes() []byte {
	n := d.length(1)
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}
