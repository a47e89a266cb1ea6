package jetstream

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
)

// A purge that ends inside a block of more than 2 MiB, and leaves less than half of it, makes the server write what is
// left to a new file and rename that, without a sync. Where the file system does not write a file's content before
// such a rename (XFS, ext4 with noauto_da_alloc), a power cut before the next sync then takes the whole block away,
// with messages that were confirmed long ago: seen in a test. So a log is purged by whole blocks, which only removes
// files. What is left in the block at the floor goes once the log is quiet, written through to the disk before it is
// renamed ([writeThrough]); where that cannot be had, between two rounds and with a sync at once, which leaves the
// milliseconds of that sync. Encrypted blocks are never that large.

const (
	// rewriteSize is the size of block up to which the server rewrites none.
	rewriteSize = 2 << 20
	// quiet is how long nothing must have been appended before the rest is purged.
	quiet = 5 * time.Second
	// purgeStep is about how many sequences one purge request covers: a stream takes no publishes while it is purged.
	purgeStep = 16384
)

// block is one of a log's block files.
type block struct {
	path  string
	first uint64 // the sequence of its first entry
	size  int64
}

// Purge implements broker.QueueLog.
func (l *queueLog) Purge(below uint64, done func(error)) {
	go func() {
		seq, _ := entryAt(below)
		err := l.purge(context.Background(), seq)
		if err != nil {
			done(err)
			return
		}
		l.s.Sync(broker.CompletionFunc(done))
	}()
}

func (l *queueLog) purge(ctx context.Context, below uint64) error {
	inside, err := l.s.purgeBlocks(ctx, l.shard.number, l.stream, below)
	if inside {
		l.purgeWhenQuiet(below)
	}
	return err
}

// purgeBlocks purges what can be purged of a stream at any time, and tells whether something is left inside a block.
func (s *Store) purgeBlocks(ctx context.Context, shard int, stream string, below uint64) (inside bool, err error) {
	info, err := s.api.streamInfo(ctx, shard, stream)
	if err != nil {
		return false, err
	}
	steps, inside := s.purgeSteps(shard, stream, info.State.FirstSeq, below)
	for _, step := range steps {
		if err := s.api.purge(ctx, shard, stream, step); err != nil {
			return false, err
		}
	}
	return inside, nil
}

// purgeInside purges a stream although that may rewrite a block.
func (s *Store) purgeInside(ctx context.Context, shard int, stream string, below uint64) error {
	err := broker.ErrClosed
	done := make(chan error, 1)
	s.commit.between(func() { err = s.rewrite(ctx, shard, stream, below) },
		broker.CompletionFunc(func(err error) { done <- err }))
	return errors.Join(<-done, err)
}

// rewrite purges a stream, and has a block that is rewritten by that written through.
func (s *Store) rewrite(ctx context.Context, shard int, stream string, below uint64) error {
	blocks := s.blocks(shard, stream)
	i := slices.IndexFunc(blocks, func(b block) bool { return b.first > below })
	if i < 0 {
		i = len(blocks)
	}
	if i == 0 {
		return s.api.purge(ctx, shard, stream, below)
	}
	path := blocks[i-1].path
	after, err := writeThrough(path+".tmp", path) // the name that the server uses (server/filestore.go: writeAtomically)
	if err != nil {
		s.log.Debug("a block is rewritten without being written through", "block", path, "err", err)
		return s.api.purge(ctx, shard, stream, below)
	}
	return errors.Join(s.api.purge(ctx, shard, stream, below), after())
}

// purgeSteps cuts a purge into steps that can be made at any time.
func (s *Store) purgeSteps(shard int, stream string, from, below uint64) (steps []uint64, inside bool) {
	end, large := from, true // without a look at the blocks, nothing is known
	if s.opts.EncryptionKey != "" {
		large = false
		for ; end+purgeStep < below; end += purgeStep {
			steps = append(steps, end+purgeStep)
		}
	} else {
		cut := from
		for _, b := range s.blocks(shard, stream) {
			if b.first > below {
				break
			}
			end, large = max(end, b.first), b.size > rewriteSize
			if end >= cut+purgeStep {
				steps = append(steps, end)
				cut = end
			}
		}
		if end > cut {
			steps = append(steps, end)
		}
	}
	if below > end && !large {
		steps = append(steps, below)
	}
	return steps, below > end && large
}

// blocks lists the block files of a stream in order. One that cannot be read, because it is being removed or has no
// entry yet, is left out.
func (s *Store) blocks(shard int, stream string) []block {
	dir := filepath.Join(s.streamDir(shard, stream), "msgs")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var found []block
	for _, e := range entries {
		number, ok := strings.CutSuffix(e.Name(), ".blk")
		if !ok {
			continue
		}
		if _, err := strconv.ParseUint(number, 10, 64); err != nil {
			continue
		}
		if b, ok := readBlock(filepath.Join(dir, e.Name())); ok {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b block) int { return int(int64(a.first) - int64(b.first)) })
	return found
}

// The marks in a record's sequence of one that was erased, and of a tombstone (nats-server: server/filestore.go).
const (
	erasedMark    = 1 << 63
	tombstoneMark = 1 << 62
	recordHead    = 4 + 8
	lengthMask    = 1<<31 - 1
)

// readBlock looks for the first entry of a block file: a record begins with its length and its sequence.
func readBlock(path string) (block, bool) {
	f, err := os.Open(path)
	if err != nil {
		return block{}, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return block{}, false
	}
	var head [recordHead]byte
	for at := int64(0); at+recordHead <= info.Size(); {
		if _, err := f.ReadAt(head[:], at); err != nil && err != io.EOF {
			return block{}, false
		}
		length := binary.LittleEndian.Uint32(head[:]) & lengthMask
		seq := binary.LittleEndian.Uint64(head[4:])
		if seq&(erasedMark|tombstoneMark) == 0 && seq > 0 {
			return block{path, seq, info.Size()}, true
		}
		if length < recordHead {
			return block{}, false
		}
		at += int64(length)
	}
	return block{}, false
}

// purgeWhenQuiet purges the rest once nothing has been appended for a while. If something is, a later purge comes.
func (l *queueLog) purgeWhenQuiet(below uint64) {
	next := l.appender.nextSequence()
	l.quietMu.Lock()
	defer l.quietMu.Unlock()
	if l.quietTimer != nil {
		l.quietTimer.Stop()
	}
	l.quietTimer = time.AfterFunc(quiet, func() {
		if l.appender.nextSequence() != next {
			return
		}
		if err := l.s.purgeInside(context.Background(), l.shard.number, l.stream, below); err != nil {
			l.s.log.Warn("purging a quiet log", "stream", l.stream, "err", err)
		}
	})
}

func (l *queueLog) stopQuietTimer() {
	l.quietMu.Lock()
	defer l.quietMu.Unlock()
	if l.quietTimer != nil {
		l.quietTimer.Stop()
	}
}
