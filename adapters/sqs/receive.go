package sqs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// maxReceiveBytes bounds the bodies in one answer. AWS's bound is ten messages of 1 MiB; a message
// that another front end stored may be larger, and is then sent alone.
const maxReceiveBytes = maxReceive * maxMessageSize

// receiveMessage [SQS ReceiveMessage] hands out messages under a lease of the visibility timeout. It
// waits for the first one as long as the request or the queue says, and takes what is there then.
func (a *adapter) receiveMessage(ctx context.Context, c *awsproto.Call, in *receiveMessageInput) (*receiveMessageOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	options, bad := q.receiveOptions(in)
	if bad != nil {
		return nil, bad
	}
	key := attemptKey{q.identity.ID, in.ReceiveRequestAttemptID}
	if key.id != "" && options.Lease > 0 {
		if again, ok := q.repeat(key, options.Lease); ok {
			return q.answer(c, in, again.deliveries, again.handles), nil
		}
	}
	if room := maxInFlight - q.identity.Unacked; room < options.Max {
		if room <= 0 {
			return q.overLimit(ctx, c, options.Wait)
		}
		options.Max = room
	}
	immediately := options.Lease == 0 // visible again at once, as VisibilityTimeout=0 asks
	if immediately {
		options.Lease = time.Second
	}
	deliveries, err := q.poll(ctx, c, options)
	if err != nil {
		return nil, absent(c, err)
	}
	deliveries, err = q.keepWhatFits(ctx, deliveries)
	if err != nil {
		return nil, err
	}
	if immediately {
		_ = q.session.Extend(0, leases(deliveries)...) // one that ended by itself meanwhile is as well
	}
	handles := a.handles(deliveries)
	if key.id != "" && !immediately {
		a.attempts.put(key, deliveries, handles)
	}
	return q.answer(c, in, deliveries, handles), nil
}

// handles are the receipt handles of messages that are handed out now.
func (a *adapter) handles(deliveries []broker.Delivery) []string {
	list := make([]string, len(deliveries))
	for i := range deliveries {
		list[i] = a.sealReceipt(receipt{deliveries[i].Lease.Handle(), time.Now()})
	}
	return list
}

// answer shows messages as the request wants them.
func (q *queue) answer(c *awsproto.Call, in *receiveMessageInput, deliveries []broker.Delivery, handles []string) *receiveMessageOutput {
	out := &receiveMessageOutput{}
	view := newView(in)
	for i := range deliveries {
		m := view.show(c, q, &deliveries[i])
		m.ReceiptHandle = handles[i]
		out.Messages = append(out.Messages, m)
	}
	return out
}

// overLimit answers a receive when as many messages are in flight as may be: a short poll of a standard
// queue gets an error, everything else nothing, after its wait.
func (q *queue) overLimit(ctx context.Context, c *awsproto.Call, wait time.Duration) (*receiveMessageOutput, error) {
	if wait == 0 && !q.fifo() {
		return nil, plainError("OverLimit", 403, "Too many messages in flight. The maximum is %d.", maxInFlight)
	}
	waiting, done := c.Waiting(ctx)
	defer done()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-waiting.Done():
	case <-timer.C:
	}
	return &receiveMessageOutput{}, ctx.Err()
}

// poll takes messages, waiting for the first. A server that stops ends the wait as its time would.
func (q *queue) poll(ctx context.Context, c *awsproto.Call, options broker.GetOptions) ([]broker.Delivery, error) {
	waiting := ctx
	options.Waiting = func(ctx context.Context) (context.Context, func()) {
		var done func()
		waiting, done = c.Waiting(ctx)
		return waiting, done
	}
	deliveries, _, err := q.session.Get(ctx, q.name, options)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return nil, nil
	}
	return deliveries, err
}

// receiveOptions checks the request against its limits and fills in the queue's attributes.
func (q *queue) receiveOptions(in *receiveMessageInput) (broker.GetOptions, *awsproto.Error) {
	o := broker.GetOptions{Max: 1, Lease: q.seconds(attrVisibility), Wait: q.seconds(attrWait)}
	if n := in.MaxNumberOfMessages; n != nil {
		if *n < 1 || *n > maxReceive {
			return o, invalidValue(*n, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")
		}
		o.Max = int(*n)
	}
	if v := in.VisibilityTimeout; v != nil {
		if *v < 0 || *v > maxVisibility {
			return o, invalidValue(*v, "VisibilityTimeout", "Must be >= 0 and <= 43200, if provided.")
		}
		o.Lease = time.Duration(*v) * time.Second
	}
	if w := in.WaitTimeSeconds; w != nil {
		if *w < 0 || *w > maxWaitSeconds {
			return o, invalidValue(*w, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
		}
		o.Wait = time.Duration(*w) * time.Second
	}
	switch id := in.ReceiveRequestAttemptID; {
	case id != "" && !q.fifo():
		return o, invalidValue(id, "ReceiveRequestAttemptId", otherType)
	case id != "" && !validFIFOID(id):
		return o, invalidValue(id, "ReceiveRequestAttemptId", "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.")
	}
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		if !slices.Contains(systemAttributes, name) {
			return o, plainError("InvalidAttributeName", 400, "Unknown Attribute %s.", clip(name))
		}
	}
	return o, nil
}

// keepWhatFits gives back, unchanged, what is too much for one answer, and everything when the client
// went away while it waited.
func (q *queue) keepWhatFits(ctx context.Context, deliveries []broker.Delivery) ([]broker.Delivery, error) {
	fits, size := 0, 0
	if ctx.Err() == nil {
		for fits < len(deliveries) {
			size += len(deliveries[fits].Message.Body())
			if size > maxReceiveBytes && fits > 0 {
				break
			}
			fits++
		}
	}
	if fits < len(deliveries) {
		if err := q.session.Settle(broker.Release, nil, leases(deliveries[fits:])...); err != nil && !broker.IsKind(err, broker.KindStaleLease) {
			return nil, err
		}
	}
	return deliveries[:fits], ctx.Err()
}

func leases(deliveries []broker.Delivery) []broker.Lease {
	list := make([]broker.Lease, len(deliveries))
	for i := range deliveries {
		list[i] = deliveries[i].Lease
	}
	return list
}

// systemAttributes are the names of the service's model. Those that standard queues do not have are
// never returned.
var systemAttributes = []string{
	"All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp",
	"SequenceNumber", "MessageDeduplicationId", "MessageGroupId", traceHeader, "DeadLetterQueueSourceArn",
}

// view is what of a message a receive asks for.
type view struct {
	system     map[string]bool
	attributes attributeSelector
}

func newView(in *receiveMessageInput) view {
	v := view{attributes: newAttributeSelector(in.MessageAttributeNames)}
	if len(in.AttributeNames)+len(in.MessageSystemAttributeNames) > 0 {
		v.system = make(map[string]bool)
	}
	for _, name := range slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames) {
		v.system[name] = true
	}
	return v
}

// show makes the answer's message of a delivery, but for the receipt handle.
func (v view) show(c *awsproto.Call, q *queue, d *broker.Delivery) receivedMessage {
	m := decodeMessage(c, q, d)
	out := receivedMessage{MessageID: m.id, Body: m.body, MD5OfBody: bodyMD5(m.body)}
	for name, value := range m.attributes {
		if v.attributes.has(name) || name == bodyEncoding {
			if out.MessageAttributes == nil {
				out.MessageAttributes = make(map[string]attributeValue)
			}
			out.MessageAttributes[name] = value
		}
	}
	out.MD5OfMessageAttributes = attributesMD5(out.MessageAttributes)
	if len(v.system) == 0 {
		return out
	}
	for name, value := range q.systemAttributes(&m, d) {
		if value != "" && (v.system["All"] || v.system[name]) {
			if out.Attributes == nil {
				out.Attributes = make(map[string]string)
			}
			out.Attributes[name] = value
		}
	}
	return out
}

// systemAttributes are the values of a message's system attributes; those that it does not have are empty.
func (q *queue) systemAttributes(m *message, d *broker.Delivery) map[string]string {
	first := d.First
	if first.IsZero() {
		first = time.Now()
	}
	values := map[string]string{
		"SenderId":                         m.sender,
		"SentTimestamp":                    millis(m.sent),
		"ApproximateReceiveCount":          strconv.FormatUint(uint64(m.received)+receiveCount(d), 10),
		"ApproximateFirstReceiveTimestamp": millis(first),
		"MessageGroupId":                   m.group,
		traceHeader:                        m.trace,
	}
	if m.source != "" {
		values["DeadLetterQueueSourceArn"] = address{q.region, q.account, m.source}.arn()
	}
	if q.fifo() {
		values["MessageDeduplicationId"] = m.dedup
		values["SequenceNumber"] = sequenceNumber(d.Sequence)
	}
	return values
}

// sequenceNumber is a place in a queue as FIFO queues show it.
func sequenceNumber(sequence uint64) string { return fmt.Sprintf("%020d", sequence) }

// receiveCount is how often the message was received, this time included. After a kill it is only known that it may
// have been received before, which counts as once.
func receiveCount(d *broker.Delivery) uint64 {
	if d.Redelivered {
		return max(uint64(d.Count)+1, 2)
	}
	return 1
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
