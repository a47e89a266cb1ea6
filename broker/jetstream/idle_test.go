package jetstream_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/storetest"
	"golang.org/x/sys/unix"
)

// BenchmarkIdleQueues measures 10,000 durable queues that hold nothing: declaring them over 8 sessions, starting
// again, and then the first listing, which opens them all, with the memory that it leaves in use. Run it once:
// -benchtime 1x.
func BenchmarkIdleQueues(b *testing.B) {
	const queues, sessions = 10_000, 8
	dir := b.TempDir()
	for range b.N {
		store, br := openBench(b, dir)
		began := time.Now()
		errs := make(chan error, sessions)
		for n := range sessions {
			go func() {
				s, err := br.OpenSession(b.Context(), br.Root(), "/")
				for i := n; i < queues && err == nil; i += sessions {
					_, _, err = s.DeclareQueue(b.Context(), broker.QueueSpec{Name: fmt.Sprint("q", i), Durable: true})
				}
				errs <- err
			}()
		}
		for range sessions {
			if err := <-errs; err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(time.Since(began).Seconds(), "s-declare")
		closeBench(b, store, br)
		b.ReportMetric(float64(dirSize(b, dir))/queues, "B-disk/queue")
		began = time.Now()
		store, br = openBench(b, dir)
		b.ReportMetric(time.Since(began).Seconds(), "s-restart")
		before := heapInUse()
		began = time.Now()
		lookAtAll(b, br)
		b.ReportMetric(time.Since(began).Seconds(), "s-first-list")
		b.ReportMetric(float64(heapInUse()-before)/queues, "B-heap/listed-queue")
		closeBench(b, store, br)
	}
}

// lookAtAll describes every queue, as a listing for operators does.
func lookAtAll(b *testing.B, br *broker.Broker) {
	b.Helper()
	s, err := br.OpenSession(b.Context(), br.Root(), "/")
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, name := range s.QueueNames() {
		if _, _, err := s.LookAtQueue(name); err != nil {
			b.Fatal(err)
		}
	}
}

// heapInUse is the live heap in bytes.
func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func openBench(b *testing.B, dir string) (*jetstream.Store, *broker.Broker) {
	b.Helper()
	store, err := jetstream.Open(b.Context(), jetstream.Options{Dir: dir, Logger: quiet()})
	if err != nil {
		b.Fatal(err)
	}
	br, err := broker.Open(b.Context(), store, storetest.Options())
	if err != nil {
		b.Fatal(err)
	}
	return store, br
}

func closeBench(b *testing.B, store *jetstream.Store, br *broker.Broker) {
	b.Helper()
	if err := br.Close(); err != nil {
		b.Fatal(err)
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
}

// dirSize is what the files and directories below dir take on disk, in bytes.
func dirSize(b *testing.B, dir string) int64 {
	b.Helper()
	var total int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		total += st.Blocks * 512
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return total
}
