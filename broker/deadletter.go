package broker

import (
	"errors"
	"slices"
	"time"

	"github.com/portico-mq/portico/broker/property"
)

// Dead letters: what a queue drops or a consumer rejects is published to the queue's dead letter exchange. The copy
// is stored and synced before the original is settled, so that a crash in between makes two of it and loses none.

// DeathReason says why a message was dead-lettered.
type DeathReason uint8

// The reasons.
const (
	DiedOfRejection  DeathReason = iota // a consumer rejected it
	DiedOfAge                           // it waited longer than its queue allows
	DiedOfLength                        // its queue was full
	DiedOfDeliveries                    // it came back too often
)

// Death is the end of a message in a queue.
type Death struct {
	Namespace string
	Queue     string
	Reason    DeathReason
	Time      time.Time
	// Deliveries is how often it had been handed out and came back.
	Deliveries uint32
	// Key is the routing key of the copy, and NewKey says that its queue gave it.
	Key    string
	NewKey bool
}

// DeathMarker makes the properties of the copy of a dead message, which tell of its death, and names the queues that
// the copy must not go to, since it would go round for ever. It must not keep m.
type DeathMarker func(m *Message, d Death) (marked property.Block, not []string, err error)

// death is a message on its way to the dead letter exchange. Its entry is in no lease and not ready.
type death struct {
	e      *entry
	reason DeathReason
	done   Completion // told when the original is settled durably; may be nil
	stray  bool       // it was refused, and is in no log
}

// buryAtOnce is how many dead messages share one wait for their copies.
const buryAtOnce = 256

// retire ends an entry that is in no lease and not ready. done, if not nil, is told when that is recorded durably.
// The caller holds q.mu.
func (q *Queue) retire(e *entry, reason DeathReason, done Completion) {
	q.noteDeath(reason)
	if q.fate() == GoneForGood {
		q.forget(e)
		q.touch()
		q.tellRecorded(done)
		return
	}
	e.setLimbo(true)
	q.sentence(death{e: e, reason: reason, done: done})
}

// sentence sends a message on its way to the dead letter exchange. The caller holds q.mu.
func (q *Queue) sentence(d death) {
	l := &q.limiter
	l.dying = append(l.dying, d)
	if !l.burying {
		l.burying = true
		go q.bury()
	}
}

// tellRecorded tells done when the state as it is now is recorded; at once for a queue in memory.
func (q *Queue) tellRecorded(done Completion) {
	switch {
	case done == nil:
	case q.log == nil || q.gone:
		go done.Done(nil) // not under the queue's lock
	default:
		q.waitRecorded(done)
	}
}

// bury publishes copies of the dead until there are none left.
func (q *Queue) bury() {
	for {
		q.mu.Lock()
		l := &q.limiter
		n := min(len(l.dying), buryAtOnce)
		batch := slices.Clone(l.dying[:n])
		l.dying = slices.Delete(l.dying, 0, n)
		if n == 0 || q.gone {
			l.burying = false
			q.mu.Unlock()
			return
		}
		q.mu.Unlock()
		errs := q.publishDead(batch)
		q.mu.Lock()
		for i, d := range batch {
			d.e.setLimbo(false)
			if q.gone || d.stray {
				continue
			}
			if errors.Is(errs[i], errUndelivered) {
				q.buryLater(d)
				continue
			}
			if errs[i] != nil { // it was not stored, and must not be lost
				q.ns.b.log.Error("dead-lettering", "ns", q.ns.name, "queue", q.spec.Name, "err", errs[i])
				q.afterFailure(d, errs[i])
				continue
			}
			q.noteBurial(d.reason)
			q.forget(d.e)
			q.tellRecorded(d.done)
		}
		q.touch()
		q.dispatch()
		q.mu.Unlock()
	}
}

// afterFailure keeps a message that could not be dead-lettered out of the way: it stays unsettled, and comes back
// with the next start. Trying again at once would not end while the store refuses.
func (q *Queue) afterFailure(d death, err error) {
	d.e.setLimbo(true)
	if d.done != nil {
		go d.done.Done(err)
	}
}

// publishDead publishes copies and waits until each is synced, or has failed.
func (q *Queue) publishDead(batch []death) []error {
	s := &Session{b: q.ns.b, ns: q.ns, principal: q.ns.b.root}
	errs := make([]error, len(batch))
	waits := make([]chan error, len(batch))
	for i, d := range batch {
		routes, err := q.routesOfDead(s, d)
		if err != nil || len(routes) == 0 {
			errs[i] = err
			continue
		}
		for j := range routes {
			routes[j].copied = true
		}
		done := make(chan error, 1)
		waits[i] = done
		q.ns.b.append(routes, CompletionFunc(func(err error) { done <- err }))
	}
	for i, done := range waits {
		if done != nil {
			errs[i] = <-done
		}
	}
	for i, d := range batch {
		switch keep := q.keepsUndelivered() && !d.stray; {
		case IsKind(errs[i], KindFull) && !keep, errs[i] == nil && (waits[i] != nil || !keep): // a queue that refuses it is a fate too
			errs[i] = nil
		case IsKind(errs[i], KindFull), errs[i] == nil:
			errs[i] = errUndelivered
		}
	}
	return errs
}

// errUndelivered: a dead letter reached no queue, and is to be tried again.
var errUndelivered = errors.New("broker: a dead letter reached no queue")

// undeliveredRetry is the pause after which a dead letter that reached no queue is tried again.
const undeliveredRetry = 5 * time.Second

// keepsUndelivered reports whether dead letters must reach a queue.
func (q *Queue) keepsUndelivered() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.limiter.limits
	return l != nil && l.HasDeadLetter && l.KeepUndelivered && l.Overflow == RejectNew
}

// buryLater tries again to dead-letter a message that reached no queue. The caller holds q.mu.
func (q *Queue) buryLater(d death) {
	d.e.setLimbo(true)
	time.AfterFunc(undeliveredRetry, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if !q.gone {
			q.sentence(d)
		}
	})
}

// routesOfDead makes the copy and finds where it goes: nowhere when the exchange does not exist.
func (q *Queue) routesOfDead(s *Session, d death) ([]route, error) {
	q.mu.Lock()
	l := q.limiter.limits
	q.mu.Unlock()
	if l == nil || !l.HasDeadLetter { // a policy has ended since
		return nil, nil
	}
	m, key := d.e.msg, d.e.msg.Key()
	if l.HasDeadLetterKey {
		key = l.DeadLetterKey
	}
	properties, not := m.Properties(), []string(nil)
	if mark := q.ns.b.opts.MarkDeath; mark != nil {
		var err error
		properties, not, err = mark(m, Death{
			Namespace: q.ns.name, Queue: q.spec.Name, Reason: d.reason, Time: time.Now(), Key: key, NewKey: l.HasDeadLetterKey,
			Deliveries: d.e.count,
		})
		if err != nil {
			return nil, err
		}
	}
	routes, err := s.route(NewMessage(l.DeadLetter, key, properties, m.Body()), nil)
	if IsKind(err, KindNotFound) || IsKind(err, KindReserved) {
		return nil, nil
	}
	return slices.DeleteFunc(routes, func(r route) bool { return r.queue != nil && slices.Contains(not, r.queue.spec.Name) }), err
}
