package sns

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/broker"
)

// relays are those that run, one for each FIFO topic. It is safe for concurrent use.
type relays struct {
	mu      sync.Mutex
	running map[topicKey]context.CancelFunc
	work    sync.WaitGroup
}

// start starts a topic's relay if it does not run.
func (rs *relays) start(a *Adapter, key topicKey) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if rs.running[key] != nil {
		return
	}
	if rs.running == nil {
		rs.running = make(map[topicKey]context.CancelFunc)
	}
	ctx, stop := context.WithCancel(a.taking)
	rs.running[key] = stop
	rs.work.Go(func() { a.relay(ctx, key) })
}

// end stops a topic's relay.
func (rs *relays) end(key topicKey) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if stop := rs.running[key]; stop != nil {
		stop()
	}
	delete(rs.running, key)
}

const (
	// relayed is how many messages a relay publishes at once.
	relayed = 100
	// relayLease is longer than they take in any case.
	relayLease = 5 * time.Minute
)

// relay publishes what comes to a FIFO topic's queue, in order, until ctx ends or the topic is gone.
// A message that was published and not settled when the broker was killed is published again, and the
// FIFO queues that have it know its name.
func (a *Adapter) relay(ctx context.Context, key topicKey) {
	for ctx.Err() == nil {
		t := &topic{name: key.name, namespace: key.namespace}
		err := a.open(ctx, t)
		if err == nil {
			err = a.relayOnce(ctx, t)
			t.session.Close()
		}
		switch {
		case err == nil:
		case notFound(err), errors.Is(err, broker.ErrClosed):
			a.relays.end(key)
			return
		case ctx.Err() == nil:
			a.log.Warn("a FIFO topic's messages are held up", "proto", "sns", "ns", key.namespace, "topic", key.name, "err", err)
			sleep(ctx, courierPause)
		}
	}
}

// relayOnce takes the messages that are there, or waits for some, and publishes them.
func (a *Adapter) relayOnce(ctx context.Context, t *topic) error {
	got, _, err := t.session.Get(ctx, lineName(t.name), broker.GetOptions{Max: relayed, Lease: relayLease, Wait: courierWait})
	if err != nil || len(got) == 0 {
		return err
	}
	leases := make([]broker.Lease, len(got))
	for i := range got {
		leases[i] = got[i].Lease
	}
	if err := a.relayBatch(t, got); err != nil {
		_ = t.session.Settle(broker.Release, nil, leases...) // in order again
		return err
	}
	_ = t.session.Settle(broker.Ack, nil, leases...) // a lease that has gone comes back, and does no harm
	return nil
}

func (a *Adapter) relayBatch(t *topic, got []broker.Delivery) error {
	messages := make([]*broker.Message, len(got))
	for i, d := range got {
		content := awsmessage.Read(d.Message.Properties())
		content.Sequence = sequenceText(d.Sequence)
		block, err := content.Block()
		if err != nil {
			return err
		}
		messages[i] = broker.NewMessage(t.name, "", block, d.Message.Body())
	}
	// The archive first: what a subscription got must be in it.
	if err := a.archive(t, messages); err != nil {
		return err
	}
	done := make(chan error, len(messages))
	waiting := 0
	var first error
	for _, m := range messages {
		n, err := t.session.Publish(m, pending(done))
		if err != nil {
			first = err
			break
		}
		if n > 0 {
			waiting++
		}
	}
	for range waiting {
		if err := <-done; err != nil && first == nil {
			first = err
		}
	}
	return first
}
