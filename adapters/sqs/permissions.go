package sqs

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// AddPermission and RemovePermission edit the queue's policy.

// ownerActions are the actions that a queue's owner cannot let others do.
var ownerActions = []string{
	"AddPermission", "CreateQueue", "DeleteQueue", "ListQueues", "ListQueueTags", "RemovePermission", "SetQueueAttributes",
	"TagQueue", "UntagQueue", "StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks",
}

// sharedActions are those that an owner can let others do.
var sharedActions = []string{
	"*", "ChangeMessageVisibility", "ChangeMessageVisibilityBatch", "DeleteMessage", "DeleteMessageBatch", "GetQueueAttributes",
	"GetQueueUrl", "ListDeadLetterSourceQueues", "PurgeQueue", "ReceiveMessage", "SendMessage", "SendMessageBatch",
}

// check says what is wrong with the request.
func (in *addPermissionInput) check() *awsproto.Error {
	switch {
	case in.Label == "":
		return missingParameter("Label")
	case !validBatchID(in.Label):
		return invalidValue(in.Label, "Label", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.")
	case len(in.AWSAccountIDs) == 0:
		return missingParameter("AWSAccountIds")
	case len(in.Actions) == 0:
		return missingParameter("Actions")
	case len(in.Actions) > maxPolicyActions:
		return plainError("OverLimit", 403, "%d Actions were found, maximum allowed is %d.", len(in.Actions), maxPolicyActions)
	}
	for _, action := range in.Actions {
		if slices.Contains(ownerActions, action) {
			return invalidValue("SQS:"+action, "ActionName", "Only the queue owner is allowed to invoke this action.")
		}
		if !slices.Contains(sharedActions, action) {
			return invalidValue("SQS:"+clip(action), "ActionName", "Please refer to the appropriate WSDL for a list of valid actions.")
		}
	}
	for _, account := range in.AWSAccountIDs {
		if !awsproto.IsAccount(account) {
			return invalidValue("["+clip(strings.Join(in.AWSAccountIDs, ", "))+"]", "PrincipalId", "Unable to verify.")
		}
	}
	return nil
}

// addTo adds the statement that the request asks for.
func (in *addPermissionInput) addTo(doc *awspolicy.Text, queueARN string) error {
	principals := make([]string, len(in.AWSAccountIDs))
	for i, account := range in.AWSAccountIDs {
		principals[i] = awspolicy.RootARN(account)
	}
	actions := make([]string, len(in.Actions))
	for i, action := range in.Actions {
		actions[i] = "SQS:" + action
	}
	return doc.Allow(in.Label, principals, actions, queueARN)
}

// addPermission [SQS AddPermission] adds a statement to the queue's policy.
func (a *adapter) addPermission(ctx context.Context, c *awsproto.Call, in *addPermissionInput) (*empty, error) {
	if bad := in.check(); bad != nil {
		return nil, bad
	}
	return nil, a.change(ctx, c, in.QueueURL, func(q *queue, k *kept) error {
		doc, _ := parsePolicy(k.attributes[attrPolicy])
		if doc.Statement == nil {
			doc = awspolicy.Text{Version: "2008-10-17", ID: q.arn() + "/SQSDefaultPolicy"}
		}
		if doc.Has(in.Label) {
			return invalidValue(in.Label, "Label", "Already exists.")
		}
		if err := in.addTo(&doc, q.arn()); err != nil {
			return err
		}
		if n := len(doc.Statement); n > maxStatements {
			return tooManyStatements(n)
		}
		return k.setPolicy(&doc)
	})
}

// removePermission [SQS RemovePermission] takes a statement out of the queue's policy; the policy goes
// with its last one.
func (a *adapter) removePermission(ctx context.Context, c *awsproto.Call, in *removePermissionInput) (*empty, error) {
	if in.Label == "" {
		return nil, missingParameter("Label")
	}
	return nil, a.change(ctx, c, in.QueueURL, func(_ *queue, k *kept) error {
		doc, _ := parsePolicy(k.attributes[attrPolicy])
		if !doc.Remove(in.Label) {
			return invalidValue(in.Label, "Label", "can't find label.")
		}
		return k.setPolicy(&doc)
	})
}

func (k *kept) setPolicy(doc *awspolicy.Text) error {
	if len(doc.Statement) == 0 {
		delete(k.attributes, attrPolicy)
		return nil
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	if len(text) > maxPolicy {
		return plainError("OverLimit", 403, "The policy would be longer than %d bytes.", maxPolicy)
	}
	k.attributes[attrPolicy] = string(text)
	return nil
}
