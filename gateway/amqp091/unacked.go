package amqp091

import (
	"slices"

	"github.com/portico-mq/portico/broker"
)

// unacked holds the deliveries of a channel that the client has not settled, in order of their tags. Most are settled
// in that order, so that the first is the one that is looked for; others leave a gap that is closed when there are many.
type unacked struct {
	entries []delivered
	head    int // entries before it are gone
	gaps    int // entries from head on that are gone
}

type delivered struct {
	tag   uint64
	lease broker.Lease // the zero Lease when it is settled
}

// push adds a delivery, whose tag is above all others.
func (u *unacked) push(tag uint64, lease broker.Lease) {
	u.entries = append(u.entries, delivered{tag, lease})
}

// take removes the delivery of a tag, with multiple all up to it, and appends their leases to dst. ok is false when
// that one is not there. Tag 0 with multiple means all there are.
func (u *unacked) take(tag uint64, multiple bool, dst []broker.Lease) (out []broker.Lease, ok bool) {
	if tag == 0 && multiple {
		return u.takeAll(dst), true
	}
	i := u.find(tag)
	if i < 0 {
		return dst, false
	}
	if multiple {
		for ; u.head <= i; u.head++ {
			if e := &u.entries[u.head]; e.lease.Valid() {
				dst = append(dst, e.lease)
				*e = delivered{}
			} else {
				u.gaps--
			}
		}
	} else {
		dst = append(dst, u.entries[i].lease)
		u.entries[i].lease = broker.Lease{}
		u.gaps++
	}
	u.tidy()
	return dst, true
}

// takeAll removes all deliveries.
func (u *unacked) takeAll(dst []broker.Lease) []broker.Lease {
	for _, e := range u.entries[u.head:] {
		if e.lease.Valid() {
			dst = append(dst, e.lease)
		}
	}
	*u = unacked{}
	return dst
}

// putBack adds deliveries that were taken, wherever their tags belong.
func (u *unacked) putBack(taken []delivered) {
	u.close()
	u.entries = append(u.entries, taken...)
	slices.SortFunc(u.entries, func(a, b delivered) int {
		if a.tag < b.tag {
			return -1
		}
		return 1
	})
}

// find is where the delivery of a tag is, or -1.
func (u *unacked) find(tag uint64) int {
	if u.head == len(u.entries) {
		return -1
	}
	i := u.head
	if first := u.entries[i].tag; first != tag {
		if tag < first {
			return -1
		}
		// Tags follow each other unless deliveries without acknowledgement came between.
		if i += int(min(tag-first, uint64(len(u.entries)-u.head-1))); u.entries[i].tag != tag {
			found := false
			i, found = slices.BinarySearchFunc(u.entries[u.head:], tag, func(e delivered, tag uint64) int {
				switch {
				case e.tag < tag:
					return -1
				case e.tag > tag:
					return 1
				default:
					return 0
				}
			})
			if i += u.head; !found {
				return -1
			}
		}
	}
	if !u.entries[i].lease.Valid() {
		return -1
	}
	return i
}

// tidy drops what is gone from the front, and everywhere when it is most of all.
func (u *unacked) tidy() {
	for u.head < len(u.entries) && !u.entries[u.head].lease.Valid() {
		u.entries[u.head] = delivered{}
		u.head++
		u.gaps--
	}
	switch {
	case u.head == len(u.entries):
		u.entries, u.head, u.gaps = u.entries[:0], 0, 0
	case u.head+u.gaps > 64 && u.head+u.gaps > len(u.entries)/2:
		u.close()
	}
}

// close moves the deliveries together.
func (u *unacked) close() {
	kept := u.entries[:0]
	for _, e := range u.entries[u.head:] {
		if e.lease.Valid() {
			kept = append(kept, e)
		}
	}
	clear(u.entries[len(kept):])
	u.entries, u.head, u.gaps = kept, 0, 0
}
