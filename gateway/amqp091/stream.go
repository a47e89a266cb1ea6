package amqp091

import (
	"fmt"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// Streams: their arguments, and those of their consumers (RabbitMQ: rabbit_stream_queue.erl).

const (
	streamQueue             = "stream"
	segmentSizeArgument     = "x-stream-max-segment-size-bytes"
	filterSizeArgument      = "x-stream-filter-size-bytes"
	offsetArgument          = "x-stream-offset" // and the header of each delivery
	filterArgument          = "x-stream-filter"
	matchUnfilteredArgument = "x-stream-match-unfiltered"
	filterValueHeader       = "x-stream-filter-value"

	largestSegment = 3_000_000_000
)

func maxAge(v property.RawValue) string {
	if v.Type != 'S' {
		return isString(v)
	}
	if _, ok := broker.ParseAge(v.String()); !ok {
		return "invalid_max_age"
	}
	return ""
}

// checkStreamArguments refuses what only a stream can have wrong.
func checkStreamArguments(arguments property.RawTable) error {
	if v, ok := arguments.Lookup(segmentSizeArgument); ok {
		if n, _ := v.Int(); n > largestSegment {
			return channelFault(wire.PreconditionFailed, "Exceeded max value for %s", segmentSizeArgument)
		}
	}
	if v, ok := arguments.Lookup(filterSizeArgument); ok {
		if n, _ := v.Int(); n < 16 || n > 255 {
			return channelFault(wire.PreconditionFailed, "Invalid value for  %s", filterSizeArgument)
		}
	}
	return nil
}

// streamOptions reads what a consumer of a stream asks for, and refuses what its type of queue does not have.
func (ch *channel) streamOptions(opts *broker.ConsumeOptions, queue, kind string, m *wire.BasicConsume) error {
	resource := ch.resource("queue", queue)
	refused := []string{offsetArgument}
	if kind == streamQueue {
		refused = []string{"x-priority", "x-cancel-on-ha-failover"}
	}
	for _, name := range refused {
		if _, ok := m.Arguments.Lookup(name); ok {
			return channelFault(wire.PreconditionFailed, "invalid arg '%s' for %s of queue type rabbit_%s_queue", name, resource, kind)
		}
	}
	if kind != streamQueue {
		return nil
	}
	if v, ok := m.Arguments.Lookup(offsetArgument); ok {
		if opts.Start, ok = streamPosition(v, time.Now()); !ok {
			return channelFault(wire.PreconditionFailed, "invalid arg '%s' for %s: {invalid_stream_offset_arg,%s}", offsetArgument, resource, erlangValue(v))
		}
	}
	switch {
	case ch.prefetch == 0:
		return channelFault(wire.PreconditionFailed, "consumer prefetch count is not set for '%s'", resource)
	case m.NoAck:
		return connectionFault(wire.NotImplemented, "automatic acknowledgement not supported by stream queues %s", resource)
	}
	opts.Exclusive = false // RabbitMQ takes it, and lets others consume all the same
	opts.Filter = streamFilter(m.Arguments)
	return nil
}

// streamPosition reads where a consumer wants to begin.
func streamPosition(v property.RawValue, now time.Time) (p broker.StreamPosition, ok bool) {
	if n, isInt := v.Int(); isInt {
		return broker.StreamPosition{Kind: broker.AtOffset, Offset: uint64(n)}, n >= 0
	}
	switch v.Type {
	case 'T':
		value, err := v.Value()
		at, isTime := value.(time.Time)
		return broker.StreamPosition{Kind: broker.AtTime, Time: at}, err == nil && isTime
	case 'S':
	default:
		return p, false
	}
	switch v.String() {
	case "first":
		p.Kind = broker.AtFirst
	case "last":
		p.Kind = broker.AtLast
	case "next":
		p.Kind = broker.AtNext
	default:
		age, isAge := broker.ParseAge(v.String())
		return broker.StreamPosition{Kind: broker.AtTime, Time: now.Add(-age)}, isAge
	}
	return p, true
}

func erlangValue(v property.RawValue) string {
	if v.Type == 'S' {
		return fmt.Sprintf(`{longstr,<<"%s">>}`, v.String())
	}
	return fmt.Sprintf("{%s,%s}", typeName(v.Type), v.String())
}

// streamFilter makes the filter that a consumer asks for; nil for none. RabbitMQ filters by chunk, and leaves it to the
// client to look at each message; here none comes that does not match.
func streamFilter(arguments property.RawTable) broker.Filter {
	filter, ok := arguments.Lookup(filterArgument)
	if !ok {
		return nil
	}
	var wanted []string
	switch filter.Type {
	case 'S':
		wanted = append(wanted, filter.String())
	case 'A':
		values, _ := filter.Elements()
		for v := range values {
			if v.Type == 'S' {
				wanted = append(wanted, v.String())
			}
		}
	default: // as none
		return nil
	}
	unfiltered := false
	if v, ok := arguments.Lookup(matchUnfilteredArgument); ok {
		unfiltered, _ = v.Bool()
	}
	return broker.HeaderFilter(filterValueHeader, wanted, unfiltered)
}
