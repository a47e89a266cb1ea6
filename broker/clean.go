package broker

const (
	// cleanMessages and cleanBytes bound what is copied forward in one step.
	cleanMessages = MaxBatch - 100
	cleanBytes    = 8 << 20
)

// clean frees the log when old unsettled messages keep much that is settled from being purged: they are copied to
// the end of the log, in one batch with the state that says so, and the log behind them can go. What that costs
// depends on the few that live, not on the many that are dead. The caller holds q.mu; no state is under way.
func (q *Queue) clean() {
	r := &q.rec
	if r.busy || r.syncing != nil || q.gone || len(r.parts) > 0 || !q.cleanDue() {
		return
	}
	dead, floor := q.deadBytes()
	var batch Batch
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
		moving = append(moving, *e)
		batch.Copies = append(batch.Copies, (*e).msg.raw)
		bytes += (*e).msg.Size()
		*e = (*e).next
	}
	for _, e := range moving {
		e.moving = true
	}
	w := &stateWrite{queue: q}
	batch.State = q.buildState(w, moving)
	q.log.AppendBatch(batch, w)
}

// cleanDue tells whether enough is dead above the floor. What an earlier run left unread is read first.
func (q *Queue) cleanDue() bool {
	dead, _ := q.deadBytes()
	return len(q.old) == 0 && dead >= q.ns.b.opts.DeadBytes
}

// deadBytes counts what is settled above the floor, and gives the floor's offset.
func (q *Queue) deadBytes() (dead, floor int64) {
	_, floor = q.floor()
	return q.taken - floor - q.liveBytes, floor
}

// BatchStored is told where a batch went that ends with the state.
func (w *stateWrite) BatchStored(first uint64, err error) {
	q := w.queue
	q.mu.Lock()
	for i, e := range w.moving {
		e.moving = false
		if err != nil || e.settled {
			continue
		}
		q.unlist(e)
		e.place = first + uint64(i)*SequenceStep
		q.adopt(e, &q.copied)
	}
	last := first + uint64(w.batchLen()-1)*SequenceStep
	if err == nil {
		q.rec.newest = last
		q.markWritten(w.mark)
	}
	if w.part != nil {
		w.part.stored(q, first, err)
		q.rec.busy = false // transactions need not wait for each other's sync
		q.record()
	}
	q.dispatch()
	q.mu.Unlock()
	w.Stored(last, err)
}

// batchLen is the number of entries in w's batch.
func (w *stateWrite) batchLen() int {
	n := 1 + len(w.moving)
	if w.part != nil {
		n += len(w.part.messages)
	}
	return n
}
