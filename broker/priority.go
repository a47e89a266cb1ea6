package broker

// Priorities: a queue that has them keeps its whole window in one heap, by priority and then by sequence, so that each
// priority is in order and what comes back goes out at its original position. The log is in the order of publishing:
// what is beyond the window is counted and waits until it is read, whatever its priority.

// ranked gives an entry its priority: its publisher's, at most the queue's highest; 0 without one.
func (q *Queue) ranked(e *entry) *entry {
	if q.spec.Priorities == 0 {
		return e
	}
	rank, _ := e.msg.Properties().Priority()
	e.rank = min(rank, q.spec.Priorities)
	return e
}

// incomplete reports that messages which may have to go out first are being read.
func (q *Queue) incomplete() bool { return q.spec.Priorities > 0 && q.reading }
