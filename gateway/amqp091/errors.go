package amqp091

import (
	"errors"
	"fmt"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// fault is an error as a client is told it. Clients match codes and texts, so texts are RabbitMQ's to the letter.
type fault struct {
	// scope says what ends: the channel, or the whole connection.
	scope scope
	code  wire.ReplyCode
	text  string
	// id is the method that failed; 0 for what no method caused. Handlers leave it to the dispatcher.
	id wire.MethodID
}

type scope uint8

const (
	channelScope scope = iota
	connectionScope
)

// Error is the reply text, as RabbitMQ begins it: with the name of the code.
func (f *fault) Error() string {
	if f.text == "" {
		return f.code.String()
	}
	return f.code.String() + " - " + f.text
}

// channelFault closes the channel.
func channelFault(code wire.ReplyCode, format string, args ...any) *fault {
	return &fault{scope: channelScope, code: code, text: fmt.Sprintf(format, args...)}
}

// connectionFault closes the connection.
func connectionFault(code wire.ReplyCode, format string, args ...any) *fault {
	return &fault{scope: connectionScope, code: code, text: fmt.Sprintf(format, args...)}
}

// row says how one kind of broker error is told: where, with which code, and in which words.
type row struct {
	scope scope
	code  wire.ReplyCode
	text  func(e *broker.Error) string
}

// kinds has a row for every broker.Kind; a test sees to that.
var kinds = map[broker.Kind]row{
	broker.KindInternal: {connectionScope, wire.InternalError, func(*broker.Error) string { return "internal error" }},
	broker.KindInvalid: {channelScope, wire.PreconditionFailed, func(e *broker.Error) string {
		return fmt.Sprintf("invalid %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	}},
	broker.KindNotFound: {channelScope, wire.NotFound, func(e *broker.Error) string {
		if e.Type == broker.ResourceNamespace {
			return fmt.Sprintf("vhost %s not found", e.Name)
		}
		return fmt.Sprintf("no %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	}},
	broker.KindMismatch: {channelScope, wire.PreconditionFailed, mismatchText},
	broker.KindLocked:   {channelScope, wire.ResourceLocked, lockedText},
	broker.KindExclusiveUse: {channelScope, wire.AccessRefused, func(e *broker.Error) string {
		return fmt.Sprintf("%s '%s' in vhost '%s' in exclusive use", e.Type, e.Name, e.Namespace)
	}},
	broker.KindInUse: {channelScope, wire.PreconditionFailed, func(e *broker.Error) string {
		return fmt.Sprintf("%s '%s' in vhost '%s' in use", e.Type, e.Name, e.Namespace)
	}},
	broker.KindNotEmpty: {channelScope, wire.PreconditionFailed, func(e *broker.Error) string {
		return fmt.Sprintf("%s '%s' in vhost '%s' not empty", e.Type, e.Name, e.Namespace)
	}},
	broker.KindReserved: {channelScope, wire.AccessRefused, reservedText},
	broker.KindDenied:   {channelScope, wire.AccessRefused, deniedText},
	// Only a login can be that, and it says it in its own words: see handshake.go.
	broker.KindUnauthenticated: {connectionScope, wire.AccessRefused, func(*broker.Error) string { return "Login was refused" }},
	broker.KindTooLarge: {channelScope, wire.PreconditionFailed, func(e *broker.Error) string {
		if l, ok := e.Detail.(*broker.Limit); ok {
			return fmt.Sprintf("%s %d is larger than configured max size %d", l.Name, l.Got, l.Max)
		}
		return "too large"
	}},
	broker.KindLimit: {channelScope, wire.PreconditionFailed, limitText},
	// Only a transaction tells it in this way; a publication is refused by its confirm.
	broker.KindFull:       {channelScope, wire.PreconditionFailed, func(*broker.Error) string { return "partial tx completion" }},
	broker.KindStaleLease: {channelScope, wire.PreconditionFailed, func(*broker.Error) string { return "unknown delivery tag" }},
	broker.KindUnsupported: {connectionScope, wire.NotImplemented, func(e *broker.Error) string {
		return fmt.Sprintf("%s '%s' needs what is not implemented", e.Type, e.Name)
	}},
	broker.KindUnavailable: {connectionScope, wire.InternalError, func(*broker.Error) string { return "storage is not available" }},
	broker.KindUncertain:   {connectionScope, wire.InternalError, func(*broker.Error) string { return "storage did not answer" }},
}

// faultOf says how to tell the client an error of a handler. known is false for an error that is neither a fault nor
// one of the broker's on purpose: its text must go to the log only.
func faultOf(err error) (f *fault, known bool) {
	var asFault *fault
	var asBroker *broker.Error
	switch {
	case errors.As(err, &asFault):
		return asFault, true
	case errors.As(err, &asBroker):
		r := kinds[asBroker.Kind]
		return &fault{scope: r.scope, code: r.code, text: r.text(asBroker)}, asBroker.Kind != broker.KindInternal
	default:
		return connectionFault(wire.InternalError, "internal error"), false
	}
}

// RabbitMQ's names of properties that the broker calls otherwise.
var propertyNames = map[string]string{"kind": "type"}

func mismatchText(e *broker.Error) string {
	m, ok := e.Detail.(*broker.Mismatch)
	if !ok {
		return fmt.Sprintf("inequivalent %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	}
	name := m.Property
	if other, ok := propertyNames[name]; ok {
		name = other
	}
	return fmt.Sprintf("inequivalent arg '%s' for %s '%s' in vhost '%s': received '%v' but current is '%v'",
		name, e.Type, e.Name, e.Namespace, m.Got, m.Want)
}

func lockedText(e *broker.Error) string {
	return fmt.Sprintf("cannot obtain exclusive access to locked queue '%s' in vhost '%s'. It could be originally declared on "+
		"another connection or the exclusive property value does not match that of the original declaration.", e.Name, e.Namespace)
}

// The same kind of error has other words for each thing that may not be done; what needs the method to be told apart
// is worded by the handler.
func reservedText(e *broker.Error) string {
	switch {
	case e.Type == broker.ResourceExchange && e.Name == "":
		return "operation not permitted on the default exchange"
	case e.Detail != nil:
		return fmt.Sprintf("%s name '%s' contains reserved prefix '%v*'", e.Type, e.Name, e.Detail)
	default:
		return fmt.Sprintf("operation not permitted on %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	}
}

// limitText says which limit of a virtual host or a user is reached.
func limitText(e *broker.Error) string {
	l, ok := e.Detail.(*broker.Limit)
	switch {
	case !ok:
		return "limit reached"
	case e.Type == broker.ResourceNamespace:
		return fmt.Sprintf("access to vhost '%s' refused for user '%s': connection limit (%d) is reached", e.Name, l.User, l.Max)
	case e.Type == broker.ResourceUser && l.Name == string(broker.LimitChannels):
		return fmt.Sprintf("number of channels opened for user '%s' has reached the maximum allowed user limit of (%d)", e.Name, l.Max)
	case e.Type == broker.ResourceUser:
		return fmt.Sprintf("connection refused for user '%s': user connection limit (%d) is reached", e.Name, l.Max)
	case l.Name == string(broker.LimitQueues):
		return fmt.Sprintf("cannot declare queue '%s': queue limit in vhost '%s' (%d) is reached", e.Name, e.Namespace, l.Max)
	default:
		return fmt.Sprintf("%s '%s': %s (%d) is reached", e.Type, e.Name, l.Name, l.Max)
	}
}

// deniedText names the access, as RabbitMQ does since 3.12.
func deniedText(e *broker.Error) string {
	d, ok := e.Detail.(*broker.Denial)
	if ok && e.Type == broker.ResourceTopic {
		return fmt.Sprintf("%s access to topic '%s' in exchange '%s' in vhost '%s' refused for user '%s'",
			d.Access, d.Topic, e.Name, e.Namespace, d.User)
	}
	if !ok {
		return fmt.Sprintf("access to %s '%s' in vhost '%s' refused", e.Type, e.Name, e.Namespace)
	}
	if e.Type == broker.ResourceNamespace {
		return fmt.Sprintf("access to vhost '%s' refused for user '%s'", e.Name, d.User)
	}
	name := e.Name
	if e.Type == broker.ResourceExchange && name == "" {
		name = "amq.default"
	}
	return fmt.Sprintf("%s access to %s '%s' in vhost '%s' refused for user '%s'", d.Access, e.Type, name, e.Namespace, d.User)
}
