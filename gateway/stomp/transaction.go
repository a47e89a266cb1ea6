package stomp

import (
	"strconv"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

const (
	// maxTransactionBytes bounds what all transactions of a connection hold together.
	maxTransactionBytes = 48 << 20
	// actionCost is what an action costs in memory besides its message's bytes, about.
	actionCost = 256
)

// transaction is one between BEGIN and COMMIT or ABORT. Unlike RabbitMQ, which replays its frames at COMMIT, it takes
// effect as a whole or not at all.
type transaction struct {
	c        *conn
	tx       *broker.Tx
	taken    []unacked // settled in it
	receipts []string  // of its SENDs, for when they are stored
	bytes    int
	sent     int      // SENDs in it
	acked    int      // ACKs in it
	after    []func() // what follows when it has taken effect
}

// begin starts a transaction.
func (c *conn) begin(f *wire.Frame) error {
	id, err := c.needsTransaction(f)
	if err != nil {
		return err
	}
	if t := c.txs[id]; t != nil {
		if err := c.dialect.beginAgain(id); err != nil {
			return err
		}
		t.drop()
	} else if len(c.txs) >= maxTransactions {
		return c.dialect.say(tooManyTransactions, f.Command, strconv.Itoa(maxTransactions))
	}
	c.txs[id] = &transaction{c: c, tx: c.session.Begin()}
	c.receipt(f)
	return nil
}

// commit makes a transaction take effect. Its receipt, after those of the SENDs in it, means that all of it is synced.
func (c *conn) commit(f *wire.Frame) error {
	id, err := c.needsTransaction(f)
	if err != nil {
		return err
	}
	t := c.txs[id]
	if t == nil {
		return c.dialect.say(unknownTransaction, f.Command, id)
	}
	delete(c.txs, id)
	c.txBytes -= t.bytes
	receipts := t.receipts
	if receipt, ok := f.Get("receipt"); ok {
		receipts = append(receipts, string(receipt))
	}
	if err := t.tx.Commit(c.await(receipts...)); err != nil {
		c.out.arrived()
		return err
	}
	c.lane.Count(broker.Published, t.sent)
	c.lane.Count(broker.Acked, t.acked)
	for _, f := range t.after {
		f()
	}
	return nil
}

// abort forgets a transaction. What was settled in it can be settled again.
func (c *conn) abort(f *wire.Frame) error {
	id, err := c.needsTransaction(f)
	if err != nil {
		return err
	}
	t := c.txs[id]
	if t == nil {
		return c.dialect.say(unknownTransaction, f.Command, id)
	}
	delete(c.txs, id)
	t.drop()
	c.receipt(f)
	return nil
}

func (t *transaction) drop() {
	t.tx.Rollback()
	t.c.txBytes -= t.bytes
	t.c.mu.Lock()
	t.c.unacked.restore(t.taken)
	t.c.lane.Unacked.Add(int64(len(t.taken)))
	t.c.mu.Unlock()
}

// add adds a message.
func (t *transaction) add(m *broker.Message, command string) error {
	cost := m.Size() + actionCost
	if t.c.txBytes+cost > maxTransactionBytes {
		return t.c.dialect.say(tooMuchInOne, command, strconv.Itoa(maxTransactionBytes))
	}
	if _, err := t.tx.Publish(m); err != nil {
		return err
	}
	t.sent++
	t.bytes += cost
	t.c.txBytes += cost
	return nil
}

func (t *transaction) settle(outcome broker.Outcome, taken []unacked, leases []broker.Lease) {
	t.c.lane.Unacked.Add(-int64(len(leases)))
	if outcome == broker.Ack {
		t.acked += len(leases)
	}
	t.tx.Settle(outcome, leases...)
	t.taken = append(t.taken, taken...)
}

// transactionOf is the transaction that a frame belongs to; nil for none.
func (c *conn) transactionOf(f *wire.Frame) (*transaction, error) {
	id, ok := f.Get("transaction")
	if !ok {
		return nil, nil
	}
	if t := c.txs[string(id)]; t != nil {
		return t, nil
	}
	return nil, c.dialect.say(unknownTransaction, f.Command, string(id))
}

func (c *conn) needsTransaction(f *wire.Frame) (string, error) {
	id, ok := f.Get("transaction")
	if !ok {
		return "", c.dialect.say(noTransactionID, f.Command, "")
	}
	return string(id), nil
}
