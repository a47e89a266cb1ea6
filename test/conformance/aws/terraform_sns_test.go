package aws

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// terraformTopics makes the calls that the Terraform AWS provider makes for topics and subscriptions, in its order, and
// looks at what it looks at: hashicorp/terraform-provider-aws, internal/service/sns/topic.go at 00a3530
// (resourceTopicCreate, putTopicAttributes, findTopicAttributesWithValidAWSPrincipalsByARN, resourceTopicDelete) and
// topic_subscription.go at 04a2e6e (resourceTopicSubscriptionCreate, -Delete, putSubscriptionAttributes,
// waitSubscriptionConfirmed, waitSubscriptionDeleted). The provider itself is not to be had here.
type terraformTopics struct {
	*testing.T
	c *sns.Client
}

func (tf *terraformTopics) must(err error) {
	tf.Helper()
	if err != nil {
		tf.Fatal("the provider stops at ", err)
	}
}

// create makes the topic with FifoTopic and tags alone, and sets every other attribute by a call of its own.
func (tf *terraformTopics) create(name string, fifo bool, attributes map[string]string) string {
	tf.Helper()
	in := &sns.CreateTopicInput{Name: &name, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}
	if fifo {
		in.Attributes = map[string]string{"FifoTopic": "true", "FifoThroughputScope": "Topic"}
	}
	out, err := tf.c.CreateTopic(tf.Context(), in)
	tf.must(err)
	for attribute, value := range attributes {
		_, err := tf.c.SetTopicAttributes(tf.Context(), &sns.SetTopicAttributesInput{TopicArn: out.TopicArn, AttributeName: &attribute, AttributeValue: &value})
		tf.must(err)
	}
	return *out.TopicArn
}

// read gives the attributes; the policy's principals must be an account, an ARN or "*".
func (tf *terraformTopics) read(arn string) map[string]string {
	tf.Helper()
	out, err := tf.c.GetTopicAttributes(tf.Context(), &sns.GetTopicAttributesInput{TopicArn: &arn})
	tf.must(err)
	var policy struct {
		Statement []struct{ Principal map[string]any }
	}
	tf.must(json.Unmarshal([]byte(out.Attributes["Policy"]), &policy))
	tags, err := tf.c.ListTagsForResource(tf.Context(), &sns.ListTagsForResourceInput{ResourceArn: &arn})
	tf.must(err)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "k" {
		tf.Errorf("tags %v", tags.Tags)
	}
	return out.Attributes
}

func (tf *terraformTopics) pending(arn string) (string, bool) {
	tf.Helper()
	out, err := tf.c.GetSubscriptionAttributes(tf.Context(), &sns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
	var gone *types.NotFoundException
	if errors.As(err, &gone) {
		return "", false
	}
	tf.must(err)
	return out.Attributes["PendingConfirmation"], true
}

func (tf *terraformTopics) setSubscription(arn, name string, value *string) {
	tf.Helper()
	_, err := tf.c.SetSubscriptionAttributes(tf.Context(), &sns.SetSubscriptionAttributesInput{SubscriptionArn: &arn, AttributeName: &name, AttributeValue: value})
	tf.must(err)
}

func TestTerraformTopic(t *testing.T) {
	e := endpoint(t)
	tf := &terraformTopics{t, snsClient(e)}
	want := map[string]string{
		"DisplayName": "d", "TracingConfig": "Active", "SignatureVersion": "2", "KmsMasterKeyId": "alias/aws/sns",
		"DeliveryPolicy":                  `{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false}}`,
		"SQSSuccessFeedbackRoleArn":       "arn:aws:iam::" + e.account + ":role/r",
		"LambdaSuccessFeedbackSampleRate": "50",
		"Policy":                          `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"SNS:Publish","Resource":"` + e.arn("sns", "tf") + `"}]}`,
	}
	topic := tf.create("tf", false, want)
	got := tf.read(topic)
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %q, the provider set %q", name, got[name], value)
		}
	}
	fifo := tf.create("tf.fifo", true, map[string]string{"ContentBasedDeduplication": "true", "ArchivePolicy": `{"MessageRetentionPeriod":"30"}`})
	if got := tf.read(fifo); got["FifoTopic"] != "true" || got["ContentBasedDeduplication"] != "true" || got["ArchivePolicy"] != `{"MessageRetentionPeriod":"30"}` || got["FifoThroughputScope"] != "Topic" {
		t.Errorf("FIFO topic %v", got)
	}
	empty := "{}"
	_, err := tf.c.SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{TopicArn: &fifo, AttributeName: aws.String("ArchivePolicy"), AttributeValue: &empty})
	tf.must(err)
	for _, arn := range []string{topic, fifo} {
		_, err := tf.c.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &arn})
		tf.must(err)
		_, err = tf.c.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: &arn})
		var gone *types.NotFoundException
		if !errors.As(err, &gone) {
			t.Errorf("the topic is not seen to be gone: %v", err)
		}
	}
}

func TestTerraformSubscription(t *testing.T) {
	e := endpoint(t)
	tf := &terraformTopics{t, snsClient(e)}
	createQueue(t, sqsClient(e), "tf")
	createQueue(t, sqsClient(e), "tf-dead")
	topic := tf.create("tf-sub", false, nil)
	subscribe := func(protocol, to string, attributes map[string]string) string {
		out, err := tf.c.Subscribe(t.Context(), &sns.SubscribeInput{
			TopicArn: &topic, Protocol: &protocol, Endpoint: &to, Attributes: attributes, ReturnSubscriptionArn: true,
		})
		tf.must(err)
		return *out.SubscriptionArn
	}
	redrive := `{"deadLetterTargetArn":"` + e.arn("sqs", "tf-dead") + `"}`
	arn := subscribe("sqs", e.arn("sqs", "tf"), map[string]string{"FilterPolicy": `{"a":["b"]}`, "FilterPolicyScope": "MessageAttributes", "RedrivePolicy": redrive, "RawMessageDelivery": "true"})
	if state, there := tf.pending(arn); !there || state != "false" {
		t.Errorf("the provider waits: pending is %q", state)
	}
	// An update to a nested policy: the scope of bodies goes first, that of attributes last.
	tf.setSubscription(arn, "FilterPolicyScope", aws.String("MessageBody"))
	tf.setSubscription(arn, "FilterPolicy", aws.String(`{"a":{"b":["c"]}}`))
	tf.setSubscription(arn, "FilterPolicy", aws.String("{}"))
	tf.setSubscription(arn, "FilterPolicyScope", aws.String("MessageAttributes"))
	tf.setSubscription(arn, "RedrivePolicy", nil)
	out, err := tf.c.GetSubscriptionAttributes(t.Context(), &sns.GetSubscriptionAttributesInput{SubscriptionArn: &arn})
	tf.must(err)
	for _, name := range []string{"FilterPolicy", "FilterPolicyScope", "RedrivePolicy"} {
		if value, ok := out.Attributes[name]; ok {
			t.Errorf("%s is still %q", name, value)
		}
	}
	_, err = tf.c.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &arn})
	tf.must(err)
	if _, there := tf.pending(arn); there {
		t.Error("the provider waits for the subscription to go")
	}
	// An endpoint that does not confirm by itself is not waited for, and is left to AWS when it is deleted.
	waiting := subscribe("email", "a@example.com", nil)
	if state, _ := tf.pending(waiting); state != "true" {
		t.Errorf("pending is %q", state)
	}
	_, err = tf.c.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &waiting})
	var invalid *types.InvalidParameterException
	if !errors.As(err, &invalid) || !strings.Contains(invalid.ErrorMessage(), "Cannot unsubscribe a subscription that is pending confirmation") {
		t.Errorf("unsubscribing what is pending: %v", err)
	}
}
