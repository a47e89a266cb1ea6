package jetstream

import (
	"io"
	"log/slog"
	"slices"
	"strconv"
	"testing"

	"github.com/portico-mq/portico/broker"
)

// appended is where a message of a test went.
type appended struct {
	at  uint64
	err error
}

type appendedTo chan appended

func (c appendedTo) Stored(at uint64, err error) { c <- appended{at, err} }

func openStore(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// newQueueLog opens a store and makes the log of a queue "q" in it.
func newQueueLog(t *testing.T, dir string) (*Store, broker.QueueLog) {
	t.Helper()
	s := openStore(t, dir)
	log, err := s.CreateQueueLog(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// TestMessagesShareEntries appends faster than entries are answered, with states in between, of which one has messages, and then
// counts and reads from many places, before and after a restart.
func TestMessagesShareEntries(t *testing.T) {
	dir := t.TempDir()
	s, log := newQueueLog(t, dir)
	const total = 1000
	done := make(appendedTo, total)
	for i := range total {
		log.Append([]byte(strconv.Itoa(i)), done)
		if i == total/2 {
			log.WriteState(broker.StateEntry{State: []byte("state")}, make(storedAt, 1))
		}
	}
	var places []uint64
	for range total {
		a := <-done
		if a.err != nil {
			t.Fatal(a.err)
		}
		places = append(places, a.at)
	}
	if !slices.IsSorted(places) {
		t.Fatal("answers out of order")
	}
	entries := map[uint64]bool{}
	for _, at := range places {
		seq, _ := entryAt(at)
		entries[seq] = true
	}
	if len(entries) > total/2 {
		t.Fatalf("%d messages took %d entries", total, len(entries))
	}
	together := make(storedAt, 1)
	log.WriteState(broker.StateEntry{State: []byte("state"), Messages: [][]byte{[]byte("1000"), []byte("1001")}}, together)
	if err := <-together; err != nil {
		t.Fatal(err)
	}
	places = append(places, places[total-1]+1, places[total-1]+2) // somewhere after the last
	check := func() {
		t.Helper()
		for i := 0; i <= total; i += 37 {
			if n, err := log.CountFrom(t.Context(), places[i]); err != nil || n != uint64(total+2-i) {
				t.Fatalf("from message %d on: %d messages (%v), want %d", i, n, err, total+2-i)
			}
			if got := readFrom(t, log, places[i], total+2-i); got[0] != strconv.Itoa(i) || got[len(got)-1] != "1001" {
				t.Fatalf("from message %d on: %s to %s", i, got[0], got[len(got)-1])
			}
		}
		if n, err := log.CountFrom(t.Context(), places[total]+broker.SequenceStep*10); err != nil || n != 0 {
			t.Fatalf("beyond the end: %d messages (%v)", n, err)
		}
	}
	check()
	s.Close()
	s = openStore(t, dir)
	defer s.Close()
	log, _, err := s.OpenQueueLog(t.Context(), "q")
	if err != nil {
		t.Fatal(err)
	}
	check()
}

// readFrom reads n messages in as many pulls as it takes.
func readFrom(t *testing.T, log broker.QueueLog, from uint64, n int) []string {
	t.Helper()
	var got []string
	for len(got) < n {
		before := len(got)
		end := make(chan error, 1)
		log.Read(from, 100, 1<<20, func(at uint64, m []byte) {
			if at >= from {
				got = append(got, string(m))
				from = at + 1
			}
		}, func(err error) { end <- err })
		if err := <-end; err != nil {
			t.Fatal(err)
		}
		if len(got) == before {
			t.Fatalf("%d messages and no more, want %d", before, n)
		}
	}
	return got
}

// TestSequencePromised appends a message at a time with others right behind it, states in between, some of which have messages: a
// sequence that Append returns is the one that is told later, and none is returned while one before is not told.
func TestSequencePromised(t *testing.T) {
	s, log := newQueueLog(t, t.TempDir())
	defer s.Close()
	promised := 0
	for i := range 200 {
		first, second := make(appendedTo), make(appendedTo)
		at := log.Append([]byte("first"), first)
		if i%3 == 0 {
			log.WriteState(broker.StateEntry{State: []byte("state")}, make(storedAt, 1))
		}
		if behind := log.Append([]byte("second"), second); behind != 0 {
			t.Fatalf("round %d: %d returned before the message at %d was told", i, behind, at)
		}
		told := <-first
		if told.err != nil || (at != 0 && told.at != at) {
			t.Fatalf("round %d: told %d (%v), promised %d", i, told.at, told.err, at)
		}
		if a := <-second; a.err != nil || a.at <= told.at {
			t.Fatalf("round %d: %d (%v) after %d", i, a.at, a.err, told.at)
		}
		if at != 0 {
			promised++
		}
		if i%5 == 0 {
			together := make(storedAt)
			log.WriteState(broker.StateEntry{State: []byte("state"), Messages: [][]byte{[]byte("1"), []byte("2")}}, together)
			if err := <-together; err != nil {
				t.Fatal(err)
			}
		}
	}
	if promised == 0 {
		t.Fatal("nothing was promised")
	}
}

// TestMoved writes states that move messages, and reads those back by any of their sequences.
func TestMoved(t *testing.T) {
	dir := t.TempDir()
	s, log := newQueueLog(t, dir)
	told := make(appendedTo, 3)
	log.Append([]byte("message"), told)
	log.WriteState(broker.StateEntry{State: []byte("old")}, told)
	log.WriteState(broker.StateEntry{State: []byte("new"), Moved: [][]byte{[]byte("a"), []byte("b")}}, told)
	var at uint64
	for range 3 {
		a := <-told
		if a.err != nil {
			t.Fatal(a.err)
		}
		at = a.at
	}
	s.Close()
	s = openStore(t, dir)
	defer s.Close()
	log, found, err := s.OpenQueueLog(t.Context(), "q")
	if err != nil || string(found.State) != "new" || found.StateSeq != at {
		t.Fatalf("%+v, %v", found, err)
	}
	for i := range uint64(2) {
		first, moved, err := log.Moved(t.Context(), at+i)
		if err != nil || first != at || len(moved) != 2 || string(moved[1]) != "b" {
			t.Fatalf("%d, %q, %v", first, moved, err)
		}
	}
}
