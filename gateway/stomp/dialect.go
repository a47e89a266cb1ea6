package stomp

import (
	"bytes"
	"strings"

	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// A connection speaks RabbitMQ's dialect of STOMP. ActiveMQ's is not built yet; what marks a frame as ActiveMQ's beyond
// doubt is refused here, where a connection will change its dialect, and nowhere else. What the two do differently with
// the same bytes is in: parseDestination and appendDestination (destination.go), appendProperties and appendMessage
// (properties.go, message.go), the outcome of NACK (ack.go), the words and ends of errors (errors.go), login (connect.go).

// refuseForeign refuses a frame with a mark of ActiveMQ's dialect, and headers that stand for what is not built.
func refuseForeign(f *wire.Frame) error {
	for i := range f.Headers {
		name := f.Headers[i].Name
		switch {
		case bytes.HasPrefix(name, []byte("activemq.")),
			string(name) == "client-id" && (f.Command == wire.Connect || f.Command == wire.Stomp):
			return foreign("header '%s'", name)
		case f.Command == wire.Subscribe && ofSubscription[string(name)]:
			return unsupported("the header '%s' on SUBSCRIBE is not supported yet", name)
		case (f.Command == wire.Subscribe || f.Command == wire.Send) && ofQueue[string(name)] &&
			(string(name) != "x-queue-type" || string(f.Headers[i].Value) != "classic"):
			return unsupported("the queue argument '%s' is not supported yet", name)
		}
	}
	return nil
}

// foreignDestination refuses the destinations that only ActiveMQ has.
func foreignDestination(text string) error {
	switch {
	case strings.HasPrefix(text, "queue://"), strings.HasPrefix(text, "topic://"),
		strings.HasPrefix(text, "/temp-topic/"), strings.HasPrefix(text, "/remote-temp-"),
		strings.Contains(text, ",/queue/"), strings.Contains(text, ",/topic/"),
		strings.HasPrefix(text, "/topic/") && (strings.HasSuffix(text, ".>") || text == "/topic/>"):
		return foreign("destination '%s'", text)
	default:
		return nil
	}
}

func foreign(format string, args ...any) *fault {
	return unsupported(format+" belongs to ActiveMQ's dialect, which is not supported yet", args...)
}

// ofSubscription are the headers of SUBSCRIBE that change what is delivered: those of ActiveMQ and Artemis, which
// RabbitMQ would ignore, and those of RabbitMQ's streams.
var ofSubscription = map[string]bool{
	"selector": true, "browser": true, "subscription-type": true, "durable-subscription-name": true,
	"durable-subscriber-name": true, "consumer-window-size": true, "transformation": true,
	"x-stream-offset": true, "x-stream-filter": true, "x-stream-match-unfiltered": true,
}

// ofQueue are the headers that RabbitMQ takes as arguments of the queue it declares (HEADER_ARGUMENTS).
var ofQueue = map[string]bool{
	"x-dead-letter-exchange": true, "x-dead-letter-routing-key": true, "x-expires": true, "x-max-length": true,
	"x-max-length-bytes": true, "x-max-priority": true, "x-message-ttl": true, "x-max-age": true, "x-overflow": true,
	"x-stream-max-segment-size-bytes": true, "x-stream-filter-size-bytes": true, "x-queue-type": true,
}
