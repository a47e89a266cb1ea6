// Package memory watches how much memory the process holds and tells when it
// is above a limit, as RabbitMQ does with vm_memory_high_watermark.
package memory

import (
	"context"
	"sync"
	"time"
)

// Limit says how much memory the process may hold: a number of bytes, or a
// fraction of what the machine (or its container) has.
type Limit struct {
	// Bytes is the limit in bytes; 0 means that Fraction counts.
	Bytes int64
	// Fraction is from 0 to 1. The fraction 0 is always exceeded.
	Fraction float64
}

// Status is what a Monitor knows.
type Status struct {
	Used     int64 // bytes the process holds, by the last look
	Limit    int64 // bytes it may hold
	Total    int64 // bytes the machine or the container has
	Exceeded bool
}

// interval is how often RabbitMQ looks too (vm_memory_monitor).
const interval = time.Second

// Monitor compares the memory of the process with a limit once a second. It is
// safe for concurrent use.
type Monitor struct {
	measure func() (int64, error)
	changed func(exceeded bool)

	mu     sync.Mutex
	limit  Limit
	status Status
}

// NewMonitor returns a monitor that calls changed when the limit is exceeded
// and when it no longer is. It looks once before it returns. The error says
// that the process's memory cannot be told: errors.ErrUnsupported on a system
// that this package does not know, fs.ErrNotExist without /proc.
func NewMonitor(limit Limit, changed func(exceeded bool)) (*Monitor, error) {
	total, err := totalMemory()
	if err != nil {
		return nil, err
	}
	m := &Monitor{measure: residentMemory, changed: changed, limit: limit, status: Status{Total: total}}
	return m, m.look()
}

// Run looks once a second until ctx ends. An error of one look is told to
// failed and does not end it.
func (m *Monitor) Run(ctx context.Context, failed func(error)) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := m.look(); err != nil {
				failed(err)
			}
		}
	}
}

// SetLimit changes the limit and looks at once: when it returns, changed has
// been called if it had to be.
func (m *Monitor) SetLimit(limit Limit) error {
	m.mu.Lock()
	m.limit = limit
	m.mu.Unlock()
	return m.look()
}

// Status returns what the last look found.
func (m *Monitor) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

func (m *Monitor) look() error {
	used, err := m.measure()
	if err != nil {
		return err
	}
	// changed is called under the lock, so that two looks cannot swap their calls.
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.status.Exceeded
	m.status.Used = used
	m.status.Limit = m.limit.of(m.status.Total)
	m.status.Exceeded = used > m.status.Limit
	if m.status.Exceeded != before {
		m.changed(m.status.Exceeded)
	}
	return nil
}

func (l Limit) of(total int64) int64 {
	if l.Bytes > 0 {
		return l.Bytes
	}
	return int64(l.Fraction * float64(total))
}
