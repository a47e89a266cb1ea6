package jetstream

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/portico-mq/portico/broker"
)

func leftoverOptions(dir string) Options {
	return Options{Dir: dir, EncryptionKey: "a key for tests", Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

// emptyFiles empties the files of a stream, or those that match.
func emptyFiles(t *testing.T, dir, pattern string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("%d files %s, %v", len(names), pattern, err)
	}
	for _, name := range names {
		if err := os.Truncate(name, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTornStream creates a queue's log again over what a power cut during its creation can leave: empty files.
func TestTornStream(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), leftoverOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateQueueLog(t.Context(), "torn"); err != nil {
		t.Fatal(err)
	}
	stream := queuePrefix + "torn"
	torn := s.streamDir(shardOf(stream, s.shards), stream)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	emptyFiles(t, torn, "meta.*")
	if s, err = Open(t.Context(), leftoverOptions(dir)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.OpenQueueLog(t.Context(), "torn"); !broker.IsKind(err, broker.KindNotFound) {
		t.Fatalf("opening it: %v, want not found", err)
	}
	if _, err := s.CreateQueueLog(t.Context(), "torn"); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "unreadable", stream+"-*")); err != nil || len(left) != 1 {
		t.Errorf("set aside: %v, %v", left, err)
	}
}

// TestTornMetadata opens a store whose first start was cut off, and refuses one whose metadata is damaged.
func TestTornMetadata(t *testing.T) {
	for _, written := range []bool{false, true} {
		dir := t.TempDir()
		s, err := Open(t.Context(), leftoverOptions(dir))
		if err != nil {
			t.Fatal(err)
		}
		if written {
			done := make(chan error, 1)
			s.PutMetadata(broker.MetadataKey{Kind: "k"}, []byte("v"), broker.CompletionFunc(func(err error) { done <- err }))
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		torn := s.streamDir(shardOf(bucketStream, s.shards), bucketStream)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		emptyFiles(t, torn, "meta.*")
		s, err = Open(t.Context(), leftoverOptions(dir))
		if (err != nil) != written {
			t.Errorf("with something in it: %v; the store opens: %v", written, err)
		}
		if err == nil {
			_ = s.Close()
		}
	}
}

// TestBlockWithoutKey leaves a block without its key behind, as a power cut can that comes while a block is begun, and
// expects the others to be there.
func TestBlockWithoutKey(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), leftoverOptions(dir))
	if err != nil {
		t.Fatal(err)
	}
	log, err := s.CreateQueueLog(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	const messages, size = 5, 1 << 20
	done := make(storedAt, messages)
	for range messages {
		log.Append(make([]byte, size), done)
	}
	for range messages {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	l := log.(*queueLog)
	blocks := filepath.Join(s.streamDir(l.shard.number, l.stream), "msgs")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	last := 0
	for ; ; last++ {
		if _, err := os.Stat(filepath.Join(blocks, fmt.Sprintf("%d.key", last+1))); err != nil {
			break
		}
	}
	if last < 2 {
		t.Fatalf("%d blocks, want some", last)
	}
	if err := os.WriteFile(filepath.Join(blocks, fmt.Sprintf("%d.blk", last+1)), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), leftoverOptions(dir)); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	log, _, err = s.OpenQueueLog(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := log.CountFrom(t.Context(), 0); err != nil || n != messages {
		t.Errorf("%d messages, %v; want %d", n, err, messages)
	}
}

// TestOtherKey opens a directory with another key than it was made with, which would hide everything in it.
func TestOtherKey(t *testing.T) {
	for _, keys := range [][2]string{{"a key", "another"}, {"a key", ""}, {"", "a key"}} {
		opts := leftoverOptions(t.TempDir())
		opts.EncryptionKey = keys[0]
		s, err := Open(t.Context(), opts)
		if err == nil {
			err = s.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		opts.EncryptionKey = keys[1]
		if s, err := Open(t.Context(), opts); err == nil {
			t.Errorf("made with the key %q, opened with %q", keys[0], keys[1])
			_ = s.Close()
		}
	}
}
