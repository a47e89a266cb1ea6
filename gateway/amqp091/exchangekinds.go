package amqp091

import (
	"errors"
	"fmt"
	"slices"
	"time"

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
	case broker.Delaying:
		return completeDelaying(resource, spec, arguments)
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

// completeDelaying checks the exchange as one of the type by which it routes.
func completeDelaying(resource string, spec *broker.ExchangeSpec, arguments property.RawTable) error {
	v, ok := arguments.Lookup("x-delayed-type")
	switch {
	case !ok || v.Type != 'S':
		return channelFault(wire.PreconditionFailed, "Invalid argument, 'x-delayed-type' must be an existing exchange type")
	case v.String() == string(broker.Delaying):
		return channelFault(wire.PreconditionFailed, "Invalid argument, 'x-delayed-message' can't be used for 'x-delayed-type'")
	}
	spec.Routes = broker.ExchangeKind(v.String())
	inner := *spec
	inner.Kind = spec.Routes
	if err := completeExchange(resource, &inner, arguments); err != nil {
		return err
	}
	inner.Kind = spec.Kind
	*spec = inner
	return nil
}

const delayHeader = "x-delay"

// Delay is how long an x-delayed-message exchange keeps a message: its header x-delay, in milliseconds. What is no
// number above 0, or more than 2^32-1, does not delay it, as in the plugin.
func Delay(m *broker.Message) time.Duration {
	v, ok := m.Properties().Headers().Lookup(delayHeader)
	if !ok {
		return 0
	}
	ms, isInt := v.Int()
	if f, isFloat := v.Float(); !isInt && isFloat && f > 0 && f <= maxTimer {
		return time.Duration(f * float64(time.Millisecond))
	}
	if !isInt || ms <= 0 || ms > maxTimer {
		return 0
	}
	return milliseconds(ms)
}

// MarkDelayed negates the header x-delay, as the plugin does: the message has waited, and waits nowhere else.
func MarkDelayed(m *broker.Message) (property.Block, error) {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil, err
	}
	for i := range set.Headers {
		if f := &set.Headers[i]; f.Name == delayHeader {
			f.Value = negated(f.Value)
		}
	}
	return set.Append(nil)
}

// negated keeps the type where the negative number has room in it.
func negated(value any) any {
	switch n := value.(type) {
	case int8:
		return -n
	case int16:
		return -n
	case int32:
		return -n
	case int64:
		return -n
	case uint8:
		return -int64(n)
	case uint16:
		return -int64(n)
	case uint32:
		return -int64(n)
	case float32:
		return -n
	case float64:
		return -n
	}
	return value
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
