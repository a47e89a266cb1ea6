package broker_test

import (
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
)

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1s": time.Second, "10m": 10 * time.Minute, "2h": 2 * time.Hour, "7D": 7 * 24 * time.Hour, "1M": 30 * 24 * time.Hour,
		"1Y": 365 * 24 * time.Hour, "9000000000000000000Y": 1<<63 - 1,
	} {
		if got, ok := broker.ParseAge(text); !ok || got != want {
			t.Errorf("%s: %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "s", "1", "0s", "-1s", "+1s", "1.5h", "1S", "1d", "1 h", "h1", "18446744073709551616s"} {
		if got, ok := broker.ParseAge(text); ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}
