package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/portico-mq/portico/broker"
)

// A power cut can lose any part of what was not synced: the end of a log, or one block and not the next. So each state
// says in a header up to where the log was synced when it was written. What comes after the first hole behind that was
// answered to nobody: it is removed when the log is opened.

// syncedHeader is the header that says up to which sequence a log was synced.
const syncedHeader = "Portico-Synced"

// syncedMark notes that the log is synced as far as seq when the sync after it is.
type syncedMark struct {
	log *queueLog
	seq uint64
}

// Done implements broker.Completion.
func (m syncedMark) Done(err error) {
	if err != nil {
		return
	}
	for {
		was := m.log.synced.Load()
		if was >= m.seq || m.log.synced.CompareAndSwap(was, m.seq) {
			return
		}
	}
}

// stateStored passes on where a state went, and follows the sync that covers it.
type stateStored struct {
	log    *queueLog
	stored broker.Stored
}

// Stored implements broker.Stored.
func (w stateStored) Stored(seq uint64, err error) {
	if err == nil {
		w.log.s.Sync(syncedMark{w.log, seq})
	}
	w.stored.Stored(position(seq, 0), err)
}

// mendTail removes what a power cut left of answers that were never given, and returns the log's last sequence.
func (s *Store) mendTail(ctx context.Context, shard int, stream string, info *streamInfo) (last uint64, err error) {
	last = info.State.LastSeq
	if info.State.Messages == 0 {
		return last, nil
	}
	missing, err := s.missing(ctx, shard, stream, info)
	if err != nil || len(missing) == 0 {
		return last, err
	}
	synced, err := s.syncedUpTo(ctx, shard, stream)
	if err != nil {
		return 0, err
	}
	end := last
	for _, seq := range missing {
		if seq > synced && seq <= end {
			end = seq - 1
		}
	}
	if end == last {
		return last, nil
	}
	s.log.Warn("removing what a power cut left of unanswered operations", "stream", stream, "from", end+1, "to", last)
	if err := s.deleteMessages(ctx, shard, stream, end+1, last, missing); err != nil {
		return 0, err
	}
	// Once that is synced, the hole that it makes is said to be none.
	if err := s.syncNow(); err != nil {
		return 0, err
	}
	if last, err = s.markSynced(ctx, shard, stream, last); err != nil {
		return 0, fmt.Errorf("jetstream: mending %s: %w", stream, err)
	}
	return last, s.syncNow()
}

// syncNow waits for a sync.
func (s *Store) syncNow() error {
	done := make(chan error, 1)
	s.Sync(broker.CompletionFunc(func(err error) { done <- err }))
	return <-done
}

// markSynced says in a log that it is synced up to last, and returns the sequence of that.
func (s *Store) markSynced(ctx context.Context, shard int, stream string, last uint64) (uint64, error) {
	nc, err := s.server.conn(shard)
	if err != nil {
		return 0, err
	}
	mark := &nats.Msg{Subject: subjectsOf(stream).marks, Header: nats.Header{syncedHeader: {strconv.FormatUint(last, 10)}}}
	answer, err := nc.RequestMsgWithContext(ctx, mark)
	if err != nil {
		return 0, err
	}
	return parsePubAck(answer.Data)
}

// syncedUpTo reads up to where the log was synced, as far as the log says. A state that stands with messages is passed
// over: the one before it says less, which is as true.
func (s *Store) syncedUpTo(ctx context.Context, shard int, stream string) (uint64, error) {
	on := subjectsOf(stream)
	synced := uint64(0)
	for _, subject := range []string{on.states, on.marks} {
		msg, err := s.api.directGet(ctx, shard, stream, map[string]any{"last_by_subj": subject})
		if broker.IsKind(err, broker.KindNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n, err := strconv.ParseUint(msg.Header.Get(syncedHeader), 10, 64); err == nil {
			synced = max(synced, n)
		}
	}
	return synced, nil
}

// missing lists the sequences that are not in the log although later ones are, in ascending order.
func (s *Store) missing(ctx context.Context, shard int, stream string, info *streamInfo) ([]uint64, error) {
	if st := &info.State; st.Messages == st.LastSeq-st.FirstSeq+1 {
		return nil, nil
	}
	var detailed streamInfo
	err := s.api.call(ctx, shard, "STREAM.INFO."+stream, map[string]any{"deleted_details": true}, &detailed)
	slices.Sort(detailed.State.Deleted)
	return detailed.State.Deleted, err
}

// deleteMessages removes the entries from first to last but for those that are missing, some at a time.
func (s *Store) deleteMessages(ctx context.Context, shard int, stream string, first, last uint64, missing []uint64) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	slots := make(chan struct{}, apiSlots)
	for seq := first; seq <= last; seq++ {
		if _, gone := slices.BinarySearch(missing, seq); gone {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := s.api.call(ctx, shard, "STREAM.MSG.DELETE."+stream, map[string]any{"seq": seq, "no_erase": true}, nil)
			if err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
