//go:build !unix

package jetstream

import (
	"fmt"
	"os"
	"path/filepath"
)

// lockDir makes sure that no other process uses the data directory: where files that are open cannot be removed, an
// open file is a lock.
func lockDir(dir string) (unlock func() error, err error) {
	path := filepath.Join(dir, "lock")
	_ = os.Remove(path)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("jetstream: the data directory %s is in use by another process: %w", dir, err)
	}
	return func() error {
		if err := f.Close(); err != nil {
			return err
		}
		return os.Remove(path)
	}, nil
}
