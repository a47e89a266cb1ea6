package amqp091

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// Transactions: publications and acknowledgements of a channel that take effect together on tx.commit. What is
// returned as unroutable is returned with the commit, as by RabbitMQ.

// transaction is the open transaction of a channel.
type transaction struct {
	tx       *broker.Tx
	settled  []settledInTx
	returned []*broker.Message
	dropped  int // publications that reached no queue, and are not to be returned
}

type settledInTx struct {
	delivered
	outcome broker.Outcome
}

// publish adds a publication.
func (t *transaction) publish(m *broker.Message, mandatory bool, keys []string) error {
	routed, err := t.tx.Publish(m, keys...)
	switch {
	case err != nil || routed > 0:
	case mandatory:
		t.returned = append(t.returned, m)
	default:
		t.dropped++
	}
	return err
}

// settle takes deliveries out of u, to be settled with the commit.
func (t *transaction) settle(u *unacked, outcome broker.Outcome, tag uint64, multiple bool) bool {
	if tag != 0 || !multiple {
		i := u.find(tag)
		if i < 0 {
			return false
		}
		first := i
		if multiple {
			first = u.head
		}
		t.add(u.entries[first:i+1], outcome)
	} else {
		t.add(u.entries[u.head:], outcome)
	}
	_, ok := u.take(tag, multiple, nil)
	return ok
}

func (t *transaction) add(entries []delivered, outcome broker.Outcome) {
	for _, e := range entries {
		if e.lease.Valid() {
			t.settled = append(t.settled, settledInTx{e, outcome})
		}
	}
}

// leases are those of the deliveries that were to be settled.
func (t *transaction) leases() []broker.Lease {
	list := make([]broker.Lease, len(t.settled))
	for i := range t.settled {
		list[i] = t.settled[i].lease
	}
	return list
}

// discard empties the transaction.
func (t *transaction) discard() {
	t.tx.Rollback()
	clear(t.settled)
	clear(t.returned)
	t.dropped = 0
	t.settled, t.returned = t.settled[:0], t.returned[:0]
}

func (ch *channel) handleTxSelect(*wire.TxSelect) error {
	if ch.confirming {
		return channelFault(wire.PreconditionFailed, "cannot switch from confirm to tx mode")
	}
	if ch.tx == nil {
		ch.tx = &transaction{tx: ch.c.session.Begin()}
		ch.lane.Transactional.Store(true)
	}
	ch.c.sendMethod(ch.id, &wire.TxSelectOk{})
	return nil
}

var errNotTransactional = channelFault(wire.PreconditionFailed, "channel is not transactional")

func (ch *channel) handleTxCommit(*wire.TxCommit) error {
	t := ch.tx
	if t == nil {
		return errNotTransactional
	}
	for i := range t.settled {
		t.tx.Settle(t.settled[i].outcome, t.settled[i].lease)
	}
	done := make(chan error, 1)
	if err := t.tx.Commit(broker.CompletionFunc(func(err error) { done <- err })); err != nil {
		return err
	}
	if err := <-done; err != nil {
		return err
	}
	ch.lane.Count(broker.Published, int(ch.lane.UncommittedMessages.Swap(0)))
	for i := range t.settled {
		ch.lane.Settled(t.settled[i].outcome, 1)
	}
	for _, m := range t.returned {
		ch.unroutable(m, true)
	}
	ch.lane.Count(broker.Dropped, t.dropped)
	t.discard()
	ch.lane.UncommittedAcks.Store(0)
	ch.c.sendMethod(ch.id, &wire.TxCommitOk{})
	return ch.c.waitForAlarm()
}

func (ch *channel) handleTxRollback(*wire.TxRollback) error {
	t := ch.tx
	if t == nil {
		return errNotTransactional
	}
	back := make([]delivered, len(t.settled))
	for i := range t.settled {
		back[i] = t.settled[i].delivered
	}
	ch.c.mu.Lock()
	ch.unacked.putBack(back)
	ch.c.mu.Unlock()
	t.discard()
	ch.lane.UncommittedMessages.Store(0)
	ch.lane.UncommittedAcks.Store(0)
	ch.c.sendMethod(ch.id, &wire.TxRollbackOk{})
	return nil
}
