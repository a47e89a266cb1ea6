package sqs

import (
	"slices"
	"sync"
	"time"

	"github.com/portico-mq/portico/broker"
)

// A receive of a FIFO queue whose answer was lost can be repeated with the same ReceiveRequestAttemptId:
// it gives the same messages with the same receipt handles for as long as none of them was deleted, was
// given another visibility timeout, or became visible again [SQS ReceiveMessage].

// attemptPeriod is for how long an attempt can be repeated; maxAttempts how many are remembered.
const (
	attemptPeriod = 5 * time.Minute
	maxAttempts   = 65536
)

type attemptKey struct {
	queueID, id string
}

// attempt is what a receive gave. It keeps messages that are in flight, and so in memory anyway.
type attempt struct {
	at         time.Time
	deliveries []broker.Delivery
	handles    []string
}

// attempts are those of all FIFO queues.
type attempts struct {
	mu    sync.Mutex
	of    map[attemptKey]attempt
	swept time.Time
}

// put remembers an attempt. Beyond maxAttempts it is not, and a repeated receive gets other messages.
func (a *attempts) put(key attemptKey, deliveries []broker.Delivery, handles []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.of == nil {
		a.of = make(map[attemptKey]attempt)
	}
	if now.Sub(a.swept) >= time.Second {
		a.swept = now
		for k, old := range a.of {
			if now.Sub(old.at) >= attemptPeriod {
				delete(a.of, k)
			}
		}
	}
	delete(a.of, key)
	if len(deliveries) > 0 && len(a.of) < maxAttempts {
		a.of[key] = attempt{now, deliveries, handles}
	}
}

// get gives what an attempt gave before.
func (a *attempts) get(key attemptKey) (attempt, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	found, ok := a.of[key]
	if !ok || time.Since(found.at) >= attemptPeriod {
		return attempt{}, false
	}
	return found, true
}

// changed forgets the attempts that gave the message of a handle, which has another visibility now.
func (a *attempts) changed(h broker.Handle) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, old := range a.of {
		if key.queueID == h.QueueID && slices.ContainsFunc(old.deliveries, func(d broker.Delivery) bool { return d.Lease.Handle() == h }) {
			delete(a.of, key)
		}
	}
}

// repeat gives the messages of an attempt again, with their visibility begun anew.
func (q *queue) repeat(key attemptKey, visibility time.Duration) (attempt, bool) {
	found, ok := q.attempts.get(key)
	if !ok {
		return found, false
	}
	for i := range found.deliveries {
		if _, err := q.session.FindLease(q.name, found.deliveries[i].Lease.Handle()); err != nil {
			return found, false
		}
	}
	err := q.session.Extend(visibility, leases(found.deliveries)...)
	return found, err == nil // or one ran out at this moment
}
