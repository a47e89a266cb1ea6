package broker

import (
	"context"
	"maps"
	"slices"
	"time"
)

// browseAtOnce is how many messages a browser reads from the log in one go.
const browseAtOnce = 256

// Browse calls visit for the messages that are ready in a queue, in the order in which they would go out, and takes none;
// filter, if not nil, chooses some. It ends with the messages that were there when it began, or when visit returns false.
// What is taken meanwhile may be seen all the same. Sequence is the message's place in the queue. KindNotFound,
// KindDenied (read), KindUnsupported for a stream, which is read by consumers.
func (s *Session) Browse(ctx context.Context, queue string, filter Filter, visit func(sequence uint64, m *Message) bool) error {
	q, err := s.reach(ctx, AccessRead, queue)
	if err != nil {
		return err
	}
	if q.stream != nil {
		return &Error{Kind: KindUnsupported, Type: ResourceQueue, Namespace: s.ns.name, Name: queue}
	}
	if err := q.whenArrived(ctx); err != nil {
		return err
	}
	b := browser{q: q, visit: func(seq uint64, m *Message) bool {
		return (filter != nil && !filter.Match(m)) || visit(seq, m)
	}}
	if err := q.whenComplete(ctx); err != nil {
		return err
	}
	b.look()
	at := 0
	for rank := len(b.backTaken) - 1; rank >= 0; rank-- {
		end := at
		for end < len(b.ranks) && int(b.ranks[end]) >= rank {
			end++
		}
		if more, err := b.taken(ctx, at, end); err != nil || !more {
			return err
		}
		at = end
		if more, err := b.waiting(ctx, uint8(rank)); err != nil || !more {
			return err
		}
	}
	if more, err := b.taken(ctx, at, len(b.ready)); err != nil || !more {
		return err
	}
	return b.unread(ctx)
}

// whenComplete waits until what goes out first has been read, as far as an earlier run stored it.
func (q *Queue) whenComplete(ctx context.Context) error {
	for {
		q.mu.Lock()
		if q.gone || !q.incomplete() {
			q.mu.Unlock()
			return nil
		}
		q.fill()
		filled := q.whenFilled()
		q.mu.Unlock()
		select {
		case <-filled:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// BrowseDelayed calls visit for the messages of a queue that are not due, in no order, and takes none, until visit returns
// false. The handle is for [Session.Discard]. What still stands in the log behind the queue's window is not seen. Errors
// are those of [Session.Browse].
func (s *Session) BrowseDelayed(ctx context.Context, queue string, visit func(h Handle, m *Message) bool) error {
	q, err := s.reach(ctx, AccessRead, queue)
	if err != nil {
		return err
	}
	if q.stream != nil {
		return &Error{Kind: KindUnsupported, Type: ResourceQueue, Namespace: s.ns.name, Name: queue}
	}
	if err := q.whenArrived(ctx); err != nil {
		return err
	}
	b := browser{q: q, delayed: true, visit: func(seq uint64, m *Message) bool {
		return visit(Handle{QueueID: q.id, Epoch: q.ns.b.epoch, Sequence: seq}, m)
	}}
	b.look()
	_, err = b.taken(ctx, 0, len(b.ready))
	return err
}

// browser is one Browse: what the queue had when it began.
type browser struct {
	// delayed: what is not due is looked for, instead of what is ready.
	delayed bool

	q     *Queue
	visit func(uint64, *Message) bool

	ready      []*entry
	messages   []*Message // of the entries; nil: to be read
	places     []moved
	next, last uint64 // what was not taken
	old        []run
	oldEnd     uint64
	skip       map[uint64]struct{}
	left       int
	ranks      []uint8        // of the entries
	backlog    []*backlogPage // what waits in the log by priority
	backTaken  []uint64       // see backlog.taken
	now        time.Time
}

// look notes what is ready.
func (b *browser) look() {
	q := b.q
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, list := range []*entryList{&q.copied, &q.live} {
		for e := list.head; e != nil; e = e.next {
			if e.waits() && e.delayed == b.delayed {
				b.ready = append(b.ready, e)
			}
		}
	}
	slices.SortFunc(b.ready, func(x, y *entry) int {
		if x.before(y) {
			return -1
		}
		return 1
	})
	for _, e := range b.ready {
		b.messages = append(b.messages, e.msg)
		b.places = append(b.places, moved{seq: e.seq, place: e.place})
	}
	for _, e := range b.ready {
		b.ranks = append(b.ranks, e.rank)
	}
	if q.backlog.len() > 0 {
		b.backTaken = slices.Clone(q.backlog.taken)
		for _, p := range q.backlog.pages {
			page := *p
			page.ranks = slices.Clone(p.ranks)
			b.backlog = append(b.backlog, &page)
		}
	}
	b.next, b.last, b.left = q.next, q.last, q.unread
	b.old, b.oldEnd, b.skip = slices.Clone(q.old), q.oldEnd, maps.Clone(q.skip)
	b.now = time.Now()
}

// waiting visits what waits of a priority in the log, and reports whether to go on.
func (b *browser) waiting(ctx context.Context, rank uint8) (more bool, err error) {
	for _, p := range b.backlog {
		left := p.waits(rank)
		for at := max(p.from, b.backTaken[rank]); left > 0 && at <= p.to; {
			got, err := b.q.log.Fetch(ctx, at, readAhead, readAheadBytes)
			if err != nil || len(got) == 0 {
				return err == nil, err
			}
			for _, stored := range got {
				at = stored.Sequence + 1
				m, err := decodeMessage(stored.Payload)
				if err != nil || at > p.to+1 || b.q.rankOf(m) != rank {
					continue
				}
				left--
				if !b.see(stored.Sequence, m) {
					return false, nil
				}
			}
		}
	}
	return true, nil
}

// taken visits the entries from one to another, and reports whether to go on.
func (b *browser) taken(ctx context.Context, from, to int) (more bool, err error) {
	for i := from; i < to; i++ {
		if b.messages[i] == nil {
			if err := b.read(ctx, i); err != nil {
				return false, err
			}
		}
		if m := b.messages[i]; m != nil && !b.see(b.places[i].seq, m) {
			return false, nil
		}
		b.messages[i] = nil
	}
	return true, nil
}

// read reads the messages of some entries from i on that are not in memory. What is gone meanwhile stays nil.
func (b *browser) read(ctx context.Context, i int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var wanted []moved
	for j := i; j < min(i+browseAtOnce, len(b.places)); j++ {
		if b.messages[j] == nil {
			wanted = append(wanted, b.places[j])
		}
	}
	slices.SortFunc(wanted, func(x, y moved) int {
		if x.seq < y.seq {
			return -1
		}
		return 1
	})
	found, err := b.q.readAgain(wanted)
	if err != nil {
		return err
	}
	for j := i; j < min(i+browseAtOnce, len(b.places)); j++ {
		if b.messages[j] == nil {
			b.messages[j] = found[b.places[j].seq]
		}
	}
	return nil
}

// unread visits what stands in the log and was not taken.
func (b *browser) unread(ctx context.Context) error {
	for at := b.next; b.left > 0 && at <= b.last; {
		got, err := b.q.log.Fetch(ctx, at, browseAtOnce, reloadBytes)
		if err != nil || len(got) == 0 {
			return err
		}
		for _, stored := range got {
			at = stored.Sequence + 1
			if stored.Sequence > b.last {
				return nil
			}
			if _, settled := b.skip[stored.Sequence]; settled || stored.Sequence < b.oldEnd && !inRuns(b.old, stored.Sequence) {
				continue
			}
			m, err := decodeMessage(stored.Payload)
			if err != nil {
				continue
			}
			if due, ok := m.Due(); ok && due.After(b.now) {
				continue
			}
			if !b.see(stored.Sequence, m) {
				return nil
			}
		}
	}
	return nil
}

// see visits a message that is not too old.
func (b *browser) see(seq uint64, m *Message) bool {
	b.q.mu.Lock()
	old := b.q.isTooOld(m)
	b.q.mu.Unlock()
	return old || b.visit(seq, m)
}
