package jetstream

import (
	"errors"
	"os"
	"path/filepath"
)

// Remove removes what stores have made in a data directory that no store has open; other people's files stay. It is
// not undone by anything.
func Remove(dataDir string) error {
	var errs []error
	for _, path := range []string{storeDir(dataDir), filepath.Join(dataDir, "unreadable"), filepath.Join(dataDir, "format")} {
		errs = append(errs, os.RemoveAll(path))
	}
	return errors.Join(errs...)
}
