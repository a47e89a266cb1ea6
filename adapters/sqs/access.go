package sqs

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// What a request wants to do, for the endpoint to ask policies about.

// permission is the action that policies name for one of the API: a batch is what its entries are.
func permission(action string) string {
	switch action {
	case "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		return strings.TrimSuffix(action, "Batch")
	}
	return action
}

// queueOf gives the URL of the queue that an input names.
func queueOf(in any) (url string, ok bool) {
	switch in := in.(type) {
	case *queueInput:
		return in.QueueURL, true
	case *getQueueAttributesInput:
		return in.QueueURL, true
	case *setQueueAttributesInput:
		return in.QueueURL, true
	case *tagQueueInput:
		return in.QueueURL, true
	case *untagQueueInput:
		return in.QueueURL, true
	case *addPermissionInput:
		return in.QueueURL, true
	case *removePermissionInput:
		return in.QueueURL, true
	case *listSourcesInput:
		return in.QueueURL, true
	case *sendMessageInput:
		return in.QueueURL, true
	case *sendMessageBatchInput:
		return in.QueueURL, true
	case *receiveMessageInput:
		return in.QueueURL, true
	case *deleteMessageInput:
		return in.QueueURL, true
	case *deleteMessageBatchInput:
		return in.QueueURL, true
	case *changeVisibilityInput:
		return in.QueueURL, true
	case *changeVisibilityBatchInput:
		return in.QueueURL, true
	}
	return "", false
}

// access implements awsproto.Service.Access.
func (a *adapter) access(ctx context.Context, c *awsproto.Call, in any) ([]awsproto.Access, error) {
	action := permission(c.Action)
	if url, ok := queueOf(in); ok {
		at, bad := parseQueueURL(c, url)
		if bad != nil {
			return nil, bad
		}
		one := a.accessTo(ctx, c, at, action)
		switch in := in.(type) {
		case *tagQueueInput:
			setRequestTags(one.Conditions, in.Tags)
		case *untagQueueInput:
			one.Conditions.Set("aws:TagKeys", in.TagKeys...)
		}
		return []awsproto.Access{one}, nil
	}
	switch in := in.(type) {
	case *createQueueInput:
		one := a.accessTo(ctx, c, address{c.Region, c.Account, in.QueueName}, action)
		setRequestTags(one.Conditions, in.Tags)
		return []awsproto.Access{one}, nil
	case *getQueueURLInput:
		at := address{c.Region, c.Account, in.QueueName}
		if in.QueueOwnerAWSAccountID != "" {
			at.account = in.QueueOwnerAWSAccountID
		}
		return []awsproto.Access{a.accessTo(ctx, c, at, action)}, nil
	case *startMoveInput:
		return a.accessToMove(ctx, c, in), nil
	case *listMovesInput:
		return a.accessToARN(ctx, c, in.SourceARN, action), nil
	case *cancelMoveInput:
		source := "*"
		if handle, _, ok := parseTaskHandle(in.TaskHandle); ok {
			source = handle.SourceARN
		}
		return a.accessToARN(ctx, c, source, action), nil
	}
	return a.accessToARN(ctx, c, address{c.Region, c.Account, "*"}.arn(), action), nil
}

// accessToMove is what a move task does on both queues.
func (a *adapter) accessToMove(ctx context.Context, c *awsproto.Call, in *startMoveInput) []awsproto.Access {
	var all []awsproto.Access
	for _, action := range []string{"StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"} {
		all = append(all, a.accessToARN(ctx, c, in.SourceARN, action)...)
	}
	if in.DestinationARN != "" {
		all = append(all, a.accessToARN(ctx, c, in.DestinationARN, "SendMessage")...)
	}
	return all
}

// accessToARN is for what names a queue by its ARN; one that is none is the action's to refuse.
func (a *adapter) accessToARN(ctx context.Context, c *awsproto.Call, arn, action string) []awsproto.Access {
	if at, ok := parseARN(arn); ok {
		return []awsproto.Access{a.accessTo(ctx, c, at, action)}
	}
	return []awsproto.Access{{Action: "sqs:" + strings.ToLower(action), Resource: arn, OwnerOnly: true}}
}

// accessTo is one action on one queue, with the queue's policy where it exists. SQS writes actions in lower case.
func (a *adapter) accessTo(ctx context.Context, c *awsproto.Call, at address, action string) awsproto.Access {
	one := awsproto.Access{
		Action: "sqs:" + strings.ToLower(action), Resource: at.arn(), Owner: at.account, OwnerOnly: slices.Contains(ownerActions, action),
		Conditions: make(awspolicy.Context),
	}
	if q, err := a.findAt(ctx, c, at); err == nil {
		one.Policy = a.policies.Get(q.kept.attributes[attrPolicy])
		for key, value := range q.kept.tags {
			one.Conditions.Set("aws:ResourceTag/"+key, value)
		}
		q.session.Close()
	}
	return one
}

func setRequestTags(conditions awspolicy.Context, tags map[string]string) {
	if len(tags) == 0 {
		return
	}
	conditions.Set("aws:TagKeys", slices.Sorted(maps.Keys(tags))...)
	for key, value := range tags {
		conditions.Set("aws:RequestTag/"+key, value)
	}
}

// denied words a refusal.
func denied(text string) *awsproto.Error {
	e := awsproto.Errorf("AccessDeniedException", 403, "%s", text)
	e.QueryCode = "AccessDenied"
	return e
}

// QueuePolicy gives the policy of a queue by its ARN; nil when it has none, or does not exist.
func (a *Adapter) QueuePolicy(ctx context.Context, arn, home string) *awspolicy.Document {
	at, ok := parseARN(arn)
	if !ok {
		return nil
	}
	q, err := a.adapter.findAt(ctx, &awsproto.Call{Account: at.account, Region: at.region, Home: home}, at)
	if err != nil {
		return nil
	}
	defer q.session.Close()
	return a.adapter.policies.Get(q.kept.attributes[attrPolicy])
}
