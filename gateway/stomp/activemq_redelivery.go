package stomp

import (
	"math"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// Redelivery, as ActiveMQ's redelivery plugin does it: a rejected message is sent to its queue once more, to be due after
// a pause, in which it is in no other message's way. It goes with a message's properties how often that was.

const (
	// redeliveriesHeader counts how often a message was rejected and sent once more.
	redeliveriesHeader = "portico:redeliveries"
	// redeliveryDelayHeader is the last pause, in milliseconds; ActiveMQ's clients see it.
	redeliveryDelayHeader = "redeliveryDelay"
)

// again is the copy of a rejected delivery that comes to its queue after a pause; nil when it has been there often
// enough.
func (d activemq) again(c *conn, u *unacked, now time.Time) (*broker.Message, error) {
	queue := u.queue()
	if queue == u.sub.topicQueue {
		return nil, nil
	}
	policy := c.server.opts.Destinations.redeliveryFor(c.session.Namespace(), queue)
	if policy == nil {
		return nil, nil
	}
	set, err := u.msg.Properties().Decode()
	if err != nil {
		return nil, err
	}
	redeliveries, _ := set.Headers.Get(redeliveriesHeader)
	sent, _ := redeliveries.(int64)
	if policy.Maximum >= 0 && sent+int64(u.count) >= int64(policy.Maximum) {
		return nil, nil
	}
	last := time.Duration(0)
	if text, ok := set.Headers.Get(redeliveryDelayHeader); ok {
		if text, ok := text.(string); ok {
			last, _ = milliseconds(text)
		}
	}
	pause := policy.next(last, sent == 0)
	headers := make(property.Table, 0, len(set.Headers)+6)
	for _, h := range set.Headers {
		switch h.Name {
		case redeliveriesHeader, redeliveryDelayHeader, broker.DueHeader, scheduledJobHeader, timestampHeader, expiresHeader:
		default:
			headers = append(headers, h)
		}
	}
	timestamp := strconv.FormatInt(u.msg.Published().UnixMilli(), 10)
	if had, ok := set.Headers.Get(timestampHeader); ok {
		if text, ok := had.(string); ok {
			timestamp = text
		}
	}
	if expires := expiryOf(u.msg); expires != "0" {
		headers = append(headers, property.Field{Name: expiresHeader, Value: expires})
		if at, err := strconv.ParseInt(expires, 10, 64); err == nil && set.Expiration != "" {
			set.Expiration = strconv.FormatInt(max(at-now.UnixMilli(), 1), 10)
		}
	}
	set.Headers = append(
		headers, property.Field{Name: redeliveriesHeader, Value: sent + 1 + int64(u.count)},
		property.Field{Name: redeliveryDelayHeader, Value: strconv.FormatInt(pause.Milliseconds(), 10)},
		property.Field{Name: scheduledJobHeader, Value: c.nextMessageID()},
		property.Field{Name: timestampHeader, Value: timestamp},
		property.Field{Name: broker.DueHeader, Value: now.Add(pause).UnixMilli()},
	)
	if set.MessageID == "" {
		set.MessageID = string(appendMessageID(nil, u))
	}
	props, err := set.Append(nil)
	if err != nil {
		return nil, err
	}
	return broker.NewMessage("", queue, props, u.msg.Body()), nil
}

// next is the pause before the next redelivery (RedeliveryPolicy.getNextRedeliveryDelay).
func (r *RedeliveryPolicy) next(last time.Duration, first bool) time.Duration {
	switch {
	case first:
		return r.InitialDelay
	case last == 0 || !r.BackOff:
		return r.Delay
	}
	next := time.Duration(min(float64(last)*r.Multiplier, float64(longestSchedule*time.Millisecond), math.MaxInt64))
	if r.MaximumDelay > 0 {
		next = min(next, max(r.MaximumDelay, r.Delay))
	}
	return next
}
