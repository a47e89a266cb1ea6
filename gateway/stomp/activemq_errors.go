package stomp

import (
	"fmt"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// ActiveMQ's words. It puts a Java stack trace into the body, which nobody can rely on: ours has the message again. After
// most errors the connection goes on. What it calls fatal it often closes without a word, since its answer loses a race;
// here the ERROR always comes first.

func activeMQFault(message string) *fault { return &fault{message: message, body: message} }

func activeMQFatal(message string) *fault {
	return &fault{message: message, body: message, fatal: true}
}

func (activemq) appendFault(buf []byte, f *fault, receipt string) []byte {
	buf = wire.AppendCommand(buf, wire.Error)
	buf = wire.AppendHeader(buf, "content-type", "text/plain")
	if receipt != "" {
		buf = wire.AppendHeader(buf, "receipt-id", receipt)
	}
	buf = wire.AppendHeader(buf, "message", f.message)
	if f.subscription != "" {
		buf = wire.AppendHeader(buf, "subscription", f.subscription)
	}
	return wire.AppendBody(buf, []byte(f.body))
}

func (activemq) cancelled(s *subscription) *fault {
	f := activeMQFault("The destination of the subscription was removed: " + s.text)
	f.subscription = s.id
	return f
}

func (activemq) say(p problem, command, detail string) *fault {
	switch p {
	case notConnected:
		return activeMQFatal("Not connected.")
	case connectedAlready:
		return activeMQFatal("Already connected.")
	case unknownCommand:
		return activeMQFatal("Unknown STOMP action: " + command)
	case malformedFrame:
		if words, ok := activeMQReasons[detail]; ok {
			detail = words
		}
		return activeMQFatal(detail)
	case noCommonVersion:
		return activeMQFatal("Invalid Protocol version[" + detail + "], supported versions are: [1.2, 1.1, 1.0]")
	case badHeartBeat:
		return activeMQFatal("Invalid heart-beat header:" + detail)
	case unknownNamespace:
		return activeMQFatal("Virtual host '" + detail + "' access denied")
	case notFromHere:
		return activeMQFatal("User name [" + detail + "] may connect from this machine only.")
	case noTransactionID:
		if command == wire.Begin {
			return activeMQFault("Must specify the transaction you are beginning")
		}
		return activeMQFault("Must specify the transaction you are committing")
	case unknownTransaction:
		return activeMQFault("Invalid transaction id: " + detail)
	case tooManyTransactions:
		return activeMQFault("Too many concurrent transactions (limit " + detail + ")")
	case tooMuchInOne:
		return activeMQFault("Too many bytes in transactions (limit " + detail + ")")
	case shuttingDown:
		return activeMQFatal("The broker is closing the connection: " + detail)
	case ownFault:
		return activeMQFatal("Internal error; see the log for " + detail)
	default:
		return nil
	}
}

// activeMQReasons are its words for what is wrong with a frame.
var activeMQReasons = map[string]string{
	wire.CommandTooLong.String():   "The maximum command length was exceeded",
	wire.HeaderTooLong.String():    "The maximum header length was exceeded",
	wire.HeadersTooLong.String():   "The maximum header length was exceeded",
	wire.TooManyHeaders.String():   "The maximum number of headers was exceeded",
	wire.BodyTooLong.String():      "The maximum data length was exceeded",
	wire.BadHeader.String():        "Unable to parser header line",
	wire.BadContentLength.String(): "Specified content-length is not a valid integer",
	wire.BodyNotEnded.String():     "content-length bytes were read and there was no trailing null byte",
}

func (activemq) ofBroker(e *broker.Error) *fault {
	if row := activeMQRows[e.Kind]; row != nil {
		return row(e)
	}
	return nil
}

// activeMQRows has the words for each kind of the broker's errors.
var activeMQRows = map[broker.Kind]func(e *broker.Error) *fault{
	broker.KindInternal: func(*broker.Error) *fault { return activeMQFatal("Internal error") },
	broker.KindInvalid: func(e *broker.Error) *fault {
		return activeMQFault("Illegal destination name: [" + e.Name + "]")
	},
	broker.KindNotFound: func(e *broker.Error) *fault {
		return activeMQFault("The destination " + activeMQName(e) + " does not exist.")
	},
	broker.KindMismatch: func(e *broker.Error) *fault {
		return activeMQFault("The destination " + activeMQName(e) + " exists with other properties.")
	},
	broker.KindLocked: func(e *broker.Error) *fault {
		return activeMQFault("Cannot use the destination " + activeMQName(e) + ": it belongs to another connection")
	},
	broker.KindExclusiveUse: func(e *broker.Error) *fault {
		return activeMQFault("The destination " + activeMQName(e) + " is in exclusive use")
	},
	broker.KindInUse: func(e *broker.Error) *fault {
		return activeMQFault("Destination still has an active subscription: " + activeMQName(e))
	},
	broker.KindNotEmpty: func(e *broker.Error) *fault {
		return activeMQFault("The destination " + activeMQName(e) + " is not empty")
	},
	broker.KindReserved: func(e *broker.Error) *fault {
		return activeMQFault("The name " + activeMQName(e) + " is reserved")
	},
	broker.KindDenied: activeMQDenied,
	broker.KindUnauthenticated: func(e *broker.Error) *fault {
		return activeMQFatal("User name [" + e.Name + "] or password is invalid.")
	},
	broker.KindTooLarge: activeMQLimited,
	broker.KindLimit:    activeMQLimited,
	broker.KindFull: func(e *broker.Error) *fault {
		return activeMQFault("Usage Manager Memory Limit reached: " + activeMQName(e) + " is full")
	},
	broker.KindStaleLease: func(*broker.Error) *fault {
		return activeMQFault("Unexpected ACK received for message-id [null]")
	},
	broker.KindUnsupported: func(e *broker.Error) *fault {
		return activeMQFault("Not supported: this use of " + activeMQName(e))
	},
	broker.KindUnavailable: func(*broker.Error) *fault {
		return activeMQFatal("The message store refuses to write")
	},
	broker.KindUncertain: func(*broker.Error) *fault {
		return activeMQFatal("It is not known whether the message was stored")
	},
}

func activeMQName(e *broker.Error) string {
	if e.Type == broker.ResourceQueue {
		return "queue://" + e.Name
	}
	return fmt.Sprintf("%s %s", e.Type, e.Name)
}

// activeMQDenied is what ActiveMQ's authorization plugin says.
func activeMQDenied(e *broker.Error) *fault {
	user, access := "", "use"
	name := activeMQName(e)
	if d, ok := e.Detail.(*broker.Denial); ok {
		user = d.User
		switch d.Access {
		case broker.AccessRead:
			access = "read from"
		case broker.AccessWrite:
			access = "write to"
		case broker.AccessConfigure:
			access = "create"
		default:
		}
		if e.Type == broker.ResourceTopic {
			name = "topic://" + d.Topic
		}
	}
	return activeMQFault("User " + user + " is not authorized to " + access + ": " + name)
}

func activeMQLimited(e *broker.Error) *fault {
	if d, ok := e.Detail.(*broker.Limit); ok {
		return activeMQFatal(fmt.Sprintf("%s %d is larger than the limit %d", d.Name, d.Got, d.Max))
	}
	return activeMQFatal(activeMQName(e) + " is over a limit")
}
