package broker

import (
	"bytes"
	"context"
	"fmt"
)

const (
	// cleanMessages and cleanBytes bound what is copied forward in one step.
	cleanMessages = MaxTogether
	cleanBytes    = 8 << 20
)

// clean frees the log when old unsettled messages keep much that is settled from being purged: they are copied to
// the end of the log, in one entry with the state that says so, and the log behind them can go. What that costs
// depends on the few that live, not on the many that are dead. The caller holds q.mu; no state is under way.
func (q *Queue) clean() {
	r := &q.rec
	if r.busy || r.syncing != nil || q.gone || len(r.parts) > 0 || !q.cleanDue() {
		return
	}
	dead, floor := q.deadBytes()
	var together StateEntry
	var moving []*entry
	bytes := 0
	a, b := q.copied.head, q.live.head
	for (a != nil || b != nil) && len(moving) < cleanMessages && bytes < cleanBytes {
		e := &b
		if b == nil || (a != nil && a.offset < b.offset) {
			e = &a
		}
		// Beyond the middle of what is dead, moving costs more than it frees.
		if len(moving) > 0 && (*e).offset-floor > dead/2 {
			break
		}
		if (*e).msg == nil {
			q.reloadToMove(*e)
			break
		}
		if bytes += (*e).msg.Size(); len(moving) > 0 && bytes > cleanBytes {
			break
		}
		moving = append(moving, *e)
		together.Moved = append(together.Moved, (*e).msg.raw)
		*e = (*e).next
	}
	if len(moving) == 0 {
		return
	}
	for _, e := range moving {
		e.setMoving(true)
	}
	w := &stateWrite{queue: q}
	together.State = q.buildState(w, moving)
	q.log.WriteState(together, w)
}

// cleanDue tells whether enough is dead above the floor. What an earlier run left unread is read first.
func (q *Queue) cleanDue() bool {
	dead, _ := q.deadBytes()
	if b := q.backlog; b != nil && dead < q.liveBytes+b.size {
		return false // what waits may wait for long, and would be moved again and again
	}
	return q.stream == nil && len(q.old) == 0 && dead >= q.ns.b.opts.DeadBytes
}

// deadBytes counts what is settled above the floor, and gives the floor's offset.
func (q *Queue) deadBytes() (dead, floor int64) {
	_, floor = q.floor()
	return q.taken - floor - q.liveBytes - q.backlog.bytes(), floor
}

// reloadToMove reads messages again that are to be moved: e's and those that follow.
func (q *Queue) reloadToMove(e *entry) {
	for n := 0; e != nil && n < cleanMessages; e = e.next {
		q.reload(e)
		n++
	}
}

// moved is told where the messages went that a state moves.
func (w *stateWrite) moved(first uint64, err error) {
	for i, e := range w.moving {
		e.setMoving(false)
		if err != nil || e.settled {
			continue
		}
		w.queue.unlist(e)
		e.place = first + uint64(i)
		w.queue.adopt(e, &w.queue.copied)
		if e.waits() && w.queue.aside(e) && w.queue.crowded() {
			w.queue.drop(e)
		}
	}
}

// readMoved reads messages that an earlier run of the broker moved.
func readMoved(ctx context.Context, log QueueLog, places []moved) ([]*entry, error) {
	var (
		first    uint64
		payloads [][]byte
		entries  []*entry
	)
	for _, at := range places {
		if at.place < first || at.place-first >= uint64(len(payloads)) {
			var err error
			if first, payloads, err = log.Moved(ctx, at.place); err != nil {
				return nil, err
			}
			if at.place < first || at.place-first >= uint64(len(payloads)) {
				return nil, fmt.Errorf("broker: no moved message at %d", at.place)
			}
		}
		m, err := decodeMessage(bytes.Clone(payloads[at.place-first])) // not to keep all of them
		if err != nil {
			return nil, err
		}
		entries = append(entries, &entry{seq: at.seq, place: at.place, msg: m, count: at.count})
	}
	return entries, nil
}
