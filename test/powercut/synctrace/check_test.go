package synctrace

import (
	"compress/gzip"
	"os"
	"strings"
	"testing"
)

// The recorded runs' paths.
const (
	history = "/srv/portico-trace/history"
	dataDir = "/srv/portico-trace/data"
)

func recorded(t *testing.T, name string) []Call {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := Parse(z)
	if err != nil {
		t.Fatal(err)
	}
	return calls
}

// TestRecorded checks recorded runs: one with syncs, the same with each of them failing, and one without.
func TestRecorded(t *testing.T) {
	calls := recorded(t, "fsync.trace.gz")
	v := Check(calls, history, dataDir)
	if v.Confirms != 58 || v.Declares != 7 || v.Deletes != 1 || v.Settlements != 15 || v.Commits != 2 || len(v.Faults) > 0 {
		t.Errorf("with syncs: %+v", v)
	}
	for i := range calls {
		if calls[i].Name == "syncfs" {
			calls[i].Result = "-1 EIO (Input/output error)"
		}
	}
	if failed := Check(calls, history, dataDir); len(failed.Faults) < 58+7+1+15+2 {
		t.Errorf("with failed syncs only %d faults", len(failed.Faults))
	}
	v = Check(recorded(t, "os.trace.gz"), history, dataDir)
	if answers := v.Confirms + v.Declares + v.Deletes + v.Settlements + v.Commits; v.Confirms == 0 || len(v.Faults) < answers {
		t.Errorf("without syncs: %d answers, %d faults", answers, len(v.Faults))
	}
}

// TestOrder checks one confirm against the order of write and sync.
func TestOrder(t *testing.T) {
	const (
		write   = `7 1.0 write(4</d/streams/Q1/msgs/1.blk>, "\0\0q#1 20 xx", 12) = 12` + "\n"
		failed  = `7 1.0 write(4</d/streams/Q1/msgs/1.blk>, "\0\0q#1 20 xx", 12) = -1 ENOSPC (No space left on device)` + "\n"
		staged  = `7 1.0 write(4</d/streams/Q1/batches/b/msgs/1.blk>, "\0\0q#1 20 xx", 12) = 12` + "\n"
		began   = `7 1.0 write(4</d/streams/Q1/msgs/1.blk>, "q#1 20 xx", 12 <unfinished ...>` + "\n"
		ended   = `7 1.0 <... write resumed>) = 12` + "\n"
		sync    = `8 1.0 syncfs(5</d>) = 0` + "\n"
		syncOne = `8 1.0 syncfs(5</d> <unfinished ...>` + "\n"
		syncTwo = `8 1.0 <... syncfs resumed>) = 0` + "\n"
		other   = `8 1.0 syncfs(5</e>) = 0` + "\n"
		confirm = `8 1.0 write(3</h>, "confirm q#1\n", 12) = 12` + "\n"
	)
	for _, test := range []struct {
		name, trace string
		faults      int
	}{
		{"written, synced, confirmed", write + sync + confirm, 0},
		{"in pieces", began + ended + syncOne + syncTwo + confirm, 0},
		{"not synced", write + confirm, 1},
		{"synced afterwards", write + confirm + sync, 1},
		{"written afterwards", sync + confirm + write, 1},
		{"sync began before the write", syncOne + write + syncTwo + confirm, 1},
		{"sync began before the write ended", began + syncOne + ended + syncTwo + confirm, 1},
		{"sync ended after the confirm", write + syncOne + confirm + syncTwo, 1},
		{"another file system's sync", write + other + confirm, 1},
		{"write failed", failed + sync + confirm, 1},
		{"only prepared", staged + sync + confirm, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls, err := Parse(strings.NewReader(test.trace))
			if err != nil {
				t.Fatal(err)
			}
			if v := Check(calls, "/h", "/d"); v.Confirms != 1 || len(v.Faults) != test.faults {
				t.Errorf("%+v, want %d faults", v, test.faults)
			}
		})
	}
}

func TestUnescape(t *testing.T) {
	const escaped, want = `a\0b\12\377\n\\\"\1770`, "a\x00b\n\xff\n\\\"\x7f0"
	if got := unescape(escaped); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
