package storetest

import "github.com/portico-mq/portico/broker"

// arrivals: what was published before, with nobody told of its end, counts in whatever is asked next.
func arrivals(f *fixture) {
	const rounds = 20
	for range rounds {
		f.declare("q")
		f.publishUnasked("q", 1)
		if got, left, err := f.s.Get(f.ctx(), "q", broker.GetOptions{AutoAck: true}); err != nil || len(got) != 1 || left != 0 {
			f.Fatalf("got %d messages, %d are left, %v", len(got), left, err)
		}
		f.publishUnasked("q", 2)
		if info, err := f.s.Queue(f.ctx(), "q"); err != nil || info.Ready != 2 {
			f.Fatalf("%d messages, %v", info.Ready, err)
		}
		f.publishUnasked("q", 1)
		if info, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: "q", Durable: true}); err != nil || info.Ready != 3 {
			f.Fatalf("declared again: %d messages, %v", info.Ready, err)
		}
		f.publishUnasked("q", 1)
		if n, err := f.s.PurgeQueue(f.ctx(), "q"); err != nil || n != 4 {
			f.Fatalf("purged %d, %v", n, err)
		}
		f.publishUnasked("q", 1)
		if _, err := f.s.DeleteQueue(f.ctx(), "q", false, true); !broker.IsKind(err, broker.KindNotEmpty) {
			f.Fatalf("deleting if empty: %v", err)
		}
		if n, err := f.s.DeleteQueue(f.ctx(), "q", false, false); err != nil || n != 1 {
			f.Fatalf("deleted with %d messages, %v", n, err)
		}
	}
}

// publishUnasked publishes messages and waits for nothing.
func (f *fixture) publishUnasked(queue string, n int) {
	f.Helper()
	for range n {
		if _, err := f.s.Publish(broker.NewMessage("", queue, nil, []byte("message")), nil); err != nil {
			f.Fatal(err)
		}
	}
}
