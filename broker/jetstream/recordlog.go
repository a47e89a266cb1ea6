package jetstream

import (
	"context"
	"fmt"

	"github.com/portico-mq/portico/broker"
)

const (
	recordPrefix = "L" // of the stream of a shard of a log, before its id
	journalName  = "JOURNAL"
)

// recordLog is a stream of records: a shard of a log, or the journal.
type recordLog struct {
	s        *Store
	shard    *shard
	stream   string
	subject  string
	appender *appender
}

func (s *Store) newRecordLog(sh *shard, stream string, last uint64) *recordLog {
	return &recordLog{
		s: s, shard: sh, stream: stream, subject: stream + ".r",
		appender: sh.newAppender(stream, s.nextOpening(), last, s.failed),
	}
}

// createRecordStream makes a stream, after aside has put away what is left of it.
func (s *Store) createRecordStream(ctx context.Context, stream string, aside func(int, string) error) (*recordLog, error) {
	sh, err := s.shardOf(stream)
	if err != nil {
		return nil, err
	}
	if err := aside(sh.number, stream); err != nil {
		return nil, err
	}
	if err := s.api.createStream(ctx, sh.number, newStreamConfig(stream, -1, stream+".r")); err != nil {
		return nil, err
	}
	return s.newRecordLog(sh, stream, 0), nil
}

func (s *Store) openRecordStream(ctx context.Context, stream string) (*recordLog, error) {
	sh, err := s.shardOf(stream)
	if err != nil {
		return nil, err
	}
	info, err := s.api.streamInfo(ctx, sh.number, stream)
	if err != nil {
		return nil, err
	}
	return s.newRecordLog(sh, stream, info.State.LastSeq), nil
}

// CreateRecordLog implements broker.Store.
func (s *Store) CreateRecordLog(ctx context.Context, id string) (broker.RecordLog, error) {
	return s.createRecordStream(ctx, recordPrefix+id, s.setAside)
}

// OpenRecordLog implements broker.Store.
func (s *Store) OpenRecordLog(ctx context.Context, id string) (broker.RecordLog, error) {
	return s.openRecordStream(ctx, recordPrefix+id)
}

// DeleteRecordLog implements broker.Store.
func (s *Store) DeleteRecordLog(ctx context.Context, id string) error {
	stream := recordPrefix + id
	return s.api.deleteStream(ctx, shardOf(stream, s.shards), stream)
}

// Append implements broker.RecordLog.
func (l *recordLog) Append(payload []byte, stored broker.Stored) {
	l.appender.publish(l.subject, payload, nil, stored, true)
}

// Read implements broker.RecordLog.
func (l *recordLog) Read(ctx context.Context, from uint64, maxRecords, maxBytes int) ([]broker.LogEntry, error) {
	var found []broker.LogEntry
	err := l.shard.fetch(ctx, l.stream, l.subject, from, maxRecords, maxBytes, func(seq uint64, payload []byte) error {
		found = append(found, broker.LogEntry{Sequence: seq, Payload: payload})
		return nil
	})
	return found, err
}

// Last implements broker.RecordLog.
func (l *recordLog) Last(context.Context) (uint64, error) {
	l.appender.mu.Lock()
	defer l.appender.mu.Unlock()
	return l.appender.next - 1, nil
}

// Purge implements broker.RecordLog.
func (l *recordLog) Purge(ctx context.Context, below uint64) error {
	inside, err := l.s.purgeBlocks(ctx, l.shard.number, l.stream, below)
	if inside {
		return l.s.purgeInside(ctx, l.shard.number, l.stream, below)
	}
	return err
}

// Close implements broker.RecordLog.
func (l *recordLog) Close() { l.shard.closeAppender(l.appender) }

// journal is the stream of transactions that are being applied.
type journal struct{ log *recordLog }

func (s *Store) openJournal(ctx context.Context) (*journal, error) {
	l, err := s.openRecordStream(ctx, journalName)
	if broker.IsKind(err, broker.KindNotFound) {
		if l, err = s.createRecordStream(ctx, journalName, s.setAsideUnused); err == nil {
			err = s.syncNow()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("jetstream: opening the journal: %w", err)
	}
	return &journal{log: l}, nil
}

// Append implements broker.Journal.
func (j *journal) Append(payload []byte, stored broker.Stored) { j.log.Append(payload, stored) }

// Load implements broker.Journal.
func (j *journal) Load(ctx context.Context, visit func(uint64, []byte) error) error {
	next := uint64(1)
	for {
		entries, err := j.log.Read(ctx, next, 100, maxPayload)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		for _, e := range entries {
			if err := visit(e.Sequence, e.Payload); err != nil {
				return err
			}
			next = e.Sequence + 1
		}
	}
}

// Purge implements broker.Journal. The store keeps sequences going up although it may be left empty.
func (j *journal) Purge(below uint64, done func(error)) {
	go func() { done(j.log.Purge(context.Background(), below)) }()
}
