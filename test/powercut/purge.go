package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
)

// purge cuts the power right after a purge has rewritten a block, and after something else has made the file system
// commit what it knows of its files. What was in the block and was not purged must be there.
func (r *runner) purge(kinds []string) error {
	for _, fs := range kinds {
		dir, err := os.MkdirTemp(r.dir, "powercut-")
		if err != nil {
			return err
		}
		d, err := newDisk(dir, fileSystems[fs], 512)
		if err != nil {
			return err
		}
		err = cutAfterPurge(d)
		if err := errors.Join(err, d.detach()); err != nil {
			return fmt.Errorf("%s: %w (see %s)", fs, err, dir)
		}
		fmt.Printf("%-20s a purge, and the power cut: 0 faults\n", fs)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func cutAfterPurge(d *disk) error {
	const records, size = 6, 1 << 20
	ctx := context.Background()
	data := filepath.Join(d.mount, "data")
	var cutting atomic.Bool
	opts := jetstream.Options{Dir: data, Logger: slog.New(slog.DiscardHandler)}
	opts.Sync = func() error {
		if cutting.Load() {
			return errors.Join(commitAll(d), d.cut(), errors.New("the power is gone"))
		}
		return command("sync", "-f", d.mount)
	}
	store, err := jetstream.Open(ctx, opts)
	if err != nil {
		return err
	}
	log, err := store.CreateRecordLog(ctx, "purged")
	if err != nil {
		return err
	}
	if err := appendAll(store, log, records, size); err != nil {
		return err
	}
	cutting.Store(true)
	if err := log.Purge(ctx, records); err == nil {
		return errors.New("the purge did not rewrite a block, so that nothing was tried")
	}
	_ = store.Close() // it has no disk any more
	if err := errors.Join(d.detach(), d.attach()); err != nil {
		return err
	}
	opts.Sync = nil
	if store, err = jetstream.Open(ctx, opts); err != nil {
		return err
	}
	if log, err = store.OpenRecordLog(ctx, "purged"); err != nil {
		return errors.Join(err, store.Close())
	}
	left, err := log.Read(ctx, records, 1, 2*size)
	if err == nil && len(left) != 1 {
		err = fmt.Errorf("the last of %d records is lost", records)
	}
	return errors.Join(err, store.Close())
}

// appendAll appends records of so many bytes and waits until they are synced.
func appendAll(store *jetstream.Store, log broker.RecordLog, records, size int) error {
	done := make(stored, records)
	for range records {
		log.Append(make([]byte, size), done)
	}
	for range records {
		if err := <-done; err != nil {
			return err
		}
	}
	synced := make(chan error, 1)
	store.Sync(broker.CompletionFunc(func(err error) { synced <- err }))
	return <-synced
}

type stored chan error

func (s stored) Stored(_ uint64, err error) { s <- err }

// commitAll has the file system commit what it knows of all files, as whoever syncs one does.
func commitAll(d *disk) error {
	f, err := os.Create(filepath.Join(d.mount, "neighbour"))
	if err != nil {
		return err
	}
	_, err = f.Write([]byte{1})
	return errors.Join(err, f.Sync(), f.Close())
}
