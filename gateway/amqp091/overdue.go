package amqp091

import (
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// Consumer timeouts: a channel that keeps a delivery for longer than its queue allows is closed, and what it has goes
// back. The broker tells it from a goroutine of its own; only the reader may close a channel.

// overdueChannel is a channel that is to be closed.
type overdueChannel struct {
	ch      *channel
	timeout time.Duration
}

// Overdue implements broker.OverdueReceiver.
func (k *consumer) Overdue(_ *broker.Consumer, timeout time.Duration) {
	c := k.ch.c
	c.mu.Lock()
	c.overdue = append(c.overdue, overdueChannel{k.ch, timeout})
	c.mu.Unlock()
	c.disturbed.Store(true)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // of a closed connection there is no reader left
}

// closeOverdue closes the channels that have kept a delivery for too long. It is called by the reader.
func (c *conn) closeOverdue() error {
	c.mu.Lock()
	list := c.overdue
	c.overdue = nil
	c.mu.Unlock()
	for _, o := range list {
		if o.ch.closing || c.channels[o.ch.id] != o.ch {
			continue
		}
		f := channelFault(wire.PreconditionFailed, "delivery acknowledgement on channel %d timed out. Timeout value used: %d ms. "+
			"This timeout value can be configured, see consumers doc guide to learn more", o.ch.id, o.timeout.Milliseconds())
		if err := o.ch.handleError(f, 0); err != nil {
			return err
		}
	}
	return nil
}

var _ broker.OverdueReceiver = (*consumer)(nil)
