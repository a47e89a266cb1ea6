package amqp091

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// basic.ack, nack, reject and recover. Acknowledgements that come together are settled together: they are gathered
// until the reader has nothing more at hand, or anything else is asked for.

// manyAcks is how many are gathered at most.
const manyAcks = 512

func (ch *channel) handleAck(arguments []byte) error {
	var m wire.BasicAck
	if err := m.ReadFrom(arguments); err != nil {
		return undecodable(wire.IDBasicAck, arguments)
	}
	if ch.tx != nil {
		return ch.settleTagged(broker.Ack, m.DeliveryTag, m.Multiple)
	}
	c := ch.c
	var ok bool
	before := len(c.acks)
	c.mu.Lock()
	c.acks, ok = ch.unacked.take(m.DeliveryTag, m.Multiple, c.acks)
	c.mu.Unlock()
	if !ok {
		return unknownTag(m.DeliveryTag)
	}
	ch.lane.Settled(broker.Ack, len(c.acks)-before)
	if len(c.acks) >= manyAcks {
		c.flushAcks()
	}
	return nil
}

func unknownTag(tag uint64) *fault {
	return channelFault(wire.PreconditionFailed, "unknown delivery tag %d", tag)
}

// flushAcks settles what was acknowledged.
func (c *conn) flushAcks() {
	if len(c.acks) == 0 {
		return
	}
	if err := c.settle(broker.Ack, c.acks); err != nil {
		c.log.Error("acknowledging", "err", err)
	}
	clear(c.acks)
	c.acks = c.acks[:0]
}

func (ch *channel) handleNack(m *wire.BasicNack) error {
	return ch.settleTagged(negative(m.Requeue), m.DeliveryTag, m.Multiple)
}

func (ch *channel) handleReject(m *wire.BasicReject) error {
	return ch.settleTagged(negative(m.Requeue), m.DeliveryTag, false)
}

func negative(requeue bool) broker.Outcome {
	if requeue {
		return broker.Requeue
	}
	return broker.Reject
}

// settleTagged settles deliveries, or adds that to the transaction.
func (ch *channel) settleTagged(outcome broker.Outcome, tag uint64, multiple bool) error {
	c := ch.c
	if ch.tx != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !ch.tx.settle(&ch.unacked, outcome, tag, multiple) {
			return unknownTag(tag)
		}
		ch.lane.UncommittedAcks.Store(int64(len(ch.tx.settled)))
		return nil
	}
	c.mu.Lock()
	leases, ok := ch.unacked.take(tag, multiple, ch.scratch[:0])
	c.mu.Unlock()
	if !ok {
		return unknownTag(tag)
	}
	ch.lane.Settled(outcome, len(leases))
	err := c.settle(outcome, leases)
	clear(leases)
	ch.scratch = leases[:0]
	return err
}

func (ch *channel) handleRecover(m *wire.BasicRecover) error {
	if err := ch.recoverAll(m.Requeue); err != nil {
		return err
	}
	ch.c.sendMethod(ch.id, &wire.BasicRecoverOk{})
	return nil
}

// handleRecoverAsync is what handleRecover is, without an answer.
func (ch *channel) handleRecoverAsync(m *wire.BasicRecoverAsync) error {
	return ch.recoverAll(m.Requeue)
}

func (ch *channel) recoverAll(requeue bool) error {
	if !requeue {
		return connectionFault(wire.NotImplemented, "requeue=false")
	}
	c := ch.c
	c.mu.Lock()
	leases := ch.unacked.takeAll(ch.scratch[:0])
	c.mu.Unlock()
	ch.lane.Settled(broker.Requeue, len(leases))
	err := c.settle(broker.Requeue, leases)
	clear(leases)
	ch.scratch = leases[:0]
	return err
}
