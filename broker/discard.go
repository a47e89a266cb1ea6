package broker

import "context"

// Discard settles the message that a handle names as if it were acknowledged, whatever became of the lease: it holds
// still, it ran out, or the message was handed out again since, whose lease is stale then. A handle of the run before
// this one does as well. A message that was settled before is no error: done is told when that is recorded durably, as
// [Session.Settle] tells it. KindStaleLease means that nothing can be said about the message by this handle: it is
// from an earlier run, its message was lost in a power cut, it is of another queue, or a transaction has the message.
// For front ends whose clients may settle late (SQS: an old receipt handle deletes).
func (s *Session) Discard(ctx context.Context, queue string, h Handle, done Completion) error {
	q, err := s.lookup(queue)
	if err == nil {
		err = q.open(ctx)
	}
	if err != nil {
		return err
	}
	if q.id != h.QueueID || !q.discard(s, h, done) {
		return &Error{Kind: KindStaleLease, Type: ResourceMessage, Namespace: s.ns.name, Name: queue}
	}
	return nil
}

// handedOut reports whether the handle's sequence still stands for the message that the handle was made for. In this
// run it does once the message was taken. The run before stored everything up to what was found at the start, and
// later messages got later sequences; of runs before that, nothing is known. The caller holds q.mu.
func (q *Queue) handedOut(h Handle) bool {
	switch h.Epoch {
	case q.ns.b.epoch:
		return h.Sequence < q.next
	case q.ns.b.epoch - 1:
		return h.Sequence <= q.found
	}
	return false
}

// discard settles the message of a handle, and reports whether it is settled.
func (q *Queue) discard(s *Session, h Handle, done Completion) bool {
	var wake wakeList
	q.mu.Lock()
	if q.gone || !q.handedOut(h) {
		q.mu.Unlock()
		return false
	}
	e := q.unsettled(h.Sequence)
	switch {
	case e == nil:
		q.skipUnread(h.Sequence) // nothing, if it was settled before
	case e.leased:
		wake.release(q.unlease(e))
		q.forget(e)
		q.noteAck(s, 1)
	case !q.takeBack(e):
		q.mu.Unlock()
		return false
	default:
		q.forget(e)
		q.noteAck(s, 1)
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

// IsSettled reports whether the message that a handle of this run names is settled. It is false when that is not known.
func (s *Session) IsSettled(queue string, h Handle) bool {
	q, err := s.lookup(queue)
	if err != nil || q.id != h.QueueID || q.ns.b.epoch != h.Epoch {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return h.Sequence < q.next && q.unsettled(h.Sequence) == nil
}

// DiscardLeased settles, as if they were acknowledged, the messages that are under leases with a deadline, and tells
// how many those were; it returns when that is recorded durably. [Session.PurgeQueue] leaves them.
func (s *Session) DiscardLeased(ctx context.Context, queue string) (int, error) {
	q, err := s.reach(ctx, AccessRead, queue)
	if err != nil {
		return 0, err
	}
	q.mu.Lock()
	if q.gone {
		q.mu.Unlock()
		return 0, q.notFound()
	}
	n := len(q.timed)
	for _, e := range q.timed {
		q.unlease(e) // only Get gives deadlines: there is no consumer whose credit this frees
		q.forget(e)
	}
	q.touch()
	done := q.recordNow()
	q.mu.Unlock()
	return n, <-done
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

// takeBack removes a ready entry from the window, and reports whether it was there.
func (q *Queue) takeBack(e *entry) bool {
	if !e.waits() {
		return false
	}
	if e.delayed {
		q.undelay(e)
		return true
	}
	if q.chooser != nil {
		e.stamp++ // no offer of it holds any more
		q.addReady(e, -1)
		return true
	}
	if q.groups != nil {
		if !q.groups.remove(e) {
			return false
		}
	} else if !q.line.remove(e) {
		return false
	}
	q.addReady(e, -1)
	return true
}
