package jetstream_test

import (
	"strconv"
	"testing"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/broker/storetest"
)

// killable is a broker over a store that can end without the broker being told, as a killed process does.
type killable struct {
	*testing.T
	dir   string
	store *jetstream.Store
	s     *broker.Session
}

// newKillable has a queue "q".
func newKillable(t *testing.T) *killable {
	t.Helper()
	k := &killable{T: t, dir: t.TempDir()}
	t.Cleanup(func() { _ = k.store.Close() }) // it can be what the test has killed
	k.start()
	if _, _, err := k.s.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *killable) start() {
	k.Helper()
	store, err := jetstream.Open(k.Context(), jetstream.Options{Dir: k.dir, Logger: quiet()})
	if err != nil {
		k.Fatal(err)
	}
	b, err := broker.Open(k.Context(), store, storetest.Options())
	if err != nil {
		k.Fatal(err)
	}
	k.store = store
	if k.s, err = b.OpenSession(k.Context(), b.Root(), "/"); err != nil {
		k.Fatal(err)
	}
}

func (k *killable) killAndRestart() {
	k.Helper()
	if err := k.store.Close(); err != nil {
		k.Fatal(err)
	}
	k.start()
}

func (k *killable) publish(first, last int) {
	k.Helper()
	done := make(chan error, last-first)
	for i := first; i < last; i++ {
		m := broker.NewMessage("", "q", nil, []byte(strconv.Itoa(i)))
		if _, err := k.s.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); err != nil {
			k.Fatal(err)
		}
	}
	for range last - first {
		if err := <-done; err != nil {
			k.Fatal(err)
		}
	}
}

// drain takes and settles everything, and tells which messages came, and whether marked redelivered.
func (k *killable) drain() map[int]bool {
	k.Helper()
	marked := make(map[int]bool)
	for {
		ds, _, err := k.s.Get(k.Context(), "q", broker.GetOptions{Max: 100, AutoAck: true})
		if err != nil {
			k.Fatal(err)
		}
		if len(ds) == 0 {
			return marked
		}
		for _, d := range ds {
			n, err := strconv.Atoi(string(d.Message.Body()))
			if err != nil {
				k.Fatal(err)
			}
			marked[n] = d.Redelivered
		}
	}
}

// deliveries passes deliveries on.
type deliveries chan broker.Delivery

func (d deliveries) Deliver(_ *broker.Consumer, delivery broker.Delivery) bool {
	d <- delivery
	return true
}
func (deliveries) Cancelled(*broker.Consumer) {}

// TestRedeliveredAfterKill: of few messages that had been handed out when the process was killed, exactly those come
// back marked redelivered.
func TestRedeliveredAfterKill(t *testing.T) {
	get := func(k *killable) {
		for range 3 {
			if ds, _, err := k.s.Get(k.Context(), "q", broker.GetOptions{}); err != nil || len(ds) != 1 {
				k.Fatalf("%d messages, %v", len(ds), err)
			}
		}
	}
	consume := func(k *killable) {
		got := make(deliveries, 10)
		c, err := k.s.Consume(k.Context(), "q", got, broker.ConsumeOptions{Credits: []*broker.Credit{broker.NewCredit(3)}})
		if err != nil {
			k.Fatal(err)
		}
		c.Resume()
		for range 3 {
			<-got
		}
	}
	for _, test := range []struct {
		name    string
		handOut func(*killable)
	}{{"get", get}, {"consume", consume}} {
		t.Run(test.name, func(t *testing.T) {
			k := newKillable(t)
			k.publish(0, 10)
			test.handOut(k)
			k.killAndRestart()
			k.publish(10, 12)
			marked := k.drain()
			for i := range 12 {
				if redelivered, came := marked[i]; !came || redelivered != (i < 3) {
					t.Errorf("message %d of 3 that had been out: came %v, redelivered %v", i, came, redelivered)
				}
			}
		})
	}
}

// TestRedeliveredAfterKillUnderLoad kills the store while a consumer is kept busy.
func TestRedeliveredAfterKillUnderLoad(t *testing.T) {
	k := newKillable(t)
	const total = 20000
	k.publish(0, total)
	got := make(deliveries, total)
	credit := broker.NewCredit(500)
	c, err := k.s.Consume(t.Context(), "q", got, broker.ConsumeOptions{Credits: []*broker.Credit{credit}})
	if err != nil {
		t.Fatal(err)
	}
	c.Resume()
	var out []int
	take := func(d broker.Delivery) broker.Lease {
		n, err := strconv.Atoi(string(d.Message.Body()))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
		return d.Lease
	}
	for len(out) < total/2 {
		if err := k.s.Settle(broker.Ack, nil, take(<-got)); err != nil {
			t.Fatal(err)
		}
	}
	credit.SetLimit(1) // a broker whose store fails goes on handing out what it has; a killed one does not
	if err := k.store.Close(); err != nil {
		t.Fatal(err)
	}
	for len(got) > 0 {
		take(<-got)
	}
	k.start()
	marked := k.drain()
	for _, n := range out {
		if redelivered, came := marked[n]; came && !redelivered {
			t.Fatalf("message %d had been out and is not marked", n)
		}
	}
	if len(marked) < total/2 {
		t.Fatalf("%d messages came back", len(marked))
	}
}
