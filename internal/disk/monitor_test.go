package disk

import (
	"math"
	"testing"
)

func TestMonitorTellsAtOnceAndOnlyChanges(t *testing.T) {
	var told []bool
	m, err := NewMonitor(t.TempDir(), math.MaxInt64, func(low bool) { told = append(told, low) })
	if err != nil {
		t.Fatal(err)
	}
	if err := m.look(); err != nil {
		t.Fatal(err)
	}
	m.limit = 0
	for range 2 {
		if err := m.look(); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 2 || !told[0] || told[1] {
		t.Fatalf("told %v, want low and then not", told)
	}
}
