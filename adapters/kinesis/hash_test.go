package kinesis

import (
	"math/big"
	"testing"
)

func TestRanges(t *testing.T) {
	// As AWS cuts two shards.
	if got := rangeEnd(0, 2).String(); got != "170141183460469231731687303715884105727" {
		t.Errorf("end of the first of two: %s", got)
	}
	if got := rangeStart(1, 2).String(); got != "170141183460469231731687303715884105728" {
		t.Errorf("start of the second of two: %s", got)
	}
	one := big.NewInt(1)
	for _, n := range []int{1, 2, 3, 7, 500, 1000} {
		for i := range n {
			start, end := rangeStart(i, n), rangeEnd(i, n)
			if i == 0 && start.Sign() != 0 || i == n-1 && new(big.Int).Add(end, one).Cmp(hashSpace) != 0 {
				t.Fatalf("%d of %d does not reach the edge: %s to %s", i, n, start, end)
			}
			if i < n-1 && new(big.Int).Add(end, one).Cmp(rangeStart(i+1, n)) != 0 {
				t.Fatalf("a gap after %d of %d", i, n)
			}
			if shardFor(start, n) != i || shardFor(end, n) != i {
				t.Fatalf("%d of %d: its edges are in %d and %d", i, n, shardFor(start, n), shardFor(end, n))
			}
		}
	}
}

func TestParseHashKey(t *testing.T) {
	for text, want := range map[string]bool{
		"0": true, "340282366920938463463374607431768211455": true,
		"340282366920938463463374607431768211456": false, "-1": false, "x": false, "": false,
	} {
		if _, ok := parseHashKey(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}
