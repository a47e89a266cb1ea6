package broker

import (
	"testing"
	"testing/synctest"
	"time"
)

// Only the time in which messages wait for consumers counts, until now.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stall
		for _, step := range []struct {
			waits bool
			lasts time.Duration
			sum   time.Duration // after it
		}{{false, time.Second, 0}, {true, 2 * time.Second, 2 * time.Second}, {true, time.Second, 3 * time.Second}, {false, time.Hour, 3 * time.Second}, {true, time.Second, 4 * time.Second}} {
			s.note(step.waits)
			time.Sleep(step.lasts)
			if got := s.sum(); got != step.sum {
				t.Errorf("%v for %v: %v", step.waits, step.lasts, got)
			}
		}
	})
}
