package jetstream

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A power cut while a stream is being created can leave its directory with files that are empty. The server passes
// over such a stream when it starts, but creating the stream again over an empty key file would crash it.

// removeKeyless removes the blocks of encrypted streams that have no key, before the server starts. It makes a block
// before the block's key, without a sync, and a power cut can come between the two. It would take such a block for one
// that is not encrypted, fail, and remove the whole stream (nats-server 2.15.2: convertToEncrypted, addStream). A key
// is synced with the first entries of its block: what is in a block without one was confirmed to nobody.
func (s *Store) removeKeyless() error {
	blocks, err := filepath.Glob(filepath.Join(storeDir(s.opts.Dir), "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if err != nil {
		return fmt.Errorf("jetstream: looking for blocks without a key: %w", err)
	}
	for _, block := range blocks {
		_, err := os.Stat(strings.TrimSuffix(block, ".blk") + ".key")
		if err == nil {
			continue
		}
		if os.IsNotExist(err) {
			s.log.Warn("removing a block that a power cut left without its key", "block", block)
			err = os.Remove(block)
		}
		if err != nil {
			return fmt.Errorf("jetstream: a block without a key: %w", err)
		}
	}
	return nil
}

// streamDir is where the server keeps a stream.
func (s *Store) streamDir(shard int, stream string) string {
	return filepath.Join(s.server.server.JetStreamConfig().StoreDir, shardName(shard), "streams", stream)
}

// keepDirectory sees to it that an account's directory of streams is never empty. With the last stream of an account
// the server takes its directories away, behind the answer (nats-server 2.15.2, stream.stop), and a stream that is
// created meanwhile would find no place. The server passes over what it finds there besides streams.
func (s *Store) keepDirectory(shard int) error {
	keep := s.streamDir(shard, "keep")
	if err := os.MkdirAll(filepath.Dir(keep), 0o700); err != nil {
		return err
	}
	return os.WriteFile(keep, nil, 0o600)
}

// setAside moves what is left of a stream that the server does not know to the directory "unreadable" of the data
// directory, so that it can be created.
func (s *Store) setAside(shard int, stream string) error {
	dir := s.streamDir(shard, stream)
	if _, err := os.Stat(dir); err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	to := filepath.Join(s.opts.Dir, "unreadable")
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	to = filepath.Join(to, fmt.Sprintf("%s-%d", stream, time.Now().UnixNano()))
	s.log.Error("what is left of a stream cannot be read and is set aside", "stream", stream, "to", to)
	return os.Rename(dir, to)
}

// setAsideUnused is setAside for a stream that all others depend on: it refuses when there is anything in it. Such a
// stream is synced before anything is written to it, so only damage can have made it unreadable then.
func (s *Store) setAsideUnused(shard int, stream string) error {
	dir := s.streamDir(shard, stream)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && filepath.Ext(path) == ".blk" && info.Size() > 0 {
			err = fmt.Errorf("jetstream: the stream %s is damaged; see %s", stream, dir)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return s.setAside(shard, stream)
}
