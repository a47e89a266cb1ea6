package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// recoverJournal applies what a crash left in the journal and not in the queues, before any queue is used.
func (b *Broker) recoverJournal(ctx context.Context) error {
	j := &b.journal
	queues := make(map[string]*Queue)
	for _, ns := range b.namespaces {
		for _, q := range ns.queues {
			queues[q.id] = q
		}
	}
	segments := b.delaySegments()
	todo := make(map[*Queue][]*part)
	var commits []*commit
	err := b.store.Journal().Load(ctx, func(number uint64, raw []byte) error {
		parts, departures, err := decodeEntry(raw)
		if err != nil {
			return fmt.Errorf("entry %d: %w", number, err)
		}
		c := &commit{b: b, entry: number, left: 1}
		commits = append(commits, c)
		j.open = append(j.open, number)
		j.last = number
		if c.departures, err = segments.open(ctx, b, departures); err != nil {
			return fmt.Errorf("entry %d: %w", number, err)
		}
		c.left += len(c.departures)
		for i, sp := range parts {
			q := queues[sp.queueID]
			if q == nil {
				continue // deleted since
			}
			p := &part{commit: c, queue: q, id: number<<partBits | uint64(i), seqs: sp.acked}
			for _, raw := range sp.messages {
				m, err := decodeMessage(raw)
				if err != nil {
					return fmt.Errorf("entry %d: %w", number, err)
				}
				p.messages = append(p.messages, m)
			}
			todo[q] = append(todo[q], p)
			c.left++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(j.open) > 0 {
		j.floor = j.open[0]
	}
	for q, parts := range todo {
		if err := q.recoverParts(ctx, parts); err != nil {
			return err
		}
	}
	return finishRecovered(commits)
}

// finishRecovered waits until what was recovered is applied and synced.
func finishRecovered(commits []*commit) error {
	done := make(chan error, len(commits))
	for _, c := range commits {
		c.done = CompletionFunc(func(err error) { done <- err })
		c.start(nil)
	}
	for range commits {
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

// recoverParts opens the queue and applies those of the parts that its state does not name.
func (q *Queue) recoverParts(ctx context.Context, parts []*part) error {
	var missing []*part
	var settling error
	err := q.openWith(ctx, func() {
		for _, p := range parts {
			if slices.Contains(q.rec.applied, p.id) {
				continue
			}
			missing = append(missing, p)
			for _, seq := range p.seqs {
				settling = errors.Join(settling, q.settleRecovered(ctx, seq))
			}
		}
	})
	if err = errors.Join(err, settling); err != nil {
		return err
	}
	for _, p := range parts {
		if !slices.Contains(missing, p) {
			p.commit.finish(nil)
			continue
		}
		q.mu.Lock()
		q.rec.parts = append(q.rec.parts, p)
		q.record()
		q.mu.Unlock()
	}
	return nil
}

// settleRecovered settles a message of the log. It need not be there: it can have been handed out before it was stored,
// and a kill can have come between. Another entry may have its place then.
func (q *Queue) settleRecovered(ctx context.Context, seq uint64) error {
	for e := q.copied.head; e != nil; e = e.next {
		if e.seq == seq && q.takeBack(e) {
			q.forget(e)
			return nil
		}
	}
	found, err := q.log.Fetch(ctx, seq, 1, 1)
	if err == nil && len(found) > 0 && found[0].Sequence == seq {
		q.skipUnread(seq)
	}
	return err
}
