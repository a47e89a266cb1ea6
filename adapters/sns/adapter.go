// Package sns serves Amazon SNS on the broker's exchanges. Its README says what is what.
package sns

import (
	"context"
	"sync"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Options configure the adapter.
type Options struct {
	// Broker holds the topics. Its options must have this package's rule: see Rules.
	Broker *broker.Broker
	// Secret is what paging tokens are sealed with; see awsproto.NewSealer.
	Secret []byte
}

// adapter holds what the actions share.
type adapter struct {
	broker *broker.Broker
	tokens *awsproto.Sealer

	// subscribing serialises the changes of subscriptions: each reads what is there first.
	subscribing sync.Mutex
}

// New makes the service for an awsproto.Endpoint.
func New(o Options) (*awsproto.Service, error) {
	tokens, err := awsproto.NewSealer(o.Secret, "sns token")
	if err != nil {
		return nil, err
	}
	a := &adapter{broker: o.Broker, tokens: tokens}
	return &awsproto.Service{
		Name: "sns", QueryVersion: "2010-03-31", XMLNamespace: "http://sns.amazonaws.com/doc/2010-03-31/", MaxBody: maxBody,
		Actions: map[string]awsproto.Action{
			"CreateTopic":               awsproto.Handle(a.createTopic),
			"DeleteTopic":               awsproto.Handle(a.deleteTopic),
			"ListTopics":                awsproto.Handle(a.listTopics),
			"GetTopicAttributes":        awsproto.Handle(a.getTopicAttributes),
			"SetTopicAttributes":        awsproto.Handle(a.setTopicAttributes),
			"Subscribe":                 awsproto.Handle(a.subscribe),
			"Unsubscribe":               awsproto.Handle(a.unsubscribe),
			"ListSubscriptions":         awsproto.Handle(a.listSubscriptions),
			"ListSubscriptionsByTopic":  awsproto.Handle(a.listSubscriptionsByTopic),
			"GetSubscriptionAttributes": awsproto.Handle(a.getSubscriptionAttributes),
			"SetSubscriptionAttributes": awsproto.Handle(a.setSubscriptionAttributes),
			"Publish":                   awsproto.Handle(a.publish),
			"PublishBatch":              awsproto.Handle(a.publishBatch),
		},
		Unbuilt: unbuiltActions,
		Refuse: func(action string) *awsproto.Error {
			return plainError("InvalidAction", 400, "The action %s is not supported yet.", action)
		},
		UnknownQueryAction: func(action, version string) *awsproto.Error {
			return plainError("InvalidAction", 400, "Could not find operation %s for version %s", action, version)
		},
		Translate: translate,
		Internal:  internalError,
	}, nil
}

// unbuiltActions are the actions of the service's model that are not built.
var unbuiltActions = []string{
	"AddPermission", "RemovePermission", "ConfirmSubscription", "TagResource", "UntagResource", "ListTagsForResource",
	"GetDataProtectionPolicy", "PutDataProtectionPolicy",
	"CreatePlatformApplication", "DeletePlatformApplication", "GetPlatformApplicationAttributes",
	"SetPlatformApplicationAttributes", "ListPlatformApplications", "CreatePlatformEndpoint", "DeleteEndpoint",
	"GetEndpointAttributes", "SetEndpointAttributes", "ListEndpointsByPlatformApplication",
	"SetSMSAttributes", "GetSMSAttributes", "CheckIfPhoneNumberIsOptedOut", "ListPhoneNumbersOptedOut",
	"OptInPhoneNumber", "CreateSMSSandboxPhoneNumber", "DeleteSMSSandboxPhoneNumber", "VerifySMSSandboxPhoneNumber",
	"ListSMSSandboxPhoneNumbers", "GetSMSSandboxAccountStatus", "ListOriginationNumbers",
}

// session opens the namespace of an account in the call's region.
func (a *adapter) session(ctx context.Context, c *awsproto.Call, account string) (*broker.Session, error) {
	s, err := a.broker.OpenSession(ctx, a.broker.Root(), c.Namespace(account))
	if err != nil {
		return nil, err
	}
	s.SetFrontEnd("sns")
	return s, nil
}

// topic is a topic that a request names, with a session to use it. The session must be closed.
type topic struct {
	arn     string
	account string
	name    string
	broker  *broker.Broker
	session *broker.Session
	spec    broker.ExchangeSpec
}

// parseTopic reads a topic's ARN. One of another region does not exist here.
func parseTopic(c *awsproto.Call, text, parameter string) (arn, *awsproto.Error) {
	if text == "" {
		return arn{}, invalidParameter("%s", parameter)
	}
	parsed, bad := parseARN(text, parameter)
	if bad != nil {
		return arn{}, bad
	}
	if parsed.service != "sns" || parsed.region != c.Region || !validTopicName(parsed.resource) {
		return arn{}, invalidParameter("%s", parameter)
	}
	return parsed, nil
}

// findTopic opens the topic of a request. Every fanout exchange that SNS can spell is a topic,
// whichever front end declared it.
func (a *adapter) findTopic(ctx context.Context, c *awsproto.Call, text, parameter string) (*topic, error) {
	parsed, bad := parseTopic(c, text, parameter)
	if bad != nil {
		return nil, bad
	}
	session, err := a.session(ctx, c, parsed.account)
	if err != nil {
		return nil, err
	}
	spec, err := session.Exchange(ctx, parsed.resource)
	if err == nil && !isTopic(&spec) {
		err = topicNotFound
	}
	if err != nil {
		session.Close()
		return nil, err
	}
	return &topic{arn: text, account: parsed.account, name: parsed.resource, broker: a.broker, session: session, spec: spec}, nil
}

func isTopic(spec *broker.ExchangeSpec) bool {
	return spec.Kind == broker.Fanout && spec.Durable && !spec.Internal && validTopicName(spec.Name)
}
