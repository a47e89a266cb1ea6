package kinesis

import (
	"context"
	"sync"
	"time"
)

// retention is how long records are kept; changing it is not built.
const retention = retentionHours * time.Hour

// trimEvery is how often a shard in use is trimmed.
const trimEvery = time.Minute

// trims remembers when shards were last trimmed. The zero trims is ready for use.
type trims struct {
	mu   sync.Mutex
	last map[shardKey]time.Time
}

type shardKey struct {
	logID string
	shard int
}

// due reports whether the shard's turn has come, and counts that as its trim.
func (t *trims) due(key shardKey, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.last[key]) < trimEvery {
		return false
	}
	if t.last == nil {
		t.last = make(map[shardKey]time.Time)
	}
	for old, at := range t.last { // of streams that are gone or idle
		if now.Sub(at) >= trimEvery {
			delete(t.last, old)
		}
	}
	t.last[key] = now
	return true
}

// trim removes the shard's records that are past their retention. It is called when a shard is used: one
// that nobody uses does not grow.
func (a *adapter) trim(ctx context.Context, s *stream, shard int) error {
	now := time.Now()
	if !a.trims.due(shardKey{s.info.ID, shard}, now) {
		return nil
	}
	below, err := s.firstSince(ctx, shard, now.Add(-retention))
	if err != nil || below <= 1 {
		return err
	}
	return s.log.Trim(ctx, shard, below)
}
