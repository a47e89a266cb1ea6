package sns

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// A subscription is a binding of the topic's exchange to the queue, with a rule of this package that
// filters and wraps. All there is to know about it stands in the rule's text.

// ruleName names this package's rule in the broker's options.
const ruleName = "sns"

// Rules are the binding rules of this package, for broker.Options.
func Rules() map[string]broker.RuleCompiler {
	return map[string]broker.RuleCompiler{ruleName: compileRule}
}

// bindingMark tells a subscription's binding from one of another front end between the same topic
// and queue. It is part of the binding's identity, so there is one subscription for the two.
var bindingMark = property.Table{{Name: "aws:protocol", Value: protocolSQS}}

// protocolSQS is the one subscription protocol that is built.
const protocolSQS = "sqs"

// subscription is the text of the rule.
type subscription struct {
	ARN      string `json:"arn"`
	Topic    string `json:"topic"` // its ARN
	Owner    string `json:"owner"`
	Endpoint string `json:"endpoint"` // the queue's ARN
	Raw      bool   `json:"raw,omitempty"`
	Filter   string `json:"filter,omitempty"` // a filter policy, as it was sent
	BaseURL  string `json:"base_url"`         // where the endpoint was reached when it was made

	topicName string
	queue     string
}

// binding gives the subscription's form in the broker.
func (s *subscription) binding() (broker.Binding, error) {
	text, err := json.Marshal(s)
	return broker.Binding{
		Source: s.topicName, Destination: s.queue, Kind: broker.ToQueue, Arguments: bindingMark,
		Rule: ruleName, RuleText: string(text),
	}, err
}

// parseSubscription reads the subscription of a binding; ok is false for a binding that is none.
func parseSubscription(b *broker.Binding) (s *subscription, ok bool) {
	if b.Rule != ruleName || b.Kind != broker.ToQueue {
		return nil, false
	}
	s = &subscription{topicName: b.Source, queue: b.Destination}
	return s, json.Unmarshal([]byte(b.RuleText), s) == nil
}

// subscriptionsOf lists the subscriptions of a topic, or of all topics when the name is empty, in
// order of their ARNs.
func subscriptionsOf(session *broker.Session, topicName string) []*subscription {
	var list []*subscription
	for _, b := range session.Bindings(topicName) {
		if s, ok := parseSubscription(&b); ok {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(x, y *subscription) int { return cmp.Compare(x.ARN, y.ARN) })
	return list
}

// output is the subscription in a list.
func (s *subscription) output() subscriptionOutput {
	return subscriptionOutput{
		TopicARN: s.Topic, Protocol: protocolSQS, SubscriptionARN: s.ARN, Owner: s.Owner, Endpoint: s.Endpoint,
	}
}
