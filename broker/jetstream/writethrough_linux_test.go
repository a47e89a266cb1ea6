package jetstream

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWriteThrough expects a file to be written through until it has been renamed, and nothing to be left of one that
// was not.
func TestWriteThrough(t *testing.T) {
	dir := t.TempDir()
	final := filepath.Join(dir, "1.blk")
	temporary := final + ".tmp"
	after, err := writeThrough(temporary, final)
	if err != nil {
		t.Logf("this file system has no flag for it: %v", err)
		if _, err := os.Stat(temporary); !os.IsNotExist(err) {
			t.Errorf("left behind: %v", err)
		}
		return
	}
	// As the server does it.
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if !hasSyncFlag(t, f) {
		t.Error("what is written is not written through")
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, final); err != nil {
		t.Fatal(err)
	}
	if err := after(); err != nil {
		t.Fatal(err)
	}
	if f, err = os.Open(final); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if hasSyncFlag(t, f) {
		t.Error("the file stays slow to write")
	}
	if after, err = writeThrough(temporary, final); err != nil {
		t.Fatal(err)
	}
	if err := after(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(temporary); !os.IsNotExist(err) {
		t.Errorf("left behind: %v", err)
	}
}

func hasSyncFlag(t *testing.T, f *os.File) bool {
	t.Helper()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		t.Fatal(err)
	}
	return flags&syncFlag != 0
}
