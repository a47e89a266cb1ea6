package broker

import (
	"slices"
	"time"
)

// Overflow says what becomes of a message that a queue has no room for.
type Overflow string

// The ways to deal with too much. With any of the last two, whoever publishes is told KindFull.
const (
	DropOldest          Overflow = "drop-oldest"        // the head of the queue goes
	RejectNew           Overflow = "reject"             // the new message is refused
	RejectNewDeadLetter Overflow = "reject-dead-letter" // it is, and is dead-lettered
)

// rejects reports whether new messages are refused rather than old ones dropped.
func (l *QueueLimits) rejects() bool {
	return l.Overflow == RejectNew || l.Overflow == RejectNewDeadLetter
}

// bounded reports whether there is a limit on how much waits.
func (l *QueueLimits) bounded() bool { return l.HasMaxLength || l.HasMaxBytes }

// putLimits puts limits in force. The caller holds q.mu, or is the only one who knows the queue.
func (q *Queue) putLimits(l *QueueLimits) {
	q.limiter.limits = l
	q.limiter.retainedUntil = time.Time{}
	if l != nil && l.Deduplicate != NoDeduplication {
		if q.sightings == nil {
			q.sightings = newSightings()
		}
	} else {
		q.sightings = nil
	}
	q.limiter.deduplicating.Store(q.sightings != nil)
	q.limiter.rejecting.Store(l != nil && l.rejects() && l.bounded())
}

// over reports whether more is ready than l allows when so many messages and bytes come on top.
func (q *Queue) over(l *QueueLimits, messages int, bytes int64) bool {
	return (l.HasMaxLength && int64(q.ready()+messages) > l.MaxLength) || (l.HasMaxBytes && q.readyBytes+bytes > l.MaxBytes)
}

// admit decides whether a new message may come in; it then counts as coming until left is called.
func (q *Queue) admit(m *Message) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	l, lim := q.limiter.limits, &q.limiter
	size := int64(len(m.Body()))
	if l == nil || !l.rejects() || q.gone || !q.over(l, lim.coming+1, lim.comingBytes+size) {
		lim.coming++
		lim.comingBytes += size
		return nil
	}
	if l.Overflow == RejectNewDeadLetter && l.HasDeadLetter {
		q.noteDeath(DiedOfLength)
		q.sentence(death{e: &entry{msg: m}, reason: DiedOfLength, stray: true})
	}
	return q.fullError()
}

// admitted ends the way of an admitted message into the queue. The caller holds q.mu.
func (l *limiter) admitted(m *Message) {
	l.coming--
	l.comingBytes -= int64(len(m.Body()))
}

func (q *Queue) fullError() error {
	return &Error{Kind: KindFull, Type: ResourceQueue, Namespace: q.ns.name, Name: q.spec.Name}
}

// hasRoomFor refuses the messages of a transaction if the queue would refuse them one by one.
func (q *Queue) hasRoomFor(messages []*Message) error {
	if len(messages) == 0 || !q.limiter.rejecting.Load() {
		return nil
	}
	bytes := int64(0)
	for _, m := range messages {
		bytes += int64(len(m.Body()))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	l, lim := q.limiter.limits, &q.limiter
	if l != nil && l.rejects() && q.over(l, lim.coming+len(messages), lim.comingBytes+bytes) {
		return q.fullError()
	}
	return nil
}

// comeBack makes an entry ready again, if it may still be delivered. It is in no lease; its count is up to date.
func (q *Queue) comeBack(e *entry) {
	if q.tooOften(e) {
		q.retire(e, DiedOfDeliveries, nil)
		return
	}
	q.putBack(e)
}

// tooOften reports whether an entry came back more often than its queue allows.
func (q *Queue) tooOften(e *entry) bool {
	l := q.limiter.limits
	return l != nil && l.HasDeliveryLimit && int64(e.count) > l.DeliveryLimit
}

// measure adds up the bodies of the messages that an earlier run of the broker left, if there is a limit on them: then
// there are not more of them than it allows. fresh is how many there are from the state's cursor on.
func (q *Queue) measure(log QueueLog, st *state, fresh uint64) (bytes int64, err error) {
	q.mu.Lock()
	l := q.limiter.limits
	q.mu.Unlock()
	left, next := fresh, st.next
	for _, r := range st.runs {
		left += r.messages
	}
	if l == nil || !l.HasMaxBytes {
		return 0, nil
	}
	if len(st.runs) > 0 {
		next = st.runs[0].from
	}
	for left > 0 {
		found := false
		ended := make(chan error, 1)
		log.Read(next, windowMessages, windowBytes, func(seq uint64, payload []byte) {
			found, next = true, seq+1
			if seq < st.next && !inRuns(st.runs, seq) {
				return
			}
			left -= min(left, 1)
			if m, err := decodeMessage(payload); err == nil && !slices.Contains(st.skipped, seq) {
				bytes += int64(len(m.Body()))
			}
		}, func(err error) { ended <- err })
		if err := <-ended; err != nil {
			return 0, err
		}
		if !found {
			break // the count is wrong, and is corrected when the messages are read
		}
	}
	return bytes, nil
}
