package sqs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// sendMessage [SQS SendMessage] answers when the message is stored and synced.
func (a *adapter) sendMessage(ctx context.Context, c *awsproto.Call, in *sendMessageInput) (*sendMessageOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	m, out, bad := q.newMessage(c, &in.messageInput)
	if bad != nil {
		return nil, bad
	}
	w := newSending()
	if err := q.send(ctx, c, m, w); err != nil {
		return nil, err
	}
	if err := w.wait(ctx); err != nil {
		return nil, err
	}
	q.complete(&out, w.receipt)
	return &out, nil
}

// send gives the message to the broker.
func (q *queue) send(ctx context.Context, c *awsproto.Call, m *broker.Message, w *sending) error {
	if len(q.broker.Alarms()) > 0 { // what is left of memory or disk is for settling
		return unavailable
	}
	return absent(c, q.session.Send(ctx, q.name, m, w.told))
}

// complete fills in what is known only now: a FIFO queue's sequence number, and the id of the message
// that this one repeats.
func (q *queue) complete(out *sendMessageOutput, r broker.Receipt) {
	if !q.fifo() {
		return
	}
	out.SequenceNumber = sequenceNumber(r.Sequence)
	if r.Duplicate && r.MessageID != "" {
		out.MessageID = r.MessageID
	}
}

// sendMessageBatch [SQS SendMessageBatch] stores its entries in their order; each succeeds or fails
// on its own. The limit on size holds for all of them together.
func (a *adapter) sendMessageBatch(ctx context.Context, c *awsproto.Call, in *sendMessageBatchInput) (*sendMessageBatchOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	ids := make([]string, len(in.Entries))
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
	}
	if bad := checkBatch("SendMessageBatchRequestEntry", ids); bad != nil {
		return nil, bad
	}
	if bad := checkBatchSize(in.Entries); bad != nil {
		return nil, bad
	}
	for i := range in.Entries { // a FIFO batch is refused as a whole when one of its entries cannot have a place
		if bad := q.checkIDs(&in.Entries[i].messageInput); bad != nil && q.fifo() {
			return nil, batchWords(bad)
		}
	}
	results := make([]sendMessageOutput, len(in.Entries))
	waiters := make([]*sending, len(in.Entries))
	errs := make([]error, len(in.Entries))
	for i := range in.Entries {
		m, out, bad := q.newMessage(c, &in.Entries[i].messageInput)
		if bad != nil {
			errs[i] = batchWords(bad)
			continue
		}
		w := newSending()
		if errs[i] = q.send(ctx, c, m, w); errs[i] == nil {
			results[i], waiters[i] = out, w
		}
	}
	out := &sendMessageBatchOutput{}
	for i, id := range ids {
		if errs[i] == nil {
			errs[i] = waiters[i].wait(ctx)
		}
		if errs[i] != nil {
			out.Failed = append(out.Failed, failure(id, errs[i]))
			continue
		}
		q.complete(&results[i], waiters[i].receipt)
		out.Successful = append(out.Successful, sendBatchResult{id, results[i]})
	}
	return out, ctx.Err()
}

// batchWords changes an error to what AWS answers for an entry of a batch: a missing parameter is an
// invalid one there.
func batchWords(e *awsproto.Error) *awsproto.Error {
	if e.QueryCode == "MissingParameter" {
		return invalidParameter("%s", e.Message)
	}
	return e
}

func checkBatchSize(entries []sendBatchEntry) *awsproto.Error {
	total := 0
	for i := range entries {
		e := &entries[i]
		total += len(e.MessageBody)
		for name, value := range e.MessageAttributes {
			total += len(name) + value.Size()
		}
	}
	if total > maxMessageSize {
		return modelledError("BatchRequestTooLong", 400, "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", maxMessageSize, total)
	}
	return nil
}

// check applies the rules of a message that do not depend on the queue's attributes.
func (in *messageInput) check() *awsproto.Error {
	if in.MessageBody == "" {
		return missingParameter("MessageBody")
	}
	if !awsmessage.ValidText(in.MessageBody) {
		return plainError("InvalidMessageContents", 400, "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.")
	}
	if in.DelaySeconds != nil && (*in.DelaySeconds < 0 || *in.DelaySeconds > maxDelaySeconds) {
		return invalidValue(*in.DelaySeconds, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")
	}
	return nil
}

const otherType = "The request include parameter that is not valid for this queue type."

// checkIDs applies the rules of group and deduplication ids, and makes the latter of the body where the queue says so.
func (q *queue) checkIDs(in *messageInput) *awsproto.Error {
	const characters = " can only include alphanumeric and punctuation characters. 1 to 128 in length."
	if in.MessageGroupID != "" && !validFIFOID(in.MessageGroupID) {
		return invalidValue(in.MessageGroupID, "MessageGroupId", "MessageGroupId"+characters)
	}
	if in.MessageDeduplicationID != "" && !validFIFOID(in.MessageDeduplicationID) {
		return invalidValue(in.MessageDeduplicationID, "MessageDeduplicationId", "MessageDeduplicationId"+characters)
	}
	if !q.fifo() {
		if in.MessageDeduplicationID != "" {
			return invalidValue(in.MessageDeduplicationID, "MessageDeduplicationId", otherType)
		}
		return nil
	}
	if in.MessageGroupID == "" {
		return missingParameter("MessageGroupId")
	}
	if in.MessageDeduplicationID == "" && q.kept.value(attrContentDedup) != "true" {
		return invalidParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	}
	if in.DelaySeconds != nil && *in.DelaySeconds > 0 {
		return invalidValue(*in.DelaySeconds, "DelaySeconds", otherType)
	}
	return nil
}

// deduplicationID is the sender's name for a message, or the one that its body makes.
func (q *queue) deduplicationID(in *messageInput) string {
	if in.MessageDeduplicationID != "" || !q.fifo() {
		return in.MessageDeduplicationID
	}
	sum := sha256.Sum256([]byte(in.MessageBody))
	return hex.EncodeToString(sum[:])
}

// due is when the message may be received; zero: when the queue says.
func (q *queue) due(in *messageInput) time.Time {
	if in.DelaySeconds == nil || q.fifo() {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(*in.DelaySeconds) * time.Second)
}

// traceHeader is the one system attribute that can be sent.
const traceHeader = "AWSTraceHeader"

func checkSystemAttributes(attributes map[string]attributeValue) *awsproto.Error {
	for name, value := range attributes {
		if name != traceHeader {
			return invalidValue(clip(name), "MessageSystemAttributes", "The message system attribute is not supported.")
		}
		if value.DataType != "String" || value.Text() == "" || !awsmessage.ValidText(value.Text()) || len(value.Text()) > awsmessage.MaxName {
			return invalidParameter("The message system attribute '%s' must be a String of up to 256 characters.", traceHeader)
		}
	}
	return nil
}

// trace is the message's trace header: its own, or else the request's.
func (in *messageInput) trace(c *awsproto.Call) string {
	if own, ok := in.MessageSystemAttributes[traceHeader]; ok {
		return own.Text()
	}
	return awsmessage.TraceOf(c.Trace)
}

// newMessage makes the broker's message for what a client sent, and the answer to it.
func (q *queue) newMessage(c *awsproto.Call, in *messageInput) (*broker.Message, sendMessageOutput, *awsproto.Error) {
	if bad := in.check(); bad != nil {
		return nil, sendMessageOutput{}, bad
	}
	size, bad := checkAttributes(in.MessageAttributes)
	if bad == nil {
		bad = checkSystemAttributes(in.MessageSystemAttributes)
	}
	if bad != nil {
		return nil, sendMessageOutput{}, bad
	}
	if size += len(in.MessageBody); size > q.kept.number(attrMaximumSize) {
		return nil, sendMessageOutput{}, invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", q.kept.number(attrMaximumSize))
	}
	if bad := q.checkIDs(in); bad != nil {
		return nil, sendMessageOutput{}, bad
	}
	id := awsproto.NewID()
	m, err := encodeMessage(q.name, &awsmessage.Content{
		ID: id, Sender: c.Sender(), Trace: in.trace(c), Attributes: in.MessageAttributes,
		Group: in.MessageGroupID, DeduplicationID: q.deduplicationID(in), Due: q.due(in),
	}, in.MessageBody)
	if err != nil {
		return nil, sendMessageOutput{}, invalidParameter("One or more parameters are invalid. Reason: The message attributes cannot be stored.")
	}
	return m, sendMessageOutput{
		MD5OfMessageBody:             bodyMD5(in.MessageBody),
		MD5OfMessageAttributes:       attributesMD5(in.MessageAttributes),
		MD5OfMessageSystemAttributes: attributesMD5(in.MessageSystemAttributes),
		MessageID:                    id,
	}, nil
}
