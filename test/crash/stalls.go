package crash

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// stalls measures how long the machine keeps everyone waiting, the broker with
// its settlements too: how late a timer and a small file are. A machine with
// more to do than it can is late with both, and a file system that is busy
// with a sync makes no files meanwhile, as the store does for each block.
type stalls struct {
	mu    sync.Mutex
	start time.Time // of the wait that is under way
	worst time.Duration
}

// stallPeriod is how long each wait should take.
const stallPeriod = 5 * time.Millisecond

// watch measures until the context ends, on the file system of the directory.
func (s *stalls) watch(ctx context.Context, dir string) error {
	name, page := filepath.Join(filepath.Dir(dir), "stalls"), make([]byte, 4096)
	for ctx.Err() == nil {
		s.mu.Lock()
		s.start = time.Now()
		s.mu.Unlock()
		wait(ctx, stallPeriod)
		if err := os.WriteFile(name, page, 0o600); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
		s.mu.Lock()
		s.worst = max(s.worst, time.Since(s.start)-stallPeriod)
		s.mu.Unlock()
	}
	return nil
}

// longest is the worst so far.
func (s *stalls) longest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.start.IsZero() {
		return 0
	}
	return max(s.worst, time.Since(s.start)-stallPeriod)
}
