package stomp

import (
	"slices"
	"sort"

	"github.com/portico-mq/portico/broker"
)

// unacked is a delivery that the client is to settle.
type unacked struct {
	tag   uint64
	sub   *subscription
	lease broker.Lease // not valid: a hole, settled before older ones
	from  *broker.Consumer
	msg   *broker.Message
	seq   uint64 // the message's place in its queue
	count uint32 // how often it had come back
}

// queue is the name of the queue that it came from.
func (u *unacked) queue() string {
	if u.from == nil { // it was only looked at
		return u.sub.queue
	}
	return u.from.Queue().Name()
}

// ledger holds the deliveries of a connection that are not settled, in the order of their tags. It is not safe for
// concurrent use.
type ledger struct {
	entries []unacked
	holes   int
}

// add appends a delivery, whose tag must be above all others.
func (l *ledger) add(u unacked) { l.entries = append(l.entries, u) }

// len is the number of deliveries.
func (l *ledger) len() int { return len(l.entries) - l.holes }

// find returns the place of a delivery.
func (l *ledger) find(tag uint64) (int, bool) {
	i := sort.Search(len(l.entries), func(i int) bool { return l.entries[i].tag >= tag })
	return i, i < len(l.entries) && l.entries[i].tag == tag && l.entries[i].lease.Valid()
}

// take removes the delivery of a tag, and every older one for which also, if not nil, says so, and appends them to dst
// in their order. It reports false when there is none of the tag.
func (l *ledger) take(tag uint64, also func(older *unacked) bool, dst []unacked) ([]unacked, bool) {
	at, ok := l.find(tag)
	if !ok {
		return dst, false
	}
	from := 0
	if also == nil {
		from = at
	}
	for i := from; i <= at; i++ {
		if l.entries[i].lease.Valid() && (i == at || also(&l.entries[i])) {
			dst = append(dst, l.entries[i])
			l.entries[i] = unacked{tag: l.entries[i].tag}
			l.holes++
		}
	}
	l.tidy()
	return dst, true
}

// tidy removes holes, those at the front at once, others when they are most of what there is.
func (l *ledger) tidy() {
	front := 0
	for front < len(l.entries) && !l.entries[front].lease.Valid() {
		front++
	}
	l.holes -= front
	if front == len(l.entries) {
		l.entries = l.entries[:0]
		return
	}
	l.entries = l.entries[front:]
	if l.holes > 64 && l.holes > len(l.entries)/2 {
		l.entries = slices.DeleteFunc(l.entries, func(u unacked) bool { return !u.lease.Valid() })
		l.holes = 0
	}
}

// restore puts deliveries back that were taken.
func (l *ledger) restore(back []unacked) {
	if len(back) == 0 {
		return
	}
	all := slices.DeleteFunc(l.entries, func(u unacked) bool { return !u.lease.Valid() })
	all = append(all, back...)
	slices.SortFunc(all, func(a, b unacked) int {
		if a.tag < b.tag {
			return -1
		}
		return 1
	})
	l.entries, l.holes = all, 0
}
