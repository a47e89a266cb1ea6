package broker

import (
	"container/heap"
	"time"
)

// entry is one message that was taken from its queue's log and is not settled.
type entry struct {
	seq    uint64 // its sequence: identity and position
	place  uint64 // where the log holds it now, when that is a copy; else 0
	pos    uint64 // where it stands in the order of the queue: its sequence, unless it was delayed
	after  uint64 // the message before it in the log, 0 if unknown: tells runs apart
	offset int64  // message bytes that the queue had taken before it: how much log lies between two entries
	msg    *Message
	due    int64  // when it may go out, in microseconds since 1970; 0: at once
	at     int64  // when its message was published, in microseconds since 1970
	size   int32  // of its message, which may have been dropped: see reload.go
	body   int32  // of its message's body
	count  uint32 // how often it was handed out and came back
	turn   uint32 // counts hand-outs in this run; a lease names one
	stamp  uint32 // counts how often it came into a chooser: an offer names one
	seen   uint32 // the last selection of a chooser that has looked at it

	rank      uint8 // its priority, in a queue that has some
	bounded   bool  // its publisher gave it a lifetime
	leased    bool
	settled   bool
	moving    bool // its copy is on the way into the log
	limbo     bool // taken over by a transaction that is being committed
	delayed   bool // it is not due
	reloading bool // its message is being read again
	opens     bool // it is about to be the first of its group at its consumer

	heapAt   int32     // its place in deadlines
	delayAt  int32     // its place in delays; -1 when it is not there
	group    *group    // its group, in an ordered queue
	owner    *Consumer // that a chooser keeps it for
	consumer *Consumer // that has it under a lease; nil for Get
	session  *Session  // that has it under a lease, of Get without deadline
	deadline time.Time // of its lease; zero: none
	first    time.Time // of the first hand-out

	prev, next *entry // in live, or in copied when place is set
	block      *block // of that list
}

// waits reports whether the entry is ready or delayed.
func (e *entry) waits() bool { return !e.leased && !e.limbo && !e.settled }

// entryList is a list of entries.
type entryList struct {
	head, tail *entry
	n          int
	blocks     []*block // in order
	empty      int      // blocks without entries
}

func (l *entryList) pushBack(e *entry) {
	e.prev, e.next = l.tail, nil
	if l.tail == nil {
		l.head = e
	} else {
		l.tail.next = e
	}
	l.tail = e
	l.n++
	l.addToBlock(e)
}

func (l *entryList) remove(e *entry) {
	l.removeFromBlock(e)
	if e.prev == nil {
		l.head = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		l.tail = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.prev, e.next = nil, nil
	l.n--
}

// entryDeque is a queue of entries over a ring.
type entryDeque struct {
	ring  []*entry
	first int
	n     int
}

func (d *entryDeque) len() int { return d.n }

func (d *entryDeque) pushBack(e *entry) {
	if d.n == len(d.ring) {
		grown := make([]*entry, max(16, 2*len(d.ring)))
		for i := range d.n {
			grown[i] = d.ring[(d.first+i)%len(d.ring)]
		}
		d.ring, d.first = grown, 0
	}
	d.ring[(d.first+d.n)%len(d.ring)] = e
	d.n++
}

// all is a copy of the entries, in order.
func (d *entryDeque) all() []*entry {
	list := make([]*entry, d.n)
	for i := range list {
		list[i] = d.at(i)
	}
	return list
}

func (d *entryDeque) front() *entry { return d.ring[d.first] }

// at is the entry at index i from the front, which must be there.
func (d *entryDeque) at(i int) *entry { return d.ring[(d.first+i)%len(d.ring)] }

func (d *entryDeque) popFront() *entry {
	e := d.ring[d.first]
	d.ring[d.first] = nil
	d.first = (d.first + 1) % len(d.ring)
	d.n--
	if d.n == 0 && len(d.ring) > 1024 {
		d.ring, d.first = nil, 0 // an idle queue keeps no large ring
	}
	return e
}

// remove takes e out of the middle and reports whether it was there. It costs as much as there are entries.
func (d *entryDeque) remove(e *entry) bool {
	found := false
	for i := range d.n {
		at := (d.first + i) % len(d.ring)
		if found {
			d.ring[(at+len(d.ring)-1)%len(d.ring)] = d.ring[at]
		}
		found = found || d.ring[at] == e
	}
	if found {
		d.n--
		d.ring[(d.first+d.n)%len(d.ring)] = nil
	}
	return found
}

// before reports whether e goes out before other.
func (e *entry) before(other *entry) bool {
	switch {
	case e.rank != other.rank:
		return e.rank > other.rank
	case e.pos != other.pos:
		return e.pos < other.pos
	case e.due != other.due:
		return e.due < other.due
	}
	return e.seq < other.seq
}

// entryHeap orders entries as they go out.
type entryHeap []*entry

func (h *entryHeap) len() int          { return len(*h) }
func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return h[i].before(h[j]) }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entryHeap) Push(x any)        { *h = append(*h, x.(*entry)) }
func (h *entryHeap) Pop() any          { return pop((*[]*entry)(h)) }
func (h *entryHeap) push(e *entry)     { heap.Push(h, e) }
func (h *entryHeap) popFront() *entry  { return heap.Pop(h).(*entry) }
func (h entryHeap) front() *entry      { return h[0] }

// reloadFirst has the messages of some of the first entries read again.
func (h entryHeap) reloadFirst(reload func(*entry)) {
	for _, e := range h[:min(len(h), reloadAtOnce)] {
		reload(e)
	}
}

// deadlineHeap orders leased entries by deadline.
type deadlineHeap []*entry

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].deadline.Before(h[j].deadline) }
func (h deadlineHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapAt, h[j].heapAt = int32(i), int32(j)
}

func (h *deadlineHeap) Push(x any) {
	e := x.(*entry)
	e.heapAt = int32(len(*h))
	*h = append(*h, e)
}
func (h *deadlineHeap) Pop() any { return pop((*[]*entry)(h)) }

func pop(s *[]*entry) *entry {
	last := len(*s) - 1
	e := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	return e
}
