package broker

import (
	"container/heap"
	"sync"
	"time"
)

// Delayed messages wait in a line of their exchange until they are due, and are routed then. The line of a durable
// exchange keeps them in record logs, a segment each: a message is a record, and what has left is named in a later
// record of the same segment. A segment goes when all of its messages have left it; of one that is mostly dead, the
// rest is copied into another. In memory there is an index of when each is due, and of the messages themselves only as
// many as delayHeld says: their number is bounded by the disk.

const (
	delayHeld  = 8 << 20 // bytes of messages that one line keeps in memory
	delayRetry = time.Second
)

// delayLine is the line of one exchange.
type delayLine struct {
	ns       *Namespace
	exchange string
	durable  bool
	session  *Session // routes what is due

	openMu sync.Mutex // held while segments are made and removed

	mu       sync.Mutex
	due      dueHeap
	segments []*segment // the last one is written
	count    uint64     // orders what is due at the same time
	held     int64
	compact  *compaction // that is under way
	firing   bool
	closed   bool
	broken   bool // the store has failed: what was on its way then is for the next start to decide
	timer    *time.Timer
	working  sync.WaitGroup
}

// delayed is a message that waits.
type delayed struct {
	at    int64 // when it is due, in microseconds since 1970
	order uint64
	held  *delayedMessage // nil when it is to be read
	// Of a message in a segment: where it stands, and its neighbours in the segment's list.
	seg        *segment
	seq        uint64
	size       int64 // of its record
	prev, next *delayed
}

// delayedMessage is what a publisher sent to a line.
type delayedMessage struct {
	msg  *Message
	keys []string // further routing keys
}

func (m *delayedMessage) size() int64 { return int64(m.msg.Size()) }

type dueHeap []*delayed

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || (h[i].at == h[j].at && h[i].order < h[j].order)
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(*delayed)) }
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return d
}

func newDelayLine(ns *Namespace, spec *ExchangeSpec) *delayLine {
	l := &delayLine{ns: ns, exchange: spec.Name, durable: spec.Durable}
	l.session = &Session{b: ns.b, ns: ns, principal: ns.b.root}
	return l
}

// delay is how long the message is to wait: what its publisher says.
func (b *Broker) delay(m *Message) time.Duration {
	if b.opts.Delay == nil {
		return 0
	}
	return b.opts.Delay(m)
}

// append adds a message to the line; pub, if not nil, is told.
func (l *delayLine) append(r *route, pub *publication) {
	d := &delayed{at: time.Now().Add(r.delay).UnixMicro(), held: &delayedMessage{r.message, r.keys}}
	if !l.durable {
		d.size = d.held.size()
		l.mu.Lock()
		l.add(d)
		l.mu.Unlock()
		pub.stored(nil)
		return
	}
	seg, err := l.writable()
	if err != nil {
		pub.stored(err)
		return
	}
	record := appendDelayed(nil, d)
	d.size = int64(len(record))
	seg.log.Append(record, &delayAppend{line: l, seg: seg, delayed: d, pub: pub})
}

// delayAppend is a message on its way into a segment.
type delayAppend struct {
	line    *delayLine
	seg     *segment
	delayed *delayed
	pub     *publication
}

// Stored is told where the message went.
func (a *delayAppend) Stored(seq uint64, err error) {
	l := a.line
	l.mu.Lock()
	a.seg.pending--
	if err == nil {
		a.seg.bytes += a.delayed.size
		a.seg.insert(a.delayed, seq)
		l.add(a.delayed)
	}
	l.mu.Unlock()
	a.pub.stored(err)
}

// add takes a message into the index. The caller holds l.mu.
func (l *delayLine) add(d *delayed) {
	l.count++
	d.order = l.count
	if d.seg != nil && d.held != nil {
		if l.held+d.held.size() > delayHeld {
			d.held = nil
		} else {
			l.held += d.held.size()
		}
	}
	heap.Push(&l.due, d)
	if l.due[0] == d {
		l.arm()
	}
}

// arm makes the timer fire when the first message is due. The caller holds l.mu.
func (l *delayLine) arm() {
	if l.firing || l.closed || len(l.due) == 0 {
		return
	}
	wait := time.Until(time.UnixMicro(l.due[0].at))
	if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.fire)
		return
	}
	l.timer.Reset(wait)
}

// fire moves what is due, and copies what keeps segments that are mostly dead: one after the other, so that neither
// meets a message that the other is at.
func (l *delayLine) fire() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.firing || l.closed {
		return
	}
	l.firing = true
	l.working.Add(1)
	defer l.working.Done()
	for !l.closed && !l.broken {
		batch := l.takeDue()
		if len(batch) == 0 && !l.wasteful() {
			l.firing = false
			l.arm()
			return
		}
		l.mu.Unlock()
		if len(batch) > 0 {
			l.move(batch)
		} else {
			l.compactSome()
		}
		l.removeSpent()
		l.mu.Lock()
	}
}

// close stops the line; what waits is sent after the next start.
func (l *delayLine) close() {
	l.mu.Lock()
	l.closed = true
	if l.timer != nil {
		l.timer.Stop()
	}
	segments := l.segments
	l.mu.Unlock()
	l.working.Wait()
	for _, seg := range segments {
		if seg.log != nil {
			seg.log.Close()
		}
	}
}

// discard ends the line of an exchange that is gone, with all that waits in it. It waits for nothing. The exchange may be
// declared again right after: the deletion of this line's record comes before all that the next one stores.
func (l *delayLine) discard() {
	l.mu.Lock()
	l.closed = true
	segments := l.segments
	deleted := func() error { return nil }
	if l.durable {
		deleted = l.ns.b.startDelete(l.key())
	}
	l.mu.Unlock()
	go func() {
		l.close()
		l.mu.Lock()
		l.segments, l.due = nil, nil
		l.mu.Unlock()
		if err := deleted(); err == nil {
			l.drop(segments)
		}
	}()
}

// Delayed is how many messages wait at an exchange until they are due; 0 for one that delays none.
func (s *Session) Delayed(exchange string) int {
	s.ns.mu.RLock()
	x := s.ns.exchanges[exchange]
	s.ns.mu.RUnlock()
	if x == nil || x.delays == nil {
		return 0
	}
	x.delays.mu.Lock()
	defer x.delays.mu.Unlock()
	return len(x.delays.due)
}

// DelayedBytes is how many bytes the segments of an exchange that delays messages take, and how many of them belong to
// messages that wait. The others are at most as many, and a few MiB. Both are 0 for an exchange that is not durable.
func (s *Session) DelayedBytes(exchange string) (all, waiting int64) {
	s.ns.mu.RLock()
	x := s.ns.exchanges[exchange]
	s.ns.mu.RUnlock()
	if x == nil || x.delays == nil {
		return 0, 0
	}
	x.delays.mu.Lock()
	defer x.delays.mu.Unlock()
	for _, seg := range x.delays.segments {
		all += seg.bytes
		waiting += seg.live
	}
	return all, waiting
}
