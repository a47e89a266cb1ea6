package broker

import (
	"container/heap"
	"time"
)

// setDeadline gives a leased entry a deadline, or another one.
func (q *Queue) setDeadline(e *entry, at time.Time) {
	if e.deadline.IsZero() {
		e.deadline = at
		heap.Push(&q.deadlines, e)
		if q.timed == nil {
			q.timed = make(map[uint64]*entry)
		}
		q.timed[e.seq] = e
	} else {
		e.deadline = at
		heap.Fix(&q.deadlines, int(e.heapAt))
	}
	q.armTimer()
}

func (q *Queue) clearDeadline(e *entry) {
	if e.deadline.IsZero() {
		return
	}
	heap.Remove(&q.deadlines, int(e.heapAt))
	delete(q.timed, e.seq)
	e.deadline = time.Time{}
}

// armTimer makes the timer fire at the first deadline.
func (q *Queue) armTimer() {
	if len(q.deadlines) == 0 || q.gone {
		return
	}
	first := q.deadlines[0].deadline
	if q.timer != nil && q.timerAt.Equal(first) {
		return
	}
	q.timerAt = first
	wait := time.Until(first)
	if q.timer == nil {
		q.timer = time.AfterFunc(wait, q.expireLeases)
		return
	}
	q.timer.Reset(wait)
}

// expireLeases puts back what was leased until now.
func (q *Queue) expireLeases() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.timerAt = time.Time{}
	now := time.Now()
	for len(q.deadlines) > 0 && !q.deadlines[0].deadline.After(now) {
		e := q.deadlines[0]
		if e.consumer != nil {
			q.clearDeadline(e)
			q.overdue(e.consumer)
			continue
		}
		q.endLease(e) // which removes it from the heap
	}
	q.dispatch()
	q.armTimer()
}

// overdue tells a consumer that it has kept a delivery for too long. The caller holds q.mu.
func (q *Queue) overdue(c *Consumer) {
	r, ok := c.recv.(OverdueReceiver)
	if l := q.limiter.limits; ok && l != nil && l.ConsumerTimeout > 0 {
		go r.Overdue(c, l.ConsumerTimeout) // not under the queue's lock
	}
}

// endLease puts an entry whose lease ran out, or whose session ended, back to its position.
func (q *Queue) endLease(e *entry) {
	q.unlease(e)
	e.count++
	q.comeBack(e)
	q.touch()
}
