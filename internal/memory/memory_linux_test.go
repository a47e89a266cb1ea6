package memory

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// newMonitor returns a monitor of a machine with 1,000 bytes whose process
// holds what used says, and the calls it made.
func newMonitor(t *testing.T, used *atomic.Int64, limit Limit) (*Monitor, *[]bool) {
	t.Helper()
	var calls []bool
	m := &Monitor{
		measure: func() (int64, error) { return used.Load(), nil },
		changed: func(exceeded bool) { calls = append(calls, exceeded) },
		limit:   limit, status: Status{Total: 1000},
	}
	if err := m.look(); err != nil {
		t.Fatal(err)
	}
	return m, &calls
}

func TestMonitorTellsChangesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var used atomic.Int64
		used.Store(100)
		m, calls := newMonitor(t, &used, Limit{Fraction: 0.4})
		ctx, cancel := context.WithCancel(t.Context())
		go m.Run(ctx, func(err error) { t.Error(err) })
		for _, now := range []int64{400, 401, 999, 400} {
			synctest.Wait()
			used.Store(now)
			time.Sleep(interval)
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		if want := []bool{true, false}; !slices.Equal(*calls, want) {
			t.Errorf("told %v, want %v", *calls, want)
		}
	})
}

func TestSetLimitLooksAtOnce(t *testing.T) {
	var used atomic.Int64
	used.Store(100)
	m, calls := newMonitor(t, &used, Limit{Fraction: 0.4})
	for _, limit := range []Limit{{Fraction: 0}, {Bytes: 100}, {Bytes: 99}, {Fraction: 1}} {
		if err := m.SetLimit(limit); err != nil {
			t.Fatal(err)
		}
	}
	if want := []bool{true, false, true, false}; !slices.Equal(*calls, want) {
		t.Errorf("told %v, want %v", *calls, want)
	}
	if got, want := m.Status(), (Status{Used: 100, Limit: 1000, Total: 1000}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestThisProcess(t *testing.T) {
	m, err := NewMonitor(Limit{Fraction: 0.9}, func(bool) {})
	if err != nil {
		t.Fatal(err)
	}
	if s := m.Status(); s.Used < 1<<20 || s.Used > s.Total {
		t.Errorf("the process holds %d of %d bytes", s.Used, s.Total)
	}
}

func TestMemTotal(t *testing.T) {
	if n, err := memTotal("MemFree: 1 kB\nMemTotal:       24689020 kB\n"); err != nil || n != 24689020<<10 {
		t.Errorf("got %d, %v", n, err)
	}
	for _, text := range []string{"", "MemTotal: x kB\n"} {
		if _, err := memTotal(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
