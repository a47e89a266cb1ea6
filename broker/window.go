package broker

import "time"

const (
	// windowMessages and windowBytes bound what one queue keeps in memory ahead of its consumers.
	windowMessages = 8192
	windowBytes    = 8 << 20
	// windowShare is what every queue may keep although all queues together are over their bound.
	windowShare = 128 << 10
	// readAhead and readAheadBytes are what is read at once when nothing in a full window may go out.
	readAhead      = 1024
	readAheadBytes = 1 << 20
	// readMisses is how many reads in a row must find nothing before the count of unread messages is given up.
	readMisses = 3
	// readRetry is the pause after a failed read of the log.
	readRetry = 200 * time.Millisecond
)

func (q *Queue) addWindow(bytes int64) {
	q.windowBytes += bytes
	q.ns.b.window.Add(bytes)
}

// addReady counts an entry that comes into the window (n is 1) or leaves it (-1).
func (q *Queue) addReady(e *entry, n int64) {
	q.waiting += int(n)
	q.hold(e, n)
	q.readyBytes += n * int64(e.body)
}

// noteUnread counts a message that is left in the log.
func (q *Queue) noteUnread(m *Message) {
	size := int64(len(m.Body()))
	q.unreadBytes += size
	q.readyBytes += size
}

// noteRead is told that n bytes of what was unread no longer are. Those that an earlier run stored were never counted.
func (q *Queue) noteRead(n int64) {
	if q.unread == 0 {
		n = q.unreadBytes
	}
	n = min(n, q.unreadBytes)
	q.unreadBytes -= n
	q.readyBytes -= n
}

// adopt adds an entry to a list of unsettled ones. Its place in the log is the newest so far.
func (q *Queue) adopt(e *entry, list *entryList) {
	q.measureEntry(e)
	e.offset = q.taken
	q.taken += int64(e.size)
	list.pushBack(e)
}

// measureEntry notes how large an entry's message is, and counts it as unsettled.
func (q *Queue) measureEntry(e *entry) {
	if e.msg != nil {
		e.size, e.body, e.at = int32(e.msg.Size()), int32(len(e.msg.Body())), e.msg.Published().UnixMicro()
		_, e.bounded = e.msg.Expiration()
	}
	q.liveBytes += int64(e.size)
	if e.bounded {
		q.limiter.expiring++
	}
}

// take puts the message at the cursor into the window.
func (q *Queue) take(seq uint64, m *Message, count uint32) {
	e := &entry{seq: seq, pos: seq, msg: m, count: count, after: q.lastSeen}
	q.next, q.lastSeen = seq+1, seq
	q.adopt(e, &q.live)
	q.place(e)
}

// place makes an entry ready that has come into the window.
func (q *Queue) place(e *entry) {
	switch {
	case e.count > 0 && q.tooOften(e): // for the last time when the broker stopped
		q.retire(e, DiedOfDeliveries, nil)
		return
	case q.delay(e):
		return
	}
	if q.spec.Fair && q.groups == nil && e.msg.Group() != "" {
		q.beFair()
	}
	switch {
	case q.groups != nil:
		q.groups.add(e, true)
		q.addReady(e, 1)
		if q.aside(e) && q.crowded() {
			q.drop(e)
		}
		return
	case q.chooser != nil:
		q.addReady(q.ranked(e), 1)
		q.chooser.insert(e)
		return
	case q.backlog != nil:
		q.addReady(q.ranked(e), 1)
		q.returned.push(e)
		if q.crowdedTimes(2) && q.aside(e) {
			q.drop(e)
		}
		return
	default:
		q.fresh.pushBack(e)
	}
	q.addReady(e, 1)
}

// putBack makes an entry that is in no lease ready again, at its original position.
func (q *Queue) putBack(e *entry) {
	q.addReady(q.ranked(e), 1)
	switch {
	case q.groups != nil:
		q.groups.add(e, false)
	case q.chooser != nil:
		q.chooser.insert(e)
	default:
		q.returned.push(e)
	}
}

// anyReady reports whether an entry may be handed out.
func (q *Queue) anyReady() bool {
	switch {
	case q.groups != nil:
		return len(q.groups.open) > 0
	case q.chooser != nil:
		e := q.chooser.all.first()
		if e != nil && e.msg == nil {
			q.chooser.all.reloadFirst(q.reload)
			return false
		}
		return e != nil
	}
	if q.line.len() > 0 && q.dropped > 0 && q.front().msg == nil {
		q.returned.reloadFirst(q.reload)
		return false
	}
	return q.line.len() > 0
}

// peekReady is the entry that goes out first. There must be one.
func (q *Queue) peekReady() *entry {
	switch {
	case q.groups != nil:
		return q.groups.open[0].ready.front()
	case q.chooser != nil:
		return q.chooser.all.first()
	}
	return q.front()
}

// popReady takes the entry that goes out first. There must be one.
func (q *Queue) popReady() *entry {
	e := q.peekReady()
	switch {
	case q.groups != nil:
		q.groups.popFront()
	case q.chooser != nil:
		q.chooser.all.pop()
		e.stamp++
	default:
		q.popFront()
	}
	q.addReady(e, -1)
	return e
}

// reordered reports whether entries go out in another order than that of their sequences.
func (q *Queue) reordered() bool { return q.spec.Priorities > 0 || q.groups != nil || q.chooser != nil }

// sated reports that nothing more has to be read for those who wait: they have what they want, or no room.
func (q *Queue) sated() bool {
	if q.chooser != nil {
		return !q.chooser.hungry()
	}
	return q.anyReady()
}

// comes hands out a message that is on its way to the log and will be stored at seq, all before it being there: a
// consumer that waits need not wait for the store's answer. A state that tells of it is written after it.
func (q *Queue) comes(seq uint64, m *Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if seq > q.last && q.consumerWaits() {
		q.arrivedLocked(seq, m)
	}
}

// arrivedLocked is told that a message of this queue is stored at seq. It goes into the window when all before it have;
// otherwise it is only counted and read back later. Delivery does not wait for the sync. The caller holds q.mu.
func (q *Queue) arrivedLocked(seq uint64, m *Message) {
	if seq <= q.last {
		return // it was expected
	}
	q.last = max(q.last, seq)
	if q.gone {
		return
	}
	if q.stream != nil {
		q.stream.arrived(q, seq, m)
		return
	}
	if q.backlog != nil && q.unread == 0 {
		q.passSettled()
		q.arriveRanked(seq, m)
		q.dispatch()
		return
	}
	if q.unread > 0 || q.crowded() {
		q.unread++
		q.noteUnread(m)
		q.keepLimits()
		q.fill()
		return
	}
	q.passSettled()
	q.take(seq, m, 0)
	q.dispatch()
}

// passSettled is called when nothing before the next message is to be read any more. What an earlier run left there was
// settled since: it is in no run, into which the next message would draw it otherwise.
func (q *Queue) passSettled() {
	if len(q.skip) > 0 || len(q.old) > 0 {
		clear(q.skip)
		q.old, q.lastSeen = nil, 0
	}
}

// arrivedInMemory adds a message to a queue without a log, and returns the duplicates that came meanwhile.
func (q *Queue) arrivedInMemory(m *Message, pub *publication, noted bool) (again []*publication) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.gone {
		return nil
	}
	q.last = q.next
	if noted {
		again = q.noted(q.next, m, nil)
	}
	pub.storedAt(q.next, m)
	q.take(q.next, m, 0)
	q.dispatch()
	return again
}

// fill starts reading from the log when the window has run half empty and the log holds more.
func (q *Queue) fill() {
	if q.backlog != nil && q.unread == 0 {
		q.fillRanked()
		return
	}
	if q.unread == 0 || q.reading || q.gone || !q.wantsMore() {
		return
	}
	q.reading, q.got, q.passed = true, false, false
	from := q.next
	if len(q.old) > 0 {
		from = max(from, q.old[0].from)
	}
	q.log.Read(from, max(windowMessages-q.held, readAhead), int(max(windowBytes-q.windowBytes, readAheadBytes)), q.emit, q.readEnded)
}

// wantsMore reports whether there is room for what is unread.
func (q *Queue) wantsMore() bool {
	switch {
	case q.backlog != nil:
		return true // it is counted, if there is no room: see arriveRanked
	case q.dropped >= maxDropped:
		return false
	case !q.loading && !q.sated():
		return true // while nothing that is in memory may go out, what is read takes no room there: see take
	}
	return !q.crowded() && q.held <= windowMessages/2 && q.windowBytes <= windowBytes/2
}

// emit takes a message that was read from the log.
func (q *Queue) emit(seq uint64, payload []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if seq > q.last {
		q.passed = true // its append has not been answered yet; what comes after it waits, too, or would come before it
	}
	if seq < q.next || q.passed || q.gone {
		return
	}
	q.got = true
	count, unsettled, last := q.oldCount(seq)
	switch _, skip := q.skip[seq]; {
	case skip:
		delete(q.skip, seq)
		q.next, q.lastSeen = seq+1, seq
	case !unsettled:
		q.next, q.lastSeen = seq+1, seq
	default:
		q.unread--
		m, err := decodeMessage(payload)
		if err != nil {
			// Nothing can be done with it; it stays in the log for a look, until it is purged with its neighbours.
			q.ns.b.log.Error("unreadable message skipped", "ns", q.ns.name, "queue", q.spec.Name, "seq", seq, "err", err)
			q.next, q.lastSeen = seq+1, seq
			return
		}
		q.noteRead(int64(len(m.Body())))
		if q.backlog != nil && seq >= q.oldEnd {
			q.arriveRanked(seq, m)
			break
		}
		q.take(seq, m, count)
	}
	if last {
		q.lastSeen = 0
		if len(q.old) == 0 {
			q.next = max(q.next, q.oldEnd)
		}
	}
	q.dispatch()
}

// oldCount tells whether the message at seq was unsettled when the broker last stopped, how often it had been handed
// out, and whether it was the last of its run.
func (q *Queue) oldCount(seq uint64) (count uint32, unsettled, last bool) {
	if seq >= q.oldEnd {
		return 0, true, false
	}
	for len(q.old) > 0 && q.old[0].to < seq {
		q.old = q.old[1:]
		q.lastSeen = 0
	}
	if len(q.old) == 0 || seq < q.old[0].from {
		return 0, false, false
	}
	r := &q.old[0]
	count = r.count
	r.messages--
	if r.from = seq + 1; r.from > r.to {
		q.old = q.old[1:]
		last = true
	}
	return count, true, last
}

// readEnded is told that a read is over.
func (q *Queue) readEnded(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reading = false
	switch {
	case q.gone:
	case err != nil:
		q.ns.b.log.Error("reading a queue's log", "ns", q.ns.name, "queue", q.spec.Name, "err", err)
		time.AfterFunc(readRetry, q.Kick)
	case !q.got && q.unread > 0:
		if q.misses++; q.misses < readMisses {
			time.AfterFunc(readRetry, q.Kick)
			break
		}
		// The log holds nothing where the count says so. The count is what is wrong.
		q.ns.b.log.Error("message count corrected", "ns", q.ns.name, "queue", q.spec.Name, "by", q.unread)
		q.unread, q.old, q.next = 0, nil, max(q.next, q.oldEnd)
		q.noteRead(0)
		q.wakeGetters()
	default:
		q.misses = 0
		q.fill()
	}
	if q.nothingComes() {
		q.wakeGetters()
	}
	if q.survey != nil && !q.reading {
		close(q.survey)
		q.survey = nil
	}
	if q.spec.Priorities > 0 {
		q.dispatch() // what came first waited for the rest
	}
}

// Kick lets the queue hand out what it can: credit was given, or a paused consumer can go on.
func (q *Queue) Kick() {
	q.mu.Lock()
	q.dispatch()
	q.mu.Unlock()
}
