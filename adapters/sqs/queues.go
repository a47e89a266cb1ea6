package sqs

import (
	"cmp"
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
	if bad := cmp.Or(refuseAtQueue(c), in.check()); bad != nil {
		return nil, bad
	}
	at := address{c.Region, c.Account, in.QueueName}
	k := kept{attributes: make(map[string]string), tags: make(map[string]string), modified: now()}
	if bad := k.apply(in.Attributes); bad != nil {
		return nil, bad
	}
	if bad := k.tag(in.QueueName, in.Tags); bad != nil {
		return nil, bad
	}
	if err := a.checkTarget(ctx, c, at, &k); err != nil {
		return nil, err
	}
	if a.pauses && a.deletes.has(at.arn()) {
		return nil, deletedRecently
	}
	session, err := a.open(ctx, c, at, true)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	switch spec, err := session.QueueSpec(in.QueueName); {
	case err == nil && in.fifo() && !fifoSpec(&spec):
		return nil, queueNameExists(attrFIFO)
	case err != nil && k.attributes[attrRetention] == "": // one that is there already, from another front end, keeps its messages
		k.attributes[attrRetention] = attributes[attrRetention].standard
	}
	spec := broker.QueueSpec{
		Name: in.QueueName, Durable: true, Ordered: in.fifo(), Fair: !in.fifo(),
		Limits: (&kept{}).replaceLimits(nil, &k), Attributes: broker.Attributes{frontEnd: k.table()},
	}
	info, created, err := session.DeclareQueue(ctx, spec)
	if err != nil {
		return nil, err
	}
	if !created {
		err = a.adoptQueue(ctx, session, at, &info, in)
	}
	return &queueURLOutput{queueURL(c, at)}, err
}

func (in *createQueueInput) fifo() bool { return in.Attributes[attrFIFO] == "true" }

// fifoSpec tells the FIFO queues that CreateQueue made.
func fifoSpec(spec *broker.QueueSpec) bool {
	_, ours := spec.Attributes[frontEnd]
	return ours && spec.Ordered
}

// adoptQueue compares a queue that exists with what the request wants. One that another front end
// declared has taken the attributes, and gets the limits that come with them.
func (a *adapter) adoptQueue(ctx context.Context, session *broker.Session, at address, info *broker.QueueInfo, in *createQueueInput) error {
	have := readKept(&info.Spec, info.Created)
	if name, differs := difference(a.shownAttributes(at, info, &have), in.Attributes); differs {
		return queueNameExists(name)
	}
	defer a.changes.lock(info.ID)()
	spec, err := session.QueueSpec(at.name)
	if err != nil {
		return err
	}
	have = readKept(&spec, info.Created)
	want := have.replaceLimits(spec.Limits, &have)
	if want == spec.Limits || (want != nil && spec.Limits != nil && *want == *spec.Limits) {
		return nil
	}
	return session.ConfigureQueue(ctx, at.name, frontEnd, have.table(), want)
}

func queueNameExists(attribute string) *awsproto.Error {
	e := modelledError("QueueNameExists", 400, "A queue already exists with the same name and a different value for attribute %s", attribute)
	e.QueryCode = "QueueAlreadyExists"
	return e
}

// check says what is wrong with the request, whatever there is already.
func (in *createQueueInput) check() *awsproto.Error {
	if in.QueueName == "" {
		return missingParameter("QueueName")
	}
	if value, ok := in.Attributes[attrFIFO]; ok && value != "true" {
		return unknownAttribute(attrFIFO)
	}
	switch suffixed := strings.HasSuffix(in.QueueName, fifoSuffix); {
	case in.fifo() && (!suffixed || !validQueueName(in.QueueName)):
		return invalidParameter(fifoNameText)
	case !in.fifo() && (suffixed || !validQueueName(in.QueueName)):
		return invalidParameter(nameText)
	}
	if bad := checkTags(in.Tags); bad != nil {
		return bad
	}
	return checkQueueAttributes(in.Attributes, in.fifo())
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
	if _, err := q.session.DeleteQueue(ctx, q.name, false, false); err != nil {
		return nil, absent(c, err)
	}
	a.forgetTasks(q.arn())
	if a.pauses {
		a.deletes.begin(q.arn())
	}
	return nil, nil
}

// getQueueURL [SQS GetQueueUrl].
func (a *adapter) getQueueURL(ctx context.Context, c *awsproto.Call, in *getQueueURLInput) (*queueURLOutput, error) {
	if in.QueueName == "" {
		return nil, missingParameter("QueueName")
	}
	at := address{c.Region, c.Account, in.QueueName}
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
	return &queueURLOutput{queueURL(c, at)}, nil
}

// listQueues [SQS ListQueues] gives the queues in order of their names. Queues of other front ends
// whose names SQS cannot spell are left out.
func (a *adapter) listQueues(ctx context.Context, c *awsproto.Call, in *listQueuesInput) (*listQueuesOutput, error) {
	if bad := refuseAtQueue(c); bad != nil {
		return nil, bad
	}
	var names []string
	session, err := a.open(ctx, c, address{region: c.Region, account: c.Account}, false)
	switch {
	case err == nil:
		defer session.Close()
		names = slices.DeleteFunc(session.QueueNames(), func(name string) bool {
			return !strings.HasPrefix(name, in.QueueNamePrefix) || !listed(session, name)
		})
	case !broker.IsKind(err, broker.KindNotFound):
		return nil, err
	}
	names, token, bad := a.page(c, names, in.MaxResults, in.NextToken, "queues")
	if bad != nil {
		return nil, bad
	}
	out := &listQueuesOutput{NextToken: token}
	for _, name := range names {
		out.QueueURLs = append(out.QueueURLs, queueURL(c, address{c.Region, c.Account, name}))
	}
	return out, nil
}

// listed tells the queues that SQS knows.
func listed(session *broker.Session, name string) bool {
	if !validQueueName(name) || !strings.HasSuffix(name, fifoSuffix) {
		return validQueueName(name)
	}
	spec, err := session.QueueSpec(name)
	return err == nil && fifoSpec(&spec)
}

// getQueueAttributes [SQS GetQueueAttributes] gives none when none is asked for.
func (a *adapter) getQueueAttributes(ctx context.Context, c *awsproto.Call, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	info, err := q.session.Queue(ctx, q.name)
	if err != nil {
		return nil, absent(c, err)
	}
	selected, bad := selectAttributes(a.shownAttributes(q.address, &info, &q.kept), in.AttributeNames)
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
	return nil, a.change(ctx, c, in.QueueURL, func(q *queue, k *kept) error {
		if value, ok := in.Attributes[attrFIFO]; ok && q.fifo() && value != "true" {
			return invalidAttribute(attrFIFO, "Modifying queue type is not supported.")
		}
		if bad := checkQueueAttributes(in.Attributes, q.fifo()); bad != nil {
			return bad
		}
		if bad := k.apply(in.Attributes); bad != nil {
			return bad
		}
		k.modified = now()
		if in.Attributes[attrRedrive] == "" {
			return nil
		}
		return a.checkTarget(ctx, c, q.address, k)
	})
}

// purgeQueue [SQS PurgeQueue] removes the messages, those that SQS clients have in flight included;
// what a client of another front end holds stays with it.
func (a *adapter) purgeQueue(ctx context.Context, c *awsproto.Call, in *queueInput) (*empty, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	if a.pauses && !a.purges.begin(q.identity.ID) {
		return nil, purgeInProgress(q.name)
	}
	if _, err = q.session.DiscardLeased(ctx, q.name); err == nil { // first, or what runs out is missed
		_, err = q.session.PurgeQueue(ctx, q.name)
	}
	return nil, absent(c, err)
}
