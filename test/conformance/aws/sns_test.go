package aws

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func createTopic(t *testing.T, c *sns.Client, name string) string {
	t.Helper()
	out, err := c.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *out.TopicArn
}

func subscribe(t *testing.T, e target, c *sns.Client, topic, queue string, attributes map[string]string) string {
	t.Helper()
	out, err := c.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(e.arn("sqs", queue)),
		Attributes: attributes, ReturnSubscriptionArn: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.SubscriptionArn
}

func bodies(t *testing.T, c *sqs.Client, queue string) []string {
	t.Helper()
	got, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range got.Messages {
		list = append(list, *m.Body)
	}
	return list
}

func TestSNSFanOut(t *testing.T) {
	e := endpoint(t)
	c, q := snsClient(e), sqsClient(e)
	raw, wrapped, red := createQueue(t, q, "fan-raw"), createQueue(t, q, "fan-wrapped"), createQueue(t, q, "fan-red")
	topic := createTopic(t, c, "fan")
	if topic != e.arn("sns", "fan") {
		t.Errorf("topic %s", topic)
	}
	subscribe(t, e, c, topic, "fan-raw", map[string]string{"RawMessageDelivery": "true"})
	subscription := subscribe(t, e, c, topic, "fan-wrapped", nil)
	subscribe(t, e, c, topic, "fan-red", map[string]string{"RawMessageDelivery": "true", "FilterPolicy": `{"colour":["red"],"size":[1,2.5]}`})
	published, err := c.Publish(t.Context(), &sns.PublishInput{
		TopicArn: &topic, Message: aws.String("first <&>"), Subject: aws.String("news"),
		MessageAttributes: map[string]snstypes.MessageAttributeValue{
			"colour": {DataType: aws.String("String"), StringValue: aws.String("blue")},
			"blob":   {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var entries []snstypes.PublishBatchRequestEntry
	for i, colour := range []string{"red", "green", "red"} {
		entries = append(entries, snstypes.PublishBatchRequestEntry{
			Id: aws.String(fmt.Sprint(i)), Message: aws.String(fmt.Sprint("batch ", i)),
			MessageAttributes: map[string]snstypes.MessageAttributeValue{
				"colour": {DataType: aws.String("String.Array"), StringValue: aws.String(fmt.Sprintf(`["x", %q]`, colour))},
				"size":   {DataType: aws.String("Number"), StringValue: aws.String("2.50")},
			},
		})
	}
	batch, err := c.PublishBatch(t.Context(), &sns.PublishBatchInput{TopicArn: &topic, PublishBatchRequestEntries: entries})
	if err != nil || len(batch.Successful) != 3 || len(batch.Failed) != 0 {
		t.Fatal(batch, err)
	}
	if got := fmt.Sprint(bodies(t, q, raw)); got != "[first <&> batch 0 batch 1 batch 2]" {
		t.Errorf("raw: %s", got)
	}
	if got := fmt.Sprint(bodies(t, q, red)); got != "[batch 0 batch 2]" {
		t.Errorf("filtered: %s", got)
	}
	got := bodies(t, q, wrapped)
	if len(got) != 4 {
		t.Fatalf("wrapped: %v", got)
	}
	var envelope struct {
		Type, MessageId, TopicArn, Subject, Message, Timestamp, UnsubscribeURL string
		MessageAttributes                                                      map[string]struct{ Type, Value string }
	}
	if err := json.Unmarshal([]byte(got[0]), &envelope); err != nil {
		t.Fatal(err)
	}
	if envelope.Type != "Notification" || envelope.MessageId != *published.MessageId || envelope.TopicArn != topic ||
		envelope.Subject != "news" || envelope.Message != "first <&>" || len(envelope.Timestamp) != 24 ||
		envelope.MessageAttributes["blob"].Value != "AQI=" || envelope.MessageAttributes["colour"].Value != "blue" {
		t.Errorf("envelope %s", got[0])
	}
	if _, err := c.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &subscription}); err != nil {
		t.Error(err)
	}
	if _, err := c.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("last")}); err != nil {
		t.Error(err)
	}
	if got := bodies(t, q, wrapped); len(got) != 0 {
		t.Errorf("after unsubscribing: %v", got)
	}
}

func TestSNSSubscriptions(t *testing.T) {
	e := endpoint(t)
	c, q := snsClient(e), sqsClient(e)
	createQueue(t, q, "sub")
	topic := createTopic(t, c, "sub")
	if again := createTopic(t, c, "sub"); again != topic {
		t.Errorf("created again as %s", again)
	}
	first := subscribe(t, e, c, topic, "sub", nil)
	if second := subscribe(t, e, c, topic, "sub", nil); second != first {
		t.Errorf("subscribed again as %s, not %s", second, first)
	}
	set := func(name, value string) string {
		_, err := c.SetSubscriptionAttributes(t.Context(), &sns.SetSubscriptionAttributesInput{SubscriptionArn: &first, AttributeName: &name, AttributeValue: &value})
		return code(err)
	}
	for _, step := range [][3]string{
		{"RawMessageDelivery", "true", "<nil>"},
		{"RawMessageDelivery", "maybe", "InvalidParameter"},
		{"FilterPolicy", `{"a":["b"]}`, "<nil>"},
		{"FilterPolicy", `{"a":[{"suffix":"b"}]}`, "<nil>"},
		{"FilterPolicy", `{"a":[{"nonsense":"b"}]}`, "InvalidParameter"},
		{"FilterPolicy", `{"a":"b"}`, "InvalidParameter"},
		{"FilterPolicy", `[`, "InvalidParameter"},
		{"FilterPolicyScope", "MessageBody", "<nil>"},
		{"FilterPolicyScope", "x", "InvalidParameter"},
		{"FilterPolicy", `{"a":["b"]}`, "<nil>"},
		{"RedrivePolicy", `{"deadLetterTargetArn":"x"}`, "InvalidParameter"},
		{"Nonsense", "x", "InvalidParameter"},
	} {
		if got := set(step[0], step[1]); got != step[2] {
			t.Errorf("%s=%s: %s, want %s", step[0], step[1], got, step[2])
		}
	}
	attributes, err := c.GetSubscriptionAttributes(t.Context(), &sns.GetSubscriptionAttributesInput{SubscriptionArn: &first})
	if err != nil || attributes.Attributes["RawMessageDelivery"] != "true" || attributes.Attributes["FilterPolicy"] != `{"a":["b"]}` {
		t.Error(attributes, err)
	}
	_, err = c.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: &topic, Protocol: aws.String("sqs"), Endpoint: aws.String(e.arn("sqs", "sub")),
		Attributes: map[string]string{"RawMessageDelivery": "false"},
	})
	if code(err) != "InvalidParameter" {
		t.Errorf("subscribing with other attributes: %v", err)
	}
	list, err := c.ListSubscriptionsByTopic(t.Context(), &sns.ListSubscriptionsByTopicInput{TopicArn: &topic})
	if err != nil || len(list.Subscriptions) != 1 || *list.Subscriptions[0].SubscriptionArn != first || *list.Subscriptions[0].Protocol != "sqs" {
		t.Error(list, err)
	}
	for i := range 101 {
		createTopic(t, c, fmt.Sprint("many-", i))
	}
	topics := 0
	for pages := sns.NewListTopicsPaginator(c, &sns.ListTopicsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		topics += len(page.Topics)
	}
	if topics != 102 {
		t.Errorf("%d topics listed", topics)
	}
	if _, err := c.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &topic}); err != nil {
		t.Error(err)
	}
	_, err = c.GetSubscriptionAttributes(t.Context(), &sns.GetSubscriptionAttributesInput{SubscriptionArn: &first})
	if code(err) != "NotFound" {
		t.Errorf("a subscription of a deleted topic: %v", err)
	}
	_, err = c.Publish(t.Context(), &sns.PublishInput{TopicArn: &topic, Message: aws.String("x")})
	if code(err) != "NotFound" {
		t.Errorf("publishing to a deleted topic: %v", err)
	}
	for _, protocol := range []string{"http", "email", "carrier-pigeon"} {
		_, err := c.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: aws.String(e.arn("sns", "many-1")), Protocol: &protocol, Endpoint: aws.String("x")})
		if code(err) != "InvalidParameter" {
			t.Errorf("%s: %v", protocol, err)
		}
	}
}
