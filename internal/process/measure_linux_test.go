package process

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// What is written and synced is counted, and so are switches between threads.
func TestMeasure(t *testing.T) {
	before, err := Measure()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	after := before
	for deadline := time.Now().Add(30 * time.Second); after.ContextSwitches == before.ContextSwitches && time.Now().Before(deadline); {
		if _, err := f.Write(make([]byte, 1<<16)); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil { // which waits for the disk
			t.Fatal(err)
		}
		if after, err = Measure(); err != nil {
			t.Fatal(err)
		}
	}
	if after.ContextSwitches <= before.ContextSwitches {
		t.Errorf("%d context switches before, %d after", before.ContextSwitches, after.ContextSwitches)
	}
	// A directory in memory writes nothing to a disk.
	if after.BytesWritten < before.BytesWritten || after.BytesRead < before.BytesRead {
		t.Errorf("counts went back: %+v, %+v", before, after)
	}
}
