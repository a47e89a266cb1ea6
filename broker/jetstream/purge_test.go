package jetstream

import (
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
)

// TestPurgeKeepsBlocks purges up to the middle of a block, and expects only whole blocks to go at first, unrewritten.
func TestPurgeKeepsBlocks(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log, err := s.CreateQueueLog(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	l := log.(*queueLog)
	const size, last = 1 << 20, 21
	done := make(storedAt, last)
	for range last {
		log.Append(make([]byte, size), done)
	}
	for range last {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	before := s.blocks(l.shard.number, l.stream)
	if len(before) != 3 {
		t.Fatalf("blocks %v, want 3", before)
	}
	below := before[2].first - 1 // only the last message of the second block would be left
	if steps, inside := s.purgeSteps(l.shard.number, l.stream, 1, below); !slices.Equal(steps, []uint64{before[1].first}) || !inside {
		t.Fatalf("steps %v, %v", steps, inside)
	}
	purged := make(chan error, 1)
	log.Purge(position(below, 0), func(err error) { purged <- err })
	if err := <-purged; err != nil {
		t.Fatal(err)
	}
	if after := s.blocks(l.shard.number, l.stream); !slices.Equal(after, before[1:]) {
		t.Errorf("blocks %v, want %v", after, before[1:])
	}
	// Once it is quiet, the rest goes.
	if err := s.purgeInside(t.Context(), l.shard.number, l.stream, below); err != nil {
		t.Fatal(err)
	}
	info, err := s.api.streamInfo(t.Context(), l.shard.number, l.stream)
	if err != nil || info.State.FirstSeq != below {
		t.Errorf("first %d, %v; want %d", info.State.FirstSeq, err, below)
	}
	after := s.blocks(l.shard.number, l.stream)
	if after[0].size > 2*size {
		t.Errorf("blocks %v: the first is not smaller", after)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(after[0].path), "*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
