// Package sns serves Amazon SNS on the broker's exchanges. Its README says what is what.
package sns

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/invocation"
	"github.com/portico-mq/portico/broker"
)

// Options configure the adapter.
type Options struct {
	// Broker holds the topics. Its options must have the rules of Rules.
	Broker *broker.Broker
	// Rules are what the broker was given.
	Rules *Rules
	// Secret is what paging tokens are sealed with; see awsproto.NewSealer.
	Secret []byte
	// Home is the region whose default account has the namespace "/"; "" is us-east-1.
	Home string
	// Log gets deliveries that failed for good; nil means slog.Default.
	Log *slog.Logger
	// Functions is where functions are invoked; with none, subscriptions of functions are refused.
	Functions invocation.Endpoint
	// Mail is how e-mail is sent; without an address it goes into the outbox.
	Mail Mail
	// QueuePolicy gives a queue's policy, nil for none, where policies decide what SNS may send to queues; nil: it may
	// send to all.
	QueuePolicy func(ctx context.Context, queueARN string) *awspolicy.Document
	// Limits applies the service's quotas of filter policies (200 a topic, 10,000 an account).
	Limits bool
}

// Adapter is the service with its deliveries. It is safe for concurrent use.
type Adapter struct {
	broker  *broker.Broker
	rules   *Rules
	tokens  *awsproto.Sealer
	home    string
	log     *slog.Logger
	limits  bool
	mail    Mail
	lambda  *lambda
	web     *web
	service *awsproto.Service

	policies      awspolicy.Cache
	subscriptions subscriptions
	outbox        outbox
	couriers      couriers
	relays        relays

	// changing serialises the changes of subscriptions and of what else is read before it is written.
	changing sync.Mutex
	// taking ends when Close begins: couriers take no more messages. running ends a little later, with
	// what is still under way. What runs in the background counts in work.
	taking  context.Context
	finish  context.CancelFunc
	running context.Context
	stop    context.CancelFunc
	work    sync.WaitGroup
	unwatch func()
}

// New makes the service and starts its deliveries. Close it before the broker.
func New(o Options) (*Adapter, error) {
	tokens, err := awsproto.NewSealer(o.Secret, "sns token")
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Home == "" {
		o.Home = defaultRegion
	}
	a := &Adapter{
		broker: o.Broker, rules: o.Rules, tokens: tokens, home: o.Home, log: o.Log, limits: o.Limits, mail: o.Mail,
		web: newWeb(),
	}
	a.lambda = &lambda{o.Functions, a.web}
	a.running, a.stop = context.WithCancel(context.Background())
	a.taking, a.finish = context.WithCancel(a.running)
	a.service = a.newService()
	if o.QueuePolicy != nil {
		a.rules.guard.Store(&guard{policy: o.QueuePolicy, of: make(map[string]*awspolicy.Document)})
	}
	if err := a.load(); err != nil {
		a.stop()
		return nil, err
	}
	a.unwatch = a.broker.WatchQueues(a.queueChanged)
	a.work.Go(a.tidy)
	return a, nil
}

// Service is what the adapter puts on an awsproto.Endpoint.
func (a *Adapter) Service() *awsproto.Service { return a.service }

// closeGrace is how long deliveries that are under way get to finish.
const closeGrace = 2 * time.Second

// Close stops deliveries. Those that do not finish in time are made again after the next start.
func (a *Adapter) Close() error {
	a.unwatch()
	a.finish()
	late := time.AfterFunc(closeGrace, a.stop)
	defer late.Stop()
	a.couriers.work.Wait()
	a.relays.work.Wait()
	a.stop()
	a.work.Wait()
	return nil
}

// defaultRegion is the home region when none is set.
const defaultRegion = "us-east-1"

func (a *Adapter) newService() *awsproto.Service {
	return &awsproto.Service{
		Name: "sns", QueryVersion: "2010-03-31", XMLNamespace: "http://sns.amazonaws.com/doc/2010-03-31/", MaxBody: maxBody,
		Actions: a.actions(),
		// A receiver follows these links without a key; the token, or the subscription's id, is the secret.
		Anonymous: []string{"ConfirmSubscription", "Unsubscribe"},
		Pages:     a.pages(),
		UnknownQueryAction: func(action, version string) *awsproto.Error {
			return plainError("InvalidAction", 400, "Could not find operation %s for version %s", action, version)
		},
		Access:    a.access,
		Denied:    denied,
		Translate: translate,
		Internal:  internalError,
	}
}

// actions are those of the service's model, all of them.
func (a *Adapter) actions() map[string]awsproto.Action {
	return map[string]awsproto.Action{
		"AddPermission":                      awsproto.Handle(a.addPermission),
		"CheckIfPhoneNumberIsOptedOut":       awsproto.Handle(a.checkOptedOut),
		"ConfirmSubscription":                awsproto.Handle(a.confirmSubscription),
		"CreatePlatformApplication":          awsproto.Handle(a.createApplication),
		"CreatePlatformEndpoint":             awsproto.Handle(a.createEndpoint),
		"CreateSMSSandboxPhoneNumber":        awsproto.Handle(a.createSandboxNumber),
		"CreateTopic":                        awsproto.Handle(a.createTopic),
		"DeleteEndpoint":                     awsproto.Handle(a.deleteEndpoint),
		"DeletePlatformApplication":          awsproto.Handle(a.deleteApplication),
		"DeleteSMSSandboxPhoneNumber":        awsproto.Handle(a.deleteSandboxNumber),
		"DeleteTopic":                        awsproto.Handle(a.deleteTopic),
		"GetDataProtectionPolicy":            awsproto.Handle(a.getDataProtectionPolicy),
		"GetEndpointAttributes":              awsproto.Handle(a.getEndpointAttributes),
		"GetPlatformApplicationAttributes":   awsproto.Handle(a.getApplicationAttributes),
		"GetSMSAttributes":                   awsproto.Handle(a.getSMSAttributes),
		"GetSMSSandboxAccountStatus":         awsproto.Handle(a.getSandboxStatus),
		"GetSubscriptionAttributes":          awsproto.Handle(a.getSubscriptionAttributes),
		"GetTopicAttributes":                 awsproto.Handle(a.getTopicAttributes),
		"ListEndpointsByPlatformApplication": awsproto.Handle(a.listEndpoints),
		"ListOriginationNumbers":             awsproto.Handle(a.listOriginationNumbers),
		"ListPhoneNumbersOptedOut":           awsproto.Handle(a.listOptedOut),
		"ListPlatformApplications":           awsproto.Handle(a.listApplications),
		"ListSMSSandboxPhoneNumbers":         awsproto.Handle(a.listSandboxNumbers),
		"ListSubscriptions":                  awsproto.Handle(a.listSubscriptions),
		"ListSubscriptionsByTopic":           awsproto.Handle(a.listSubscriptionsByTopic),
		"ListTagsForResource":                awsproto.Handle(a.listTags),
		"ListTopics":                         awsproto.Handle(a.listTopics),
		"OptInPhoneNumber":                   awsproto.Handle(a.optIn),
		"Publish":                            awsproto.Handle(a.publish),
		"PublishBatch":                       awsproto.Handle(a.publishBatch),
		"PutDataProtectionPolicy":            awsproto.Handle(a.putDataProtectionPolicy),
		"RemovePermission":                   awsproto.Handle(a.removePermission),
		"SetEndpointAttributes":              awsproto.Handle(a.setEndpointAttributes),
		"SetPlatformApplicationAttributes":   awsproto.Handle(a.setApplicationAttributes),
		"SetSMSAttributes":                   awsproto.Handle(a.setSMSAttributes),
		"SetSubscriptionAttributes":          awsproto.Handle(a.setSubscriptionAttributes),
		"SetTopicAttributes":                 awsproto.Handle(a.setTopicAttributes),
		"Subscribe":                          awsproto.Handle(a.subscribe),
		"TagResource":                        awsproto.Handle(a.tagResource),
		"Unsubscribe":                        awsproto.Handle(a.unsubscribe),
		"UntagResource":                      awsproto.Handle(a.untagResource),
		"VerifySMSSandboxPhoneNumber":        awsproto.Handle(a.verifySandboxNumber),
	}
}

// session opens a namespace.
func (a *Adapter) session(ctx context.Context, namespace string) (*broker.Session, error) {
	s, err := a.broker.OpenSession(ctx, a.broker.Root(), namespace)
	if err != nil {
		return nil, err
	}
	s.SetFrontEnd("sns")
	return s, nil
}
