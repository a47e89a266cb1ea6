package storetest

import (
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// rankedAndBounded: priorities and the count of bytes hold over a restart.
func rankedAndBounded(f *fixture) {
	const n = 300
	spec := broker.QueueSpec{
		Name: "q", Durable: true, Priorities: 9,
		Limits: &broker.QueueLimits{HasMaxBytes: true, MaxBytes: 10 * n, Overflow: broker.RejectNew},
	}
	if _, _, err := f.s.DeclareQueue(f.Context(), spec); err != nil {
		f.Fatal(err)
	}
	publish := func(rank int) error {
		set := property.Set{Priority: uint8(rank)}
		block, err := set.Append(nil)
		if err != nil {
			f.Fatal(err)
		}
		done := make(chan error, 1)
		m := broker.NewMessage("", "q", block, []byte("12345678"+strconv.Itoa(10+rank)))
		if _, err := f.s.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			f.Fatal(err)
		}
		return <-done
	}
	for i := range n {
		if err := publish(i % 10); err != nil {
			f.Fatal(err)
		}
	}
	f.stop()
	f.start()
	info, err := f.s.Queue(f.Context(), "q")
	if err != nil || info.Ready != n || info.ReadyBytes != 10*n {
		f.Errorf("%d messages of %d bytes, %v", info.Ready, info.ReadyBytes, err)
	}
	if err := publish(0); !broker.IsKind(err, broker.KindFull) {
		f.Errorf("one more: %v", err)
	}
	for i := range n {
		got, _, err := f.s.Get(f.Context(), "q", broker.GetOptions{Wait: time.Minute, AutoAck: true})
		if err != nil || len(got) != 1 {
			f.Fatalf("message %d: %v, %v", i, got, err)
		}
		if rank, _ := got[0].Message.Properties().Priority(); int(rank) != 9-i/(n/10) {
			f.Fatalf("message %d has the priority %d", i, rank)
		}
	}
}
