package broker

import (
	"maps"
	"slices"
	"time"
)

const (
	// purgeBytes is how much settled log is left to gather before it is purged: a block of the store and more.
	purgeBytes = 16 << 20
	// idlePurge is how long after its last settlement a queue with less to purge is purged.
	idlePurge = 5 * time.Second
	// keptPurge is how often an idle queue is looked at that keeps its log for a while.
	keptPurge = 30 * time.Second
	// stateBytesPerSecond bounds the bytes of states a second: a large state is written less often.
	stateBytesPerSecond = 16 << 20
)

// recorder writes a queue's state into its log and purges the log behind it. A state is appended, a sync covers it, and
// only then is anything purged that it made superfluous. The next one waits for that sync, so that load makes the
// batches, but not for a slow one. All fields are under the queue's mu.
type recorder struct {
	dirty   bool         // something changed since the last state was built
	waiters []Completion // to be told when what they settled is recorded
	busy    bool         // a state is being written
	syncing *stateWrite  // the newest state that is written and not synced
	newest  uint64       // the sequence of the last one that is written
	lastAt  time.Time    // when the last one was built
	pause   time.Duration
	timer   *time.Timer
	armed   bool
	failed  error // the store failed: nothing is recorded any more

	seq         uint64 // the last synced state's
	applied     []uint64
	parts       []*part // of transactions, to be applied in order
	purgedAt    int64   // offset below which the log was purged
	purgedBelow uint64
	purging     bool
	idleTimer   *time.Timer
}

// adopt takes up what recovery found.
func (r *recorder) adopt(st *state, seq uint64) {
	r.seq, r.applied = seq, st.applied
}

func (r *recorder) stop() {
	if r.timer != nil {
		r.timer.Stop()
	}
	if r.idleTimer != nil {
		r.idleTimer.Stop()
	}
}

// touch notes that the state has changed, and sees to it that it is written within the settle interval.
func (q *Queue) touch() {
	if q.log == nil {
		return
	}
	q.rec.dirty = fault != faultSettlement
	q.record()
}

// waitRecorded tells done once the state as it is now is recorded and synced.
func (q *Queue) waitRecorded(done Completion) {
	if fault == faultSettlement {
		go done.Done(nil)
		return
	}
	q.rec.waiters = append(q.rec.waiters, done)
	q.rec.dirty = true
	q.record()
}

// recordNow records the state as it is now, at once.
func (q *Queue) recordNow() <-chan error {
	done := make(chan error, 1)
	if q.log == nil || (!q.rec.dirty && !q.rec.busy && q.rec.syncing == nil) {
		done <- nil
		return done
	}
	q.waitRecorded(CompletionFunc(func(err error) { done <- err }))
	return done
}

// record starts what is due: a part of a transaction, a state that somebody waits for, or one whose time has come.
// The caller holds q.mu.
func (q *Queue) record() {
	r := &q.rec
	if r.busy || q.deleted {
		return
	}
	if r.failed != nil {
		q.endRecords(r.failed)
		return
	}
	if len(r.parts) > 0 {
		q.applyPart()
		return
	}
	if !r.dirty {
		return
	}
	interval := max(q.ns.b.opts.SettleInterval, r.pause)
	if r.syncing != nil {
		if q.cleanDue() {
			return // it is done between two states, and brings a mark that is wanted with it
		}
		// What somebody waits for shares the next sync. But a slow one must not keep settlements from being written: a
		// process that is killed meanwhile would have forgotten them.
		interval *= 2
	}
	wait := interval - time.Since(r.lastAt)
	if wait > 0 && !q.mark.pending && (len(r.waiters) == 0 || r.syncing != nil) {
		q.recordLater(wait)
		return
	}
	w := &stateWrite{queue: q}
	q.log.WriteState(StateEntry{State: q.buildState(w, nil)}, w)
}

func (q *Queue) recordLater(wait time.Duration) {
	r := &q.rec
	if r.armed {
		return
	}
	r.armed = true
	if r.timer == nil {
		r.timer = time.AfterFunc(wait, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			r.armed = false
			q.record()
		})
		return
	}
	r.timer.Reset(wait)
}

// stateWrite is a state on its way into the log.
type stateWrite struct {
	queue   *Queue
	waiters []Completion
	mark    uint64
	floor   uint64 // everything below was settled when it was built
	offset  int64  // the floor's, in bytes taken
	seq     uint64
	moving  []*entry // entries that are moved into it
	part    *part    // of a transaction, whose messages are appended with it
	written bool     // and not in the way of the next one any more
}

// buildState encodes the state as it is, and notes in w what its being synced will mean.
func (q *Queue) buildState(w *stateWrite, moving []*entry) []byte {
	r := &q.rec
	st := &state{next: max(q.next, q.oldEnd), skipped: slices.Sorted(maps.Keys(q.skip))}
	r.applied = q.ns.b.journal.stillHeld(r.applied)
	st.applied = r.applied
	st.runs = append(q.live.appendRuns(nil), q.old...)
	for e := q.copied.head; e != nil; e = e.next {
		if !e.moving {
			st.copies = append(st.copies, moved{seq: e.seq, place: e.place, count: e.handedOut()})
		}
	}
	var onTheMove []moved
	for _, e := range moving {
		onTheMove = append(onTheMove, moved{seq: e.seq, count: e.handedOut()})
	}
	st.delayed = uint64(q.delayed)
	st.unnamed = q.unnamed
	now := time.Now()
	w.mark = q.nextMark(now)
	st.mark = w.mark
	st.backlog = q.backlog.snapshot()
	if q.stream != nil {
		st.segments, q.stream.unwritten = q.stream.segments, 0
	}
	raw := appendState(nil, st, onTheMove)
	r.dirty, r.busy, r.lastAt = false, true, now
	r.pause = time.Duration(len(raw)) * time.Second / stateBytesPerSecond
	w.waiters, r.waiters = r.waiters, nil
	w.floor, w.offset = q.floor()
	w.moving = moving
	return raw
}

// handedOut is how often the message will have been handed out if the broker stops now.
func (e *entry) handedOut() uint32 {
	if e.leased || e.limbo {
		return e.count + 1
	}
	return e.count
}

// addEntry adds an entry to the runs, which must be built in order.
func (st *state) addEntry(e *entry) {
	if n := len(st.runs); n > 0 {
		last := &st.runs[n-1]
		if last.to == e.after && last.count == e.handedOut() {
			last.to = e.seq
			last.messages++
			return
		}
	}
	st.runs = append(st.runs, run{from: e.seq, to: e.seq, messages: 1, count: e.handedOut()})
}

// floor is the sequence below which the log holds nothing that is needed, and its offset.
func (q *Queue) floor() (seq uint64, offset int64) {
	if q.stream != nil {
		return q.stream.floor()
	}
	seq, offset = q.next, q.taken
	if len(q.old) > 0 {
		seq = q.old[0].from
	}
	if e := q.live.first(); e != nil {
		seq, offset = min(seq, e.seq), e.offset
	}
	if b := q.backlog; b.len() > 0 {
		seq, offset = min(seq, b.pages[0].from), min(offset, b.pages[0].offset)
	}
	if e := q.copied.first(); e != nil {
		seq, offset = min(seq, e.place), min(offset, e.offset)
	}
	return seq, offset
}

// first is the first entry that is not about to be moved.
func (l *entryList) first() *entry {
	e := l.head
	for e != nil && e.moving {
		e = e.next
	}
	return e
}

// Stored is told that the state is in the log, and what stands with it from seq on.
func (w *stateWrite) Stored(seq uint64, err error) {
	q := w.queue
	w.seq = seq
	q.mu.Lock()
	w.moved(seq, err)
	if err == nil {
		q.rec.newest = seq
		q.markWritten(w.mark)
	}
	switch {
	case w.part != nil:
		w.part.stored(q, seq, err)
		q.rec.busy = false // transactions need not wait for each other's sync
		q.record()
	case err == nil && len(w.moving) == 0:
		w.written = true
		q.rec.busy, q.rec.syncing = false, w
		q.record()
	}
	q.dispatch()
	q.mu.Unlock()
	if err != nil {
		w.Done(err)
		return
	}
	q.ns.b.store.Sync(w)
}

// Done is told that the state is synced.
func (w *stateWrite) Done(err error) {
	q := w.queue
	q.mu.Lock()
	if !w.written && (w.part == nil || err != nil) {
		q.rec.busy = false
	}
	if q.rec.syncing == w {
		q.rec.syncing = nil
	}
	if err != nil {
		q.recordFailed(err)
	} else {
		q.rec.seq = w.seq
		q.purgeBehind(w)
		q.clean()
	}
	q.record()
	q.mu.Unlock()
	for _, done := range w.waiters {
		done.Done(err)
	}
}

// recordFailed stops recording: the store does not take writes any more (a failed sync is final).
func (q *Queue) recordFailed(err error) {
	if q.gone {
		return
	}
	q.ns.b.log.Error("recording settlements failed", "ns", q.ns.name, "queue", q.spec.Name, "err", err)
	q.ns.b.storageFailed()
	q.rec.failed = err
	q.mark.pending = false
	q.dispatch()
}

// endRecords tells those who wait for what will not be recorded: it failed, or (nil) the queue is deleted.
func (q *Queue) endRecords(err error) {
	waiters, parts := q.rec.waiters, q.rec.parts
	q.rec.waiters, q.rec.parts = nil, nil
	if len(waiters)+len(parts) == 0 {
		return
	}
	go func() { // not under the queue's lock
		for _, done := range waiters {
			done.Done(err)
		}
		for _, p := range parts {
			p.commit.finish(err)
		}
	}()
}

// purgeBehind removes from the log what a synced state has made superfluous, once it is worth it, and never the
// state itself.
func (q *Queue) purgeBehind(w *stateWrite) {
	r := &q.rec
	below, offset := min(w.floor, w.seq), w.offset
	if kept, at, ok := q.keptFrom(time.Now()); ok && kept < below {
		below, offset = kept, min(offset, at)
		q.purgeWhenIdle()
	}
	if r.purging || below <= r.purgedBelow || q.gone {
		return
	}
	if offset-r.purgedAt < min(purgeBytes, q.ns.b.opts.DeadBytes/2) {
		q.purgeWhenIdle()
		return
	}
	q.startPurge(below, offset)
}

func (q *Queue) startPurge(below uint64, offset int64) {
	r := &q.rec
	r.purging = true
	q.log.Purge(below, func(err error) {
		q.mu.Lock()
		defer q.mu.Unlock()
		r.purging = false
		if err != nil {
			if !q.gone {
				q.ns.b.log.Warn("purging a queue's log", "ns", q.ns.name, "queue", q.spec.Name, "err", err)
			}
			return
		}
		r.purgedBelow, r.purgedAt = below, offset
	})
}

// purgeWhenIdle sees to it that a queue that stays idle leaves nothing settled behind.
func (q *Queue) purgeWhenIdle() {
	r := &q.rec
	if r.idleTimer != nil {
		r.idleTimer.Reset(idlePurge)
		return
	}
	r.idleTimer = time.AfterFunc(idlePurge, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		floor, offset := q.floor()
		below := min(floor, r.seq)
		if kept, at, ok := q.keptFrom(time.Now()); ok && kept < below {
			below, offset = kept, min(offset, at)
			r.idleTimer.Reset(keptPurge)
		}
		if !r.purging && !q.gone && !r.busy && r.syncing == nil && !r.dirty && below > r.purgedBelow {
			q.startPurge(below, offset)
		}
	})
}
