package memory

import (
	"context"
	"sync"

	"github.com/portico-mq/portico/broker"
)

// recordLog is the store of one shard: records in order, the first at sequence 1 + dropped.
type recordLog struct {
	tell    sync.Mutex
	mu      sync.Mutex
	records [][]byte
	dropped uint64
}

// Append implements broker.RecordLog.
func (l *recordLog) Append(payload []byte, stored broker.Stored) {
	l.tell.Lock()
	defer l.tell.Unlock()
	l.mu.Lock()
	l.records = append(l.records, payload)
	seq := l.dropped + uint64(len(l.records))
	l.mu.Unlock()
	stored.Stored(seq, nil)
}

// Read implements broker.RecordLog.
func (l *recordLog) Read(_ context.Context, from uint64, maxRecords, maxBytes int) ([]broker.LogEntry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []broker.LogEntry
	for seq := max(from, l.dropped+1); seq <= l.dropped+uint64(len(l.records)); seq++ {
		payload := l.records[seq-l.dropped-1]
		if len(found) >= maxRecords || (len(found) > 0 && len(payload) > maxBytes) {
			break
		}
		maxBytes -= len(payload)
		found = append(found, broker.LogEntry{Sequence: seq, Payload: payload})
	}
	return found, nil
}

// Last implements broker.RecordLog.
func (l *recordLog) Last(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped + uint64(len(l.records)), nil
}

// Purge implements broker.RecordLog.
func (l *recordLog) Purge(_ context.Context, below uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := min(below-min(below, l.dropped+1), uint64(len(l.records))); n > 0 {
		l.records = append([][]byte(nil), l.records[n:]...)
		l.dropped += n
	}
	return nil
}

// Close implements broker.RecordLog.
func (l *recordLog) Close() {}

// journal keeps transactions until they are applied.
type journal struct {
	log recordLog
}

// Append implements broker.Journal.
func (j *journal) Append(payload []byte, stored broker.Stored) { j.log.Append(payload, stored) }

// Load implements broker.Journal.
func (j *journal) Load(ctx context.Context, visit func(uint64, []byte) error) error {
	entries, err := j.log.Read(ctx, 0, int(^uint(0)>>1), int(^uint(0)>>1))
	for i := 0; err == nil && i < len(entries); i++ {
		err = visit(entries[i].Sequence, entries[i].Payload)
	}
	return err
}

// Purge implements broker.Journal.
func (j *journal) Purge(below uint64, done func(error)) {
	done(j.log.Purge(context.Background(), below))
}
