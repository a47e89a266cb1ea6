package broker

import (
	"container/heap"
	"time"
)

// keptUntilDue is how soon a message must be due to be kept in memory until then.
const keptUntilDue = 10 * time.Second

// dueAt is when a message may be handed out, in microseconds since 1970: as its publisher or the queue says; 0 for at
// once.
func (q *Queue) dueAt(m *Message) int64 {
	if at, ok := m.Due(); ok {
		return at.UnixMicro()
	}
	if l := q.limiter.limits; l != nil && l.Delay > 0 {
		return m.Published().Add(l.Delay).UnixMicro()
	}
	return 0
}

// delay keeps an entry aside until it is due, if it is not, and reports whether it does.
func (q *Queue) delay(e *entry) bool {
	e.due = q.dueAt(e.msg)
	if e.due == 0 {
		return false
	}
	now := time.Now().UnixMicro()
	if e.due <= now {
		return false
	}
	q.hold(e, 1)
	if e.due-now > keptUntilDue.Microseconds() || q.crowded() {
		q.drop(e)
	}
	e.delayed = true
	q.delayed++
	heap.Push(&q.delays, e)
	if q.delays[0] == e {
		q.armDelays()
	}
	return true
}

// armDelays makes the timer fire when the first delayed entry is due.
func (q *Queue) armDelays() {
	if len(q.delays) == 0 || q.gone {
		return
	}
	wait := time.Until(time.UnixMicro(q.delays[0].due))
	if q.delayTimer == nil {
		q.delayTimer = time.AfterFunc(wait, q.endDelays)
		return
	}
	q.delayTimer.Reset(wait)
}

// endDelays makes ready what is due.
func (q *Queue) endDelays() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return
	}
	now := time.Now().UnixMicro()
	for len(q.delays) > 0 && q.delays[0].due <= now {
		e := heap.Pop(&q.delays).(*entry)
		e.delayAt = -1
		if e.msg == nil {
			q.reload(e)
			continue
		}
		q.arise(e)
	}
	q.dispatch()
	q.armDelays()
}

// arise makes an entry ready that was delayed: in a queue without groups behind what is ready, since this is when it
// comes into the queue.
func (q *Queue) arise(e *entry) {
	q.undelay(e)
	if q.groups == nil {
		e.pos = max(e.pos, q.next-1)
	}
	q.putBack(e)
}

// undelay ends the delay of an entry, which is in no line after that.
func (q *Queue) undelay(e *entry) {
	if e.delayAt >= 0 {
		heap.Remove(&q.delays, int(e.delayAt))
	}
	e.delayed = false
	q.delayed--
	q.hold(e, -1)
}

// delayHeap orders delayed entries by when they are due.
type delayHeap []*entry

func (h delayHeap) Len() int { return len(h) }

func (h delayHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || (h[i].due == h[j].due && h[i].seq < h[j].seq)
}

func (h delayHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].delayAt, h[j].delayAt = int32(i), int32(j)
}

func (h *delayHeap) Push(x any) {
	e := x.(*entry)
	e.delayAt = int32(len(*h))
	*h = append(*h, e)
}

func (h *delayHeap) Pop() any { return pop((*[]*entry)(h)) }
