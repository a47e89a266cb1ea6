package amqp091

import (
	"errors"
	"fmt"
	"slices"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// The arguments of exchanges, in the words of RabbitMQ and of the plugins that bring their types.

const alternateArgument = "alternate-exchange"

// completeExchange adds what the arguments ask for to an exchange's description, and refuses one that cannot be.
func completeExchange(resource string, spec *broker.ExchangeSpec, arguments property.RawTable) error {
	v, ok := arguments.Lookup(alternateArgument)
	if ok && v.Type != 'S' {
		return channelFault(wire.PreconditionFailed, "invalid type '%s' for arg '%s' in %s", typeName(v.Type), alternateArgument, resource)
	}
	if ok {
		spec.Alternate = v.String()
	}
	switch spec.Kind {
	case broker.Direct, broker.Fanout, broker.Topic, broker.Headers, broker.Random, broker.ModulusHash:
		return nil
	case broker.ConsistentHash:
		return completeHash(spec, arguments)
	case broker.RecentHistory:
		return completeHistory(spec, arguments)
	}
	// It ends the channel, since RabbitMQ 3.13.3; the connection before.
	return channelFault(wire.PreconditionFailed, "unknown exchange type '%s'", spec.Kind)
}

// hashProperties are those that can be hashed (rabbit_exchange_type_consistent_hash.erl).
var hashProperties = []string{"correlation_id", "message_id", "timestamp"}

func completeHash(spec *broker.ExchangeSpec, arguments property.RawTable) error {
	header, hasHeader := arguments.Lookup("hash-header")
	name, hasProperty := arguments.Lookup("hash-property")
	switch {
	case hasHeader && hasProperty:
		return channelFault(wire.PreconditionFailed, "hash-header and hash-property are mutually exclusive")
	case hasHeader:
		spec.HashHeader = header.String()
	case hasProperty && !slices.Contains(hashProperties, name.String()):
		return channelFault(wire.PreconditionFailed, "Unsupported property: %s", name.String())
	case hasProperty:
		spec.HashProperty = name.String()
	}
	return nil
}

// maxHistory bounds what one exchange keeps in memory.
const maxHistory = 1 << 16

func completeHistory(spec *broker.ExchangeSpec, arguments property.RawTable) error {
	v, ok := arguments.Lookup("x-recent-history-length")
	if !ok {
		return nil
	}
	n, isInt := v.Int()
	if !isInt || n < 1 {
		shown := v.String()
		if !isInt {
			shown = fmt.Sprintf(`<<"%s">>`, shown)
		}
		return channelFault(wire.PreconditionFailed, "Invalid argument %s, 'x-recent-history-length' must be a positive integer", shown)
	}
	spec.History = int(min(n, maxHistory))
	return nil
}

// ForgetsHistory tells that a publisher does not want its message kept by an x-recent-history exchange.
func ForgetsHistory(m *broker.Message) bool {
	v, ok := m.Properties().Headers().Lookup("x-recent-history-no-store")
	no, isBool := v.Bool()
	return ok && isBool && no
}

// bindingFault words the refusal of a binding's key by an x-consistent-hash exchange; nil for other errors.
func bindingFault(err error, key string) error {
	switch {
	case errors.Is(err, broker.ErrWeightTooLow):
		return channelFault(wire.PreconditionFailed, "The binding key must be greater than 0")
	case errors.Is(err, broker.ErrNoInteger):
		return channelFault(wire.PreconditionFailed, `The binding key must be an integer: <<"%s">>`, key)
	}
	return nil
}
