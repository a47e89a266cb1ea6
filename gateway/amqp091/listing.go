package amqp091

import (
	"crypto/tls"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
	"github.com/portico-mq/portico/gateway/serve"
)

// What operators see of a connection, and how they end it.

// list registers the connection, which is open now.
func (c *conn) list() {
	name, _ := c.client.Get("connection_name")
	given, _ := name.(string)
	secure, encrypted := c.nc.(*tls.Conn)
	c.listed = c.session.Register(broker.ConnectionInfo{
		GivenName: given, Protocol: "AMQP 0-9-1", Peer: serve.AddrPort(c.nc.RemoteAddr()), Local: serve.AddrPort(c.nc.LocalAddr()),
		Secure: encrypted, Properties: c.client,
		Received: &c.received, Sent: &c.sent,
		Attributes: append(property.Table{
			{Name: "auth_mechanism", Value: c.proof},
			{Name: "channel_max", Value: int64(c.channelMax)},
			{Name: "frame_max", Value: int64(c.frameMax)},
			{Name: "timeout", Value: c.beat.Load() / int64(time.Second)},
		}, tlsAttributes(secure)...),
	}, c.force)
}

// force ends the connection for a reason that the client is told. It is called from other goroutines.
func (c *conn) force(reason string) {
	c.forced.CompareAndSwap(nil, &reason)
	c.cancel()
}

// forcedFault is what a client is told whose connection is ended: by an operator, or because the server shuts down.
func (c *conn) forcedFault() *fault {
	if reason := c.forced.Load(); reason != nil {
		return connectionFault(wire.ConnectionForced, "%s", *reason)
	}
	return connectionFault(wire.ConnectionForced, "broker forced connection closure with reason 'shutdown'")
}

// unroutable counts a publication that reached no queue, and gives it back if its publisher asked for that.
func (ch *channel) unroutable(m *broker.Message, mandatory bool) {
	if !mandatory {
		ch.lane.Count(broker.Dropped, 1)
		return
	}
	ch.lane.Count(broker.Returned, 1)
	ch.giveBack(m)
}

// took counts a publication that the broker has taken.
func (ch *channel) took() {
	ch.lane.Count(broker.Published, 1)
	if ch.confirming {
		ch.lane.Unconfirmed.Add(1)
	}
}

// consumerAttributes are the arguments of a consumer, to be shown.
func consumerAttributes(m *wire.BasicConsume) (broker.Attributes, error) {
	arguments, err := m.Arguments.Decode()
	if err != nil || len(arguments) == 0 {
		return nil, err
	}
	return broker.Attributes{attributes: arguments}, nil
}
