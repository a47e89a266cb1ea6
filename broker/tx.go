package broker

import (
	"context"
	"sync"
)

const (
	// maxPartBytes bounds the messages that a transaction stores in one entry, if they are more than one: an entry is
	// read as a whole.
	maxPartBytes = 1 << 20
	// maxTransactionBytes bounds the messages of one transaction: it must fit into one entry of the journal.
	maxTransactionBytes = LargestMessageSize
	// maxTransactionParts bounds how many entries a transaction may take.
	maxTransactionParts = 1 << 12
)

// Tx gathers publications and settlements that take effect together or not at all. It belongs to one session and is
// not safe for concurrent use.
type Tx struct {
	s      *Session
	routes []route
	leases []txLease
	bytes  int
	count  []txPublication
}

// txPublication is what one publication will count as.
type txPublication struct {
	from   *exchange
	routes int
}

type txLease struct {
	lease   Lease
	outcome Outcome
}

// Begin starts a transaction. Nothing is held for it until Commit.
func (s *Session) Begin() *Tx { return &Tx{s: s} }

// Publish routes a message now, to be appended on Commit, and tells how many queues it reaches. Errors are those of
// [Session.Publish], and KindTooLarge when the transaction grows over its bound (30 MiB).
func (t *Tx) Publish(m *Message, extraKeys ...string) (int, error) {
	routes, err := t.s.route(m, extraKeys)
	if err != nil {
		return 0, err
	}
	if t.bytes += m.Size() * len(routes); t.bytes > maxTransactionBytes {
		return 0, &Error{
			Kind: KindTooLarge, Type: ResourceMessage, Namespace: t.s.ns.name,
			Detail: &Limit{Name: "transaction size", Max: maxTransactionBytes, Got: int64(t.bytes)},
		}
	}
	t.s.tracePublished(m, extraKeys, routes)
	t.count = append(t.count, txPublication{t.s.from, len(routes)})
	t.routes = append(t.routes, routes...)
	return len(routes), nil
}

// Settle adds settlements, to be done on Commit. The leases stay held until then.
func (t *Tx) Settle(outcome Outcome, leases ...Lease) {
	for _, l := range leases {
		t.leases = append(t.leases, txLease{l, outcome})
	}
}

// Rollback forgets what was gathered; the leases are still held.
func (t *Tx) Rollback() { t.routes, t.leases, t.bytes, t.count = nil, nil, 0, nil }

// Commit makes what was gathered take effect. done is told when all of it is applied and synced; what the session
// does after that sees it. Messages become visible when they are stored, like any. With KindStaleLease, if one of the
// leases does not hold, or KindFull, if a queue refuses a message, nothing happened and done is not told. The
// transaction is empty afterwards and can be used again. Messages that are to wait at a Delaying exchange are stored
// beside it: a crash in the middle of a commit can keep them alone.
func (t *Tx) Commit(done Completion) error {
	c := &commit{b: t.s.b, by: t.s, done: done, parts: make(map[*Queue]*part)}
	var waiting []route
	for _, r := range t.routes {
		if r.line != nil {
			waiting = append(waiting, r)
			continue
		}
		p := c.partOf(r.queue)
		p.messages = append(p.messages, r.message)
	}
	for _, p := range c.order {
		if err := p.queue.hasRoomFor(p.messages); err != nil {
			return err
		}
	}
	for i := range t.leases {
		if !t.leases[i].lease.holds() {
			return &Error{Kind: KindStaleLease, Type: ResourceMessage, Namespace: t.s.ns.name}
		}
	}
	for i := range t.leases {
		c.takeOver(&t.leases[i])
	}
	routes := t.routes
	for _, p := range t.count {
		t.s.from = p.from
		t.s.notePublished(routes[:p.routes], false)
		routes = routes[p.routes:]
	}
	t.Rollback()
	if len(waiting) > 0 { // the transaction ends when they are stored too
		both := &countdown{done: done}
		both.left.Store(2)
		c.done = both
		t.s.b.append(waiting, both)
	}
	c.run()
	return nil
}

// holds reports whether the lease can still be settled.
func (l Lease) holds() bool {
	if l.queue.stream != nil {
		return true
	}
	l.queue.mu.Lock()
	defer l.queue.mu.Unlock()
	return l.entry.leased && l.entry.turn == l.turn
}

// commit is a transaction that is being applied.
type commit struct {
	b     *Broker
	by    *Session // nil when it is taken up from the journal
	done  Completion
	parts map[*Queue]*part
	order []*part

	mu    sync.Mutex
	left  int
	err   error
	entry uint64 // in the journal; 0 when it needs none
	dead  []deadInTx

	departures []departure // of delayed messages that it moves
	started    bool        // it has begun to take effect
}

// deadInTx is a message that the transaction rejects, and that is to be dead-lettered when it has been committed.
type deadInTx struct {
	queue *Queue
	entry *entry
}

// bury hands what was rejected to the queues, to be dead-lettered.
func (c *commit) bury() {
	for _, d := range c.dead {
		d.queue.mu.Lock()
		if !d.queue.gone {
			d.queue.retire(d.entry, DiedOfRejection, nil)
		}
		d.queue.mu.Unlock()
	}
}

// part is what a transaction does to one queue.
type part struct {
	commit   *commit
	queue    *Queue
	id       uint64 // of a part that the journal holds; else 0
	messages []*Message
	acked    []*entry   // settled by it; in no lease and not ready meanwhile
	returned []*entry   // put back by it; likewise
	seqs     []uint64   // what a recovered part settles
	admitted []*Message // those of messages that count as coming to the queue
}

func (c *commit) partOf(q *Queue) *part {
	p := c.parts[q]
	if p == nil {
		p = &part{commit: c, queue: q}
		c.parts[q] = p
		c.order = append(c.order, p)
	}
	return p
}

// takeOver ends a lease in favour of the transaction: nobody else can settle it or take it back from here on. One
// that was settled earlier in the same transaction is passed over.
func (c *commit) takeOver(l *txLease) {
	var wake wakeList
	q := l.lease.queue
	if q.stream != nil {
		q.settleStream(l.outcome, []Lease{l.lease})
		return
	}
	q.mu.Lock()
	if e := l.lease.entry; e.leased && e.turn == l.lease.turn {
		wake.release(q.unlease(e))
		switch {
		case q.gone:
		case l.outcome == Requeue || l.outcome == Release:
			p := c.partOf(q)
			if l.outcome == Requeue {
				e.count++
			}
			p.returned = append(p.returned, e)
		case l.outcome == Reject && q.fate() != GoneForGood:
			c.dead = append(c.dead, deadInTx{q, e})
		default:
			p := c.partOf(q)
			p.acked = append(p.acked, e)
			if l.outcome == Ack {
				q.noteAck(c.by, 1)
			} else {
				q.noteDeath(DiedOfRejection)
			}
		}
		e.setLimbo(true)
	}
	q.mu.Unlock()
	wake.wake(nil)
}

// run applies the parts: at once where one append does it, through the journal where that takes several.
func (c *commit) run() {
	c.left = 1
	var direct, journaled []*part
	for _, p := range c.order {
		switch {
		case p.queue.log == nil && !p.queue.spec.stored(), len(p.messages) == 0 && len(p.acked) == 0:
			direct = append(direct, p)
		default:
			journaled = append(journaled, p.pieces()...)
		}
	}
	appends := len(journaled)
	if appends == 1 && len(c.departures) == 0 && c.by.journaled.Load() == 0 { // else it would overtake one before it
		direct, journaled = append(direct, journaled...), nil
	}
	if appends > maxTransactionParts {
		c.finish(&Error{Kind: KindLimit, Type: ResourceQueue, Detail: &Limit{
			Name: "parts of a transaction", Max: maxTransactionParts, Got: int64(appends),
		}})
		return
	}
	c.left += len(direct) + len(journaled) + len(c.departures)
	if len(journaled) == 0 {
		c.start(direct)
		return
	}
	c.by.journaled.Add(1)
	c.b.journal.write(c, direct, journaled)
}

// pieces cuts a part that does not fit into one entry.
func (p *part) pieces() []*part {
	all := []*part{p}
	for last := p; ; {
		n, size := 0, 0
		for n < len(last.messages) && n < MaxTogether && (n == 0 || size+last.messages[n].Size() <= maxPartBytes) {
			size += last.messages[n].Size()
			n++
		}
		if n == len(last.messages) {
			return all
		}
		rest := &part{commit: p.commit, queue: p.queue, messages: last.messages[n:]}
		last.messages = last.messages[:n:n]
		all = append(all, rest)
		last = rest
	}
}

// start hands the parts to their queues, and notes what has left the segments of delayed messages.
func (c *commit) start(parts []*part) {
	c.started = true
	for _, p := range parts {
		p.queue.startPart(p)
	}
	for _, d := range c.departures {
		d.log.Append(appendDeparted(nil, d.seqs), departed{c})
	}
	c.finish(nil)
}

// finish counts a part as applied; after the last one, a sync ends the transaction.
func (c *commit) finish(err error) {
	c.mu.Lock()
	if err != nil && c.err == nil {
		c.err = err
	}
	c.left--
	left, err := c.left, c.err
	c.mu.Unlock()
	switch {
	case left > 0:
	case err != nil:
		c.done.Done(err)
	default:
		c.b.store.Sync(CompletionFunc(func(err error) {
			if err == nil && c.entry != 0 {
				c.b.journal.finished(c.entry)
			}
			if err == nil && len(c.dead) > 0 {
				go c.bury()
			}
			c.done.Done(err)
		}))
	}
}

// startPart applies a part to the queue: now, if it is in memory, else in its turn with the next state.
func (q *Queue) startPart(p *part) {
	if !q.opened.Load() {
		if err := q.open(context.Background()); err != nil {
			p.commit.finish(q.unlessGone(err))
			return
		}
	}
	var again []*publication
	q.mu.Lock()
	for _, e := range p.returned {
		e.setLimbo(false)
		q.comeBack(e)
	}
	switch {
	case q.deleted, len(p.messages) == 0 && len(p.acked) == 0:
		defer p.commit.finish(nil)
	case q.log == nil:
		for _, e := range p.acked {
			q.forget(e)
		}
		p.arrive(q)
		for _, m := range q.firstOfTheirNames(p.messages) {
			q.last = q.next
			again = append(again, q.noted(q.next, m, nil)...)
			q.take(q.next, m, 0)
		}
		defer p.commit.finish(nil)
	default:
		q.rec.parts = append(q.rec.parts, p)
		q.record()
	}
	q.touch()
	q.dispatch()
	q.mu.Unlock()
	tellAll(again, nil)
}

// applyPart appends the next part's messages together with a state that has its settlements. The caller holds q.mu.
func (q *Queue) applyPart() {
	r := &q.rec
	p := r.parts[0]
	r.parts = r.parts[1:]
	for _, e := range p.acked {
		q.forget(e)
	}
	if p.id != 0 && fault != faultDeduplication {
		r.applied = append(r.applied, p.id)
	}
	p.messages = q.firstOfTheirNames(p.messages)
	w := &stateWrite{queue: q, part: p}
	together := StateEntry{State: q.buildState(w, nil), Messages: make([][]byte, len(p.messages))}
	for i, m := range p.messages {
		together.Messages[i] = m.raw
	}
	q.log.WriteState(together, w)
}

// arrive ends the way of the part's messages into the queue. The caller holds the queue's mu.
func (p *part) arrive(q *Queue) {
	for _, m := range p.admitted {
		q.limiter.admitted(m)
	}
	p.admitted = nil
}

// stored is told where the part's messages went. The caller holds the queue's mu.
func (p *part) stored(q *Queue, first uint64, err error) {
	var again []*publication
	p.arrive(q)
	if q.deleted {
		err = nil
	}
	for i, m := range p.messages {
		seq := first + uint64(i)
		again = append(again, q.noted(seq, m, err)...)
		if err == nil {
			q.arrivedLocked(seq, m)
		}
	}
	go func() { // not under the queue's lock
		p.commit.finish(err)
		tellAll(again, err)
	}()
}
