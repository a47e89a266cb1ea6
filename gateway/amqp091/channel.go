package amqp091

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// channel is one channel. What is not said to be under conn.mu belongs to the reader.
type channel struct {
	c       *conn
	id      uint16
	lane    *broker.Lane
	closing bool // channel.close was sent: only its answer counts now

	publishing publishing
	confirming bool
	confirms   confirms // has a lock of its own
	tx         *transaction

	lastQueue string // the last declared one, which an empty name means
	prefetch  int    // of consumers to come; 0: no bound
	global    bool   // credit has a bound
	credit    *broker.Credit
	scratch   []broker.Lease
	direct    *directReply // the consumer of direct replies, if there is one

	// Under conn.mu:
	closed    bool
	nextTag   uint64
	unacked   unacked
	consumers map[string]*consumer
	holding   bool        // cancels of consumers are kept in held
	held      []*consumer // those that were cancelled meanwhile
}

// openChannel takes a frame for a channel that is not open, which must be channel.open.
func (c *conn) openChannel(f wire.Frame, id wire.MethodID, arguments []byte) error {
	switch {
	case f.Type != wire.FrameMethod:
		return connectionFault(wire.UnexpectedFrame, "expected method frame, got non method frame instead")
	case id != wire.IDChannelOpen:
		return &fault{scope: connectionScope, code: wire.ChannelError, id: id, text: "expected 'channel.open'"}
	case len(c.channels) >= int(c.channelMax):
		return connectionFault(wire.NotAllowed, "number of channels opened (%d) has reached the negotiated channel_max (%d)",
			len(c.channels), c.channelMax)
	}
	var m wire.ChannelOpen
	if err := m.ReadFrom(arguments); err != nil {
		return undecodable(id, arguments)
	}
	if err := c.session.AddChannel(); err != nil {
		f, known := faultOf(err)
		if !known {
			return err
		}
		return &fault{scope: connectionScope, code: wire.NotAllowed, text: f.text, id: id}
	}
	c.channels[f.Channel] = &channel{
		c: c, id: f.Channel, lane: c.listed.OpenLane(int(f.Channel)),
		credit: broker.NewCredit(0), consumers: make(map[string]*consumer),
	}
	c.sendMethod(f.Channel, &wire.ChannelOpenOk{})
	return nil
}

// handleError tells the client what went wrong on the channel, or returns what ends the connection.
func (ch *channel) handleError(err error, id wire.MethodID) error {
	f, known := faultOf(err)
	if f.id == 0 {
		withID := *f
		withID.id = id
		f = &withID
	}
	if !known {
		ch.c.log.Error("method failed by a fault of the broker", "channel", ch.id, "method", id.String(), "err", err)
	}
	if f.scope == connectionScope {
		return f
	}
	ch.c.log.Info("closing channel", "channel", ch.id, "method", f.id.String(), "code", int(f.code), "text", f.Error())
	ch.release()
	ch.closing = true
	ch.c.sendMethod(ch.id, &wire.ChannelClose{
		ReplyCode: uint16(f.code), ReplyText: []byte(f.Error()), ClassID: f.id.Class(), MethodID: f.id.Method(),
	})
	return nil
}

// forget gives the channel's number back.
func (ch *channel) forget() {
	delete(ch.c.channels, ch.id)
	ch.c.session.RemoveChannel()
}

// handleClosing waits for the answer to channel.close; everything else is thrown away [AMQP 1.5.2.5].
func (ch *channel) handleClosing(id wire.MethodID) {
	switch id {
	case wire.IDChannelCloseOk:
		ch.forget()
	case wire.IDChannelClose: // both closed at the same time
		ch.c.sendMethod(ch.id, &wire.ChannelCloseOk{})
	}
}

// release cancels the consumers, and puts back what the channel has not settled. It may be called twice.
func (ch *channel) release() {
	c := ch.c
	c.flushAcks()
	c.mu.Lock()
	ch.closed = true
	consumers := ch.consumers
	ch.consumers = nil
	leases := ch.unacked.takeAll(ch.scratch[:0])
	c.mu.Unlock()
	for _, consumer := range consumers {
		consumer.cancel()
	}
	if ch.tx != nil {
		leases = append(leases, ch.tx.leases()...)
		ch.tx.discard()
	}
	// Deliveries stopped with the consumers, so these are all. Each has a lease that holds, or its queue is gone.
	_ = c.settle(broker.Requeue, leases)
	ch.confirms.stop()
	ch.publishing = publishing{}
	if ch.direct != nil {
		ch.direct.stop()
	}
	ch.lane.Close()
}

// settle ends leases at once, without waiting for their record.
func (c *conn) settle(outcome broker.Outcome, leases []broker.Lease) error {
	if len(leases) == 0 {
		return nil
	}
	return c.session.Settle(outcome, nil, leases...)
}

// handleMethod takes a method of an open channel.
func (ch *channel) handleMethod(id wire.MethodID, arguments []byte) error {
	if err := ch.publishing.expectsMethod(); err != nil {
		return err
	}
	switch id { // the hot ones
	case wire.IDBasicPublish:
		return ch.handlePublish(arguments)
	case wire.IDBasicAck:
		return ch.handleAck(arguments)
	}
	ch.c.flushAcks() // what was acknowledged before is settled before
	switch id {
	case wire.IDChannelOpen:
		return connectionFault(wire.ChannelError, "second 'channel.open' seen")
	case wire.IDChannelFlow:
		return decoded(id, arguments, ch.handleFlow)
	case wire.IDChannelClose:
		return decoded(id, arguments, ch.handleClose)
	case wire.IDExchangeDeclare:
		return decoded(id, arguments, ch.handleExchangeDeclare)
	case wire.IDExchangeDelete:
		return decoded(id, arguments, ch.handleExchangeDelete)
	case wire.IDExchangeBind:
		return decoded(id, arguments, ch.handleExchangeBind)
	case wire.IDExchangeUnbind:
		return decoded(id, arguments, ch.handleExchangeUnbind)
	case wire.IDQueueDeclare:
		return decoded(id, arguments, ch.handleQueueDeclare)
	case wire.IDQueueBind:
		return decoded(id, arguments, ch.handleQueueBind)
	case wire.IDQueueUnbind:
		return decoded(id, arguments, ch.handleQueueUnbind)
	case wire.IDQueuePurge:
		return decoded(id, arguments, ch.handleQueuePurge)
	case wire.IDQueueDelete:
		return decoded(id, arguments, ch.handleQueueDelete)
	case wire.IDBasicQos:
		return decoded(id, arguments, ch.handleQos)
	case wire.IDBasicConsume:
		return decoded(id, arguments, ch.handleConsume)
	case wire.IDBasicCancel:
		return decoded(id, arguments, ch.handleCancel)
	case wire.IDBasicGet:
		return decoded(id, arguments, ch.handleGet)
	case wire.IDBasicNack:
		return decoded(id, arguments, ch.handleNack)
	case wire.IDBasicReject:
		return decoded(id, arguments, ch.handleReject)
	case wire.IDBasicRecover:
		return decoded(id, arguments, ch.handleRecover)
	case wire.IDBasicRecoverAsync:
		return decoded(id, arguments, ch.handleRecoverAsync)
	case wire.IDConfirmSelect:
		return decoded(id, arguments, ch.handleConfirmSelect)
	case wire.IDTxSelect:
		return decoded(id, arguments, ch.handleTxSelect)
	case wire.IDTxCommit:
		return decoded(id, arguments, ch.handleTxCommit)
	case wire.IDTxRollback:
		return decoded(id, arguments, ch.handleTxRollback)
	default:
		return unknownMethod(id) // those that only a server sends are unknown to one
	}
}

// decoded calls a handler with the arguments of its method.
func decoded[M any, P interface {
	*M
	wire.Method
}](id wire.MethodID, arguments []byte, handle func(P) error) error {
	m := P(new(M))
	if err := m.ReadFrom(arguments); err != nil {
		return undecodable(id, arguments)
	}
	return handle(m)
}

// handleFlow answers what RabbitMQ answers: a client cannot stop deliveries in this way.
func (ch *channel) handleFlow(m *wire.ChannelFlow) error {
	if !m.Active {
		return connectionFault(wire.NotImplemented, "active=false")
	}
	ch.c.sendMethod(ch.id, &wire.ChannelFlowOk{Active: true})
	return nil
}

func (ch *channel) handleClose(*wire.ChannelClose) error {
	ch.release()
	ch.forget()
	ch.c.sendMethod(ch.id, &wire.ChannelCloseOk{})
	return nil
}
