package crash

import (
	"context"
	"sync"
	"time"
)

// stalls measures how long the machine keeps everyone waiting, the broker with
// its settlements too, by how late a timer is: a machine with more to do than
// it can is late with all.
type stalls struct {
	mu    sync.Mutex
	start time.Time // of the wait that is under way
	worst time.Duration
}

// stallPeriod is how long each wait should take.
const stallPeriod = 5 * time.Millisecond

// watch measures until the context ends.
func (s *stalls) watch(ctx context.Context) {
	for ctx.Err() == nil {
		s.mu.Lock()
		s.start = time.Now()
		s.mu.Unlock()
		wait(ctx, stallPeriod)
		s.mu.Lock()
		s.worst = max(s.worst, time.Since(s.start)-stallPeriod)
		s.mu.Unlock()
	}
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
