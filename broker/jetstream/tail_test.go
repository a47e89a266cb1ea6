package jetstream

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/portico-mq/portico/broker"
)

type storedAt chan error

func (s storedAt) Stored(_ uint64, err error) { s <- err }

// tailFixture is an open log of a store.
type tailFixture struct {
	*testing.T
	store *Store
	log   broker.QueueLog
	last  uint64 // as its latest opening found it
	state uint64
}

func (f *tailFixture) do(start func(storedAt)) {
	f.Helper()
	done := make(storedAt, 1)
	start(done)
	if err := <-done; err != nil {
		f.Fatal(err)
	}
}

func (f *tailFixture) reopen() {
	f.Helper()
	f.log.Close()
	log, found, err := f.store.OpenQueueLog(f.Context(), "q")
	if err != nil {
		f.Fatal(err)
	}
	f.log = log
	f.last, _ = entryAt(found.Last)
	f.state, _ = entryAt(found.StateSeq)
}

func (f *tailFixture) lose(seqs ...uint64) {
	f.Helper()
	stream := queuePrefix + "q"
	for _, seq := range seqs {
		err := f.store.deleteMessages(f.Context(), shardOf(stream, f.store.shards), stream, seq, seq, nil)
		if err != nil {
			f.Fatal(err)
		}
	}
}

func (f *tailFixture) expect(last, state uint64, messages ...uint64) {
	f.Helper()
	var got []uint64
	for from, more := uint64(0), true; more; {
		more = false
		done := make(chan error, 1)
		f.log.Read(from, 100, 1<<20, func(at uint64, _ []byte) {
			seq, _ := entryAt(at)
			got = append(got, seq)
			from, more = at+1, true
		}, func(err error) { done <- err })
		if err := <-done; err != nil {
			f.Fatal(err)
		}
	}
	if f.last != last || f.state != state || !slices.Equal(got, messages) {
		f.Fatalf("last %d, state %d, messages %v; want %d, %d, %v", f.last, f.state, got, last, state, messages)
	}
}

// TestMendTail takes entries away that were not synced, as a power cut can.
func TestMendTail(t *testing.T) {
	s, err := Open(t.Context(), Options{Dir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f := &tailFixture{T: t, store: s}
	if f.log, err = s.CreateQueueLog(context.Background(), "q"); err != nil {
		t.Fatal(err)
	}
	message := func() { f.do(func(d storedAt) { f.log.Append([]byte("m"), d) }) }
	state := func() {
		f.do(func(d storedAt) { f.log.WriteState(broker.StateEntry{State: []byte("s")}, d) })
		if err := s.syncNow(); err != nil { // and with it, that the state is synced is known
			t.Fatal(err)
		}
	}
	message() // 1
	message() // 2
	state()   // 3
	message() // 4
	state()   // 5, which says that everything up to 3 is synced
	message() // 6
	together := broker.StateEntry{Messages: [][]byte{{1}, {2}, {3}}, State: []byte("t")}
	f.do(func(d storedAt) { f.log.WriteState(together, d) }) // 7
	f.reopen()
	f.expect(7, 7, 1, 2, 4, 6, 7, 7, 7)
	message() // 8
	f.reopen()
	f.expect(8, 7, 1, 2, 4, 6, 7, 7, 7, 8)

	f.lose(2) // it was synced: no cut took it
	f.reopen()
	f.expect(8, 7, 1, 4, 6, 7, 7, 7, 8)

	f.lose(7)
	f.reopen()
	f.expect(9, 5, 1, 4, 6) // nothing that comes after a hole; 9 is the mark

	message() // 10
	f.reopen()
	f.expect(10, 5, 1, 4, 6, 10) // what was appended since is kept

	message() // 11
	message() // 12
	f.lose(11)
	f.reopen()
	f.expect(13, 5, 1, 4, 6, 10)
	f.do(func(d storedAt) { f.log.WriteState(together, d) }) // 14
	state()                                                  // 15
	f.reopen()
	f.expect(15, 15, 1, 4, 6, 10, 14, 14, 14)
}
