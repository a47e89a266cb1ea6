package sns

import (
	"context"
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// frontEnd is the name under which topics' attributes are kept.
const frontEnd = "sns"

// displayName is the one topic attribute that is kept. It only matters to protocols that are not
// built, and is shown to who asks.
const displayName = "DisplayName"

// pageSize is how many topics or subscriptions a list answers at once [API reference].
const pageSize = 100

// maxBody bounds a request: ten messages of 256 KiB would be refused as too long in any case.
const maxBody = 4 << 20

// checkTopicAttribute says whether an attribute can be set to a value.
func checkTopicAttribute(parameter, name, value string) *awsproto.Error {
	switch name {
	case displayName:
		if utf8.RuneCountInString(value) > 100 {
			return invalidParameter("%s", displayName)
		}
		return nil
	case "FifoTopic", "ContentBasedDeduplication":
		if value == "false" {
			return nil
		}
		return unbuilt(parameter, name)
	case "Policy", "DeliveryPolicy", "KmsMasterKeyId", "TracingConfig", "SignatureVersion", "ArchivePolicy",
		"DataProtectionPolicy", "FifoThroughputScope", "MaximumMessageSize",
		"HTTPSuccessFeedbackRoleArn", "HTTPSuccessFeedbackSampleRate", "HTTPFailureFeedbackRoleArn",
		"FirehoseSuccessFeedbackRoleArn", "FirehoseSuccessFeedbackSampleRate", "FirehoseFailureFeedbackRoleArn",
		"LambdaSuccessFeedbackRoleArn", "LambdaSuccessFeedbackSampleRate", "LambdaFailureFeedbackRoleArn",
		"ApplicationSuccessFeedbackRoleArn", "ApplicationSuccessFeedbackSampleRate", "ApplicationFailureFeedbackRoleArn",
		"SQSSuccessFeedbackRoleArn", "SQSSuccessFeedbackSampleRate", "SQSFailureFeedbackRoleArn":
		return unbuilt(parameter, name)
	}
	if parameter == "AttributeName" {
		return invalidParameter("AttributeName")
	}
	return invalidParameter("%s Reason: Unknown attribute %s", parameter, clip(name))
}

// createTopic [SNS CreateTopic] makes a topic, or gives the ARN of one that exists with the same
// attributes.
func (a *adapter) createTopic(ctx context.Context, c *awsproto.Call, in *createTopicInput) (*createTopicOutput, error) {
	if in.Attributes["FifoTopic"] == "true" {
		return nil, unbuilt("Attributes", "FifoTopic")
	}
	if !validTopicName(in.Name) {
		return nil, invalidParameter("Topic Name")
	}
	for name, value := range in.Attributes {
		if bad := checkTopicAttribute("Attributes", name, value); bad != nil {
			return nil, bad
		}
	}
	if len(in.Tags) > 0 {
		return nil, unbuilt("Tags", "tagging a topic")
	}
	if in.DataProtectionPolicy != "" {
		return nil, unbuilt("DataProtectionPolicy", "data protection")
	}
	if _, err := a.broker.Namespace(ctx, c.Namespace(c.Account), true); err != nil {
		return nil, err
	}
	session, err := a.session(ctx, c, c.Account)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	spec, created, err := session.DeclareExchange(ctx, broker.ExchangeSpec{
		Name: in.Name, Kind: broker.Fanout, Durable: true, Attributes: keptAttributes(in.Attributes[displayName]),
	})
	if err != nil {
		return nil, err
	}
	if want, given := in.Attributes[displayName]; !created && given && want != keptDisplayName(&spec) {
		return nil, kindErrors[broker.KindMismatch]
	}
	return &createTopicOutput{topicARN(c.Region, c.Account, in.Name)}, nil
}

func keptAttributes(display string) broker.Attributes {
	return broker.Attributes{frontEnd: property.Table{{Name: displayName, Value: display}}}
}

func keptDisplayName(spec *broker.ExchangeSpec) string {
	value, _ := spec.Attributes[frontEnd].Get(displayName)
	name, _ := value.(string)
	return name
}

// deleteTopic [SNS DeleteTopic] removes the topic and its subscriptions. One that is not there is no
// error.
func (a *adapter) deleteTopic(ctx context.Context, c *awsproto.Call, in *topicInput) (*empty, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if err := t.session.DeleteExchange(ctx, t.name, false); err != nil && !notFound(err) {
		return nil, err
	}
	return nil, nil
}

func notFound(err error) bool {
	return errors.Is(err, topicNotFound) || broker.IsKind(err, broker.KindNotFound)
}

// listTopics [SNS ListTopics].
func (a *adapter) listTopics(ctx context.Context, c *awsproto.Call, in *listInput) (*listTopicsOutput, error) {
	out := &listTopicsOutput{Topics: []topicInput{}}
	session, err := a.session(ctx, c, c.Account)
	if notFound(err) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var arns []string
	for _, spec := range session.Exchanges() {
		if isTopic(&spec) {
			arns = append(arns, topicARN(c.Region, c.Account, spec.Name))
		}
	}
	arns, out.NextToken, err = pageOf(a.tokens, c, in.NextToken, arns, func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	for _, a := range arns {
		out.Topics = append(out.Topics, topicInput{a})
	}
	return out, nil
}

// getTopicAttributes [SNS GetTopicAttributes]. What the attributes of AWS say about delivery and
// policies is left out: neither is built.
func (a *adapter) getTopicAttributes(ctx context.Context, c *awsproto.Call, in *topicInput) (*getTopicAttributesOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	return &getTopicAttributesOutput{map[string]string{
		"TopicArn":               t.arn,
		"Owner":                  t.account,
		displayName:              keptDisplayName(&t.spec),
		"SubscriptionsConfirmed": strconv.Itoa(len(subscriptionsOf(t.session, t.name))),
		"SubscriptionsPending":   "0",
		"SubscriptionsDeleted":   "0",
	}}, nil
}

// setTopicAttributes [SNS SetTopicAttributes].
func (a *adapter) setTopicAttributes(ctx context.Context, c *awsproto.Call, in *setTopicAttributesInput) (*empty, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if bad := checkTopicAttribute("AttributeName", in.AttributeName, in.AttributeValue); bad != nil {
		return nil, bad
	}
	if in.AttributeName != displayName {
		return nil, nil
	}
	return nil, t.session.SetExchangeAttributes(ctx, t.name, frontEnd, keptAttributes(in.AttributeValue)[frontEnd])
}
