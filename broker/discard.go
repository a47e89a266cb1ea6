package broker

import "container/heap"

// Discard settles the message that a handle names as if it were acknowledged, whatever became of the lease: it holds
// still, it ran out, or the message was handed out again since, whose lease is stale then. A message that was settled
// before is no error: done is told when that is recorded durably, as [Session.Settle] tells it. KindStaleLease means
// that nothing can be said about the message by this handle: it is from before a restart, of another queue, or a
// transaction has the message. For front ends whose clients may settle late (SQS: an old receipt handle deletes).
func (s *Session) Discard(queue string, h Handle, done Completion) error {
	q, err := s.lookup(queue)
	if err != nil {
		return err
	}
	if q.id != h.QueueID || q.epoch != h.Epoch || !q.discard(h.Sequence, done) {
		return &Error{Kind: KindStaleLease, Type: ResourceMessage, Namespace: s.ns.name, Name: queue}
	}
	return nil
}

// discard settles a message that was handed out in this run, and reports whether it is settled.
func (q *Queue) discard(seq uint64, done Completion) bool {
	var wake wakeList
	q.mu.Lock()
	if q.gone || seq >= q.next {
		q.mu.Unlock()
		return false
	}
	e := q.unsettled(seq)
	switch {
	case e == nil:
	case e.leased:
		wake.release(q.unlease(e))
		q.forget(e)
	case !q.takeBack(e):
		q.mu.Unlock()
		return false
	default:
		q.forget(e)
	}
	q.touch()
	switch {
	case done == nil:
	case q.log != nil:
		q.waitRecorded(done)
	default:
		defer done.Done(nil)
	}
	q.dispatch()
	q.mu.Unlock()
	wake.wake(q)
	return true
}

// unsettled finds the entry of a message that was taken and is not settled. Leases with a deadline are found at once;
// the search for others costs as much as there are unsettled entries, and only late settlements need it.
func (q *Queue) unsettled(seq uint64) *entry {
	if e := q.timed[seq]; e != nil {
		return e
	}
	for e := q.live.head; e != nil && e.seq <= seq; e = e.next {
		if e.seq == seq {
			return e
		}
	}
	for e := q.copied.head; e != nil; e = e.next {
		if e.seq == seq {
			return e
		}
	}
	return nil
}

// takeBack removes an entry that came back from the window, and reports whether it was there.
func (q *Queue) takeBack(e *entry) bool {
	for i := range q.returned {
		if q.returned[i] == e {
			heap.Remove(&q.returned, i)
			q.addWindow(-int64(e.msg.Size()))
			return true
		}
	}
	return false
}
