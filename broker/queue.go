package broker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Queue is the dispatcher of one queue: the only reader of its log. It keeps a window of messages in memory, hands
// them out under leases, and records what was settled. It is safe for concurrent use.
//
// Every message is an entry with the sequence of its append. Entries that were taken from the log and are not settled
// stand in live, in order of sequence, or in copied, when the log holds them as a copy further on. Those that may be
// handed out stand besides in a line, or in that of their group, so that a message that comes back goes out again at its
// original position. next is the cursor into the log: everything below it was taken or needs no taking. While all that was
// stored has been taken, a message goes from its append's answer straight into the window; once the window is full,
// later messages are only counted (unread), and read back from the log when there is room.
type Queue struct {
	ns      *Namespace
	spec    QueueSpec
	id      string
	created time.Time
	owner   *Session // of an exclusive queue

	incoming incoming // under ns.mu
	plain    *target  // this queue as a destination without a rule

	openMu sync.Mutex // serialises open
	log    QueueLog   // set once, before opened; nil for a queue in memory

	opened  atomic.Bool   // set under mu
	sent    atomic.Uint64 // messages given to the log, and
	arrived atomic.Uint64 // those of them that it has answered; set under mu
	traffic Traffic

	mu         sync.Mutex
	gone       bool          // deleted or shut down
	deleted    bool          // gone, and its messages with it
	filled     chan struct{} // closed and renewed when a message becomes ready; nil when nobody waits
	live       entryList     // in order of seq
	copied     entryList     // in order of place
	line                     // what may be handed out, unless the queue has groups
	groups     *groups       // of an ordered queue: what may be handed out; else nil
	chooser    *chooser      // of a queue whose consumers do not all want the same; else nil, and line is used
	waiting    int           // entries that are ready
	held       int           // those of them, and of the delayed ones, whose message is in memory
	dropped    int           // and those whose message is not
	reloads    []*entry      // whose message is to be read again
	survey     chan struct{} // closed when the first reads are over, which tell what is delayed; nil: nobody waits for that
	loading    bool          // they are being read
	delays     delayHeap
	delayed    int // entries that are not due, or are being read again since they are
	delayTimer *time.Timer

	next     uint64              // the cursor
	last     uint64              // the newest sequence known to be stored
	lastSeen uint64              // the last message at the cursor
	unread   int                 // messages in the log at or above next
	found    uint64              // the newest sequence when the log was opened: what an earlier run stored and was not lost
	reading  bool                // a read of the log is under way
	got      bool                // that read has handed out something
	passed   bool                // that read has come to what is stored and has not arrived
	misses   int                 // reads in a row that found nothing
	old      []run               // unsettled runs of the last run of the broker, at or above next
	oldEnd   uint64              // where that run's cursor stood
	skip     map[uint64]struct{} // messages at or above next that a transaction has settled

	windowBytes int64 // bytes of the messages that are held
	readyBytes  int64 // bytes of the bodies of what is ready, as far as it was seen in this run
	unreadBytes int64 // those of them that are unread
	unmeasured  bool  // an earlier run left messages whose bytes are not counted until they are read
	leasedBytes int64 // bytes of the bodies of what is leased
	taken       int64 // bytes of all messages taken in this run, copies again
	liveBytes   int64 // bytes of the messages in live and copied
	leased      int   // entries under a lease

	flows  []queueFlow  // counters by front end
	deaths *deathCounts // nil until the first

	consumers  []*Consumer
	turn       int       // round robin
	priorities bool      // not all consumers have the same priority
	consumed   bool      // it had a consumer once
	active     *Consumer // the one that is served, when only one is
	deadlines  deadlineHeap
	timed      map[uint64]*entry // the entries in deadlines by seq
	timer      *time.Timer       // fires at the first deadline
	timerAt    time.Time

	stall     stall
	backlog   *backlog   // of a queue with priorities: what waits in the log; else nil
	stream    *stream    // of a queue that keeps its messages; nil: of an ordinary one
	sightings *sightings // of a queue that deduplicates; else nil
	unnamed   uint64     // the names of messages below this sequence are forgotten

	rec     recorder
	mark    outMark
	limiter limiter
}

func newQueue(ns *Namespace, spec QueueSpec, id string) *Queue {
	q := &Queue{ns: ns, spec: spec, id: id, created: time.Now().UTC().Truncate(time.Millisecond)}
	q.plain = &target{queue: q}
	if spec.Stream {
		q.stream = newStream(q)
	}
	if spec.Ordered {
		q.groups = newGroups(q.reload, false)
	}
	if spec.Priorities > 0 && !spec.Stream {
		q.backlog = newBacklog(spec.Priorities)
	}
	q.putLimits(spec.Limits)
	return q
}

// Name is the queue's name.
func (q *Queue) Name() string { return q.spec.Name }

// open makes the queue ready for use. A stored queue's log is opened, and its last state taken up, at first use, so
// that a start with thousands of idle queues is quick.
func (q *Queue) open(ctx context.Context) error { return q.openWith(ctx, func() {}) }

// openWith is open, with something to do under the lock before the first message is taken.
func (q *Queue) openWith(ctx context.Context, prepare func()) error {
	q.mu.Lock()
	opened, gone := q.opened.Load(), q.gone
	q.mu.Unlock()
	if opened || gone {
		return q.openError(gone)
	}
	q.openMu.Lock()
	defer q.openMu.Unlock()
	q.mu.Lock()
	opened, gone = q.opened.Load(), q.gone
	q.mu.Unlock()
	if opened || gone {
		return q.openError(gone)
	}
	log, recovered, err := q.ns.b.store.OpenQueueLog(ctx, q.id)
	if IsKind(err, KindNotFound) {
		log, recovered, err = q.makeUp(ctx)
	}
	if err != nil {
		return err
	}
	if err := q.recover(ctx, log, recovered, prepare); err != nil {
		log.Close()
		return err
	}
	q.mu.Lock()
	survey := q.survey
	q.mu.Unlock()
	if survey == nil {
		return nil
	}
	select {
	case <-survey:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// makeUp makes the log that the queue's record promises. A power cut during a declare, before it was answered, can
// leave the record without the log, since files reach the disk in any order until a sync ends.
func (q *Queue) makeUp(ctx context.Context) (QueueLog, Recovered, error) {
	q.ns.b.log.Error("a queue has no log; it is made anew", "ns", q.ns.name, "queue", q.spec.Name, "id", q.id)
	log, err := q.ns.b.store.CreateQueueLog(ctx, q.id)
	if err != nil {
		return nil, Recovered{}, err
	}
	log.Close()
	// What was left of it, if anything was, is found again.
	return q.ns.b.store.OpenQueueLog(ctx, q.id)
}

func (q *Queue) openError(gone bool) error {
	if gone {
		return q.notFound()
	}
	return nil
}

func (q *Queue) notFound() error {
	return &Error{Kind: KindNotFound, Type: ResourceQueue, Namespace: q.ns.name, Name: q.spec.Name}
}

// start makes a new queue usable over its empty log, or in memory without one.
func (q *Queue) start(log QueueLog) {
	q.log = log
	q.next = 1
	q.opened.Store(true)
}

// recover takes up what an earlier run of the broker left.
func (q *Queue) recover(ctx context.Context, log QueueLog, found Recovered, prepare func()) error {
	st := &state{next: 1}
	if found.State != nil {
		var err error
		if st, err = decodeState(found.State, found.StateSeq); err != nil {
			return &Error{Kind: KindInternal, Type: ResourceQueue, Namespace: q.ns.name, Name: q.spec.Name, Err: err}
		}
	}
	if q.stream != nil {
		return q.recoverStream(ctx, log, found, st, prepare)
	}
	unread, err := log.CountFrom(ctx, st.next)
	if err != nil {
		return err
	}
	unreadBytes, err := q.measure(log, st, unread)
	if err != nil {
		return err
	}
	if err := q.recall(ctx, log, st.unnamed, found.Last); err != nil {
		return err
	}
	copies, err := readMoved(ctx, log, st.copies)
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.log = log
	q.last, q.found = found.Last, found.Last
	q.next = st.next
	q.countUnread(int(unread), unreadBytes, st)
	q.recoverBacklog(st.backlog)
	if len(st.runs) > 0 {
		q.next = st.runs[0].from
	}
	q.rec.adopt(st, found.StateSeq)
	// What comes after the newest entry is new, however far ahead the mark had gone.
	q.mark.found = min(st.mark, found.Last)
	q.mark.written = q.mark.found
	for _, e := range copies {
		q.adopt(e, &q.copied)
		e.pos = e.seq
		if !q.delay(e) {
			q.putBack(e)
		}
	}
	for _, seq := range st.skipped {
		q.skipUnread(seq)
	}
	prepare()
	q.opened.Store(true)
	q.fill()
	if st.delayed > 0 && q.reading { // which messages are ready is not known before
		q.survey = make(chan struct{})
	}
	return nil
}

// countUnread counts what an earlier run left to read: fresh messages from the state's cursor on, and its runs.
func (q *Queue) countUnread(fresh int, bytes int64, st *state) {
	q.unread = fresh
	q.unreadBytes, q.readyBytes = bytes, bytes
	q.old, q.oldEnd = st.runs, st.next
	for _, r := range st.runs {
		q.unread += int(r.messages)
	}
	q.unmeasured = q.unread > 0 && bytes == 0
}

// skipUnread settles a message that is still to be read. One that is settled already, or lost with the end of the
// log in a power cut, is passed over.
func (q *Queue) skipUnread(seq uint64) {
	if _, done := q.skip[seq]; done || seq < q.next || seq > q.last {
		return
	}
	if seq < q.oldEnd && !inRuns(q.old, seq) {
		return
	}
	if q.skip == nil {
		q.skip = make(map[uint64]struct{})
	}
	q.skip[seq] = struct{}{}
	q.unread--
}

func inRuns(runs []run, seq uint64) bool {
	for _, r := range runs {
		if seq >= r.from && seq <= r.to {
			return true
		}
	}
	return false
}

// shutDown records what is not recorded yet, waits for that, and closes the log. The queue takes no calls any more.
func (q *Queue) shutDown() {
	q.mu.Lock()
	if q.gone || !q.opened.Load() {
		q.gone = true
		q.mu.Unlock()
		return
	}
	q.gone = true
	q.stopTimers()
	if q.lowerMark(); q.reordered() && q.mark.written > q.mark.found {
		q.touch()
	}
	q.stream.end(q)
	done := q.recordNow()
	q.mu.Unlock()
	if err := <-done; err != nil { // the store has failed, and has said so: what was settled last comes again
		q.ns.b.log.Error("recording a queue's state at its end", "ns", q.ns.name, "queue", q.spec.Name, "err", err)
	}
	if q.log != nil {
		q.log.Close()
	}
}

func (q *Queue) stopTimers() {
	if q.timer != nil {
		q.timer.Stop()
	}
	if q.delayTimer != nil {
		q.delayTimer.Stop()
	}
	q.rec.stop()
	q.mark.stop()
	q.limiter.stop()
	q.stream.stopTimer()
}

// info describes the queue. It must be open.
func (q *Queue) info() QueueInfo {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stream != nil {
		return q.stream.info(q)
	}
	info := QueueInfo{
		Spec: q.spec, ID: q.id, Created: q.created, Stalled: q.stall.sum(),
		Ready: q.ready(), Unacked: q.leased, Delayed: q.delayed, Consumers: len(q.consumers),
		Dead:       q.taken - q.rec.purgedAt - q.liveBytes - q.backlog.bytes(),
		ReadyBytes: q.readyBytes, UnackedBytes: q.leasedBytes, WindowBytes: q.windowBytes,
		BytesUnknown: q.unmeasured && q.unread > 0 && q.next <= q.found,
		Counts:       q.traffic.Counts(),
	}
	if head := q.head(); head != nil {
		info.HeadTime, _ = head.Properties().Timestamp()
	}
	return info
}

// ready is the number of messages that wait. The caller holds q.mu.
func (q *Queue) ready() int {
	if q.stream != nil {
		return int(q.stream.next - q.stream.first())
	}
	return q.waiting + q.unread + q.backlog.len()
}

// accessibleTo refuses an exclusive queue of another session.
func (q *Queue) accessibleTo(s *Session) error {
	if q.owner != nil && q.owner != s {
		return &Error{Kind: KindLocked, Type: ResourceQueue, Namespace: q.ns.name, Name: q.spec.Name}
	}
	return nil
}
