package jetstream

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/portico-mq/portico/broker"
)

const queuePrefix = "Q" // of the stream of a queue, before the queue's id

// queueLog is the stream of one queue.
type queueLog struct {
	s      *Store
	shard  *shard
	stream string
	// The subjects of messages, of copies of messages that were moved forward, and of states.
	messages, copies, states string

	appender *appender
	reader   *reader
	synced   atomic.Uint64 // everything up to here is synced; see mendTail

	quietMu    sync.Mutex
	quietTimer *time.Timer
}

func queueSubjects(stream string) (messages, copies, states string) {
	return stream + ".m", stream + ".c", stream + ".s"
}

// newQueueLog makes the log over a stream whose newest entry is last and which has been given so many messages.
func (s *Store) newQueueLog(sh *shard, stream string, last, given uint64) *queueLog {
	l := &queueLog{s: s, shard: sh, stream: stream}
	l.messages, l.copies, l.states = queueSubjects(stream)
	l.appender = sh.newAppender(stream, s.nextOpening(), last, s.failed)
	l.appender.ordinal = given
	l.reader = newReader(s.api, sh, stream, l.messages, "r"+s.nextOpening())
	l.synced.Store(last)
	return l
}

// CreateQueueLog implements broker.Store.
func (s *Store) CreateQueueLog(ctx context.Context, id string) (broker.QueueLog, error) {
	stream := queuePrefix + id
	sh, err := s.shardOf(stream)
	if err != nil {
		return nil, err
	}
	if err := s.setAside(sh.number, stream); err != nil {
		return nil, err
	}
	messages, copies, states := queueSubjects(stream)
	if err := s.api.createStream(ctx, sh.number, newStreamConfig(stream, -1, messages, copies, states)); err != nil {
		return nil, err
	}
	return s.newQueueLog(sh, stream, 0, 0), nil
}

// OpenQueueLog implements broker.Store.
func (s *Store) OpenQueueLog(ctx context.Context, id string) (broker.QueueLog, broker.Recovered, error) {
	var found broker.Recovered
	stream := queuePrefix + id
	sh, err := s.shardOf(stream)
	if err != nil {
		return nil, found, err
	}
	info, err := s.api.streamInfo(ctx, sh.number, stream)
	if err != nil {
		return nil, found, err
	}
	last, err := s.mendTail(ctx, sh.number, stream, &info)
	if err != nil {
		return nil, found, err
	}
	found.Last = position(last, broker.SequenceStep-1)
	given := uint64(0)
	if info.State.Messages > 0 {
		messages, _, states := queueSubjects(stream)
		msg, err := s.api.directGet(ctx, sh.number, stream, map[string]any{"last_by_subj": states})
		switch {
		case err == nil:
			seq, err := headerSequence(msg)
			if err != nil {
				return nil, found, err
			}
			found.State, found.StateSeq = msg.Data, position(seq, 0)
		case !broker.IsKind(err, broker.KindNotFound):
			return nil, found, err
		}
		_, ordinal, n, err := s.groupAt(ctx, sh.number, stream, map[string]any{"last_by_subj": messages})
		if err != nil {
			return nil, found, err
		}
		given = ordinal + uint64(n)
	}
	return s.newQueueLog(sh, stream, last, given), found, nil
}

// groupAt reads an entry of messages: its sequence, its ordinal, and how many messages it has; zeros if there is none.
func (s *Store) groupAt(ctx context.Context, shard int, stream string, which map[string]any) (seq, ordinal uint64, n int, err error) {
	msg, err := s.api.directGet(ctx, shard, stream, which)
	if broker.IsKind(err, broker.KindNotFound) {
		return 0, 0, 0, nil
	}
	if err != nil {
		return 0, 0, 0, err
	}
	if seq, err = headerSequence(msg); err != nil {
		return 0, 0, 0, err
	}
	ordinal, messages, err := decodeGroup(msg.Data)
	return seq, ordinal, len(messages), err
}

// DeleteQueueLog implements broker.Store.
func (s *Store) DeleteQueueLog(ctx context.Context, id string) error {
	stream := queuePrefix + id
	return s.api.deleteStream(ctx, shardOf(stream, s.shards), stream)
}

// Append implements broker.QueueLog.
func (l *queueLog) Append(payload []byte, stored broker.Stored) uint64 {
	return l.appender.add(l.messages, payload, stored)
}

// AppendBatch implements broker.QueueLog.
func (l *queueLog) AppendBatch(b broker.Batch, stored broker.BatchStored) {
	entries := make([]batchEntry, 0, b.Len())
	for _, payload := range b.Messages {
		entries = append(entries, batchEntry{subject: l.messages, payload: payload, message: true})
	}
	for _, payload := range b.Copies {
		entries = append(entries, batchEntry{subject: l.copies, payload: payload})
	}
	if b.State != nil {
		entries = append(entries, batchEntry{subject: l.states, payload: b.State, synced: l.syncedNow()})
	}
	l.appender.publishBatch(entries, batchFollowed{l, b.Len(), stored})
}

// WriteState implements broker.QueueLog.
func (l *queueLog) WriteState(state []byte, stored broker.Stored) {
	l.appender.publish(l.states, state, nats.Header{syncedHeader: {l.syncedNow()}}, stateStored{l, stored}, false)
}

// syncedNow spells up to where the log is synced.
func (l *queueLog) syncedNow() string { return strconv.FormatUint(l.synced.Load(), 10) }

// Read implements broker.QueueLog.
func (l *queueLog) Read(from uint64, maxMessages, maxBytes int, emit func(uint64, []byte), end func(error)) {
	l.reader.read(from, maxMessages, maxBytes, emit, end)
}

// Get implements broker.QueueLog. Only copies are asked for, which have entries of their own.
func (l *queueLog) Get(ctx context.Context, at uint64) ([]byte, error) {
	seq, _ := entryAt(at)
	msg, err := l.s.api.directGet(ctx, l.shard.number, l.stream, map[string]any{"seq": seq})
	if err != nil {
		return nil, err
	}
	return msg.Data, nil
}

// CountFrom implements broker.QueueLog.
func (l *queueLog) CountFrom(ctx context.Context, at uint64) (uint64, error) {
	seq, index := entryAt(at)
	found, ordinal, n, err := l.s.groupAt(ctx, l.shard.number, l.stream,
		map[string]any{"seq": max(seq, 1), "next_by_subj": l.messages})
	switch {
	case err != nil || n == 0:
		return 0, err
	case found == seq:
		ordinal += uint64(min(index, n))
	}
	return l.appender.given() - ordinal, nil
}

// Close implements broker.QueueLog.
func (l *queueLog) Close() {
	l.stopQuietTimer()
	l.shard.closeAppender(l.appender)
	l.reader.close()
}
