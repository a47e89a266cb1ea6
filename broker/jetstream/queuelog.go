package jetstream

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker"
)

const queuePrefix = "Q" // of the stream of a queue, before the queue's id

// queueLog is the stream of one queue.
type queueLog struct {
	s        *Store
	shard    *shard
	stream   string
	subjects queueSubjects
	appender *appender
	reader   *reader
	synced   atomic.Uint64 // everything up to here is synced; see mendTail
	together atomic.Int64  // the largest number of messages in an entry of the last fetch

	quietMu    sync.Mutex
	quietTimer *time.Timer
}

// queueSubjects are the subjects of a queue's stream: of entries of messages, of entries of states, and of marks that
// only say up to where the stream is synced.
type queueSubjects struct {
	messages, states, marks string
}

func subjectsOf(stream string) queueSubjects {
	return queueSubjects{stream + ".m", stream + ".s", stream + ".y"}
}

// newQueueLog makes the log over a stream whose newest entry is last, and whose newest messages are those of e.
func (s *Store) newQueueLog(sh *shard, stream string, last uint64, e messagesEntry) *queueLog {
	l := &queueLog{s: s, shard: sh, stream: stream, subjects: subjectsOf(stream)}
	l.appender = sh.newAppender(stream, s.nextOpening(), last, s.failed)
	l.appender.ordinal, l.appender.stated = e.ordinal+uint64(len(e.messages)), e.stated
	l.reader = newReader(s.api, sh, stream, l.subjects.messages, "r"+s.nextOpening())
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
	on := subjectsOf(stream)
	if err := s.api.createStream(ctx, sh.number, newStreamConfig(stream, -1, on.messages, on.states, on.marks)); err != nil {
		return nil, err
	}
	return s.newQueueLog(sh, stream, 0, messagesEntry{}), nil
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
	var newest messagesEntry
	if info.State.Messages > 0 {
		if newest, err = s.findState(ctx, sh.number, stream, &found); err != nil {
			return nil, found, err
		}
	}
	return s.newQueueLog(sh, stream, last, newest), found, nil
}

// findState finds the last state, which has an entry of its own or stands with messages, and returns the newest entry
// of messages, with the sequence of the last one that has a state.
func (s *Store) findState(ctx context.Context, shard int, stream string, found *broker.Recovered) (messagesEntry, error) {
	on := subjectsOf(stream)
	msg, err := s.api.directGet(ctx, shard, stream, map[string]any{"last_by_subj": on.states})
	stateSeq := uint64(0)
	switch {
	case err == nil:
		if stateSeq, err = headerSequence(msg); err == nil {
			found.State, _, err = decodeState(msg.Data)
		}
		if err != nil {
			return messagesEntry{}, err
		}
		found.StateSeq = position(stateSeq, 0)
	case !broker.IsKind(err, broker.KindNotFound):
		return messagesEntry{}, err
	}
	seq, newest, err := s.messagesAt(ctx, shard, stream, map[string]any{"last_by_subj": on.messages})
	if err != nil {
		return newest, err
	}
	with := newest
	if newest.state != nil {
		newest.stated = seq
	} else if newest.stated > stateSeq {
		_, with, err = s.messagesAt(ctx, shard, stream, map[string]any{"seq": newest.stated})
		if err == nil && with.state == nil {
			err = fmt.Errorf("jetstream: %s has no state at %d", stream, newest.stated)
		}
	}
	if err == nil && newest.stated > stateSeq {
		found.State, found.StateSeq = with.state, position(newest.stated, 0)
	}
	return newest, err
}

// messagesAt reads an entry of messages and its sequence; zeros if there is none.
func (s *Store) messagesAt(ctx context.Context, shard int, stream string, which map[string]any) (seq uint64, e messagesEntry, err error) {
	msg, err := s.api.directGet(ctx, shard, stream, which)
	if broker.IsKind(err, broker.KindNotFound) {
		return 0, e, nil
	}
	if err != nil {
		return 0, e, err
	}
	if seq, err = headerSequence(msg); err != nil {
		return 0, e, err
	}
	e, err = decodeMessages(msg.Data)
	return seq, e, err
}

// DeleteQueueLog implements broker.Store.
func (s *Store) DeleteQueueLog(ctx context.Context, id string) error {
	stream := queuePrefix + id
	return s.api.deleteStream(ctx, shardOf(stream, s.shards), stream)
}

// Append implements broker.QueueLog.
func (l *queueLog) Append(payload []byte, stored broker.Stored) uint64 {
	return l.appender.add(l.subjects.messages, payload, stored)
}

// WriteState implements broker.QueueLog.
func (l *queueLog) WriteState(e broker.StateEntry, stored broker.Stored) {
	synced := strconv.FormatUint(l.synced.Load(), 10)
	l.appender.addState(l.subjects, e, synced, stateStored{l, stored})
}

// Read implements broker.QueueLog.
func (l *queueLog) Read(from uint64, maxMessages, maxBytes int, emit func(uint64, []byte), end func(error)) {
	l.reader.read(from, maxMessages, maxBytes, emit, end)
}

// Fetch implements broker.QueueLog. How many messages an entry holds is not known before it has come; the last fetch
// tells about how many.
func (l *queueLog) Fetch(ctx context.Context, from uint64, maxMessages, maxBytes int) ([]broker.LogMessage, error) {
	entry, _ := entryAt(from)
	entries := max(1, maxMessages/int(max(1, l.together.Load())))
	for {
		found, last, err := l.fetchEntries(ctx, from, entry, entries, maxBytes)
		if err != nil || len(found) > 0 || last == 0 {
			return found, err
		}
		entry = last + 1 // from is behind all messages of that one
	}
}

// fetchEntries fetches entries, and leaves out the messages before from. last is the last entry that it brought.
func (l *queueLog) fetchEntries(ctx context.Context, from, entry uint64, entries, maxBytes int) (
	found []broker.LogMessage, last uint64, err error,
) {
	next, together := uint64(0), 0
	err = l.shard.fetch(ctx, l.stream, l.subjects.messages, entry, entries, maxBytes, func(seq uint64, payload []byte) error {
		e, err := decodeMessages(payload)
		if err == nil && last != 0 && e.ordinal != next {
			err = fmt.Errorf("entry %d begins with message %d, not %d", seq, e.ordinal, next)
		}
		if err != nil {
			return err
		}
		for i, m := range e.messages {
			if at := position(seq, i); at >= from {
				found = append(found, broker.LogMessage{Sequence: at, Ordinal: e.ordinal + uint64(i), Payload: m})
			}
		}
		last, next, together = seq, e.ordinal+uint64(len(e.messages)), max(together, len(e.messages))
		return nil
	})
	if together > 0 {
		l.together.Store(int64(together))
	}
	return found, last, err
}

// Moved implements broker.QueueLog.
func (l *queueLog) Moved(ctx context.Context, at uint64) (first uint64, moved [][]byte, err error) {
	seq, _ := entryAt(at)
	msg, err := l.s.api.directGet(ctx, l.shard.number, l.stream, map[string]any{"seq": seq})
	if err == nil {
		_, moved, err = decodeState(msg.Data)
	}
	return position(seq, 0), moved, err
}

// CountFrom implements broker.QueueLog.
func (l *queueLog) CountFrom(ctx context.Context, at uint64) (uint64, error) {
	seq, index := entryAt(at)
	found, e, err := l.s.messagesAt(ctx, l.shard.number, l.stream,
		map[string]any{"seq": max(seq, 1), "next_by_subj": l.subjects.messages})
	if err != nil || len(e.messages) == 0 {
		return 0, err
	}
	before := e.ordinal
	if found == seq {
		before += uint64(min(index, len(e.messages)))
	}
	return l.appender.given() - before, nil
}

// Close implements broker.QueueLog.
func (l *queueLog) Close() {
	l.stopQuietTimer()
	l.shard.closeAppender(l.appender)
	l.reader.close()
}
