package broker

import (
	"slices"
	"time"
)

const (
	// markPeriod is how far hand-outs count as recent.
	markPeriod = 100 * time.Millisecond
	// markBusy is from how many recent hand-outs on the mark goes ahead of them.
	markBusy = 16
	// markWaiting is how many messages a consumer that waits at an empty queue gets before another mark.
	markWaiting = 16
)

// outMark lets a restart tell what had been out. A queue's state carries a mark, and no message above it is handed out
// before a state with a higher one is written: after a kill, what stands up to the mark may have been out, and comes
// back marked redelivered. A state for each hand-out would cost too much when there are many, so the mark then goes
// ahead of them; when there are few, it stands exactly at the last, or a little ahead for a consumer that waits at an
// empty queue. All fields are under the queue's mu.
type outMark struct {
	found   uint64 // up to here an earlier run of the broker may have handed out
	out     uint64 // the highest sequence handed out
	written uint64 // up to here messages may be handed out
	pending bool   // messages wait for a mark to be written
	upTo    uint64 // what the next mark must cover: this sequence,
	next    int    // and so many messages of the window
	recent  int    // hand-outs in this period
	before  int    // those of the period before
	since   time.Time
	quiet   *time.Timer // brings the mark back when hand-outs have become few
}

// covered reports whether e may be handed out now.
func (q *Queue) covered(e *entry) bool { return q.covers(e.seq) }

func (q *Queue) covers(seq uint64) bool {
	return q.log == nil || seq <= q.mark.written || q.rec.failed != nil || fault == faultSettlement
}

// wantMark writes a state whose mark covers seq and the next n messages of the window; then the queue dispatches again.
func (q *Queue) wantMark(seq uint64, n int) {
	m := &q.mark
	m.pending, m.upTo, m.next = true, max(m.upTo, seq), max(m.next, n)
	q.rec.dirty = true
	q.record()
}

// coveredNext reports whether the next n messages of the window, which must not be empty, may be handed out; if not,
// they may be after the state that it writes. upTo, 0 at first, is how far they went when it was asked first: what comes
// meanwhile must not put it off.
func (q *Queue) coveredNext(n int, upTo *uint64) bool {
	first := q.peekReady().seq
	if *upTo == 0 {
		*upTo = first
		if n > 1 && (q.groups != nil || q.returned.len() > 0) {
			*upTo = q.next - 1 // the rest of a group, and what was delayed, can be anywhere in the window
		}
		if n = min(n, q.fresh.len()); n > 0 {
			*upTo = max(*upTo, q.fresh.at(n-1).seq)
		}
	}
	if q.covers(max(first, *upTo)) {
		return true
	}
	q.wantMark(max(first, *upTo), n)
	return false
}

// noteOut notes that e is handed out.
func (q *Queue) noteOut(e *entry) {
	q.mark.out = max(q.mark.out, e.seq)
	q.mark.recent++
}

// redelivered reports whether e may have been handed out before.
func (q *Queue) redelivered(e *entry) bool { return e.count > 0 || e.seq <= q.mark.found }

// markAhead writes a mark for what is still to come when a consumer waits for that and the next message would wait.
func (q *Queue) markAhead() {
	if q.log != nil && q.mark.written <= q.newest() && q.consumerWaits() && fault != faultSettlement {
		q.touch()
	}
}

// newest is the highest sequence that is known to be in use.
func (q *Queue) newest() uint64 { return max(q.next-1, q.last, q.rec.newest) }

// consumerWaits reports whether the next message that comes can go to a consumer at once.
func (q *Queue) consumerWaits() bool {
	return (q.chooser != nil || !q.anyReady()) && q.unread == 0 && q.backlog.len() == 0 && slices.ContainsFunc(q.consumers, (*Consumer).hasRoom)
}

// nextMark chooses the mark of a state that is built now. Until it is written, only what both it and the last one
// cover may be handed out.
func (q *Queue) nextMark(now time.Time) uint64 {
	if q.stream != nil {
		return 0 // its messages are not handed out but read
	}
	m := &q.mark
	if age := now.Sub(m.since); age >= markPeriod {
		if m.before = m.recent; age >= 2*markPeriod {
			m.before = 0
		}
		m.recent, m.since = 0, now
	}
	if q.gone && q.reordered() {
		// What was handed out is settled, or has come back and counts that. The mark would cover what it overtook.
		return m.found
	}
	mark, ahead := max(m.out, m.found, m.upTo), 0
	if n := m.recent + m.before; n >= markBusy && !q.gone {
		ahead = min(2*n, windowMessages)
		q.lowerMarkLater()
	}
	if n := min(max(m.next, ahead), q.fresh.len()); n > 0 {
		mark = max(mark, q.fresh.at(n-1).seq)
	}
	if q.reordered() && (m.upTo > 0 || ahead > 0) {
		mark = max(mark, q.next-1) // what goes out next is not what was stored next
	}
	if q.unread == 0 && !q.gone {
		coming := ahead - q.fresh.len()
		if q.consumerWaits() {
			coming = max(coming, markWaiting)
		}
		if coming > 0 {
			mark = max(mark, q.newest()+uint64(coming)*SequenceStep)
		}
	}
	m.upTo, m.next = 0, 0
	m.written = min(m.written, mark)
	return mark
}

// markWritten is told that a state with this mark is in the log.
func (q *Queue) markWritten(mark uint64) {
	q.mark.written = max(q.mark.written, mark)
	q.mark.pending = q.mark.upTo > q.mark.written
}

// lowerMarkLater sees to it that a mark that went ahead comes back.
func (q *Queue) lowerMarkLater() {
	m := &q.mark
	if m.quiet != nil {
		m.quiet.Reset(2 * markPeriod)
		return
	}
	m.quiet = time.AfterFunc(2*markPeriod, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if !q.gone {
			q.lowerMark()
		}
	})
}

// lowerMark writes a state if the mark is ahead of what was handed out.
func (q *Queue) lowerMark() {
	if q.mark.written > max(q.mark.out, q.mark.found) {
		q.touch()
	}
}

func (m *outMark) stop() {
	if m.quiet != nil {
		m.quiet.Stop()
	}
}
