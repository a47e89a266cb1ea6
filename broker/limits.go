package broker

import (
	"sync/atomic"
	"time"
)

// QueueLimits bound how long and how many messages wait in a queue, and say what becomes of those that may not. A queue
// is declared with some, and policies add others while it is used.
type QueueLimits struct {
	// HasTTL: messages that have waited for TTL are dropped when they reach the head of the queue. A TTL of 0 drops
	// what no consumer takes at once.
	HasTTL bool          `json:"has_ttl,omitempty"`
	TTL    time.Duration `json:"ttl,omitempty"`
	// Expires deletes the queue when it had no consumer, no Get and no declaration for that long; 0: never.
	Expires time.Duration `json:"expires,omitempty"`
	// HasMaxLength: with more than MaxLength messages ready, the oldest are dropped.
	HasMaxLength bool  `json:"has_max_length,omitempty"`
	MaxLength    int64 `json:"max_length,omitempty"`
	// HasMaxBytes: likewise with more than MaxBytes bytes of bodies ready. When a policy sets it, messages that an earlier
	// run of the broker stored count from when they are read into the window.
	HasMaxBytes bool  `json:"has_max_bytes,omitempty"`
	MaxBytes    int64 `json:"max_bytes,omitempty"`
	// Of a stream: segments whose messages are all older than MaxAge are removed, and so are the oldest ones while all
	// together have more than MaxBytes; the newest always stays. 0: none is too old.
	MaxAge time.Duration `json:"max_age,omitempty"`
	// SegmentBytes is how large a segment of a stream grows; 0: 500,000,000 bytes. MaxBytes and MaxAge make it end
	// sooner, so that no more than an eighth of them stays beyond them.
	SegmentBytes int64 `json:"segment_bytes,omitempty"`
	// Overflow says what becomes of a message that is too much; "" is DropOldest.
	Overflow Overflow `json:"overflow,omitempty"`
	// HasDeliveryLimit: a message that came back more than DeliveryLimit times is dropped.
	HasDeliveryLimit bool  `json:"has_delivery_limit,omitempty"`
	DeliveryLimit    int64 `json:"delivery_limit,omitempty"`
	// ConsumerTimeout is how long a consumer may keep a delivery unsettled; a receiver that is an [OverdueReceiver] is
	// told when it does longer. 0: for ever.
	ConsumerTimeout time.Duration `json:"consumer_timeout,omitempty"`
	// HasDeadLetter: what is dropped or rejected is published to the exchange DeadLetter, under DeadLetterKey, or
	// under its own key when HasDeadLetterKey is not set. An exchange that does not exist takes nothing.
	HasDeadLetter    bool   `json:"has_dead_letter,omitempty"`
	DeadLetter       string `json:"dead_letter,omitempty"`
	HasDeadLetterKey bool   `json:"has_dead_letter_key,omitempty"`
	DeadLetterKey    string `json:"dead_letter_key,omitempty"`
	// KeepUndelivered: a dead letter that reaches no queue is tried again until it does. It takes RejectNew, without
	// which the queue could grow beyond its limits.
	KeepUndelivered bool `json:"keep_undelivered,omitempty"`
	// Delay: a message that does not say itself when it is due (see [DueHeader]) is so long after it was published.
	Delay time.Duration `json:"delay,omitempty"`
	// Retention: a message is dropped, not dead-lettered, so long after it was published, even if it is under a lease that
	// has a deadline; 0: never.
	Retention time.Duration `json:"retention,omitempty"`
	// Deduplicate: of the messages of one name, only the first is stored. See [DeduplicationHeader].
	Deduplicate Deduplication `json:"deduplicate,omitempty"`
}

// limiter is a queue's limits at work. All fields are under the queue's mu.
type limiter struct {
	limits *QueueLimits // those in force, replaced whole; nil: none

	expiring int // unsettled messages that their publisher gave a lifetime
	ttlTimer *time.Timer
	ttlAt    time.Time // when it fires; zero: not armed

	retainedUntil time.Time // before that no message is older than Retention

	idleTimer *time.Timer
	used      time.Time // the last use that counts against Expires

	dying   []death
	burying bool

	deduplicating atomic.Bool // there are sightings

	rejecting   atomic.Bool // new messages may be refused
	coming      int         // admitted, and on the way into the log
	comingBytes int64
}

// keepLimits drops what is too old or too much. The caller holds q.mu.
func (q *Queue) keepLimits() {
	if q.gone {
		return
	}
	for l := q.limiter.limits; l != nil && !l.rejects() && q.anyReady() && !q.incomplete() && q.over(l, 0, 0); {
		q.retire(q.popReady(), DiedOfLength, nil)
	}
	if q.limiter.limits != nil && q.limiter.limits.Retention > 0 {
		q.expireRetained(time.Now())
	}
	if q.messagesAge() {
		q.expireMessages(time.Now())
	}
}

// messagesAge reports whether any message of the queue can become too old.
func (q *Queue) messagesAge() bool {
	l := q.limiter.limits
	return q.limiter.expiring > 0 || (l != nil && l.HasTTL)
}

// lifetime is how long the message may wait: what its publisher or what the queue allows, whichever is less.
func (q *Queue) lifetime(m *Message) (d time.Duration, bounded bool) {
	d, bounded = m.Expiration()
	if l := q.limiter.limits; l != nil && l.HasTTL && (!bounded || l.TTL < d) {
		return l.TTL, true
	}
	return d, bounded
}

// expireMessages drops messages from the head as long as they are too old, and sees to it that the next one is looked
// at in time. Behind a message that may still wait, none is looked for, as in RabbitMQ.
func (q *Queue) expireMessages(now time.Time) {
	for q.anyReady() && !q.incomplete() {
		m := q.peekReady().msg
		d, bounded := q.lifetime(m)
		if !bounded {
			return
		}
		if at := m.Published().Add(d); at.After(now) {
			q.armTTL(at)
			return
		}
		q.retire(q.popReady(), DiedOfAge, nil)
	}
}

// tooOld reports whether the head of the queue must not be handed out any more. A message whose time is 0 may be.
func (q *Queue) tooOld() bool { return q.isTooOld(q.peekReady().msg) }

func (q *Queue) isTooOld(m *Message) bool {
	if !q.messagesAge() {
		return false
	}
	d, bounded := q.lifetime(m)
	return bounded && d > 0 && time.Since(m.Published()) >= d
}

// armTTL makes the timer fire at that time or before: one that fires early looks again.
func (q *Queue) armTTL(at time.Time) {
	l := &q.limiter
	if !l.ttlAt.IsZero() && !l.ttlAt.After(at) {
		return
	}
	l.ttlAt = at
	wait := time.Until(at)
	if l.ttlTimer == nil {
		l.ttlTimer = time.AfterFunc(wait, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.limiter.ttlAt = time.Time{}
			q.dispatch()
		})
		return
	}
	l.ttlTimer.Reset(wait)
}

// noteUse puts the end of an unused queue off.
func (q *Queue) noteUse() {
	if l := q.limiter.limits; l != nil && l.Expires > 0 {
		q.limiter.used = time.Now()
	}
}

// watchUse starts counting the time in which the queue is not used.
func (q *Queue) watchUse() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.restartUse()
}

// restartUse is watchUse for one who holds q.mu.
func (q *Queue) restartUse() {
	if q.limiter.idleTimer != nil {
		q.limiter.idleTimer.Stop()
	}
	l := q.limiter.limits
	if q.gone || l == nil || l.Expires <= 0 {
		return
	}
	q.limiter.used = time.Now()
	q.limiter.idleTimer = time.AfterFunc(l.Expires, q.endIfUnused)
}

// setLimits puts other limits in force, at once.
func (q *Queue) setLimits(l *QueueLimits) {
	q.mu.Lock()
	defer q.mu.Unlock()
	old := q.limiter.limits
	if q.gone || old == l || (old != nil && l != nil && *old == *l) {
		return
	}
	q.putLimits(l)
	if old == nil || l == nil || old.Expires != l.Expires {
		q.restartUse()
	}
	if q.opened.Load() {
		q.dispatch()
	}
}

func (q *Queue) endIfUnused() {
	q.mu.Lock()
	if q.gone || q.limiter.limits == nil || q.limiter.limits.Expires <= 0 {
		q.mu.Unlock()
		return
	}
	left := q.unusedLeft()
	if left > 0 {
		q.limiter.idleTimer.Reset(left)
		q.mu.Unlock()
		return
	}
	q.mu.Unlock()
	if err := q.ns.deleteQueueIf(q, func() bool { return q.unusedLeft() <= 0 }); err != nil && !IsKind(err, KindNotFound) {
		q.ns.b.log.Error("deleting an unused queue", "ns", q.ns.name, "queue", q.spec.Name, "err", err)
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.limiter.limits; !q.gone && l != nil && l.Expires > 0 { // used at the last moment
		q.limiter.idleTimer.Reset(l.Expires)
	}
}

// unusedLeft is how long the queue may still be unused.
func (q *Queue) unusedLeft() time.Duration {
	l := q.limiter.limits
	if l == nil || l.Expires <= 0 {
		return time.Hour // a policy has ended just now
	}
	if len(q.consumers) > 0 {
		return l.Expires
	}
	return l.Expires - time.Since(q.limiter.used)
}

func (l *limiter) stop() {
	if l.ttlTimer != nil {
		l.ttlTimer.Stop()
	}
	if l.idleTimer != nil {
		l.idleTimer.Stop()
	}
}
