package broker

import (
	"context"
	"slices"
	"time"
)

// Consumer is a standing request for a queue's messages. It is safe for concurrent use.
type Consumer struct {
	session *Session
	queue   *Queue
	recv    Receiver
	opts    ConsumeOptions
	flow    *Traffic // counts for the front end

	// Under queue.mu:
	paused  bool
	stopped bool
	waiting bool // another one is served alone

	// Of a queue that has a chooser:
	selection *selection
	own       offers // of the groups that are kept for it

	reader *streamReader // of a consumer of a stream
}

// Queue is the queue it consumes from.
func (c *Consumer) Queue() *Queue { return c.queue }

// Options is what it was made with.
func (c *Consumer) Options() ConsumeOptions { return c.opts }

// Consume adds a consumer to a queue. It begins paused, so that an answer to the client can go first: deliveries come
// from the first [Consumer.Resume] on. KindNotFound, KindDenied (read), KindLocked for
// another session's queue, KindExclusiveUse when it has an exclusive consumer or the new one asks to be that.
func (s *Session) Consume(ctx context.Context, queue string, recv Receiver, opts ConsumeOptions) (*Consumer, error) {
	q, err := s.reach(ctx, AccessRead, queue)
	if err != nil {
		return nil, err
	}
	c := &Consumer{
		session: s, queue: q, recv: recv, opts: opts, paused: true,
		flow: q.ns.flows.find(flowKey{s.frontEnd, q.kind()}),
	}
	if q.stream != nil {
		c.reader = newStreamReader(c)
		if c.reader.offset, err = q.begin(ctx, opts.Start); err != nil {
			return nil, err
		}
	}
	q.mu.Lock()
	switch {
	case q.gone:
		err = q.notFound()
	case opts.choosy() && q.groups != nil, opts.KeepGroups && q.stream != nil:
		err = &Error{Kind: KindUnsupported, Type: ResourceQueue, Namespace: s.ns.name, Name: queue}
	case opts.Exclusive && q.spec.SingleActive, len(q.consumers) > 0 && (opts.Exclusive || q.consumers[0].opts.Exclusive):
		err = &Error{Kind: KindExclusiveUse, Type: ResourceQueue, Namespace: s.ns.name, Name: queue}
	default:
		q.consumers = append(q.consumers, c)
		q.noteUse()
		q.consumed = true
		q.notePriorities()
		q.noteChoice(c)
		q.chooseActive()
		if c.reader != nil {
			q.stream.readersChanged(q)
			go c.reader.run()
		}
	}
	q.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !s.addConsumer(c) {
		c.stop()
		return nil, ErrClosed
	}
	for _, credit := range opts.Credits {
		credit.add(c)
	}
	return c, nil
}

func (s *Session) addConsumer(c *Consumer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.consumers == nil {
		s.consumers = make(map[*Consumer]struct{})
	}
	s.consumers[c] = struct{}{}
	return true
}

// Resume lets a consumer go on: a new one begins paused, and one whose receiver refused a delivery pauses.
func (c *Consumer) Resume() {
	if c.reader != nil {
		c.reader.resume()
		return
	}
	c.queue.mu.Lock()
	c.paused = false
	c.queue.dispatch()
	c.queue.mu.Unlock()
}

// Cancel ends the consumer; Cancelled is not called. What it has under lease stays leased, for the session to settle.
// A queue that auto-deletes goes with its last consumer. It is idempotent.
func (c *Consumer) Cancel() {
	c.session.mu.Lock()
	_, mine := c.session.consumers[c]
	delete(c.session.consumers, c)
	c.session.mu.Unlock()
	if !mine {
		return
	}
	_ = c.session.noteLeases(c.queue) // what it leaves under lease goes back when the session closes
	c.stop()
	c.queue.consumerGone()
}

// stop takes the consumer out of its queue.
func (c *Consumer) stop() {
	q := c.queue
	q.mu.Lock()
	if !c.stopped {
		c.stopped = true
		q.noteUse()
		if i := slices.Index(q.consumers, c); i >= 0 {
			q.consumers = slices.Delete(q.consumers, i, i+1)
		}
		q.notePriorities()
		q.noteChoice(c)
		q.chooseActive()
		if len(q.consumers) == 0 {
			q.lowerMark()
		}
		if q.stream != nil {
			q.stream.readersChanged(q)
		}
	}
	q.mu.Unlock()
	if c.reader != nil {
		c.reader.stop()
	}
	for _, credit := range c.opts.Credits {
		credit.remove(c)
	}
}

// consumerGone deletes the queue if it was to go with its last consumer.
func (q *Queue) consumerGone() {
	if !q.spec.AutoDelete {
		return
	}
	q.mu.Lock()
	unused := q.consumed && len(q.consumers) == 0 && !q.gone
	q.mu.Unlock()
	if unused {
		_ = q.ns.deleteQueueIf(q, func() bool { return len(q.consumers) == 0 })
	}
}

func (q *Queue) notePriorities() {
	q.priorities = false
	for _, c := range q.consumers {
		q.priorities = q.priorities || c.opts.Priority != q.consumers[0].opts.Priority
	}
}

// chooseActive chooses the consumer that is served alone: in a queue that has such a one, or when there are consumers that
// ask for it. It stays until it goes, and then the first of those with the highest priority follows; among consumers
// that ask for it, one of a higher priority follows at once.
func (q *Queue) chooseActive() {
	sole := slices.ContainsFunc(q.consumers, func(c *Consumer) bool { return c.opts.Sole })
	before := q.active
	switch {
	case !q.spec.SingleActive && !sole:
		q.active = nil
	case q.active == nil, q.active.stopped, sole && !q.spec.SingleActive:
		if q.active != nil && (q.active.stopped || sole && !q.active.opts.Sole) {
			q.active = nil
		}
		for _, c := range q.consumers {
			if (c.opts.Sole || !sole) && (q.active == nil || c.opts.Priority > q.active.opts.Priority) {
				q.active = c
			}
		}
	}
	for _, c := range q.consumers {
		c.waiting = q.active != nil && c != q.active
	}
	if q.active != before {
		q.dispatch()
	}
}

// Active reports whether the consumer is served: always, unless another one is served alone.
func (c *Consumer) Active() bool {
	c.queue.mu.Lock()
	defer c.queue.mu.Unlock()
	return !c.waiting && !c.stopped
}

// hasRoom reports whether the consumer can take a delivery.
func (c *Consumer) hasRoom() bool {
	if c.paused || c.waiting {
		return false
	}
	for _, credit := range c.opts.Credits {
		if !credit.hasRoom() {
			return false
		}
	}
	return true
}

// room is how many deliveries the consumers can take now, at most a window full.
func (q *Queue) room() int {
	sum := 0
	for _, c := range q.consumers {
		if c.paused || c.waiting {
			continue
		}
		room := windowMessages
		for _, credit := range c.opts.Credits {
			room = min(room, credit.room())
		}
		sum += room
	}
	return min(sum, windowMessages)
}

// take claims a delivery from all credits, or none.
func (c *Consumer) take() bool {
	for i, credit := range c.opts.Credits {
		if !credit.take() {
			for _, taken := range c.opts.Credits[:i] {
				taken.release(1)
			}
			return false
		}
	}
	return true
}

// nextConsumer chooses who gets the next message and claims its credit: the highest priority that has room, in turn
// among equals.
func (q *Queue) nextConsumer() *Consumer {
	n := len(q.consumers)
	for {
		best := -1
		for k := range n {
			i := (q.turn + k) % n
			c := q.consumers[i]
			if !c.hasRoom() || (best >= 0 && c.opts.Priority <= q.consumers[best].opts.Priority) {
				continue
			}
			best = i
			if !q.priorities {
				break
			}
		}
		if best < 0 {
			return nil
		}
		c := q.consumers[best]
		if c.take() { // a credit shared with another queue's consumer may have gone meanwhile
			q.turn = best + 1
			return c
		}
	}
}

// dispatch hands out ready messages while there are consumers with room, and reads more when the window runs empty.
// The caller holds q.mu.
func (q *Queue) dispatch() {
	if q.gone {
		return
	}
	if q.stream != nil {
		q.stream.look(q)
		return
	}
	if q.chooser != nil && !q.incomplete() {
		q.chooser.dispatch()
	}
	stalled := q.chooser != nil && q.anyReady() && len(q.consumers) > 0 && q.room() == 0
	for q.chooser == nil && q.anyReady() && len(q.consumers) > 0 && !q.incomplete() {
		if q.tooOld() {
			q.retire(q.popReady(), DiedOfAge, nil)
			continue
		}
		if e := q.peekReady(); !q.covered(e) {
			if n := q.room(); n > 0 {
				q.wantMark(e.seq, n)
			}
			break
		}
		c := q.nextConsumer()
		if c == nil {
			stalled = true
			break
		}
		q.handOut(q.popReady(), c)
	}
	q.stall.note(stalled)
	q.markAhead()
	if !q.mark.pending { // what may be too much is about to be handed out
		q.keepLimits()
	}
	if q.anyReady() && !q.incomplete() {
		q.wakeGetters()
	}
	q.fill()
}

func (q *Queue) handOut(e *entry, c *Consumer) {
	e.turn++
	q.noteOut(e)
	d := Delivery{
		Message: e.msg, Redelivered: q.redelivered(e), Count: e.count, First: e.first, Sequence: e.seq, OpensGroup: e.opens,
	}
	if !c.opts.AutoAck {
		d.Lease = Lease{queue: q, entry: e, turn: e.turn}
		q.noteLeased(e)
		e.consumer = c
		if l := q.limiter.limits; l != nil && l.ConsumerTimeout > 0 {
			q.setDeadline(e, time.Now().Add(l.ConsumerTimeout))
		}
	}
	if !c.recv.Deliver(c, d) {
		if e.leased {
			q.unlease(e)
		}
		c.paused = true
		for _, credit := range c.opts.Credits {
			credit.release(1)
		}
		q.putBack(e)
		return
	}
	c.noteOutcome(d.Redelivered)
	q.traceDelivered(c.session, c.opts.Lane, d.Message, d.Redelivered)
	if c.opts.AutoAck {
		q.forget(e)
		for _, credit := range c.opts.Credits {
			credit.release(1)
		}
	}
	q.touch()
}
