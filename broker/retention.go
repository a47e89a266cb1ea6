package broker

import "time"

// retryRetention is when a message is looked at again that is too old and on its way elsewhere.
const retryRetention = time.Second

// expireRetained drops the messages that were published longer ago than the queue keeps any, whether they are ready,
// delayed or under a lease with a deadline, and sees to it that the next one is looked at in time. They are not
// dead-lettered. What a consumer has stays its own. What is unread is younger than what was read.
func (q *Queue) expireRetained(now time.Time) {
	l := &q.limiter
	if l.limits == nil || l.limits.Retention <= 0 {
		return
	}
	if now.Before(l.retainedUntil) {
		if q.ready()+q.delayed+q.leased > 0 {
			q.armTTL(l.retainedUntil)
		}
		return
	}
	l.retainedUntil = now.Add(l.limits.Retention)
	limit := now.Add(-l.limits.Retention).UnixMicro()
	dropped := false
	for _, list := range []*entryList{&q.copied, &q.live} {
		for e := list.head; e != nil; {
			next := e.next
			if e.at > limit {
				l.lookAgain(time.UnixMicro(e.at).Add(l.limits.Retention))
				break
			}
			switch {
			case e.leased && e.consumer == nil && !e.deadline.IsZero():
				q.unlease(e)
				q.forget(e)
				dropped = true
			case q.takeBack(e):
				q.forget(e)
				dropped = true
			default:
				l.lookAgain(now.Add(retryRetention))
			}
			e = next
		}
	}
	if dropped {
		q.touch()
	}
	if q.ready()+q.delayed+q.leased > 0 {
		q.armTTL(l.retainedUntil)
	}
}

// lookAgain sees to it that what is retained is looked at then, or before.
func (l *limiter) lookAgain(at time.Time) {
	if at.Before(l.retainedUntil) {
		l.retainedUntil = at
	}
}
