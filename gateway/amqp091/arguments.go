package amqp091

import (
	"fmt"
	"slices"
	"strings"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// The arguments of queues: how RabbitMQ checks them, how it compares them when a queue is declared again, and which
// type of queue knows which. Arguments that RabbitMQ does not know it keeps and shows;
// so do we.

// attributes is where the arguments are kept with a queue or an exchange.
const attributes = "amqp"

// argument is what is known of one argument.
type argument struct {
	name string
	// check returns what is wrong with a value, as Erlang prints it; "" when it is good.
	check func(v property.RawValue) string
	// types are those of the types of queue that know it: c, q, s.
	types string
}

// queueArguments are the arguments that RabbitMQ 3.13 checks and compares.
var queueArguments = []argument{
	{name: "x-expires", check: atLeast(1), types: "cq"},
	{name: "x-message-ttl", check: atLeast(0), types: "cq"},
	{name: "x-dead-letter-exchange", check: isString, types: "cq"},
	{name: "x-dead-letter-routing-key", check: isString, types: "cq"},
	{name: "x-dead-letter-strategy", check: oneOf("at-most-once", "at-least-once"), types: "q"},
	{name: "x-max-length", check: atLeast(0), types: "cq"},
	{name: "x-max-length-bytes", check: atLeast(0), types: "cqs"},
	{name: "x-max-priority", check: priorities, types: "c"},
	{name: "x-overflow", check: overflow, types: "cq"},
	{name: "x-queue-mode", check: queueMode, types: "c"},
	{name: "x-queue-version", check: atLeast(1), types: "c"},
	{name: "x-queue-master-locator", check: isString, types: "c"},
	{name: "x-queue-leader-locator", check: leaderLocator, types: "cqs"},
	{name: "x-quorum-initial-group-size", check: atLeast(1), types: "q"},
	{name: "x-single-active-consumer", check: isBool, types: "cq"},
	{name: "x-delivery-limit", check: atLeast(-1), types: "q"},
	{name: "x-max-age", check: maxAge, types: "s"},
	{name: segmentSizeArgument, check: atLeast(0), types: "s"},
	{name: filterSizeArgument, check: atLeast(0), types: "s"},
	{name: "x-initial-cluster-size", check: atLeast(1), types: "s"},
	{name: consumerTimeoutArgument, check: atLeast(1), types: "cq"},
	{name: queueTypeArgument, check: knownQueueType, types: "cqs"},
}

const queueTypeArgument = "x-queue-type"

// consumerTimeoutArgument bounds how long a consumer keeps a delivery. RabbitMQ has it for quorum queues since 4.3; here
// it is for all.
const consumerTimeoutArgument = "x-consumer-timeout"

func atLeast(least int64) func(property.RawValue) string {
	return func(v property.RawValue) string {
		n, ok := v.Int()
		switch {
		case !ok:
			return fmt.Sprintf(`"expected integer, got %s"`, typeName(v.Type))
		case n >= least && n <= longestTime:
			return ""
		case n > longestTime:
			return fmt.Sprintf("{value_too_big,%d}", n)
		case n == 0:
			return "{value_zero,0}"
		default:
			return fmt.Sprintf("{value_negative,%d}", n)
		}
	}
}

func priorities(v property.RawValue) string {
	if bad := atLeast(0)(v); bad != "" {
		return bad
	}
	if n, _ := v.Int(); n > 255 {
		return fmt.Sprintf("{max_value_exceeded,%d}", n)
	}
	return ""
}

func isString(v property.RawValue) string {
	if v.Type == 'S' {
		return ""
	}
	return fmt.Sprintf("{unacceptable_type,%s}", typeName(v.Type))
}

func isBool(v property.RawValue) string {
	if _, ok := v.Bool(); ok {
		return ""
	}
	return fmt.Sprintf(`{unacceptable_type,%s}`, typeName(v.Type))
}

func queueMode(v property.RawValue) string {
	if v.Type == 'S' && v.String() != "default" && v.String() != "lazy" {
		return fmt.Sprintf(`"unsupported queue mode '%s'"`, v.String())
	}
	return isString(v)
}

func oneOf(values ...string) func(property.RawValue) string {
	return func(v property.RawValue) string {
		switch {
		case v.Type != 'S':
			return isString(v)
		case slices.Contains(values, v.String()):
			return ""
		default:
			return fmt.Sprintf(`{invalid_value,<<"%s">>}`, v.String())
		}
	}
}

func leaderLocator(v property.RawValue) string {
	if oneOf("client-local", "balanced", "random", "least-leaders")(v) != "" {
		return "invalid_queue_locator_arg"
	}
	return ""
}

func overflow(v property.RawValue) string {
	if v.Type != 'S' {
		return isString(v)
	}
	if oneOf("drop-head", "reject-publish", "reject-publish-dlx")(v) != "" {
		return "invalid_overflow"
	}
	return ""
}

func knownQueueType(v property.RawValue) string {
	if v.Type != 'S' {
		return isString(v)
	}
	if name := v.String(); name != "classic" && name != "quorum" && name != streamQueue {
		return fmt.Sprintf(`"unsupported queue type '%s'"`, name)
	}
	return ""
}

// queueType is the type that a queue was declared with; classic without the argument.
func queueType(arguments property.Table) string {
	if v, ok := arguments.Get(queueTypeArgument); ok {
		if name, ok := v.(string); ok {
			return name
		}
	}
	return "classic"
}

// checkQueueArguments refuses what RabbitMQ refuses, and what is not built. resource names the queue in texts.
func checkQueueArguments(resource string, arguments property.RawTable) error {
	kind := "classic"
	if v, ok := arguments.Lookup(queueTypeArgument); ok {
		kind = v.String()
	}
	for _, a := range queueArguments {
		v, ok := arguments.Lookup(a.name)
		if !ok {
			continue
		}
		bad := a.check(v)
		switch {
		case bad != "" && a.name == "x-dead-letter-exchange":
			return channelFault(wire.PreconditionFailed, "invalid type '%s' for arg '%s' in %s", typeName(v.Type), a.name, resource)
		case bad != "":
			return channelFault(wire.PreconditionFailed, "invalid arg '%s' for %s: %s", a.name, resource, bad)
		case !strings.Contains(a.types, kind[:1]):
			return channelFault(wire.PreconditionFailed, "invalid arg '%s' for %s of queue type rabbit_%s_queue", a.name, resource, kind)
		}
	}
	if kind == streamQueue {
		return checkStreamArguments(arguments)
	}
	_, hasKey := arguments.Lookup("x-dead-letter-routing-key")
	if _, hasExchange := arguments.Lookup("x-dead-letter-exchange"); hasKey && !hasExchange {
		return channelFault(wire.PreconditionFailed, "invalid arg 'x-dead-letter-routing-key' for %s: routing_key_but_no_dlx_defined", resource)
	}
	return nil
}

// compareQueueArguments refuses arguments that differ from those of the queue that exists.
func compareQueueArguments(resource string, existing property.Table, wanted property.RawTable) error {
	current, err := existing.Raw()
	if err != nil {
		return err
	}
	for _, a := range queueArguments {
		old, had := current.Lookup(a.name)
		now, has := wanted.Lookup(a.name)
		if a.name == queueTypeArgument && (!had && now.EqualTo("classic") || !has && old.EqualTo("classic")) {
			continue
		}
		if err := compareArgument(a.name, resource, old, had, now, has); err != nil {
			return err
		}
	}
	return nil
}

// compareArgument is rabbit_misc:assert_args_equivalence for one argument.
func compareArgument(name, resource string, old property.RawValue, had bool, now property.RawValue, has bool) error {
	var received, current string
	switch {
	case !had && !has:
		return nil
	case had && has:
		if old.Equal(now) {
			return nil
		}
		received, current = "'"+now.String()+"'", "'"+old.String()+"'"
	default:
		received, current = describeArgument(now, has), describeArgument(old, had)
	}
	return channelFault(wire.PreconditionFailed, "inequivalent arg '%s' for %s: received %s but current is %s", name, resource, received, current)
}

func describeArgument(v property.RawValue, there bool) string {
	if !there {
		return "none"
	}
	return fmt.Sprintf("the value '%s' of type '%s'", v.String(), typeName(v.Type))
}

// typeName is RabbitMQ's name for the type of a value.
func typeName(letter byte) string {
	if name, ok := typeNames[letter]; ok {
		return name
	}
	return "unknown"
}

var typeNames = map[byte]string{
	't': "bool", 'b': "byte", 'B': "unsignedbyte", 's': "short", 'u': "unsignedshort", 'I': "signedint", 'i': "unsignedint",
	'l': "long", 'f': "float", 'd': "double", 'D': "decimal", 'S': "longstr", 'A': "array", 'T': "timestamp", 'F': "table",
	'V': "void", 'x': "binary",
}
