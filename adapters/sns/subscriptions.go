package sns

import (
	"context"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// unbuiltProtocols are the protocols of SNS that are not built.
var unbuiltProtocols = map[string]bool{
	"http": true, "https": true, "email": true, "email-json": true, "sms": true,
	"application": true, "lambda": true, "firehose": true,
}

// subscribe [SNS Subscribe] binds a queue of the topic's account and region to the topic. Subscribing
// it again with the same attributes gives the subscription that exists.
func (a *adapter) subscribe(ctx context.Context, c *awsproto.Call, in *subscribeInput) (*subscribeOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	s, bad := newSubscription(c, t, in)
	if bad != nil {
		return nil, bad
	}
	a.subscribing.Lock()
	defer a.subscribing.Unlock()
	for _, old := range subscriptionsOf(t.session, t.name) {
		if old.queue != s.queue {
			continue
		}
		if old.Raw != s.Raw || old.Filter != s.Filter {
			return nil, invalidParameter("Attributes Reason: Subscription already exists with different attributes")
		}
		return &subscribeOutput{old.ARN}, nil
	}
	if err := bind(ctx, t.session, s); err != nil {
		return nil, err
	}
	return &subscribeOutput{s.ARN}, nil
}

// bind puts the subscription into force, in place of an earlier form of it.
func bind(ctx context.Context, session *broker.Session, s *subscription) error {
	binding, err := s.binding()
	if err != nil {
		return err
	}
	err = session.Bind(ctx, binding)
	if !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	if _, missing := session.Exchange(ctx, s.topicName); missing != nil {
		return topicNotFound
	}
	return invalidParameter("Endpoint Reason: The queue %s does not exist", s.queue)
}

// newSubscription checks a request to subscribe.
func newSubscription(c *awsproto.Call, t *topic, in *subscribeInput) (*subscription, *awsproto.Error) {
	switch {
	case unbuiltProtocols[in.Protocol]:
		return nil, unbuilt("Protocol", "the protocol "+in.Protocol)
	case in.Protocol != protocolSQS:
		return nil, invalidParameter("Amazon SNS does not support this protocol string: %s", clip(in.Protocol))
	}
	queue, bad := parseQueueARN(t, c, in.Endpoint)
	if bad != nil {
		return nil, bad
	}
	s := &subscription{
		ARN: t.arn + ":" + awsproto.NewID(), Topic: t.arn, Owner: c.Account, Endpoint: in.Endpoint,
		BaseURL: c.BaseURL, topicName: t.name, queue: queue,
	}
	for name, value := range in.Attributes {
		if bad := s.set(name, value, "Attributes Reason: "); bad != nil {
			return nil, bad
		}
	}
	return s, nil
}

// parseQueueARN gives the name of the queue that a subscription leads to.
func parseQueueARN(t *topic, c *awsproto.Call, text string) (string, *awsproto.Error) {
	parsed, bad := parseARN(text, "SQS endpoint ARN")
	if bad != nil || parsed.service != "sqs" {
		return "", invalidParameter("SQS endpoint ARN")
	}
	if strings.HasSuffix(parsed.resource, ".fifo") {
		return "", invalidParameter("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
	}
	if parsed.account != t.account || parsed.region != c.Region {
		return "", unbuilt("Endpoint", "a queue of another account or region than the topic's")
	}
	return parsed.resource, nil
}

// set changes an attribute. prefix is what stands before the attribute's name in complaints.
func (s *subscription) set(name, value, prefix string) *awsproto.Error {
	switch name {
	case "RawMessageDelivery":
		raw, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil || len(value) == 1 {
			return invalidParameter("%sRawMessageDelivery: Invalid value [%s]. Must be true or false.", prefix, clip(value))
		}
		s.Raw = raw
		return nil
	case "FilterPolicy":
		if value == "" || value == "{}" {
			s.Filter = ""
			return nil
		}
		if _, bad := parseFilter(value); bad != nil {
			return invalidParameter("%sFilterPolicy: %s", prefix, bad.Error())
		}
		s.Filter = value
		return nil
	case "FilterPolicyScope":
		if value == "MessageAttributes" {
			return nil
		}
		return unbuilt("FilterPolicyScope", value)
	case "RedrivePolicy", "DeliveryPolicy", "SubscriptionRoleArn", "ReplayPolicy":
		return unbuilt("Attributes", name)
	}
	if prefix == "" {
		return invalidParameter("AttributeName")
	}
	return invalidParameter("%sUnknown attribute %s", prefix, clip(name))
}

// findSubscription gives the subscription of an ARN, which is the topic's with an id behind it.
func (a *adapter) findSubscription(ctx context.Context, c *awsproto.Call, text string) (*subscription, *broker.Session, error) {
	parsed, bad := parseARN(text, "SubscriptionArn")
	if bad != nil {
		return nil, nil, bad
	}
	topicName, _, ok := strings.Cut(parsed.resource, ":")
	if parsed.service != "sns" || !ok {
		return nil, nil, invalidParameter("SubscriptionId")
	}
	if parsed.region != c.Region {
		return nil, nil, subscriptionNotFound
	}
	session, err := a.session(ctx, c, parsed.account)
	if notFound(err) {
		return nil, nil, subscriptionNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	for _, s := range subscriptionsOf(session, topicName) {
		if s.ARN == text {
			return s, session, nil
		}
	}
	session.Close()
	return nil, nil, subscriptionNotFound
}

// unsubscribe [SNS Unsubscribe]. A subscription that is not there is no error.
func (a *adapter) unsubscribe(ctx context.Context, c *awsproto.Call, in *subscriptionInput) (*empty, error) {
	a.subscribing.Lock()
	defer a.subscribing.Unlock()
	s, session, err := a.findSubscription(ctx, c, in.SubscriptionARN)
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer session.Close()
	binding, err := s.binding()
	if err != nil {
		return nil, err
	}
	if err := session.Unbind(ctx, binding); err != nil && !notFound(err) {
		return nil, err
	}
	return nil, nil
}

// listSubscriptions [SNS ListSubscriptions].
func (a *adapter) listSubscriptions(ctx context.Context, c *awsproto.Call, in *listInput) (*listSubscriptionsOutput, error) {
	session, err := a.session(ctx, c, c.Account)
	if notFound(err) {
		return &listSubscriptionsOutput{Subscriptions: []subscriptionOutput{}}, nil
	}
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return a.pageOfSubscriptions(c, in.NextToken, subscriptionsOf(session, ""))
}

// listSubscriptionsByTopic [SNS ListSubscriptionsByTopic].
func (a *adapter) listSubscriptionsByTopic(ctx context.Context, c *awsproto.Call, in *listByTopicInput) (*listSubscriptionsOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	return a.pageOfSubscriptions(c, in.NextToken, subscriptionsOf(t.session, t.name))
}

func (a *adapter) pageOfSubscriptions(c *awsproto.Call, token string, all []*subscription) (*listSubscriptionsOutput, error) {
	page, next, err := pageOf(a.tokens, c, token, all, func(s *subscription) string { return s.ARN })
	if err != nil {
		return nil, err
	}
	out := &listSubscriptionsOutput{Subscriptions: []subscriptionOutput{}, NextToken: next}
	for _, s := range page {
		out.Subscriptions = append(out.Subscriptions, s.output())
	}
	return out, nil
}

// getSubscriptionAttributes [SNS GetSubscriptionAttributes].
func (a *adapter) getSubscriptionAttributes(ctx context.Context, c *awsproto.Call, in *subscriptionInput) (*getSubscriptionAttributesOutput, error) {
	s, session, err := a.findSubscription(ctx, c, in.SubscriptionARN)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	attributes := map[string]string{
		"SubscriptionArn": s.ARN, "TopicArn": s.Topic, "Owner": s.Owner, "Protocol": protocolSQS, "Endpoint": s.Endpoint,
		"RawMessageDelivery": strconv.FormatBool(s.Raw), "PendingConfirmation": "false",
		"ConfirmationWasAuthenticated": "true",
	}
	if s.Filter != "" {
		attributes["FilterPolicy"] = s.Filter
		attributes["FilterPolicyScope"] = "MessageAttributes"
	}
	return &getSubscriptionAttributesOutput{attributes}, nil
}

// setSubscriptionAttributes [SNS SetSubscriptionAttributes].
func (a *adapter) setSubscriptionAttributes(ctx context.Context, c *awsproto.Call, in *setSubscriptionAttributesInput) (*empty, error) {
	a.subscribing.Lock()
	defer a.subscribing.Unlock()
	s, session, err := a.findSubscription(ctx, c, in.SubscriptionARN)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	if bad := s.set(in.AttributeName, in.AttributeValue, ""); bad != nil {
		return nil, bad
	}
	return nil, bind(ctx, session, s)
}
