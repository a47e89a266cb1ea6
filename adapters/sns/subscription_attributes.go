package sns

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/filterpolicy"
	"github.com/portico-mq/portico/adapters/sns/retry"
)

// check says whether an attribute can be set to a value. prefix is what stands before the attribute's
// name in complaints. Filter policies are checked by checkFilter, when their scope is known.
func (s *subscription) check(name, value, prefix string) *awsproto.Error {
	switch name {
	case rawDelivery:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return invalidParameter("%sRawMessageDelivery: Invalid value [%s]. Must be true or false.", prefix, clip(value))
		}
		if strings.EqualFold(value, "true") && s.Protocol != protocolSQS && s.Protocol != protocolHTTP && s.Protocol != protocolHTTPS {
			return invalidParameter("%sRawMessageDelivery: Delivery protocol [%s] does not support raw message delivery.", prefix, s.Protocol)
		}
	case filterPolicy:
	case filterScope:
		if value != string(filterpolicy.MessageAttributes) && value != string(filterpolicy.MessageBody) {
			return invalidParameter("%sFilterPolicyScope: Invalid value [%s]. Please use either MessageBody or MessageAttributes", prefix, clip(value))
		}
	case redrivePolicy:
		return s.checkRedrive(value, prefix)
	case deliveryPolicy:
		if s.Protocol != protocolHTTP && s.Protocol != protocolHTTPS {
			return invalidParameter("%sDeliveryPolicy: Delivery protocol [%s] does not support delivery policies.", prefix, s.Protocol)
		}
		if _, err := retry.ParseSubscription(value); err != nil {
			return invalidParameter("%sDeliveryPolicy: %s", prefix, err)
		}
	case replayPolicy:
		if !s.fifo() {
			return invalidParameter("%sReplayPolicy: attribute is only valid for subscriptions of FIFO topics", prefix)
		}
		if _, err := parseReplay(value); err != nil {
			return invalidParameter("%sReplayPolicy: %s", prefix, err)
		}
	case subscriptionRole:
		return invalidParameter("%sSubscriptionRoleArn: Delivery protocol [%s] does not need a role.", prefix, s.Protocol)
	default:
		if prefix == "" {
			return invalidParameter("AttributeName")
		}
		return invalidParameter("%sUnknown attribute %s", prefix, clip(name))
	}
	return nil
}

func (s *subscription) checkRedrive(value, prefix string) *awsproto.Error {
	target, ok := parseRedrive(value)
	if !ok {
		return invalidParameter("%sRedrivePolicy: failed to parse JSON.", prefix)
	}
	if target == "" {
		return nil
	}
	parsed, bad := parseARN(target, "")
	if bad != nil || parsed.service != "sqs" || !validTopicName(parsed.resource) {
		return invalidParameter("%sRedrivePolicy: deadLetterTargetArn is an invalid arn", prefix)
	}
	if s.local(target) == "" {
		return invalidParameter("%sRedrivePolicy: deadLetterTargetArn must be in the account and region of the topic", prefix)
	}
	if isFIFO(parsed.resource) != (s.fifo() && (s.Protocol != protocolSQS || isFIFO(s.Endpoint))) {
		return invalidParameter("%sRedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.", prefix)
	}
	return nil
}

// checkFilter checks the filter policy in its scope.
func (s *subscription) checkFilter(prefix string) *awsproto.Error {
	text := s.Attributes[filterPolicy]
	if text == "" {
		return nil
	}
	_, err := filterpolicy.Parse(text, s.scope())
	if errors.Is(err, filterpolicy.ErrNested) {
		return invalidParameter("%s%s", prefix, err)
	}
	if err != nil {
		return invalidParameter("%sFilterPolicy: %s", prefix, err)
	}
	return nil
}

// set sets an attribute that was checked. An empty value, or object, takes it back.
func (s *subscription) set(name, value string) {
	if value == "" || name != redrivePolicy && value == "{}" {
		delete(s.Attributes, name)
		return
	}
	if name == rawDelivery {
		value = strings.ToLower(value)
	}
	s.Attributes[name] = value
}

// findSubscription gives the subscription of an ARN, which is the topic's with an id behind it.
func (a *Adapter) findSubscription(c *awsproto.Call, text string) (*subscription, error) {
	parsed, bad := parseARN(text, "SubscriptionArn")
	if bad != nil {
		return nil, bad
	}
	topicName, id, ok := strings.Cut(parsed.resource, ":")
	if parsed.service != "sns" || !ok {
		return nil, invalidParameter("SubscriptionId")
	}
	s := a.subscriptions.get(topicKey{awsproto.Namespace(parsed.account, parsed.region, c.Home), topicName}, id)
	if s == nil || s.Removed {
		return nil, subscriptionNotFound
	}
	return s, nil
}

// getSubscriptionAttributes [SNS GetSubscriptionAttributes].
func (a *Adapter) getSubscriptionAttributes(ctx context.Context, c *awsproto.Call, in *subscriptionInput) (*attributesOutput, error) {
	s, err := a.findSubscription(c, in.SubscriptionARN)
	if err != nil {
		return nil, err
	}
	shown := map[string]string{
		"SubscriptionArn": s.ARN, "TopicArn": s.Topic, "Owner": s.Owner, "Protocol": s.Protocol, "Endpoint": s.shownEndpoint(),
		rawDelivery: "false", "PendingConfirmation": strconv.FormatBool(s.Pending),
		"ConfirmationWasAuthenticated": strconv.FormatBool(s.Authenticated || !s.Pending && !s.needsConfirmation(nil)),
		"SubscriptionPrincipal":        "arn:aws:iam::" + s.Owner + ":root",
	}
	for name, value := range s.Attributes {
		if name != filterScope {
			shown[name] = value
		}
	}
	if shown[filterPolicy] != "" {
		shown[filterScope] = string(s.scope())
	}
	if own, err := retry.ParseSubscription(shown[deliveryPolicy]); err == nil && shown[deliveryPolicy] != "" {
		shown[deliveryPolicy] = own.Text()
	}
	if s.Protocol == protocolHTTP || s.Protocol == protocolHTTPS {
		t := &topic{name: s.topicName, namespace: s.namespace}
		if err := a.open(ctx, t); err != nil {
			return nil, err
		}
		defer t.session.Close()
		shown[effectiveDelivery] = s.delivery(t.record.Attributes[deliveryPolicy]).Text()
	}
	if s.Replay != nil {
		shown["ReplayStatus"] = s.Replay.Status
	}
	return &attributesOutput{shown}, nil
}

// setSubscriptionAttributes [SNS SetSubscriptionAttributes].
func (a *Adapter) setSubscriptionAttributes(ctx context.Context, c *awsproto.Call, in *setSubscriptionAttributesInput) (*empty, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	old, err := a.findSubscription(c, in.SubscriptionARN)
	if err != nil {
		return nil, err
	}
	s := old.copy()
	if bad := s.check(in.AttributeName, in.AttributeValue, ""); bad != nil {
		return nil, bad
	}
	s.set(in.AttributeName, in.AttributeValue)
	if bad := s.checkFilter(""); bad != nil {
		return nil, bad
	}
	if in.AttributeName == filterPolicy {
		if bad := a.checkQuota(s); bad != nil {
			return nil, bad
		}
	}
	// A binding that the new form does not have any more would stay.
	if in.AttributeName == redrivePolicy && old.direct() {
		session, err := a.session(ctx, s.namespace)
		if err != nil {
			return nil, err
		}
		defer session.Close()
		if dead := old.deadLetters(); dead != "" && dead != s.deadLetters() {
			if err := session.Unbind(ctx, old.binding(old.local(dead), "")); err != nil && !notFound(err) {
				return nil, err
			}
		}
	}
	if err := a.store(s); err != nil {
		return nil, err
	}
	if err := a.connect(ctx, s); err != nil {
		return nil, err
	}
	if in.AttributeName == replayPolicy && s.Attributes[replayPolicy] != "" {
		return nil, a.startReplay(s)
	}
	return nil, nil
}
