package sqs

import (
	"context"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// changeVisibility [SQS ChangeMessageVisibility] gives a message in flight another timeout, counted
// from now; 0 makes it visible at once.
func (a *adapter) changeVisibility(ctx context.Context, c *awsproto.Call, in *changeVisibilityInput) (*empty, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	return nil, absent(c, a.extend(q, in.ReceiptHandle, in.VisibilityTimeout))
}

// changeVisibilityBatch [SQS ChangeMessageVisibilityBatch] changes its entries; each succeeds or
// fails on its own.
func (a *adapter) changeVisibilityBatch(ctx context.Context, c *awsproto.Call, in *changeVisibilityBatchInput) (*changeVisibilityBatchOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	ids := make([]string, len(in.Entries))
	for i := range in.Entries {
		ids[i] = in.Entries[i].ID
	}
	if bad := checkBatch("ChangeMessageVisibilityBatchRequestEntry", ids); bad != nil {
		return nil, bad
	}
	out := &changeVisibilityBatchOutput{}
	for i := range in.Entries {
		e := &in.Entries[i]
		if err := a.extend(q, e.ReceiptHandle, e.VisibilityTimeout); err != nil {
			out.Failed = append(out.Failed, failure(e.ID, absent(c, err)))
			continue
		}
		out.Successful = append(out.Successful, batchSuccess{e.ID})
	}
	return out, nil
}

func (a *adapter) extend(q *queue, handle string, timeout *int32) error {
	r, bad := a.openReceipt(q, handle)
	if bad != nil {
		return bad
	}
	if timeout == nil {
		return missingParameter("VisibilityTimeout")
	}
	if *timeout < 0 || *timeout > maxVisibility {
		return invalidValue(*timeout, "VisibilityTimeout", "Must be between 0 and 43200.")
	}
	visible := time.Duration(*timeout) * time.Second
	if time.Since(r.received).Truncate(time.Second)+visible > maxVisibility*time.Second {
		return invalidValue(*timeout, "VisibilityTimeout", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].")
	}
	lease, err := q.session.FindLease(q.name, r.handle)
	if broker.IsKind(err, broker.KindStaleLease) && !q.fifo() {
		// A standard queue takes an old handle for the message, as long as that is there: in flight by another handle,
		// it gets the timeout; visible again, it stays so.
		if lease, err = q.session.CurrentLease(q.name, r.handle); err == nil && !lease.Valid() {
			return nil
		}
	}
	if err == nil {
		err = q.session.Extend(visible, lease)
	}
	if broker.IsKind(err, broker.KindStaleLease) {
		return invalidValue(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	}
	if err == nil && q.fifo() {
		a.attempts.changed(r.handle)
	}
	return err
}
