package jetstream

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A power cut while a stream is being created can leave its directory with files that are empty. The server passes
// over such a stream when it starts, but creating the stream again over an empty key file would crash it.

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
