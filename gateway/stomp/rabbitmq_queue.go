package stomp

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// Arguments of queues and consumers that frames carry as headers, as RabbitMQ takes them (rabbit_routing_util.erl
// HEADER_ARGUMENTS): what they mean and whether they are right is AMQP's.

// queueArguments are the headers that are arguments of the queue which a frame declares, and whether one is a number.
var queueArguments = map[string]bool{
	"x-dead-letter-exchange": false, "x-dead-letter-routing-key": false, "x-expires": true, "x-max-length": true,
	"x-max-length-bytes": true, "x-max-priority": true, "x-message-ttl": true, "x-max-age": false,
	"x-stream-max-segment-size-bytes": true, "x-stream-filter-size-bytes": true, "x-queue-type": false,
}

// declare makes a queue with the arguments in the frame's headers, or checks that it is like that.
func (rabbitmq) declare(ctx context.Context, c *conn, f *wire.Frame, spec broker.QueueSpec) error {
	arguments := property.Table{}
	for i := range f.Headers {
		h := &f.Headers[i]
		number, ok := queueArguments[string(h.Name)]
		switch {
		case !ok:
		case number:
			n, err := strconv.ParseInt(string(bytes.TrimSpace(h.Value)), 10, 64)
			if err != nil {
				return processingError()
			}
			arguments = append(arguments, property.Field{Name: string(h.Name), Value: n})
		default:
			arguments = append(arguments, property.Field{Name: string(h.Name), Value: string(h.Value)})
		}
	}
	declare := c.server.opts.DeclareQueue
	if declare == nil {
		_, _, err := c.session.DeclareQueue(ctx, spec)
		return err
	}
	spec.Attributes = broker.Attributes{amqpAttributes: arguments}
	err := declare(ctx, c.session, spec)
	if told, ok := err.(interface{ ReplyText() string }); ok {
		return exception("precondition_failed", "%s", told.ReplyText())
	}
	return err
}

// amqpAttributes is where a queue's arguments are kept, and found by AMQP.
const amqpAttributes = "amqp"

// readStream says how a subscription reads a stream, and refuses what a stream does not have.
func (rabbitmq) readStream(c *conn, f *wire.Frame, s *subscription, opts *broker.ConsumeOptions) error {
	spec, err := c.session.QueueSpec(s.queue)
	if err != nil {
		return err
	}
	offset, hasOffset := f.Get("x-stream-offset")
	resource := "queue '" + s.queue + "' in vhost '" + c.session.Namespace() + "'"
	switch {
	case !spec.Stream && hasOffset:
		return exception("precondition_failed", "invalid arg 'x-stream-offset' for %s of queue type rabbit_classic_queue", resource)
	case !spec.Stream:
		return nil
	case s.acks == ackAuto:
		return exception("not_implemented", "automatic acknowledgement not supported by stream queues %s", resource)
	case len(opts.Credits) == 0:
		return exception("precondition_failed", "consumer prefetch count is not set for '%s'", resource)
	}
	if hasOffset {
		start, ok := streamPosition(string(offset))
		if !ok {
			return exception("precondition_failed", "invalid arg 'x-stream-offset' for %s: {invalid_stream_offset_arg,{longstr,<<\"%s\">>}}",
				resource, offset)
		}
		opts.Start = start
	}
	s.stream = true
	if wanted, ok := f.Get("x-stream-filter"); ok {
		opts.Filter = streamFilter(string(wanted), value(f, "x-stream-match-unfiltered", "") == "true")
	}
	return nil
}

// streamPosition reads where a subscription begins.
func streamPosition(text string) (p broker.StreamPosition, ok bool) {
	switch text {
	case "first":
		return broker.StreamPosition{Kind: broker.AtFirst}, true
	case "last":
		return broker.StreamPosition{Kind: broker.AtLast}, true
	case "next":
		return broker.StreamPosition{Kind: broker.AtNext}, true
	}
	if digits, ok := strings.CutPrefix(text, "offset="); ok {
		n, err := strconv.ParseUint(digits, 10, 63)
		return broker.StreamPosition{Kind: broker.AtOffset, Offset: n}, err == nil
	}
	if digits, ok := strings.CutPrefix(text, "timestamp="); ok {
		n, err := strconv.ParseInt(digits, 10, 64)
		return broker.StreamPosition{Kind: broker.AtTime, Time: time.Unix(n, 0)}, err == nil
	}
	age, ok := broker.ParseAge(text)
	return broker.StreamPosition{Kind: broker.AtTime, Time: time.Now().Add(-age)}, ok
}

// streamFilter lets messages through by their header x-stream-filter-value: those of the list, with commas between, and
// with unfiltered those without the header.
func streamFilter(list string, unfiltered bool) broker.Filter {
	var wanted []string
	for v := range strings.SplitSeq(list, ",") {
		wanted = append(wanted, strings.TrimSpace(v))
	}
	return broker.HeaderFilter("x-stream-filter-value", wanted, unfiltered)
}
