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

func (s *Store) newQueueLog(sh *shard, stream string, last uint64) *queueLog {
	l := &queueLog{s: s, shard: sh, stream: stream}
	l.messages, l.copies, l.states = queueSubjects(stream)
	l.appender = sh.newAppender(stream, s.nextOpening(), last, s.failed)
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
	return s.newQueueLog(sh, stream, 0), nil
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
	if found.Last, err = s.mendTail(ctx, sh.number, stream, &info); err != nil {
		return nil, found, err
	}
	if info.State.Messages > 0 {
		_, _, states := queueSubjects(stream)
		msg, err := s.api.directGet(ctx, sh.number, stream, map[string]any{"last_by_subj": states})
		switch {
		case err == nil:
			found.State = msg.Data
			if found.StateSeq, err = headerSequence(msg); err != nil {
				return nil, found, err
			}
		case !broker.IsKind(err, broker.KindNotFound):
			return nil, found, err
		}
	}
	return s.newQueueLog(sh, stream, found.Last), found, nil
}

// DeleteQueueLog implements broker.Store.
func (s *Store) DeleteQueueLog(ctx context.Context, id string) error {
	stream := queuePrefix + id
	return s.api.deleteStream(ctx, shardOf(stream, s.shards), stream)
}

// Append implements broker.QueueLog.
func (l *queueLog) Append(payload []byte, stored broker.Stored) {
	l.appender.publish(l.messages, payload, nil, stored, true)
}

// AppendBatch implements broker.QueueLog.
func (l *queueLog) AppendBatch(b broker.Batch, stored broker.BatchStored) {
	entries := make([]batchEntry, 0, b.Len())
	for _, payload := range b.Messages {
		entries = append(entries, batchEntry{subject: l.messages, payload: payload})
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

// Get implements broker.QueueLog.
func (l *queueLog) Get(ctx context.Context, seq uint64) ([]byte, error) {
	msg, err := l.s.api.directGet(ctx, l.shard.number, l.stream, map[string]any{"seq": seq})
	if err != nil {
		return nil, err
	}
	return msg.Data, nil
}

// CountFrom implements broker.QueueLog.
func (l *queueLog) CountFrom(ctx context.Context, seq uint64) (uint64, error) {
	if seq >= l.appender.nextSequence() {
		return 0, nil
	}
	return l.reader.open(ctx, seq)
}

// Close implements broker.QueueLog.
func (l *queueLog) Close() {
	l.stopQuietTimer()
	l.shard.closeAppender(l.appender)
	l.reader.close()
}
