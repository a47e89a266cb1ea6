// Package sqs serves Amazon SQS on the broker's queues. Its README says what is what.
package sqs

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Options configure the adapter.
type Options struct {
	// Broker holds the queues.
	Broker *broker.Broker
	// Secret is what receipt handles are sealed with; see awsproto.NewSealer.
	Secret []byte
	// Encrypted says that the store encrypts what it holds: it is what SqsManagedSseEnabled tells of a
	// queue on which it was not set.
	Encrypted bool
	// Pauses refuses, as AWS does, a PurgeQueue within 60 s of the last one and a CreateQueue within
	// 60 s of a DeleteQueue of the name.
	Pauses bool
	// Changed is told which queue's attributes were changed; nil: nobody.
	Changed func(namespace, name string)
	// Log gets what goes wrong beside a request; nil means slog.Default.
	Log *slog.Logger
}

// Adapter serves SQS. It runs message move tasks beside its requests, and must be closed before the broker.
type Adapter struct {
	adapter *adapter
	service *awsproto.Service
}

// adapter holds what the actions share.
type adapter struct {
	broker    *broker.Broker
	receipts  *awsproto.Sealer
	encrypted bool
	changes   *queueLocks
	pauses    bool
	purges    recent // by queue id
	deletes   recent // by ARN
	mover     *mover
	attempts  attempts
	policies  awspolicy.Cache
	// policyChanged is told which queue's attributes were changed.
	policyChanged func(namespace, name string)
}

// New makes the adapter, and goes on with the move tasks that an earlier run left.
func New(o Options) (*Adapter, error) {
	receipts, err := awsproto.NewSealer(o.Secret, "sqs receipt handle")
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	a := &adapter{
		broker: o.Broker, receipts: receipts, encrypted: o.Encrypted, pauses: o.Pauses, changes: newQueueLocks(),
		mover: newMover(o.Broker, o.Log), policyChanged: o.Changed,
	}
	if a.policyChanged == nil {
		a.policyChanged = func(string, string) {}
	}
	return &Adapter{a, a.service()}, nil
}

// Service is the service for an awsproto.Endpoint.
func (a *Adapter) Service() *awsproto.Service { return a.service }

// Close stops the move tasks, which go on at the next start.
func (a *Adapter) Close() error {
	a.adapter.mover.close()
	return nil
}

func (a *adapter) service() *awsproto.Service {
	return &awsproto.Service{
		Name: "sqs", TargetPrefix: "AmazonSQS", JSONVersion: "1.0",
		QueryVersion: "2012-11-05", XMLNamespace: "http://queue.amazonaws.com/doc/2012-11-05/",
		ErrorDetail: true, QueryCompatible: true, MaxBody: maxBody,
		QueryJSONNames: map[string]string{"QueueUrls": "queueUrls", "Messages": "messages"},
		Actions: map[string]awsproto.Action{
			"CreateQueue":                  awsproto.Handle(a.createQueue),
			"DeleteQueue":                  awsproto.Handle(a.deleteQueue),
			"GetQueueUrl":                  awsproto.Handle(a.getQueueURL),
			"ListQueues":                   awsproto.Handle(a.listQueues),
			"GetQueueAttributes":           awsproto.Handle(a.getQueueAttributes),
			"SetQueueAttributes":           awsproto.Handle(a.setQueueAttributes),
			"PurgeQueue":                   awsproto.Handle(a.purgeQueue),
			"SendMessage":                  awsproto.Handle(a.sendMessage),
			"SendMessageBatch":             awsproto.Handle(a.sendMessageBatch),
			"ReceiveMessage":               awsproto.Handle(a.receiveMessage),
			"DeleteMessage":                awsproto.Handle(a.deleteMessage),
			"DeleteMessageBatch":           awsproto.Handle(a.deleteMessageBatch),
			"ChangeMessageVisibility":      awsproto.Handle(a.changeVisibility),
			"ChangeMessageVisibilityBatch": awsproto.Handle(a.changeVisibilityBatch),
			"TagQueue":                     awsproto.Handle(a.tagQueue),
			"UntagQueue":                   awsproto.Handle(a.untagQueue),
			"ListQueueTags":                awsproto.Handle(a.listQueueTags),
			"AddPermission":                awsproto.Handle(a.addPermission),
			"RemovePermission":             awsproto.Handle(a.removePermission),
			"ListDeadLetterSourceQueues":   awsproto.Handle(a.listDeadLetterSourceQueues),
			"StartMessageMoveTask":         awsproto.Handle(a.startMessageMoveTask),
			"CancelMessageMoveTask":        awsproto.Handle(a.cancelMessageMoveTask),
			"ListMessageMoveTasks":         awsproto.Handle(a.listMessageMoveTasks),
		},
		UnknownQueryAction: unknownAction,
		AnyCaller:          true,
		Access:             a.access,
		Denied:             denied,
		Translate:          translate,
		Internal:           internalError,
	}
}

func unknownAction(action, _ string) *awsproto.Error {
	return awsproto.Errorf("InvalidAction", 400, "The action %s is not valid for this endpoint.", action)
}

// open gives a session in the namespace of a queue's account and region.
func (a *adapter) open(ctx context.Context, c *awsproto.Call, at address, create bool) (*broker.Session, error) {
	namespace := awsproto.Namespace(at.account, at.region, c.Home)
	if create {
		if _, err := a.broker.Namespace(ctx, namespace, true); err != nil {
			return nil, err
		}
	}
	s, err := a.broker.OpenSession(ctx, a.broker.Root(), namespace)
	if err != nil {
		return nil, err
	}
	s.SetFrontEnd("sqs")
	return s, nil
}

// queue is a queue that a request names, with a session to use it. The session must be closed.
type queue struct {
	address
	broker   *broker.Broker
	session  *broker.Session
	identity broker.QueueIdentity
	kept     kept
	attempts *attempts
}

// fifo tells FIFO queues from standard ones.
func (q *queue) fifo() bool { return q.kept.attributes[attrFIFO] == "true" }

// seconds is an attribute that is a time in seconds.
func (q *queue) seconds(attribute string) time.Duration {
	return time.Duration(q.kept.number(attribute)) * time.Second
}

// find opens the queue of a request.
func (a *adapter) find(ctx context.Context, c *awsproto.Call, queueURL string) (*queue, error) {
	at, bad := parseQueueURL(c, queueURL)
	if bad != nil {
		return nil, bad
	}
	return a.findAt(ctx, c, at)
}

func (a *adapter) findAt(ctx context.Context, c *awsproto.Call, at address) (*queue, error) {
	if !validQueueName(at.name) {
		return nil, queueDoesNotExist(c.Protocol)
	}
	session, err := a.open(ctx, c, at, false)
	if err != nil {
		return nil, absent(c, err)
	}
	identity, err := session.IdentifyQueue(at.name)
	if err != nil {
		session.Close()
		return nil, absent(c, err)
	}
	q := &queue{address: at, broker: a.broker, session: session, identity: identity, kept: readKept(&identity.Spec, identity.Created), attempts: &a.attempts}
	if strings.HasSuffix(at.name, fifoSuffix) && !q.fifo() { // SQS has no such standard queue
		session.Close()
		return nil, queueDoesNotExist(c.Protocol)
	}
	return q, nil
}

// absent words errors about a queue's existence for the request's protocol. A queue that is
// exclusive to another client's connection does not exist here.
func absent(c *awsproto.Call, err error) error {
	if broker.IsKind(err, broker.KindNotFound) || broker.IsKind(err, broker.KindLocked) {
		return queueDoesNotExist(c.Protocol)
	}
	return err
}
