package management

import (
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	brokermemory "github.com/portico-mq/portico/broker/memory"
)

// A rate is the difference between the last two samples; what is gone has none.
func TestRates(t *testing.T) {
	b, err := broker.Open(t.Context(), brokermemory.NewStore(), broker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	publish := func(n int) {
		for range n {
			if _, err := s.Publish(broker.NewMessage("", "q", nil, nil), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	rates := NewRates(b)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	check := func(what string, published, waiting float64) {
		t.Helper()
		for _, key := range []any{queueKey{"/", "q"}, vhostKey("/"), overallKey{}} {
			if got := rates.view(nil, key).counted(broker.Published)["rate"]; got != published {
				t.Errorf("%s: %v: %v published a second, want %v", what, key, got, published)
			}
			if got := rates.view(nil, key).gauged(spanLengths, ready)["rate"]; got != waiting {
				t.Errorf("%s: %v: %v more ready a second, want %v", what, key, got, waiting)
			}
		}
	}
	publish(7)
	rates.Sample(t.Context(), now)
	check("one sample", 0, 0)
	publish(10)
	rates.Sample(t.Context(), now.Add(5*time.Second))
	check("ten in five seconds", 2, 2)
	if _, err := s.PurgeQueue(t.Context(), "q"); err != nil {
		t.Fatal(err)
	}
	rates.Sample(t.Context(), now.Add(10*time.Second))
	check("purged", 0, -17.0/5)
	if got := exchangeStats(s.ExchangeCounts()[""], rates.view(nil, exchangeKey{"/", ""})); got["publish_in"] != uint64(17) {
		t.Errorf("the default exchange: %v", got)
	}
	if _, err := s.DeleteQueue(t.Context(), "q", false, false); err != nil {
		t.Fatal(err)
	}
	rates.Sample(t.Context(), now.Add(15*time.Second))
	if len(rates.view(nil, queueKey{"/", "q"}).all) != 0 {
		t.Error("a queue that is gone has samples")
	}
	rates.Reset()
	check("reset", 0, 0)
}
