package sns

import (
	"context"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// Limits [API reference, PublishBatch].
const (
	maxBatchEntries = 10
	maxBatchID      = 80
)

// publishBatch [SNS PublishBatch] publishes its entries in their order; each is stored or fails on its own. What is wrong
// with one of them refuses all [observed: SNS, 2023], and the limit on size holds for all of them together.
func (a *Adapter) publishBatch(ctx context.Context, c *awsproto.Call, in *publishBatchInput) (*publishBatchOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if bad := t.checkBatch(in.Entries); bad != nil {
		return nil, bad
	}
	messages := make([]*outgoing, len(in.Entries))
	for i := range in.Entries {
		var bad *awsproto.Error
		if messages[i], bad = t.newMessage(c, &in.Entries[i].messageInput); bad != nil {
			return nil, bad
		}
	}
	sent := make([]*sending, len(in.Entries))
	for i, m := range messages {
		sent[i] = a.send(ctx, t, m)
	}
	out := &publishBatchOutput{Successful: []batchSuccess{}, Failed: []batchFailure{}}
	for i := range in.Entries {
		answer, err := sent[i].wait(ctx)
		if err != nil {
			out.Failed = append(out.Failed, failure(in.Entries[i].ID, err))
			continue
		}
		out.Successful = append(out.Successful, batchSuccess{in.Entries[i].ID, answer.MessageID, answer.SequenceNumber})
	}
	return out, ctx.Err()
}

func (t *topic) checkBatch(entries []batchEntry) *awsproto.Error {
	switch {
	case len(entries) == 0:
		return plainError("EmptyBatchRequest", 400, "The batch request doesn't contain any entries.")
	case len(entries) > maxBatchEntries:
		return plainError("TooManyEntriesInBatchRequest", 400, "The batch request contains more entries than permissible.")
	}
	seen := make(map[string]bool, len(entries))
	total := 0
	for i := range entries {
		id := entries[i].ID
		switch {
		case id == "":
			return invalidParameter("PublishBatchRequestEntries.member.%d.Id Reason: no value for required parameter", i+1)
		case len(id) > maxBatchID:
			return plainError("InvalidBatchEntryId", 400, "The Id of a batch entry in the batch request is too long: %s", clip(id))
		case !validWord(id):
			return plainError("InvalidBatchEntryId", 400, "The Id of a batch entry in the batch request contains an impermissible character: %s", id)
		case seen[id]:
			return plainError("BatchEntryIdsNotDistinct", 400, "Two or more batch entries in the request have the same Id.")
		}
		seen[id] = true
		total += entries[i].size()
	}
	if total > t.maxSize() {
		return plainError("BatchRequestTooLong", 400, "The length of all the messages put together is more than the limit.")
	}
	return nil
}

// failure is the answer for an entry of a batch that failed on its own.
func failure(id string, err error) batchFailure {
	e := answerTo(err)
	return batchFailure{ID: id, Code: e.Shape, Message: e.Message, SenderFault: e.Status < 500}
}
