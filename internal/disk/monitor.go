// Package disk watches how much room the file system of the data directory has left.
package disk

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// interval is how often the room is looked at. Publishers fill a few hundred megabytes a second at most.
const interval = time.Second

// Monitor reports when the room goes below a limit and when it is back. It is safe for concurrent use.
type Monitor struct {
	dir  string
	tell func(low bool)

	mu    sync.Mutex
	limit int64
	low   bool
}

// Free is how many bytes are free.
func (m *Monitor) Free() (int64, error) { return Free(m.dir) }

// Limit is how many bytes must be free.
func (m *Monitor) Limit() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.limit
}

// SetLimit changes the limit and looks at once: when it returns, what changed was told.
func (m *Monitor) SetLimit(bytes int64) error {
	m.mu.Lock()
	m.limit = bytes
	m.mu.Unlock()
	return m.look()
}

// NewMonitor makes a monitor of the file system that holds dir, and tells at once if it has less room than limit
// bytes. The limit must leave enough for settlements to be recorded while publishers are stopped. The error wraps
// errors.ErrUnsupported where the room cannot be told.
func NewMonitor(dir string, limit int64, tell func(low bool)) (*Monitor, error) {
	m := &Monitor{dir: dir, limit: limit, tell: tell}
	return m, m.look()
}

// Run watches until ctx ends; failed is told when the room cannot be told.
func (m *Monitor) Run(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := m.look(); err != nil {
				failed(err)
			}
		case <-ctx.Done():
			return
		}
	}
}

func (m *Monitor) look() error {
	free, err := Free(m.dir)
	if err != nil {
		return fmt.Errorf("disk: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if low := free < m.limit; low != m.low {
		m.low = low
		m.tell(low)
	}
	return nil
}
