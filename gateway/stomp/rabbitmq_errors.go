package stomp

import (
	"fmt"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// RabbitMQ's words: those of 3.10.8, measured, where no other version is named. It closes the connection for what is an
// exception in AMQP, and goes on after other errors.

func (rabbitmq) appendFault(buf []byte, f *fault, _ string) []byte {
	buf = wire.AppendCommand(buf, wire.Error)
	buf = wire.AppendHeader(buf, "message", f.message)
	buf = wire.AppendHeader(buf, "content-type", "text/plain")
	buf = wire.AppendHeader(buf, "version", "1.0,1.1,1.2")
	if f.subscription != "" {
		buf = wire.AppendHeader(buf, "subscription", f.subscription)
	}
	return wire.AppendBody(buf, []byte(f.body))
}

func (rabbitmq) cancelled(s *subscription) *fault {
	f := faultf("Server cancelled subscription",
		"The server has canceled a subscription.\nNo more messages will be delivered for %s.\n", quoted(s.text))
	f.subscription = s.id
	return f
}

func (rabbitmq) say(p problem, command, detail string) *fault {
	switch p {
	case notConnected:
		return faultf("Illegal command", "You must log in using CONNECT first")
	case connectedAlready: // RabbitMQ closes without a word
		return &fault{message: "Illegal command", body: "Already connected", fatal: true}
	case unknownCommand:
		return faultf("Bad command", "Could not interpret command \"%s\"\n", command)
	case malformedFrame: // the same; the specification asks for one
		return &fault{message: "Malformed frame", body: detail, fatal: true}
	case noCommonVersion:
		return faultf("Version mismatch", "Supported versions are 1.0,1.1,1.2\n")
	case badHeartBeat:
		return processingError()
	case unknownNamespace:
		return faultf("Bad CONNECT", "Virtual host '%s' access denied", detail)
	case notFromHere:
		return faultf("Bad CONNECT", "non-loopback access denied")
	case noTransactionID:
		return faultf("Missing transaction", "%s must include a 'transaction' header\n", quoted(command))
	case unknownTransaction:
		return faultf("Bad transaction", "Invalid transaction identifier: %s\n", quoted(detail))
	case tooManyTransactions:
		return faultf("Transaction limit exceeded", "Too many concurrent transactions (limit %s)", detail)
	case tooMuchInOne:
		return faultf("Transaction too large", "Too many bytes in transactions (limit %s)", detail)
	case shuttingDown:
		if detail == "shutdown" {
			detail = "broker forced connection closure with reason 'shutdown'"
		}
		return exception("connection_forced", "%s", detail)
	case ownFault:
		if detail == "" {
			return exception("internal_error", "")
		}
		return exception("internal_error", "see the log for %s", detail)
	default:
		return nil
	}
}

// processingError is what RabbitMQ says to a value that it did not expect.
func processingError() *fault { return faultf("Processing error", "Processing error") }

// unsupported refuses what is not built yet: to ignore it would do something else than the client asked for.
func unsupported(format string, args ...any) *fault {
	return faultf("not_implemented", "NOT_IMPLEMENTED - "+format, args...)
}

// exception is an error that closes a channel or connection in AMQP; RabbitMQ's plugin shows its name and text.
func exception(name, format string, args ...any) *fault {
	return &fault{message: name, body: strings.ToUpper(name) + " - " + fmt.Sprintf(format, args...), fatal: true}
}

func unknownTag(tag uint64) *fault {
	return exception("precondition_failed", "unknown delivery tag %d", tag)
}

// quoted is s in quotes, as Erlang prints a string.
func quoted[T string | []byte](s T) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`).Replace(string(s)) + `"`
}

func (rabbitmq) ofBroker(e *broker.Error) *fault {
	if row := rabbitmqRows[e.Kind]; row != nil {
		return row(e)
	}
	return nil
}

func internal(*broker.Error) *fault { return exception("internal_error", "") }

// rabbitmqRows has the words for each kind of the broker's errors.
var rabbitmqRows = map[broker.Kind]func(e *broker.Error) *fault{
	broker.KindInternal: internal,
	broker.KindInvalid: func(e *broker.Error) *fault {
		return exception("precondition_failed", "invalid %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	},
	broker.KindNotFound: func(e *broker.Error) *fault {
		return exception("not_found", "no %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	},
	broker.KindMismatch: mismatch,
	broker.KindLocked: func(e *broker.Error) *fault {
		return exception("resource_locked", "cannot obtain exclusive access to locked queue '%s' in vhost '%s'. "+
			"It could be originally declared on another connection or the exclusive property value "+
			"does not match that of the original declaration.", e.Name, e.Namespace)
	},
	broker.KindExclusiveUse: func(e *broker.Error) *fault {
		return exception("access_refused", "queue '%s' in vhost '%s' in exclusive use", e.Name, e.Namespace)
	},
	broker.KindInUse: func(e *broker.Error) *fault {
		return exception("precondition_failed", "%s '%s' in vhost '%s' in use", e.Type, e.Name, e.Namespace)
	},
	broker.KindNotEmpty: func(e *broker.Error) *fault {
		return exception("precondition_failed", "%s '%s' in vhost '%s' not empty", e.Type, e.Name, e.Namespace)
	},
	broker.KindReserved: reserved,
	broker.KindDenied:   denied,
	broker.KindUnauthenticated: func(e *broker.Error) *fault {
		return faultf("Bad CONNECT", "Access refused for user '%s'\n", e.Name)
	},
	broker.KindTooLarge: limited,
	broker.KindLimit:    limited,
	broker.KindFull: func(e *broker.Error) *fault {
		return faultf("Message rejected", "%s '%s' in vhost '%s' is full", e.Type, e.Name, e.Namespace)
	},
	broker.KindStaleLease: func(*broker.Error) *fault {
		return exception("precondition_failed", "unknown delivery tag")
	},
	broker.KindUnsupported: func(e *broker.Error) *fault {
		return unsupported("this use of %s '%s'", e.Type, e.Name)
	},
	broker.KindUnavailable: func(*broker.Error) *fault {
		return exception("resource_error", "the message store refuses to write")
	},
	broker.KindUncertain: func(*broker.Error) *fault {
		return exception("resource_error", "it is not known whether the message was stored")
	},
}

func mismatch(e *broker.Error) *fault {
	property, got, want := "properties", any("another value"), any("this one")
	if d, ok := e.Detail.(*broker.Mismatch); ok {
		property, got, want = d.Property, d.Got, d.Want
	}
	return exception("precondition_failed", "inequivalent arg '%s' for %s '%s' in vhost '%s': received '%v' but current is '%v'",
		property, e.Type, e.Name, e.Namespace, got, want)
}

func reserved(e *broker.Error) *fault {
	if prefix, ok := e.Detail.(string); ok {
		return exception("access_refused", "%s name '%s' contains reserved prefix '%s*'", e.Type, e.Name, prefix)
	}
	return exception("access_refused", "cannot publish to internal exchange '%s' in vhost '%s'", e.Name, e.Namespace)
}

// denied names the access, as RabbitMQ does since 3.12.
func denied(e *broker.Error) *fault {
	if d, ok := e.Detail.(*broker.Denial); ok && e.Type == broker.ResourceTopic {
		return exception("access_refused", "%s access to topic '%s' in exchange '%s' in vhost '%s' refused for user '%s'",
			d.Access, d.Topic, e.Name, e.Namespace, d.User)
	}
	access, user := "", ""
	if d, ok := e.Detail.(*broker.Denial); ok {
		access, user = string(d.Access)+" ", d.User
	}
	name := e.Name
	if e.Type == broker.ResourceExchange && name == "" {
		name = "amq.default"
	}
	return exception("access_refused", "%saccess to %s '%s' in vhost '%s' refused for user '%s'",
		access, e.Type, name, e.Namespace, user)
}

func limited(e *broker.Error) *fault {
	if d, ok := e.Detail.(*broker.Limit); ok && d.Name == string(broker.LimitQueues) {
		return exception("precondition_failed", "cannot declare queue '%s': queue limit in vhost '%s' (%d) is reached",
			e.Name, e.Namespace, d.Max)
	} else if ok {
		return exception("precondition_failed", "%s %d is larger than configured max size %d", d.Name, d.Got, d.Max)
	}
	return exception("precondition_failed", "%s '%s' in vhost '%s' is over a limit", e.Type, e.Name, e.Namespace)
}
