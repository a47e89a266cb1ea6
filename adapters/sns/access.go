package sns

import (
	"context"
	"strings"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// What a request wants to do, for the endpoint to ask policies about.

// resourceOf gives the ARN that an input names; "" when it names none.
func resourceOf(in any) string {
	switch in := in.(type) {
	case *topicInput:
		return in.TopicARN
	case *setTopicAttributesInput:
		return in.TopicARN
	case *addPermissionInput:
		return in.TopicARN
	case *removePermissionInput:
		return in.TopicARN
	case *subscribeInput:
		return in.TopicARN
	case *confirmInput:
		return in.TopicARN
	case *listByTopicInput:
		return in.TopicARN
	case *publishBatchInput:
		return in.TopicARN
	case *publishInput:
		if in.TopicARN != nil {
			return *in.TopicARN
		}
		return in.TargetARN
	case *resourceInput:
		return in.ResourceARN
	case *tagResourceInput:
		return in.ResourceARN
	case *untagResourceInput:
		return in.ResourceARN
	case *putDataProtectionInput:
		return in.ResourceARN
	case *subscriptionInput:
		return topicOfSubscription(in.SubscriptionARN)
	case *setSubscriptionAttributesInput:
		return topicOfSubscription(in.SubscriptionARN)
	case *applicationInput:
		return in.PlatformApplicationARN
	case *setApplicationInput:
		return in.PlatformApplicationARN
	case *createEndpointInput:
		return in.PlatformApplicationARN
	case *listEndpointsInput:
		return in.PlatformApplicationARN
	case *endpointInput:
		return in.EndpointARN
	case *setEndpointInput:
		return in.EndpointARN
	}
	return ""
}

// topicOfSubscription cuts the id off: rights on a subscription are those on its topic.
func topicOfSubscription(subscriptionARN string) string {
	at := strings.LastIndexByte(subscriptionARN, ':')
	if strings.Count(subscriptionARN, ":") < 6 {
		return subscriptionARN
	}
	return subscriptionARN[:at]
}

// access implements awsproto.Service.Access. SNS writes its name in capitals.
func (a *Adapter) access(ctx context.Context, c *awsproto.Call, in any) ([]awsproto.Access, error) {
	one := awsproto.Access{Action: "SNS:" + c.Action, Resource: "*", Conditions: make(awspolicy.Context)}
	if c.Action == "PublishBatch" {
		one.Action = "SNS:Publish"
	}
	switch in := in.(type) {
	case *createTopicInput:
		one.Resource = makeARN(c.Region, c.Account, in.Name)
		setRequestTags(one.Conditions, in.Tags)
		return []awsproto.Access{one}, nil
	case *subscribeInput:
		one.Conditions.Set("sns:Protocol", in.Protocol)
		one.Conditions.Set("sns:Endpoint", in.Endpoint)
	case *tagResourceInput:
		setRequestTags(one.Conditions, in.Tags)
	case *untagResourceInput:
		one.Conditions.Set("aws:TagKeys", in.TagKeys...)
	}
	resource := resourceOf(in)
	if resource == "" {
		return []awsproto.Access{one}, nil
	}
	parsed, bad := parseARN(resource, "TopicArn")
	if bad != nil {
		return nil, bad
	}
	one.Resource, one.Owner = resource, parsed.account
	if validTopicName(parsed.resource) {
		a.addTopic(ctx, c, &one)
	}
	return []awsproto.Access{one}, nil
}

// addTopic adds the topic's policy and tags, if there is one.
func (a *Adapter) addTopic(ctx context.Context, c *awsproto.Call, one *awsproto.Access) {
	t, err := a.findTopic(ctx, c, one.Resource, "TopicArn")
	if err != nil {
		return // the action says so to whom it is allowed
	}
	defer t.session.Close()
	text := t.record.Attributes[policyAttribute]
	if text == "" {
		text = defaultPolicy(t.arn, t.account)
	}
	one.Policy = a.policies.Get(text)
	for _, tag := range t.record.Tags {
		one.Conditions.Set("aws:ResourceTag/"+tag.Key, tag.Value)
	}
}

func setRequestTags(conditions awspolicy.Context, tags []tag) {
	keys := make([]string, len(tags))
	for i, tag := range tags {
		keys[i] = tag.Key
		conditions.Set("aws:RequestTag/"+tag.Key, tag.Value)
	}
	if len(keys) > 0 {
		conditions.Set("aws:TagKeys", keys...)
	}
}

// denied words a refusal.
func denied(text string) *awsproto.Error { return plainError("AuthorizationError", 403, "%s", text) }
