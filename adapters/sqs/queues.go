package sqs

import (
	"context"
	"slices"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// The actions on queues.

// createQueue [SQS CreateQueue] makes a queue, or gives the URL of one that exists if no attribute
// in the request differs from its.
func (a *adapter) createQueue(ctx context.Context, c *awsproto.Call, in *createQueueInput) (*queueURLOutput, error) {
	if in.QueueName == "" {
		return nil, missingParameter("QueueName")
	}
	if in.Attributes["FifoQueue"] == "true" {
		return nil, unsupported("FIFO queues are not supported yet.")
	}
	if !validQueueName(in.QueueName) {
		return nil, invalidParameter(nameText)
	}
	if len(in.Tags) > 0 {
		return nil, unsupported("Queue tags are not supported yet.")
	}
	kept, bad := checkQueueAttributes(in.Attributes)
	if bad != nil {
		return nil, bad
	}
	session, err := a.open(ctx, c, c.Account, true)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	spec := broker.QueueSpec{Name: in.QueueName, Durable: true, Attributes: keptAttributes(kept)}
	info, created, err := session.DeclareQueue(ctx, spec)
	if err != nil {
		return nil, err
	}
	if !created {
		at := address{c.Account, in.QueueName}
		if name, differs := difference(allAttributes(c, at, &info), kept); differs {
			e := modelledError("QueueNameExists", 400, "A queue already exists with the same name and a different value for attribute %s", name)
			e.QueryCode = "QueueAlreadyExists"
			return nil, e
		}
	}
	return &queueURLOutput{queueURL(c, c.Account, in.QueueName)}, nil
}

// difference gives the first attribute, by name, that has another value.
func difference(have, want map[string]string) (name string, differs bool) {
	for n, value := range want {
		if have[n] != value && (name == "" || n < name) {
			name, differs = n, true
		}
	}
	return name, differs
}

// deleteQueue [SQS DeleteQueue] removes the queue and its messages.
func (a *adapter) deleteQueue(ctx context.Context, c *awsproto.Call, in *queueInput) (*empty, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	_, err = q.session.DeleteQueue(ctx, q.name, false, false)
	return nil, absent(c, err)
}

// getQueueURL [SQS GetQueueUrl].
func (a *adapter) getQueueURL(ctx context.Context, c *awsproto.Call, in *getQueueURLInput) (*queueURLOutput, error) {
	if in.QueueName == "" {
		return nil, missingParameter("QueueName")
	}
	at := address{c.Account, in.QueueName}
	if in.QueueOwnerAWSAccountID != "" {
		if !awsproto.IsAccount(in.QueueOwnerAWSAccountID) {
			return nil, invalidValue(in.QueueOwnerAWSAccountID, "QueueOwnerAWSAccountId", "An account number has 12 digits.")
		}
		at.account = in.QueueOwnerAWSAccountID
	}
	q, err := a.findAt(ctx, c, at)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	return &queueURLOutput{queueURL(c, at.account, at.name)}, nil
}

// listQueues [SQS ListQueues] gives the queues in order of their names, so that the name of the last
// one is where the next page begins. Queues of other front ends whose names SQS cannot spell are
// left out. As on AWS, a request without MaxResults gets at most 1,000 and no token.
func (a *adapter) listQueues(ctx context.Context, c *awsproto.Call, in *listQueuesInput) (*listQueuesOutput, error) {
	limit := maxListed
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
		if limit < 1 || limit > maxListed {
			return nil, invalidValue(limit, "MaxResults", "Must be between 1 and 1000, if provided.")
		}
	}
	after := ""
	if in.NextToken != "" {
		name, ok := a.receipts.Open(in.NextToken, "list "+c.Account)
		if !ok {
			return nil, invalidParameter("Invalid or expired next token.")
		}
		after = string(name)
	}
	session, err := a.open(ctx, c, c.Account, false)
	if broker.IsKind(err, broker.KindNotFound) {
		return &listQueuesOutput{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer session.Close()
	names := slices.DeleteFunc(session.QueueNames(), func(name string) bool {
		return !strings.HasPrefix(name, in.QueueNamePrefix) || name <= after || !validQueueName(name)
	})
	slices.Sort(names)
	out := &listQueuesOutput{}
	if len(names) > limit {
		names = names[:limit]
		if in.MaxResults != nil {
			out.NextToken = a.receipts.Seal([]byte(names[limit-1]), "list "+c.Account)
		}
	}
	for _, name := range names {
		out.QueueURLs = append(out.QueueURLs, queueURL(c, c.Account, name))
	}
	return out, nil
}

// getQueueAttributes [SQS GetQueueAttributes] gives none when none is asked for.
func (a *adapter) getQueueAttributes(ctx context.Context, c *awsproto.Call, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	selected, bad := selectAttributes(allAttributes(c, q.address, &q.info), in.AttributeNames)
	if bad != nil {
		return nil, bad
	}
	return &getQueueAttributesOutput{selected}, nil
}

// setQueueAttributes [SQS SetQueueAttributes] changes the attributes in the request and leaves the
// others.
func (a *adapter) setQueueAttributes(ctx context.Context, c *awsproto.Call, in *setQueueAttributesInput) (*empty, error) {
	if len(in.Attributes) == 0 {
		return nil, missingParameter("Attribute.Name")
	}
	if _, ok := in.Attributes["FifoQueue"]; ok {
		return nil, plainError("InvalidAttributeValue", 400, "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
	}
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	kept, bad := checkQueueAttributes(in.Attributes)
	if bad != nil {
		return nil, bad
	}
	before, _ := readAttributes(&q.info)
	for name, value := range before {
		if _, changed := kept[name]; !changed {
			kept[name] = value
		}
	}
	return nil, absent(c, q.session.SetQueueAttributes(ctx, q.name, frontEnd, keptAttributes(kept)[frontEnd]))
}

// purgeQueue [SQS PurgeQueue] removes the messages, those that SQS clients have in flight included;
// what a client of another front end holds stays with it.
func (a *adapter) purgeQueue(ctx context.Context, c *awsproto.Call, in *queueInput) (*empty, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	if _, err = q.session.DiscardLeased(ctx, q.name); err == nil { // first, or what runs out is missed
		_, err = q.session.PurgeQueue(ctx, q.name)
	}
	return nil, absent(c, err)
}
