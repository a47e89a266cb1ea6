package sqs

import (
	"context"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// deleteMessage [SQS DeleteMessage] answers when the deletion is recorded durably.
func (a *adapter) deleteMessage(ctx context.Context, c *awsproto.Call, in *deleteMessageInput) (*empty, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	w, err := a.startDelete(ctx, q, in.ReceiptHandle)
	if err != nil {
		return nil, absent(c, err)
	}
	return nil, w.wait(ctx)
}

// deleteMessageBatch [SQS DeleteMessageBatch] deletes its entries; each succeeds or fails on its own.
func (a *adapter) deleteMessageBatch(ctx context.Context, c *awsproto.Call, in *deleteMessageBatchInput) (*deleteMessageBatchOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	ids := make([]string, len(in.Entries))
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
	}
	if bad := checkBatch("DeleteMessageBatchRequestEntry", ids); bad != nil {
		return nil, bad
	}
	waiters := make([]*waiter, len(ids))
	errs := make([]error, len(ids))
	for i := range in.Entries {
		waiters[i], errs[i] = a.startDelete(ctx, q, in.Entries[i].ReceiptHandle)
	}
	out := &deleteMessageBatchOutput{}
	for i, id := range ids {
		if errs[i] == nil {
			errs[i] = waiters[i].wait(ctx)
		}
		if errs[i] != nil {
			out.Failed = append(out.Failed, failure(id, absent(c, errs[i])))
			continue
		}
		out.Successful = append(out.Successful, batchSuccess{id})
	}
	return out, ctx.Err()
}

// startDelete settles the message of a receipt handle. As on AWS an old handle deletes too, even when
// the message has been handed out again or the server was restarted since, and deleting twice is no
// error. A handle from before two restarts is refused: what became of its message is not known by it.
func (a *adapter) startDelete(ctx context.Context, q *queue, handle string) (*waiter, error) {
	r, bad := a.openReceipt(q, handle)
	if bad != nil {
		return nil, bad
	}
	w := newWaiter()
	if q.fifo() {
		return w, q.settleHeld(ctx, handle, r, w)
	}
	return w, q.session.Discard(ctx, q.name, r.handle, w)
}

// settleHeld deletes a message of a FIFO queue: only while it is in flight by that handle, since what
// comes after it in its group may be in flight otherwise. Deleting twice is no error.
func (q *queue) settleHeld(ctx context.Context, handle string, r receipt, w *waiter) error {
	lease, err := q.session.FindLease(q.name, r.handle)
	if err == nil {
		err = q.session.Settle(broker.Ack, w, lease)
	}
	if !broker.IsKind(err, broker.KindStaleLease) {
		return err
	}
	if q.session.IsSettled(q.name, r.handle) {
		return q.session.Discard(ctx, q.name, r.handle, w) // which waits until that is recorded
	}
	return invalidValue(handle, "ReceiptHandle", "The receipt handle has expired.")
}
