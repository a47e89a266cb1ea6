package broker

import (
	"context"
	"time"
)

// Get takes up to opts.Max messages from a queue at once, without a consumer, and tells how many are left ready. With
// a lease time the leases end by themselves; without, they end with the session. It waits for the first message as
// long as opts.Wait says, and in any case for what the log still has to read, and for what was published before. No message is no error.
func (s *Session) Get(ctx context.Context, queue string, opts GetOptions) ([]Delivery, int, error) {
	q, err := s.reach(ctx, AccessRead, queue)
	if err != nil {
		return nil, 0, err
	}
	if err := q.refuseStream(); err != nil {
		return nil, 0, err
	}
	if opts.Max == 0 {
		opts.Max = 1
	}
	if opts.Lease == 0 && !opts.AutoAck && !s.noteLeases(q) {
		return nil, 0, ErrClosed
	}
	return s.fetch(ctx, q, opts)
}

// fetch takes what there is, or waits for it.
func (s *Session) fetch(ctx context.Context, q *Queue, opts GetOptions) ([]Delivery, int, error) {
	var timeout <-chan time.Time
	if opts.Wait > 0 {
		t := time.NewTimer(opts.Wait)
		defer t.Stop()
		timeout = t.C
	}
	upTo, waited := uint64(0), false
	for {
		q.mu.Lock()
		if q.gone {
			q.mu.Unlock()
			return nil, 0, q.notFound()
		}
		q.noteUse()
		q.keepLimits()
		if q.anyReady() && !q.incomplete() && q.coveredNext(opts.Max, &upTo) {
			got := q.lease(s, opts)
			left := q.ready()
			q.fill()
			q.mu.Unlock()
			return got, left, nil
		}
		if q.nothingComes() && !waited {
			q.mu.Unlock()
			if err := q.whenArrived(ctx); err != nil {
				return nil, 0, err
			}
			waited = true
			continue
		}
		if timeout == nil && q.nothingComes() {
			q.traffic.add(FetchedNothing, 1)
			q.flow(s.frontEnd).add(FetchedNothing, 1)
			q.mu.Unlock()
			return nil, 0, nil
		}
		q.fill()
		filled := q.whenFilled()
		q.mu.Unlock()
		if opts.Waiting != nil {
			var done func()
			ctx, done = opts.Waiting(ctx)
			defer done()
			opts.Waiting = nil
		}
		select {
		case <-filled:
		case <-timeout:
			return nil, 0, nil
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// nothingComes reports that nothing is ready, nor will be by what is still to be read.
func (q *Queue) nothingComes() bool {
	return !q.anyReady() && !q.loading && ((q.unread == 0 && q.backlog.len() == 0) || q.dropped >= maxDropped)
}

// whenFilled returns a channel that is closed when the window is next found not empty, the log answers, or the queue goes.
func (q *Queue) whenFilled() <-chan struct{} {
	if q.filled == nil {
		q.filled = make(chan struct{})
	}
	return q.filled
}

func (q *Queue) wakeGetters() {
	if q.filled != nil {
		close(q.filled)
		q.filled = nil
	}
}

// lease takes what a Get wants from the window.
func (q *Queue) lease(s *Session, opts GetOptions) []Delivery {
	got := make([]Delivery, 0, min(opts.Max, q.waiting))
	now := time.Now()
	var b batch
	for len(got) < opts.Max {
		e := q.nextOf(&b)
		if e == nil {
			break
		}
		e.turn++
		q.noteOut(e)
		d := Delivery{Message: e.msg, Redelivered: q.redelivered(e), Count: e.count, First: e.first, Sequence: e.seq}
		q.noteFetched(s, opts.AutoAck, d.Redelivered)
		q.traceDelivered(s, opts.Lane, d.Message, d.Redelivered)
		if opts.AutoAck {
			q.forget(e)
			got = append(got, d)
			continue
		}
		d.Lease = Lease{queue: q, entry: e, turn: e.turn}
		if e.first.IsZero() {
			e.first = now
		}
		q.noteLeased(e)
		if opts.Lease > 0 {
			q.setDeadline(e, now.Add(opts.Lease))
		} else {
			e.session = s
		}
		got = append(got, d)
	}
	q.touch()
	return got
}

// nextOf takes the next entry of what a Get takes; nil when there is none that may be handed out.
func (q *Queue) nextOf(b *batch) *entry {
	if q.groups == nil {
		if !q.anyReady() || q.incomplete() || !q.covered(q.peekReady()) {
			return nil
		}
		return q.popReady()
	}
	e := q.groups.next(b)
	if e == nil || !q.covered(e) || !q.takeBack(e) {
		return nil
	}
	return e
}
