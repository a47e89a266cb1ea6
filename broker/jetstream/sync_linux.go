package jetstream

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncDir returns a function that writes all dirty data of the file system that holds dir to its device. One
// syncfs(2) covers what an fsync of each file would, and what such a list would forget; it reports write-back errors
// since Linux 5.8. It also waits for what others write on the same file system: give the data directory its own.
func syncDir(dir string) (syncAll func() error, closeDir func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	return func() error { return unix.Syncfs(int(f.Fd())) }, f.Close, nil
}
