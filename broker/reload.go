package broker

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"
)

// An entry whose message nobody may have now (its group is locked, its time has not come, no consumer's filter takes it)
// does not have to be kept in memory: when the window is full of such, their messages are dropped, and read again when
// they are wanted. So what waits is in nobody's way, and costs an entry each.

const (
	// maxDropped bounds the entries without a message of one queue, of some 150 bytes each; beyond that nothing is read
	// until some of them have gone.
	maxDropped = 1 << 18
	// droppedBytes is what each counts for among the bytes that all queues together may keep.
	droppedBytes = 160
	// reloadAtOnce is how many are read again in one go, reloadBytes about how many bytes.
	reloadAtOnce = 64
	reloadBytes  = 1 << 20
)

// crowded reports that the queue keeps enough messages in memory already.
func (q *Queue) crowded() bool { return q.crowdedTimes(1) }

// crowdedTimes reports that it keeps n times as many.
func (q *Queue) crowdedTimes(n int) bool {
	return q.log != nil && (q.held >= n*windowMessages || q.windowBytes >= int64(n)*windowBytes ||
		(q.windowBytes >= int64(n)*windowShare && q.ns.b.window.Load() >= q.ns.b.opts.WindowBytes))
}

// hold counts the message of a ready or delayed entry that comes into memory (n is 1) or leaves it (-1).
func (q *Queue) hold(e *entry, n int64) {
	if e.msg == nil {
		q.dropped += int(n)
		q.ns.b.window.Add(n * droppedBytes)
		return
	}
	q.held += int(n)
	q.addWindow(n * int64(e.size))
}

// aside reports that a waiting entry may not go out now.
func (q *Queue) aside(e *entry) bool {
	switch {
	case e.delayed:
		return true
	case e.group != nil:
		return e.group.heapAt < 0
	case q.chooser == nil:
		return q.backlog != nil && q.line.len() > 0 && q.front() != e
	}
	return q.chooser.all.first() != e && !q.chooser.wanted(e)
}

// drop forgets the message of an entry that is ready or delayed; reload brings it back.
func (q *Queue) drop(e *entry) {
	if e.msg == nil || e.moving || q.log == nil {
		return
	}
	q.hold(e, -1)
	e.msg = nil
	q.hold(e, 1)
}

// reload reads an entry's message again; then the queue goes on.
func (q *Queue) reload(e *entry) {
	if e.msg != nil || e.reloading {
		return
	}
	e.reloading = true
	q.reloads = append(q.reloads, e)
	if !q.loading {
		q.loading = true
		go q.runReloads()
	}
}

// runReloads reads what is wanted until nothing is.
func (q *Queue) runReloads() {
	for {
		q.mu.Lock()
		n := min(len(q.reloads), reloadAtOnce)
		if n == 0 || q.gone {
			q.loading = false
			if q.nothingComes() {
				q.wakeGetters()
			}
			q.mu.Unlock()
			return
		}
		slices.SortFunc(q.reloads, func(a, b *entry) int { return cmp.Compare(a.seq, b.seq) })
		wanted := slices.Clone(q.reloads[:n])
		q.reloads = slices.Delete(q.reloads, 0, n)
		places := make([]moved, n)
		for i, e := range wanted {
			places[i] = moved{seq: e.seq, place: e.place}
		}
		q.mu.Unlock()
		messages, err := q.readAgain(places)
		q.mu.Lock()
		failed := q.reloaded(wanted, places, messages, err)
		q.dispatch()
		q.clean()
		q.mu.Unlock()
		if failed {
			time.AfterFunc(readRetry, q.runReloads)
			return
		}
	}
}

// reloaded puts messages that were read again into their entries, and reports whether some are to be tried again.
func (q *Queue) reloaded(wanted []*entry, places []moved, messages map[uint64]*Message, err error) (failed bool) {
	for i, e := range wanted {
		e.reloading = false
		m := messages[e.seq]
		switch {
		case q.gone || e.settled || e.msg != nil:
		case m != nil:
			q.hold(e, -1) // it is ready or delayed: nobody can have it without its message
			e.msg = m
			q.hold(e, 1)
			q.wake(e)
		case err != nil || e.place != places[i].place: // or it was moved meanwhile
			failed = failed || err != nil
			q.reload(e)
		default:
			q.ns.b.log.Error("a message is not where it was stored", "ns", q.ns.name, "queue", q.spec.Name, "seq", e.seq)
			if q.takeBack(e) {
				q.forget(e)
			}
		}
	}
	if failed && !q.gone {
		q.ns.b.log.Error("reading messages again", "ns", q.ns.name, "queue", q.spec.Name, "err", err)
	}
	return failed
}

// wake goes on with an entry whose message is there again.
func (q *Queue) wake(e *entry) {
	switch {
	case e.delayed && e.due <= time.Now().UnixMicro():
		q.arise(e)
	case e.group != nil:
		q.groups.arrange(e.group)
	case q.chooser != nil:
		q.chooser.look(e)
	}
}

// readAgain reads messages at their places. What is not there is left out.
func (q *Queue) readAgain(places []moved) (map[uint64]*Message, error) {
	found := make(map[uint64]*Message, len(places))
	ctx := context.Background()
	var inLog, copied []moved
	for _, p := range places {
		if p.place == 0 {
			inLog = append(inLog, p)
		} else {
			copied = append(copied, p)
		}
	}
	for i, p := range inLog {
		if found[p.seq] != nil {
			continue
		}
		near := 1
		for near < len(inLog)-i && inLog[i+near].seq < p.seq+reloadAtOnce*SequenceStep {
			near++
		}
		got, err := q.log.Fetch(ctx, p.seq, near, reloadBytes)
		if err != nil {
			return found, err
		}
		for _, stored := range got {
			at, wanted := slices.BinarySearchFunc(inLog, stored.Sequence, func(m moved, seq uint64) int { return cmp.Compare(m.seq, seq) })
			if !wanted {
				continue
			}
			if m, err := decodeMessage(bytes.Clone(stored.Payload)); err == nil {
				found[inLog[at].seq] = m
			}
		}
	}
	entries, err := readMoved(ctx, q.log, copied)
	if err != nil && !IsKind(err, KindNotFound) {
		return found, err
	}
	for _, e := range entries {
		found[e.seq] = e.msg
	}
	return found, nil
}
