package amqp091

import "github.com/portico-mq/portico/gateway/amqp091/wire"

// waitForAlarm is called after a publication: while a resource is low, who publishes is not read from. Clients that
// understand it are told so. Connections that only consume go on.
func (c *conn) waitForAlarm() error {
	state := c.srv.alarm.Load()
	if state.reason == "" {
		return nil
	}
	c.flushAcks()
	if c.can.blocked {
		c.sendMethod(0, &wire.ConnectionBlocked{Reason: []byte(state.reason)})
	}
	c.log.Warn("publisher stopped", "reason", state.reason)
	c.listed.SetStopped(true)
	defer c.listed.SetStopped(false)
	for state.reason != "" {
		select {
		case <-state.changed:
		case <-c.ctx.Done():
			return nil
		case <-c.written: // the client is gone
			return nil
		}
		state = c.srv.alarm.Load()
	}
	if c.can.blocked {
		c.sendMethod(0, &wire.ConnectionUnblocked{})
	}
	return nil
}
