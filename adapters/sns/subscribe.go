package sns

import (
	"context"
	"net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// subscribe [SNS Subscribe] subscribes an endpoint to the topic. Subscribing it again with the same
// attributes gives the subscription that exists, and sends its confirmation again if that is missing.
func (a *Adapter) subscribe(ctx context.Context, c *awsproto.Call, in *subscribeInput) (*subscribeOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	s := &subscription{
		ARN: t.arn + ":" + awsproto.NewID(), Topic: t.arn, Owner: c.Account, Protocol: in.Protocol, Endpoint: in.Endpoint,
		BaseURL: c.BaseURL, Created: time.Now().UTC(), Attributes: make(map[string]string), namespace: t.namespace,
	}
	if err := s.name(); err != nil {
		return nil, err
	}
	if bad := a.checkEndpoint(t, s); bad != nil {
		return nil, bad
	}
	for name, value := range in.Attributes {
		if bad := s.check(name, value, "Attributes Reason: "); bad != nil {
			return nil, bad
		}
		s.set(name, value)
	}
	if bad := s.checkFilter("Attributes Reason: "); bad != nil {
		return nil, bad
	}
	if err := a.rules.Prepare(); err != nil {
		return nil, err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	for _, old := range a.subscriptions.of(s.topicKey(), false) {
		if old.Protocol == s.Protocol && old.Endpoint == s.Endpoint {
			return a.subscribeAgain(ctx, old, s, in)
		}
	}
	if bad := a.checkQuota(s); bad != nil {
		return nil, bad
	}
	s.Pending = s.needsConfirmation(t)
	if s.Pending {
		s.renew()
	}
	if err := a.store(s); err != nil {
		return nil, err
	}
	if err := a.connect(ctx, s); err != nil {
		return nil, err
	}
	if s.Pending {
		a.sendConfirmation(s)
	} else if s.Attributes[replayPolicy] != "" {
		if err := a.startReplay(s); err != nil {
			return nil, err
		}
	}
	return s.answer(in), nil
}

// answer gives the ARN, which a subscription that is not confirmed keeps to itself unless it is asked.
func (s *subscription) answer(in *subscribeInput) *subscribeOutput {
	if s.Pending && !in.ReturnSubscriptionARN {
		return &subscribeOutput{pendingARN}
	}
	return &subscribeOutput{s.ARN}
}

func (a *Adapter) subscribeAgain(ctx context.Context, old, wanted *subscription, in *subscribeInput) (*subscribeOutput, error) {
	for name := range in.Attributes { // those that the request does not name may be anything
		if old.Attributes[name] != wanted.Attributes[name] {
			return nil, invalidParameter("Attributes Reason: Subscription already exists with different attributes")
		}
	}
	if !old.Pending {
		return old.answer(in), a.connect(ctx, old) // it may have lost its topic or its queue over another front end
	}
	s := old.copy()
	s.renew()
	s.BaseURL = wanted.BaseURL
	if err := a.store(s); err != nil {
		return nil, err
	}
	a.sendConfirmation(s)
	return s.answer(in), nil
}

// needsConfirmation tells endpoints that must say themselves that they want the messages.
func (s *subscription) needsConfirmation(t *topic) bool {
	switch s.Protocol {
	case protocolHTTP, protocolHTTPS, protocolEmail, protocolEmailJSON:
		return true
	}
	return false
}

// checkEndpoint checks protocol and endpoint of a request to subscribe.
func (a *Adapter) checkEndpoint(t *topic, s *subscription) *awsproto.Error {
	if t.fifo() && s.Protocol != protocolSQS && knownProtocols[s.Protocol] {
		return invalidParameter("Invalid parameter: Endpoint Reason: Please use SQS queues with FIFO topics")
	}
	switch s.Protocol {
	case protocolSQS:
		return checkQueueEndpoint(t, s.Endpoint)
	case protocolHTTP, protocolHTTPS:
		u, err := url.Parse(s.Endpoint)
		if err != nil || u.Scheme != s.Protocol || u.Host == "" {
			return invalidParameter("Endpoint must match the specified protocol")
		}
	case protocolEmail, protocolEmailJSON:
		address, err := mail.ParseAddress(s.Endpoint)
		if err != nil || address.Address != s.Endpoint || strings.ContainsAny(s.Endpoint, "\r\n") {
			return invalidParameter("Email address")
		}
	case protocolSMS:
		if !validPhone(s.Endpoint) {
			return plainError("InvalidParameter", 400, "Invalid SMS endpoint: %s", clip(s.Endpoint))
		}
	case protocolApplication:
		return a.checkDeviceEndpoint(s.Endpoint)
	case protocolLambda:
		return a.lambda.check(s.Endpoint)
	case protocolFirehose:
		return invalidParameter("Protocol Reason: the protocol firehose is not supported yet")
	default:
		return invalidParameter("Amazon SNS does not support this protocol string: %s", clip(s.Protocol))
	}
	return nil
}

var knownProtocols = map[string]bool{
	protocolSQS: true, protocolHTTP: true, protocolHTTPS: true, protocolEmail: true, protocolEmailJSON: true,
	protocolSMS: true, protocolLambda: true, protocolApplication: true, protocolFirehose: true,
}

func checkQueueEndpoint(t *topic, text string) *awsproto.Error {
	parsed, bad := parseARN(text, "SQS endpoint ARN")
	if bad != nil || parsed.service != "sqs" || len(parsed.resource) > maxQueueName || !validTopicName(parsed.resource) {
		return invalidParameter("SQS endpoint ARN")
	}
	if isFIFO(parsed.resource) && !t.fifo() {
		return invalidParameter("Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics")
	}
	return nil
}

// maxQueueName is the longest name of a queue.
const maxQueueName = 80

// The quotas of filter policies, where they are applied.
const (
	maxFiltersOfTopic   = 200
	maxFiltersOfAccount = 10_000
)

// checkQuota applies the service's quotas of filter policies to a subscription that is to have one.
func (a *Adapter) checkQuota(s *subscription) *awsproto.Error {
	if !a.limits || s.Attributes[filterPolicy] == "" {
		return nil
	}
	count := func(list []*subscription) (n int) {
		for _, other := range list {
			if other.id != s.id && other.Attributes[filterPolicy] != "" {
				n++
			}
		}
		return n
	}
	if count(a.subscriptions.of(s.topicKey(), false)) >= maxFiltersOfTopic || count(a.subscriptions.in(s.namespace)) >= maxFiltersOfAccount {
		return plainError("FilterPolicyLimitExceeded", 403, "Filter policy limit exceeded")
	}
	return nil
}
