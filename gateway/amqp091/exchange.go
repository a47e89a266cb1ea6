package amqp091

import (
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// The methods of the class exchange.

const systemPrefix = "amq."

// SystemExchanges are the exchanges that an AMQP client expects in every virtual host, besides the default one.
func SystemExchanges() []broker.ExchangeSpec {
	return []broker.ExchangeSpec{
		{Name: "amq.direct", Kind: broker.Direct, Durable: true},
		{Name: "amq.fanout", Kind: broker.Fanout, Durable: true},
		{Name: "amq.topic", Kind: broker.Topic, Durable: true},
		{Name: "amq.headers", Kind: broker.Headers, Durable: true},
		{Name: "amq.match", Kind: broker.Headers, Durable: true},
		{Name: TraceExchange, Kind: broker.Topic, Durable: true, Internal: true},
	}
}

// ReservedPrefix begins the names that clients cannot declare.
const ReservedPrefix = systemPrefix

var errDefaultExchange = channelFault(wire.AccessRefused, "operation not permitted on the default exchange")

func (ch *channel) handleExchangeDeclare(m *wire.ExchangeDeclare) error {
	name := stripped(m.Exchange)
	var err error
	switch {
	case name == "":
		return errDefaultExchange
	case m.Passive:
		_, err = ch.c.session.Exchange(ch.c.background(), name)
	default:
		err = ch.declareExchange(name, m)
	}
	if err != nil {
		return err
	}
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.ExchangeDeclareOk{})
	}
	return nil
}

func (ch *channel) declareExchange(name string, m *wire.ExchangeDeclare) error {
	arguments, err := m.Arguments.Decode()
	if err != nil {
		return err
	}
	if arguments == nil {
		arguments = property.Table{}
	}
	resource := ch.resource("exchange", name)
	spec := broker.ExchangeSpec{
		Name: name, Kind: broker.ExchangeKind(m.Type), Durable: m.Durable, AutoDelete: m.AutoDelete, Internal: m.Internal,
		Attributes: broker.Attributes{attributes: arguments},
	}
	if err := completeExchange(resource, &spec, m.Arguments); err != nil {
		return err
	}
	existing, created, err := ch.c.session.DeclareExchange(ch.c.background(), spec)
	if err != nil || created {
		return err
	}
	return compareArguments(resource, existing.Attributes[attributes], m.Arguments, alternateArgument)
}

// compareArguments refuses the named arguments if they differ from those of the exchange that exists.
func compareArguments(resource string, existing property.Table, wanted property.RawTable, names ...string) error {
	current, err := existing.Raw()
	if err != nil {
		return err
	}
	for _, name := range names {
		old, had := current.Lookup(name)
		now, has := wanted.Lookup(name)
		if err := compareArgument(name, resource, old, had, now, has); err != nil {
			return err
		}
	}
	return nil
}

func (ch *channel) handleExchangeDelete(m *wire.ExchangeDelete) error {
	name := stripped(m.Exchange)
	switch {
	case name == "":
		return errDefaultExchange
	case strings.HasPrefix(name, systemPrefix):
		return channelFault(wire.AccessRefused, "deletion of system %s not allowed", ch.resource("exchange", name))
	}
	err := ch.c.session.DeleteExchange(ch.c.background(), name, m.IfUnused)
	if err != nil && !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.ExchangeDeleteOk{})
	}
	return nil
}

func (ch *channel) handleExchangeBind(m *wire.ExchangeBind) error {
	b, err := ch.binding(string(m.Source), string(m.Destination), broker.ToExchange, string(m.RoutingKey), m.Arguments)
	if err != nil {
		return err
	}
	if err := ch.bind(b); err != nil {
		return err
	}
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.ExchangeBindOk{})
	}
	return nil
}

func (ch *channel) handleExchangeUnbind(m *wire.ExchangeUnbind) error {
	b, err := ch.binding(string(m.Source), string(m.Destination), broker.ToExchange, string(m.RoutingKey), m.Arguments)
	if err != nil {
		return err
	}
	if err := ch.unbind(b); err != nil {
		return err
	}
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.ExchangeUnbindOk{})
	}
	return nil
}
