package amqp091

import (
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// overflows are RabbitMQ's names for what becomes of a message that a queue has no room for.
var overflows = map[string]broker.Overflow{
	"drop-head": broker.DropOldest, "reject-publish": broker.RejectNew, "reject-publish-dlx": broker.RejectNewDeadLetter,
}

// limits are what the arguments of a queue ask for; nil when that is nothing. The arguments have been checked.
func limits(arguments property.RawTable) *broker.QueueLimits {
	var l broker.QueueLimits
	number := func(name string) (int64, bool) {
		v, _ := arguments.Lookup(name)
		return v.Int()
	}
	text := func(name string) (string, bool) {
		v, ok := arguments.Lookup(name)
		return v.String(), ok
	}
	if ms, ok := number("x-message-ttl"); ok {
		l.HasTTL, l.TTL = true, milliseconds(ms)
	}
	if ms, ok := number("x-expires"); ok {
		l.Expires = milliseconds(ms)
	}
	if ms, ok := number(consumerTimeoutArgument); ok {
		l.ConsumerTimeout = milliseconds(ms)
	}
	l.MaxLength, l.HasMaxLength = number("x-max-length")
	l.MaxBytes, l.HasMaxBytes = number("x-max-length-bytes")
	if n, ok := number("x-delivery-limit"); ok && n >= 0 { // -1 is no limit
		l.DeliveryLimit, l.HasDeliveryLimit = n, true
	}
	if name, ok := text("x-max-age"); ok {
		l.MaxAge, _ = broker.ParseAge(name)
	}
	l.SegmentBytes, _ = number(segmentSizeArgument)
	if name, ok := text("x-overflow"); ok {
		l.Overflow = overflows[name]
	}
	if name, _ := text(queueTypeArgument); name == "quorum" && l.Overflow == broker.RejectNewDeadLetter {
		l.Overflow = broker.DropOldest // as RabbitMQ, which only logs that it does not know it for this type
	}
	l.DeadLetter, l.HasDeadLetter = text("x-dead-letter-exchange")
	l.DeadLetterKey, l.HasDeadLetterKey = text("x-dead-letter-routing-key")
	if name, _ := text("x-dead-letter-strategy"); name == "at-least-once" {
		l.KeepUndelivered = true
	}
	if !l.HasDeadLetter {
		l.DeadLetter = ""
	}
	if !l.HasDeadLetterKey {
		l.DeadLetterKey = ""
	}
	if l == (broker.QueueLimits{}) {
		return nil
	}
	return &l
}

func milliseconds(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
