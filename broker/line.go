package broker

import (
	"container/heap"
	"slices"
)

// line is a number of entries in the order in which they go out: those that were never handed out, in order of
// sequence, and those that came back or have a priority, in a heap.
type line struct {
	fresh    entryDeque
	returned entryHeap
}

func (l *line) len() int { return l.fresh.len() + l.returned.len() }

// front is the first entry; the line must not be empty.
func (l *line) front() *entry {
	if l.returned.len() > 0 && (l.fresh.len() == 0 || l.returned.front().pos < l.fresh.front().pos) {
		return l.returned.front()
	}
	return l.fresh.front()
}

// popFront takes the first entry; the line must not be empty.
func (l *line) popFront() *entry {
	if l.returned.len() > 0 && (l.fresh.len() == 0 || l.returned.front().pos < l.fresh.front().pos) {
		return l.returned.popFront()
	}
	return l.fresh.popFront()
}

// remove takes e out and reports whether it was there. It costs as much as there are entries, unless e is the first.
func (l *line) remove(e *entry) bool {
	if l.fresh.len() > 0 && l.fresh.front() == e {
		l.fresh.popFront()
		return true
	}
	if at := slices.Index(l.returned, e); at >= 0 {
		heap.Remove(&l.returned, at)
		return true
	}
	return l.fresh.remove(e)
}
