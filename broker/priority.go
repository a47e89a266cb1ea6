package broker

import (
	"bytes"
	"context"
	"time"
)

// Priorities: a queue that has them keeps its whole window in one heap, by priority and then by sequence, so that each
// priority is in order and what comes back goes out at its original position. What does not fit is counted by priority
// (backlog.go), and read from the log when it is the highest.

// ranked gives an entry its priority: its publisher's, at most the queue's highest; 0 without one.
func (q *Queue) ranked(e *entry) *entry {
	if e.msg != nil {
		e.rank = q.rankOf(e.msg)
	}
	return e
}

func (q *Queue) rankOf(m *Message) uint8 {
	if q.spec.Priorities == 0 {
		return 0
	}
	rank, _ := m.Properties().Priority()
	return min(rank, q.spec.Priorities)
}

// incomplete reports that messages which may have to go out first are to be read before.
func (q *Queue) incomplete() bool {
	b := q.backlog
	if b == nil {
		return false
	}
	return q.unread > 0 || (b.n > 0 && q.topReady() < b.top)
}

// topReady is the highest priority of what is ready in memory; -1 if nothing is.
func (q *Queue) topReady() int {
	switch {
	case q.chooser != nil:
		if e := q.chooser.all.first(); e != nil {
			return int(e.rank)
		}
	case q.line.len() > 0:
		return int(q.line.front().rank)
	}
	return -1
}

// arriveRanked takes the message at the cursor into the window, or leaves it in the log, where it waits.
func (q *Queue) arriveRanked(seq uint64, m *Message) {
	b, rank := q.backlog, q.rankOf(m)
	if b.waiting[rank] == 0 && q.admits(rank) {
		b.taken[rank] = seq + 1
		q.take(seq, m, 0)
		return
	}
	b.add(seq, rank, m, q.taken)
	q.taken += int64(m.Size())
	q.readyBytes += int64(len(m.Body()))
	q.next, q.lastSeen = seq+1, seq
	if b.unwritten >= backlogUnwritten {
		q.touch()
	}
}

// admits reports whether there is room for a message that comes: for one that goes out before all others there is more.
func (q *Queue) admits(rank uint8) bool {
	if !q.crowded() {
		return true
	}
	return int(rank) > max(q.backlog.top, q.topReady()) && !q.crowdedTimes(2)
}

// fillRanked reads the next part of the backlog: when the highest priority is there, when the window has run half empty,
// or when consumers choose and have not found enough.
func (q *Queue) fillRanked() {
	b := q.backlog
	if b.n == 0 || q.reading || q.gone {
		return
	}
	roomy := !q.crowded() && q.held <= windowMessages/2 && q.windowBytes <= windowBytes/2
	hungry := q.chooser != nil && q.chooser.hungry()
	if !q.incomplete() && (q.dropped >= maxDropped || !(roomy || hungry)) {
		return
	}
	q.reading = true
	r := &backlogRead{
		q: q, rank: uint8(b.top),
		messages: max(windowMessages-q.held, readAhead), bytes: max(windowBytes-q.windowBytes, readAheadBytes),
	}
	r.page, r.firsts = b.pageOf(r.rank)
	r.at = max(r.page.from, b.taken[r.rank])
	for rank := range b.taken {
		r.firsts[rank] = r.firsts[rank] && (r.at == r.page.from || r.at <= b.taken[rank]) // else the read would pass over some
	}
	r.offset = r.page.offset
	go r.run()
}

// backlogRead reads a page of the backlog, and takes from it the messages of one priority, which are the first of it. As
// long as there is room it takes those of others as well of which none wait before.
type backlogRead struct {
	q        *Queue
	page     *backlogPage
	rank     uint8
	firsts   [256]bool
	at       uint64
	offset   int64
	messages int   // how many more to take
	bytes    int64 // and how many bytes
	before   uint64
	near     *entry // the last one that was taken
}

func (r *backlogRead) run() {
	q := r.q
	var err error
	for over := false; err == nil && !over; {
		var got []LogMessage
		if got, err = q.log.Fetch(context.Background(), r.at, readAhead, readAheadBytes); err != nil {
			break
		}
		q.mu.Lock()
		over = q.gone || r.take(got)
		q.dispatch()
		q.mu.Unlock()
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reading = false
	if err != nil && !q.gone {
		q.ns.b.log.Error("reading a queue's backlog", "ns", q.ns.name, "queue", q.spec.Name, "err", err)
		time.AfterFunc(readRetry, q.Kick)
		return
	}
	q.dispatch()
	if q.nothingComes() {
		q.wakeGetters()
	}
}

// take takes what it is to take of some messages, and reports whether the read is over.
func (r *backlogRead) take(got []LogMessage) (over bool) {
	q := r.q
	for _, stored := range got {
		if stored.Sequence > r.page.to {
			r.correct()
			return true
		}
		r.at = stored.Sequence + 1
		if m, err := decodeMessage(stored.Payload); err == nil {
			if !r.takeOne(stored.Sequence, m) {
				return true
			}
			r.offset += int64(m.Size())
		}
		r.before = stored.Sequence
	}
	if len(got) == 0 || r.at > r.page.to {
		r.correct()
		return true
	}
	return q.gone
}

// takeOne takes a message if it waits and may be taken; false when the read has to end before it.
func (r *backlogRead) takeOne(seq uint64, m *Message) bool {
	q, b := r.q, r.q.backlog
	rank := q.rankOf(m)
	if seq < b.taken[rank] || r.page.waits(rank) == 0 || !r.firsts[rank] {
		return true
	}
	switch {
	case r.messages <= 0 || r.bytes <= 0:
		return false
	case rank != r.rank && q.crowded():
		r.firsts[rank] = false // those that follow would overtake it
		return true
	}
	m, err := decodeMessage(bytes.Clone(m.raw))
	if err != nil {
		return true
	}
	r.messages--
	r.bytes -= int64(m.Size())
	b.taken[rank] = seq + 1
	q.readyBytes -= int64(len(m.Body()))
	b.count(r.page, rank, -1, -int64(m.Size()), -int64(len(m.Body())))
	e := &entry{seq: seq, pos: seq, msg: m, after: r.before, offset: r.offset}
	q.measureEntry(e)
	q.live.insert(e, r.near)
	r.near = e
	q.place(e)
	if q.limiter.limits != nil && q.limiter.limits.Retention > 0 {
		q.limiter.retainedUntil = time.Time{} // it may be the oldest
	}
	return true
}

// correct is called at the end of the page. What it counted as waiting and was not found is not there.
func (r *backlogRead) correct() {
	q := r.q
	missing := r.page.waits(r.rank)
	if missing == 0 {
		return
	}
	q.ns.b.log.Error("message count corrected", "ns", q.ns.name, "queue", q.spec.Name, "by", missing)
	if q.backlog.count(r.page, r.rank, -missing, 0, 0); len(r.page.ranks) == 0 {
		q.readyBytes -= r.page.bodies
	}
}

// recoverBacklog takes up what an earlier run left in the log.
func (q *Queue) recoverBacklog(st *backlogState) {
	b := q.backlog
	if b == nil || st == nil {
		return
	}
	copy(b.taken, st.taken)
	for _, p := range st.pages {
		p.offset = q.taken
		q.taken += p.size
		q.readyBytes += p.bodies
		ranks, size, bodies := p.ranks, p.size, p.bodies
		p.ranks, p.size, p.bodies = nil, 0, 0
		b.pages = append(b.pages, p)
		for _, c := range ranks {
			b.count(p, c.rank, int(c.n), size, bodies)
			size, bodies = 0, 0
		}
	}
}

// insert adds an entry in order of sequence. near is one that stands close to its place, or nil.
func (l *entryList) insert(e, near *entry) {
	at := near
	if at == nil || at.settled || at.place != 0 {
		at = l.tail
	}
	for at != nil && at.seq > e.seq {
		at = at.prev
	}
	for at != nil && at.next != nil && at.next.seq < e.seq {
		at = at.next
	}
	if at == l.tail {
		l.pushBack(e)
		return
	}
	if at == nil {
		e.prev, e.next = nil, l.head
		l.head = e
	} else {
		e.prev, e.next = at, at.next
		at.next = e
	}
	e.next.prev = e
	l.n++
	l.insertIntoBlock(e)
}
