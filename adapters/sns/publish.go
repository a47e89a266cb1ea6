package sns

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Limits [API reference, Publish and PublishBatch].
const (
	maxMessageSize  = 256 << 10
	maxSubject      = 100
	maxBatchEntries = 10
	maxBatchID      = 80
)

// publish [SNS Publish] answers when every subscribed queue has the message stored and synced.
func (a *adapter) publish(ctx context.Context, c *awsproto.Call, in *publishInput) (*publishOutput, error) {
	target, parameter := in.TopicARN, "TopicArn"
	switch {
	case in.PhoneNumber != "":
		return nil, unbuilt("PhoneNumber", "sending SMS")
	case in.TopicARN != "" && in.TargetARN != "":
		return nil, invalidParameter("TopicArn or TargetArn Reason: both are given")
	case in.TopicARN == "" && in.TargetARN == "":
		return nil, invalidParameter("TopicArn or TargetArn Reason: no value for required parameter")
	case in.TargetARN != "":
		target, parameter = in.TargetARN, "TargetArn"
	}
	t, err := a.findTopic(ctx, c, target, parameter)
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	m, id, bad := t.newMessage(c, &in.messageInput)
	if bad != nil {
		return nil, bad
	}
	p, err := t.send(m)
	if err != nil {
		return nil, err
	}
	if err := p.wait(ctx); err != nil {
		return nil, err
	}
	return &publishOutput{id}, nil
}

// pending is a message on its way to its queues; nil for one that no subscription wants.
type pending chan error

// Done implements broker.Completion.
func (p pending) Done(err error) { p <- err }

func (p pending) wait(ctx context.Context) error {
	if p == nil {
		return nil
	}
	select {
	case err := <-p:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t *topic) send(m *broker.Message) (pending, error) {
	if len(t.broker.Alarms()) > 0 { // what is left of memory or disk is for settling
		return nil, unavailable
	}
	p := make(pending, 1)
	n, err := t.session.Publish(m, p)
	if err != nil || n == 0 {
		return nil, err
	}
	return p, nil
}

// publishBatch [SNS PublishBatch] publishes its entries in their order; each succeeds or fails on its
// own. The limit on size holds for all of them together.
func (a *adapter) publishBatch(ctx context.Context, c *awsproto.Call, in *publishBatchInput) (*publishBatchOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if bad := checkBatch(in.Entries); bad != nil {
		return nil, bad
	}
	ids := make([]string, len(in.Entries))
	sent := make([]pending, len(in.Entries))
	errs := make([]error, len(in.Entries))
	for i := range in.Entries {
		m, id, bad := t.newMessage(c, &in.Entries[i].messageInput)
		if bad != nil {
			errs[i] = bad
			continue
		}
		ids[i] = id
		sent[i], errs[i] = t.send(m)
	}
	out := &publishBatchOutput{Successful: []batchSuccess{}, Failed: []batchFailure{}}
	for i := range in.Entries {
		if errs[i] == nil {
			errs[i] = sent[i].wait(ctx)
		}
		if errs[i] != nil {
			out.Failed = append(out.Failed, failure(in.Entries[i].ID, errs[i]))
			continue
		}
		out.Successful = append(out.Successful, batchSuccess{in.Entries[i].ID, ids[i]})
	}
	return out, ctx.Err()
}

func checkBatch(entries []batchEntry) *awsproto.Error {
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
		case !validTopicName(id): // the same characters
			return plainError("InvalidBatchEntryId", 400, "The Id of a batch entry in the batch request contains an impermissible character: %s", id)
		case seen[id]:
			return plainError("BatchEntryIdsNotDistinct", 400, "Two or more batch entries in the request have the same Id.")
		}
		seen[id] = true
		total += entries[i].size()
	}
	if total > maxMessageSize {
		return plainError("BatchRequestTooLong", 400, "The length of all the messages put together is more than the limit.")
	}
	return nil
}

func (in *messageInput) size() int {
	size := len(in.Message)
	for name, v := range in.MessageAttributes {
		size += len(name) + v.Size()
	}
	return size
}

// newMessage makes the broker's message for what a client published, and its id.
func (t *topic) newMessage(c *awsproto.Call, in *messageInput) (*broker.Message, string, *awsproto.Error) {
	body, bad := in.check()
	if bad == nil {
		bad = checkAttributes(in.MessageAttributes)
	}
	if bad != nil {
		return nil, "", bad
	}
	if in.size() > maxMessageSize {
		return nil, "", invalidParameter("Message too long")
	}
	content := awsmessage.Content{ID: awsproto.NewID(), Sender: c.Account, Attributes: in.MessageAttributes}
	if in.Subject != nil {
		content.Subject = *in.Subject
	}
	block, err := content.Block()
	if err != nil {
		return nil, "", invalidParameter("MessageAttributes")
	}
	return broker.NewMessage(t.name, "", block, []byte(body)), content.ID, nil
}

// check applies the rules of a message and gives the text that queues get of it.
func (in *messageInput) check() (string, *awsproto.Error) {
	if in.Message == "" {
		return "", invalidParameter("Empty message")
	}
	if !awsmessage.ValidText(in.Message) {
		return "", invalidParameter("Message Reason: Invalid characters found")
	}
	if in.Subject != nil && !validSubject(*in.Subject) {
		return "", invalidParameter("Subject")
	}
	if in.MessageDeduplicationID != "" {
		return "", invalidParameter("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	}
	if in.MessageGroupID != "" {
		return "", invalidParameter("MessageGroupId Reason: The request includes MessageGroupId parameter that is not valid for this topic type")
	}
	switch in.MessageStructure {
	case "":
		return in.Message, nil
	case "json":
		return forProtocol(in.Message)
	}
	return "", invalidParameter("MessageStructure")
}

// forProtocol picks what queues get of a message that has a text for each protocol.
func forProtocol(message string) (string, *awsproto.Error) {
	var texts map[string]json.RawMessage
	if json.Unmarshal([]byte(message), &texts) != nil {
		return "", invalidParameter("Message Structure - JSON message body failed to parse")
	}
	text := func(protocol string) (s string, ok bool) {
		raw, there := texts[protocol]
		ok = there && json.Unmarshal(raw, &s) == nil && s != ""
		return s, ok
	}
	body, ok := text("default")
	if !ok {
		return "", invalidParameter("Message Structure - No default entry in JSON message body")
	}
	if special, ok := text(protocolSQS); ok {
		body = special
	}
	return body, nil
}

func validSubject(s string) bool {
	return s != "" && utf8.RuneCountInString(s) <= maxSubject && awsmessage.ValidText(s) &&
		strings.IndexFunc(s, unicode.IsControl) < 0
}

// failure is the answer for an entry of a batch that failed on its own.
func failure(id string, err error) batchFailure {
	e := answerTo(err)
	return batchFailure{ID: id, Code: e.Shape, Message: e.Message, SenderFault: e.Status < 500}
}
