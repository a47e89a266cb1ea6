//go:build !linux

package jetstream

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// syncDir returns a function that syncs, by name, every file below dir that changed since the last clean round, and
// the directories: where there is no syncfs(2). Files are opened anew each time, since the store replaces them by
// renaming.
func syncDir(dir string) (syncAll func() error, closeDir func() error, err error) {
	var clean time.Time
	return func() error {
		// Times of change are coarse on some file systems: look a little further back.
		began, since := time.Now(), clean.Add(-3*time.Second)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				if os.IsNotExist(err) {
					return nil
				}
				return err
			}
			info, err := d.Info()
			if err != nil || (!d.IsDir() && info.ModTime().Before(since)) {
				return nil
			}
			return syncPath(path)
		})
		if err == nil {
			clean = began
		}
		return err
	}, func() error { return nil }, nil
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		if os.IsNotExist(err) {
			return nil
		}
		return err
	}
	defer f.Close()
	return f.Sync()
}
