package stomp

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/serve"
)

// What operators see of a connection, and how they end it.

// list registers the connection, which has logged in. It has one lane: STOMP has no more.
func (c *conn) list() {
	c.listed = c.session.Register(broker.ConnectionInfo{
		Protocol: "STOMP " + c.version, Peer: serve.AddrPort(c.nc.RemoteAddr()), Local: serve.AddrPort(c.nc.LocalAddr()), Secure: secure(c.nc) != nil,
		Received: &c.live.received, Sent: &c.out.sent,
		Properties: property.Table{{Name: "product", Value: "STOMP client"}},
		Attributes: property.Table{{Name: "timeout", Value: int64(c.live.timeout.Seconds())}},
	}, c.force)
	c.lane = c.listed.OpenLane(1)
	c.session.SetLane(c.lane)
}

// force ends the connection for a reason that the client is told. It is called from other goroutines.
func (c *conn) force(reason string) {
	c.forced.CompareAndSwap(nil, &reason)
	c.cancel()
}

// forcedFault is what a client is told whose connection is ended: by an operator, or because the server shuts down.
func (c *conn) forcedFault() *fault {
	if reason := c.forced.Load(); reason != nil {
		return c.dialect.say(shuttingDown, "", *reason)
	}
	return c.dialect.say(shuttingDown, "", "shutdown")
}
