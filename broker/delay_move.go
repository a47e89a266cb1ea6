package broker

import (
	"container/heap"
	"context"
	"time"
)

const (
	delayBatch      = 1000    // messages that are moved together
	delayBatchBytes = 1 << 20 // and their bytes, if they are more than one
)

// takeDue takes what is due out of the index, as much as is moved together. The caller holds l.mu.
func (l *delayLine) takeDue() []*delayed {
	var batch []*delayed
	bytes := int64(0)
	for now := time.Now().UnixMicro(); len(l.due) > 0 && l.due[0].at <= now && len(batch) < delayBatch; {
		if bytes += l.due[0].size; len(batch) > 0 && bytes > delayBatchBytes {
			break
		}
		d := heap.Pop(&l.due).(*delayed)
		if d.seg != nil && d.held != nil {
			l.held -= d.held.size()
		}
		batch = append(batch, d)
	}
	return batch
}

// departure names messages that leave a segment.
type departure struct {
	segment string
	log     RecordLog
	seqs    []uint64
}

// moving gathers messages into transactions.
type moving struct {
	line  *delayLine
	c     *commit
	moved []*delayed // by it
	last  *Message   // that was added
	bytes int        // of different messages
	again []*delayed // to be moved later
}

// move routes messages and takes them from their segments into their queues, in one transaction: a restart finds each
// in the one or in the others. Only a message that is more than a transaction can hold takes several, of which a kill
// in between repeats the first.
func (l *delayLine) move(batch []*delayed) {
	m := &moving{line: l, c: l.newCommit()}
	for _, d := range batch {
		routes, err := l.routes(d)
		if err == nil {
			err = openAll(routes)
		}
		if err != nil {
			l.logError("moving a delayed message", err)
			m.again = append(m.again, d)
			continue
		}
		if m.addAll(routes) {
			m.moved = append(m.moved, d)
		} else {
			m.again = append(m.again, d)
		}
	}
	m.carryOut()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range m.again {
		d.at = time.Now().Add(delayRetry).UnixMicro()
		l.add(d)
	}
}

// addAll adds a message to the parts of its queues, and reports whether nothing of it has failed already.
func (m *moving) addAll(routes []route) bool {
	for i := range routes {
		r := &routes[i]
		if len(m.c.order) >= maxTransactionParts/2 || (m.bytes > 0 && m.bytes+r.message.Size() > maxTransactionBytes) {
			if !m.carryOut() {
				return false
			}
		}
		if r.message != m.last {
			m.last = r.message
			m.bytes += r.message.Size()
		}
		m.c.addRoute(r)
	}
	return true
}

// carryOut carries out what was gathered, and reports whether that worked.
func (m *moving) carryOut() bool {
	failed, ok := m.line.carryOut(m.c, m.moved)
	m.again = append(m.again, failed...)
	m.c, m.moved, m.last, m.bytes = m.line.newCommit(), nil, nil, 0
	return ok
}

func (l *delayLine) newCommit() *commit {
	return &commit{b: l.ns.b, by: l.session, parts: make(map[*Queue]*part)}
}

func (l *delayLine) logError(what string, err error) {
	l.ns.b.log.Error(what, "ns", l.ns.name, "exchange", l.exchange, "err", err)
}

// openAll opens the queues of routes, so that nothing but the store can fail what is done to them.
func openAll(routes []route) error {
	for i := range routes {
		if q := routes[i].queue; q != nil && !q.opened.Load() {
			if err := q.unlessGone(q.open(context.Background())); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRoute adds a message to the part of a queue. One that refuses it does not get it.
func (c *commit) addRoute(r *route) {
	if r.line != nil { // it is to wait although it was marked
		r.line.append(r, nil)
		return
	}
	p := c.partOf(r.queue)
	if r.queue.limiter.rejecting.Load() {
		if r.queue.admit(r.message) != nil {
			return
		}
		p.admitted = append(p.admitted, r.message)
	}
	p.messages = append(p.messages, r.message)
}

// carryOut carries out a transaction that moves these messages, and waits for it. It returns those that are to be moved
// again, since nothing of it happened.
func (l *delayLine) carryOut(c *commit, moved []*delayed) (again []*delayed, ok bool) {
	c.departures = departures(moved)
	done := make(chan error, 1)
	c.done = CompletionFunc(func(err error) { done <- err })
	c.run()
	err := <-done
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		for _, d := range moved {
			if d.seg != nil {
				d.remove()
			}
		}
		for _, dep := range c.departures {
			l.noteDead(dep)
		}
		return nil, true
	case c.entry == 0 && !c.started && !IsKind(err, KindUncertain):
		l.logError("moving delayed messages", err)
		return moved, false
	default:
		l.breakOff("moving delayed messages", err)
		return nil, false
	}
}

// noteDead counts a record that is no message. The caller holds l.mu.
func (l *delayLine) noteDead(dep departure) {
	for _, seg := range l.segments {
		if seg.id == dep.segment {
			seg.bytes += int64(len(appendDeparted(nil, dep.seqs)))
		}
	}
}

// breakOff ends what the line does until the next start: only then can it be known what the store holds. The caller
// holds l.mu.
func (l *delayLine) breakOff(what string, err error) {
	l.broken = true
	l.logError(what+": the rest waits for a restart", err)
}

// departures are the messages by segment.
func departures(moved []*delayed) []departure {
	var all []departure
	index := make(map[*segment]int)
	for _, d := range moved {
		if d.seg == nil {
			continue
		}
		i, ok := index[d.seg]
		if !ok {
			i = len(all)
			index[d.seg] = i
			all = append(all, departure{segment: d.seg.id, log: d.seg.log})
		}
		all[i].seqs = append(all[i].seqs, d.seq)
	}
	return all
}

// departed is told that it was stored what has left a segment.
type departed struct{ c *commit }

// Stored implements Stored.
func (d departed) Stored(_ uint64, err error) { d.c.finish(err) }

// routes finds where a message goes that is due now: nowhere when its exchange is gone.
func (l *delayLine) routes(d *delayed) ([]route, error) {
	held := d.held
	if held == nil {
		entries, err := d.seg.log.Read(context.Background(), d.seq, 1, 1)
		if err != nil {
			return nil, err
		}
		if len(entries) == 0 || entries[0].Sequence != d.seq {
			return nil, nil // its segment went with the exchange
		}
		stored, err := decodeDelayed(entries[0].Payload)
		if err != nil {
			return nil, err
		}
		held = stored.held
	}
	s, m := l.session, held.msg
	if mark := s.b.opts.MarkDelayed; mark != nil {
		block, err := mark(m)
		if err != nil {
			return nil, err
		}
		m = NewMessage(m.exchange, m.key, block, m.Body())
	}
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	x := s.ns.exchanges[l.exchange]
	if x == nil || x.delays != l {
		return nil, nil
	}
	s.scratch = s.scratch[:0]
	clear(s.seen)
	s.from = x
	s.routeThrough(x, m, held.keys)
	return s.scratch, nil
}
