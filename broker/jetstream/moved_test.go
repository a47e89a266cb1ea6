package jetstream_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/storetest"
)

// TestMovedAfterKill: messages that were moved to the end of the log, because nobody settles them while those behind
// them are, come again after a kill right after the move.
func TestMovedAfterKill(t *testing.T) {
	const held, settled = 5, 200
	k := newKillable(t)
	done := make(chan error, held+settled)
	for i := range held + settled {
		body := strconv.Itoa(i) + " " + strings.Repeat("x", 16<<10)
		m := broker.NewMessage("", "q", nil, []byte(body))
		if _, err := k.s.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			t.Fatal(err)
		}
	}
	for range held + settled {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	get := func(n int) []broker.Delivery {
		var all []broker.Delivery
		for len(all) < n {
			ds, _, err := k.s.Get(t.Context(), "q", broker.GetOptions{Max: n - len(all)})
			if err != nil || len(ds) == 0 {
				t.Fatalf("%d messages, %v", len(ds), err)
			}
			all = append(all, ds...)
		}
		return all
	}
	get(held) // nobody settles these
	dead := func() int64 {
		info, err := k.s.Queue(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		return info.Dead
	}
	deadBytes := storetest.Options().DeadBytes
	for _, d := range get(settled) {
		recorded := make(chan error, 1)
		err := k.s.Settle(broker.Ack, broker.CompletionFunc(func(err error) { recorded <- err }), d.Lease)
		if err == nil {
			err = <-recorded
		}
		if err != nil {
			t.Fatal(err)
		}
		if dead() >= deadBytes {
			break
		}
	}
	for dead() >= deadBytes { // until the log was purged behind the move
		runtime.Gosched()
	}
	k.killAndRestart()
	for i, d := range get(held) {
		if n, _, _ := strings.Cut(string(d.Message.Body()), " "); n != strconv.Itoa(i) || !d.Redelivered {
			t.Fatalf("message %d is %s, redelivered %t", i, n, d.Redelivered)
		}
	}
}
