package broker

import (
	"sync/atomic"
	"time"
)

// Settle ends leases. done, if not nil, is told when the settlement is recorded durably: for Ack and Reject, nothing
// of it comes back after that, whatever happens; Requeue and Release of it are done at once. A lease that does not
// hold any more is KindStaleLease; the others of the call are settled all the same. done is told in every case but
// that of an error.
func (s *Session) Settle(outcome Outcome, done Completion, leases ...Lease) error {
	var shared *countdown
	if done != nil {
		shared = &countdown{done: done}
		shared.left.Store(1)
	}
	stale := false
	for len(leases) > 0 {
		q := leases[0].queue
		n := 1
		for n < len(leases) && leases[n].queue == q {
			n++
		}
		if q.stream != nil {
			q.settleStream(outcome, leases[:n])
		} else if !q.settle(s, outcome, shared, leases[:n]) {
			stale = true
		}
		leases = leases[n:]
	}
	if stale {
		return &Error{Kind: KindStaleLease, Type: ResourceMessage, Namespace: s.ns.name}
	}
	if shared != nil {
		shared.Done(nil)
	}
	return nil
}

// countdown tells done when it was told itself as often as left says.
type countdown struct {
	done Completion
	left atomic.Int32
	err  atomic.Pointer[error]
}

// one counts one more to wait for; nil for a nil countdown.
func (c *countdown) one() Completion {
	if c == nil {
		return nil
	}
	c.left.Add(1)
	return c
}

// Done counts down; the first error is passed on.
func (c *countdown) Done(err error) {
	if err != nil {
		c.err.CompareAndSwap(nil, &err)
	}
	if c.left.Add(-1) > 0 {
		return
	}
	if p := c.err.Load(); p != nil {
		err = *p
	}
	c.done.Done(err)
}

// settle settles leases of this queue for the session and reports whether all of them held.
func (q *Queue) settle(s *Session, outcome Outcome, done *countdown, leases []Lease) bool {
	var wake wakeList
	allHeld, acked := true, 0
	q.mu.Lock()
	for i := range leases {
		e := leases[i].entry
		if !e.leased || e.turn != leases[i].turn {
			allHeld = false
			continue
		}
		wake.release(q.unlease(e))
		if q.gone {
			continue // its messages went with it, which is no fault of who settles them
		}
		switch outcome {
		case Ack:
			q.forget(e)
			acked++
		case Reject:
			q.retire(e, DiedOfRejection, done.one())
		case Requeue:
			e.count++
			q.comeBack(e)
		case Release:
			q.putBack(e)
		}
	}
	if acked > 0 {
		q.noteAck(s, acked)
	}
	q.touch()
	if done != nil && q.log != nil && !q.gone && outcome == Ack {
		done.left.Add(1)
		q.waitRecorded(done)
	}
	q.dispatch()
	q.mu.Unlock()
	wake.wake(q)
	return allHeld
}

// wakeList collects credits that have room again, to wake their consumers without the queue's lock.
type wakeList []*Credit

func (w *wakeList) release(c *Consumer) {
	if c == nil {
		return
	}
	for _, credit := range c.opts.Credits {
		if credit.release(1) {
			*w = append(*w, credit)
		}
	}
}

func (w wakeList) wake(except *Queue) {
	for _, credit := range w {
		credit.wake(except)
	}
}

// noteLeased notes that an entry that was ready is under a lease.
func (q *Queue) noteLeased(e *entry) {
	e.leased = true
	e.changed()
	q.leased++
	q.leasedBytes += int64(e.body)
	if e.group != nil {
		q.groups.lock(e)
	}
}

// unlease ends an entry's lease and returns the consumer that had it, whose credit the caller releases.
func (q *Queue) unlease(e *entry) *Consumer {
	c := e.consumer
	e.leased, e.consumer, e.session = false, nil, nil
	e.changed() // and what becomes of it now, before the lock is given away
	q.leased--
	q.leasedBytes -= int64(e.body)
	if e.group != nil {
		q.groups.unlock(e)
	}
	q.clearDeadline(e)
	return c
}

// forget removes a settled entry, which is in no lease and not in the window.
func (q *Queue) forget(e *entry) {
	q.unlist(e)
	e.settled = true
}

// unlist undoes adopt.
func (q *Queue) unlist(e *entry) {
	if e.place != 0 {
		q.copied.remove(e)
	} else {
		q.live.remove(e)
	}
	q.liveBytes -= int64(e.size)
	if e.bounded {
		q.limiter.expiring--
	}
}

// releaseSession puts back what the session has under leases that last as long as it does.
func (q *Queue) releaseSession(s *Session) {
	var wake wakeList
	q.mu.Lock()
	for _, list := range []*entryList{&q.copied, &q.live} {
		for e := list.head; e != nil; e = e.next {
			if e.leased && (e.session == s || (e.consumer != nil && e.consumer.session == s)) {
				c := e.consumer
				q.endLease(e)
				wake.release(c)
			}
		}
	}
	q.dispatch()
	q.mu.Unlock()
	wake.wake(q)
}

// Extend gives leases that have a deadline another one, counted from now; 0 ends them at once, and the messages are
// ready again. KindStaleLease for one that does not hold.
func (s *Session) Extend(lease time.Duration, leases ...Lease) error {
	for _, l := range leases {
		if !l.queue.extend(l, lease) {
			return &Error{Kind: KindStaleLease, Type: ResourceMessage, Namespace: s.ns.name}
		}
	}
	return nil
}

func (q *Queue) extend(l Lease, lease time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	e := l.entry
	if !e.leased || e.turn != l.turn || q.gone {
		return false
	}
	if lease <= 0 {
		q.endLease(e)
		q.dispatch()
		return true
	}
	q.setDeadline(e, time.Now().Add(lease))
	return true
}

// CurrentLease returns the lease with a deadline that the message of a handle is under now, whoever has it, and the zero
// Lease when the message is there and under none. KindStaleLease when it is settled, or the handle is from before a
// restart. For front ends whose clients name a message by an old handle (SQS: ChangeMessageVisibility).
func (s *Session) CurrentLease(queue string, h Handle) (Lease, error) {
	q, err := s.lookup(queue)
	if err != nil {
		return Lease{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if e := q.timed[h.Sequence]; e != nil && q.id == h.QueueID && q.ns.b.epoch == h.Epoch {
		return Lease{queue: q, entry: e, turn: e.turn}, nil
	}
	if q.id != h.QueueID || q.ns.b.epoch != h.Epoch || h.Sequence >= q.next || q.unsettled(h.Sequence) == nil {
		return Lease{}, &Error{Kind: KindStaleLease, Type: ResourceMessage, Namespace: s.ns.name, Name: queue}
	}
	return Lease{}, nil
}

// FindLease returns the lease that a handle names on the queue, KindStaleLease when it does not hold any more: the
// message was settled or handed out again since, or the handle is from before a restart. Only leases with a deadline
// can be found.
func (s *Session) FindLease(queue string, h Handle) (Lease, error) {
	q, err := s.lookup(queue)
	if err != nil {
		return Lease{}, err
	}
	stale := &Error{Kind: KindStaleLease, Type: ResourceMessage, Namespace: s.ns.name, Name: queue}
	if q.id != h.QueueID || q.ns.b.epoch != h.Epoch {
		return Lease{}, stale
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	e := q.timed[h.Sequence]
	if e == nil || e.turn != h.Turn {
		return Lease{}, stale
	}
	return Lease{queue: q, entry: e, turn: h.Turn}, nil
}
