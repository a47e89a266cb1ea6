package broker

import (
	"container/heap"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Delayed messages wait in a line of their exchange until they are due, and are routed then. The line of a durable
// exchange keeps them in record logs, a segment each: a message is a record, and what was sent out is named in a later
// record of the same segment. A segment goes when all of its messages have been sent out. In memory there is an index of
// when each is due, and of the messages themselves only as many as delayHeld says: their number is bounded by the disk.
// A message is sent out, and synced in its queues, before its segment says so: a crash in between sends it twice.

const (
	segmentBytes = 32 << 20 // from here on the next segment is written
	segmentSpare = 1 << 20  // a segment without messages goes from here on
	delayHeld    = 8 << 20  // bytes of messages that one line keeps in memory
	delayBatch   = 256      // how many messages share one wait for their queues
	delayRetry   = time.Second
)

// delayLine is the line of one exchange.
type delayLine struct {
	ns       *Namespace
	exchange string
	durable  bool

	openMu sync.Mutex // held while segments are made and removed

	mu       sync.Mutex
	due      dueHeap
	segments []*segment // the last one is written
	count    uint64     // orders what is due at the same time
	held     int64
	firing   bool
	closed   bool
	timer    *time.Timer
	working  sync.WaitGroup
}

// segment is one record log of a line. Its counts are under the line's mu.
type segment struct {
	id      string
	log     RecordLog
	bytes   int64
	live    int // messages that were not sent out
	pending int // appends under way
}

// delayed is a message that waits.
type delayed struct {
	at    int64 // when it is due, in microseconds since 1970
	order uint64
	seg   *segment // nil in the line of an exchange that is not durable
	seq   uint64
	msg   *Message // nil when it is to be read
	keys  []string // with msg: further routing keys
}

type dueHeap []delayed

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || (h[i].at == h[j].at && h[i].order < h[j].order)
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(delayed)) }
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = delayed{}
	*h = (*h)[:last]
	return d
}

func newDelayLine(ns *Namespace, spec *ExchangeSpec) *delayLine {
	return &delayLine{ns: ns, exchange: spec.Name, durable: spec.Durable}
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
	at := time.Now().Add(r.delay).UnixMicro()
	d := delayed{at: at, msg: r.message, keys: r.keys}
	if !l.durable {
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
	seg.log.Append(appendDelayed(nil, &d), &delayAppend{line: l, seg: seg, delayed: d, pub: pub})
}

// delayAppend is a message on its way into a segment.
type delayAppend struct {
	line    *delayLine
	seg     *segment
	delayed delayed
	pub     *publication
}

// Stored is told where the message went.
func (a *delayAppend) Stored(seq uint64, err error) {
	l := a.line
	l.mu.Lock()
	a.seg.pending--
	if err == nil {
		d := a.delayed
		d.seg, d.seq = a.seg, seq
		a.seg.bytes += int64(d.msg.Size())
		a.seg.live++
		l.add(d)
	}
	l.mu.Unlock()
	a.pub.stored(err)
}

// add takes a message into the index. The caller holds l.mu.
func (l *delayLine) add(d delayed) {
	l.count++
	d.order = l.count
	if d.seg != nil && d.msg != nil {
		if l.held+int64(d.msg.Size()) > delayHeld {
			d.msg, d.keys = nil, nil
		} else {
			l.held += int64(d.msg.Size())
		}
	}
	heap.Push(&l.due, d)
	if l.due[0].order == d.order {
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

// fire sends out what is due.
func (l *delayLine) fire() {
	l.mu.Lock()
	if l.firing || l.closed {
		l.mu.Unlock()
		return
	}
	l.firing = true
	l.working.Add(1)
	defer l.working.Done()
	for {
		var batch []delayed
		now := time.Now().UnixMicro()
		for len(l.due) > 0 && l.due[0].at <= now && len(batch) < delayBatch && !l.closed {
			d := heap.Pop(&l.due).(delayed)
			if d.seg != nil && d.msg != nil {
				l.held -= int64(d.msg.Size())
			}
			batch = append(batch, d)
		}
		if len(batch) == 0 {
			l.firing = false
			l.arm()
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.send(batch)
		l.mu.Lock()
	}
}

// send routes messages, waits until their queues have them, and notes that.
func (l *delayLine) send(batch []delayed) {
	s := &Session{b: l.ns.b, ns: l.ns, principal: l.ns.b.root}
	errs := make([]error, len(batch))
	waits := make([]chan error, len(batch))
	for i := range batch {
		routes, err := l.routes(s, &batch[i])
		if errs[i] = err; err != nil || len(routes) == 0 {
			continue
		}
		done := make(chan error, 1)
		waits[i] = done
		s.b.append(routes, CompletionFunc(func(err error) { done <- err }))
	}
	fired := make(map[*segment][]uint64)
	var again []delayed
	for i, done := range waits {
		if done != nil {
			errs[i] = <-done
		}
		d := batch[i]
		switch {
		case errs[i] != nil && !IsKind(errs[i], KindFull):
			l.ns.b.log.Error("sending a delayed message", "ns", l.ns.name, "exchange", l.exchange, "err", errs[i])
			d.at = time.Now().Add(delayRetry).UnixMicro()
			again = append(again, d)
		case d.seg != nil:
			fired[d.seg] = append(fired[d.seg], d.seq)
		}
	}
	for seg, seqs := range fired {
		seg.log.Append(appendFired(nil, seqs), firedAppend{l})
	}
	l.mu.Lock()
	for seg, seqs := range fired {
		seg.live -= len(seqs)
	}
	for _, d := range again {
		l.add(d)
	}
	l.mu.Unlock()
	l.removeSpent()
}

// firedAppend is told whether it was noted that messages were sent out. If not, they are sent again after a restart.
type firedAppend struct{ line *delayLine }

// Stored logs a failure.
func (f firedAppend) Stored(_ uint64, err error) {
	if err != nil {
		f.line.ns.b.log.Error("noting delayed messages as sent", "ns", f.line.ns.name, "exchange", f.line.exchange, "err", err)
	}
}

// routes finds where a message goes that is due now: nowhere when its exchange is gone.
func (l *delayLine) routes(s *Session, d *delayed) ([]route, error) {
	if d.msg == nil {
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
		d.msg, d.keys = stored.msg, stored.keys
	}
	m := d.msg
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
	s.scratch = nil // the last message's routes are on their way
	s.from = x
	s.routeThrough(x, m, d.keys)
	return s.scratch, nil
}

// writable is the segment that takes the next message, which counts as pending in it.
func (l *delayLine) writable() (*segment, error) {
	take := func() *segment {
		l.mu.Lock()
		defer l.mu.Unlock()
		if n := len(l.segments); n > 0 && !l.closed && l.segments[n-1].log != nil && l.segments[n-1].bytes < segmentBytes {
			l.segments[n-1].pending++
			return l.segments[n-1]
		}
		return nil
	}
	if seg := take(); seg != nil {
		return seg, nil
	}
	l.openMu.Lock()
	defer l.openMu.Unlock()
	if seg := take(); seg != nil {
		return seg, nil
	}
	seg := &segment{id: newID(), pending: 1}
	log, err := l.ns.b.store.CreateRecordLog(context.Background(), seg.id)
	if err != nil {
		return nil, err
	}
	seg.log = log
	l.mu.Lock()
	segments := append(slices.Clone(l.segments), seg)
	recorded := l.record(segments)
	l.mu.Unlock()
	if err := recorded(); err != nil {
		log.Close()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	l.segments = segments
	return seg, nil
}

func (l *delayLine) key() MetadataKey {
	return MetadataKey{Kind: "delay", Namespace: l.ns.name, Name: l.exchange}
}

// record starts storing which segments the line has, unless it is closed. The caller holds l.mu.
func (l *delayLine) record(segments []*segment) wait {
	if l.closed {
		return func() error { return ErrClosed }
	}
	ids := make([]string, len(segments))
	for i, seg := range segments {
		ids[i] = seg.id
	}
	value, err := json.Marshal(ids)
	return l.ns.startRecord(l.key(), value, err)
}

// removeSpent removes segments that hold nothing that waits any more.
func (l *delayLine) removeSpent() {
	l.openMu.Lock()
	defer l.openMu.Unlock()
	var spent []*segment
	l.mu.Lock()
	kept := slices.Clone(l.segments)
	kept = slices.DeleteFunc(kept, func(seg *segment) bool {
		done := seg.live == 0 && seg.pending == 0 && seg.log != nil &&
			(seg != l.segments[len(l.segments)-1] || seg.bytes > segmentSpare)
		if done {
			spent = append(spent, seg)
		}
		return done
	})
	if l.closed || len(spent) == 0 {
		l.mu.Unlock()
		return
	}
	l.segments = kept
	recorded := l.record(kept)
	l.mu.Unlock()
	if err := recorded(); err != nil {
		return // the store has failed, and has said so
	}
	l.drop(spent)
}

func (l *delayLine) drop(segments []*segment) {
	for _, seg := range segments {
		if seg.log != nil {
			seg.log.Close()
		}
		if err := l.ns.b.store.DeleteRecordLog(context.Background(), seg.id); err != nil {
			l.ns.b.log.Error("deleting a segment of delayed messages", "ns", l.ns.name, "exchange", l.exchange, "err", err)
		}
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
