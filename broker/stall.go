package broker

import "time"

// stall measures for how long messages wait although there are consumers, since none of them takes more. The queue's mu
// guards it.
type stall struct {
	since time.Time // when it began; zero: there is none
	total time.Duration
}

// note is told after each dispatch whether a message waits for consumers.
func (s *stall) note(waits bool) {
	switch {
	case waits == !s.since.IsZero():
	case waits:
		s.since = time.Now()
	default:
		s.total += time.Since(s.since)
		s.since = time.Time{}
	}
}

// sum is for how long it was so until now.
func (s *stall) sum() time.Duration {
	if s.since.IsZero() {
		return s.total
	}
	return s.total + time.Since(s.since)
}

// head is the message that goes out next, if it is in memory and the same for all consumers; else nil. The caller holds
// q.mu.
func (q *Queue) head() *Message {
	if q.stream != nil || q.chooser != nil || !q.anyReady() {
		return nil
	}
	return q.peekReady().msg
}
