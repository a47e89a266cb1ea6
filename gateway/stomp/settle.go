package stomp

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// settleTaken settles the deliveries in c.taken for an ACK or NACK, in the transaction if there is one. The receipt
// means that the settlement is recorded durably; within a transaction it means that the transaction has it.
func (c *conn) settleTaken(f *wire.Frame, tx *transaction, outcome broker.Outcome) error {
	c.leases = c.leases[:0]
	for i := range c.taken {
		c.leases = append(c.leases, c.taken[i].lease)
	}
	defer func() { clear(c.leases); clear(c.taken) }()
	if tx != nil {
		tx.settle(outcome, c.taken, c.leases)
		c.receipt(f)
		return nil
	}
	c.lane.Settled(outcome, len(c.leases))
	var done broker.Completion
	receipt, wanted := f.Get("receipt")
	if wanted {
		done = c.await(string(receipt))
	}
	err := c.session.Settle(outcome, done, c.leases...)
	if err != nil && wanted {
		c.out.arrived()
	}
	return err
}
