package aws

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

func createQueue(t *testing.T, c *sqs.Client, name string) string {
	t.Helper()
	out, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestSQSMessageWithAttributes(t *testing.T) {
	e := endpoint(t)
	c := sqsClient(e)
	queue := createQueue(t, c, "attributes")
	if want := e.url + "/" + e.account + "/attributes"; queue != want {
		t.Errorf("queue URL %s, want %s", queue, want)
	}
	attributes := map[string]types.MessageAttributeValue{
		"text":    {DataType: aws.String("String"), StringValue: aws.String("värde")},
		"number":  {DataType: aws.String("Number"), StringValue: aws.String("1.50")},
		"integer": {DataType: aws.String("Number"), StringValue: aws.String("42")},
		"binary":  {DataType: aws.String("Binary.png"), BinaryValue: []byte{0, 255, 1}},
		"custom":  {DataType: aws.String("Number.byte"), StringValue: aws.String("7")},
	}
	sent, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: &queue, MessageBody: aws.String("hello\r\n<&>"), MessageAttributes: attributes,
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String("Root=1-5759e988-bd862e3fe1be46a994272793")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &queue, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil || len(got.Messages) != 1 {
		t.Fatal(got, err)
	}
	m := got.Messages[0]
	if *m.Body != "hello\r\n<&>" || *m.MessageId != *sent.MessageId || *m.MD5OfBody != *sent.MD5OfMessageBody {
		t.Errorf("message %+v", m)
	}
	if *m.MD5OfMessageAttributes != *sent.MD5OfMessageAttributes {
		t.Errorf("attributes' MD5 %s, sent %s", *m.MD5OfMessageAttributes, *sent.MD5OfMessageAttributes)
	}
	if sent.MD5OfMessageSystemAttributes == nil {
		t.Error("no MD5 of the system attributes")
	}
	for name, want := range attributes {
		have, ok := m.MessageAttributes[name]
		if !ok || *have.DataType != *want.DataType || aws.ToString(have.StringValue) != aws.ToString(want.StringValue) || string(have.BinaryValue) != string(want.BinaryValue) {
			t.Errorf("%s: %+v, want %+v", name, have, want)
		}
	}
	for name, want := range map[string]string{"ApproximateReceiveCount": "1", "SenderId": e.account, "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"} {
		if m.Attributes[name] != want {
			t.Errorf("%s is %q, want %q", name, m.Attributes[name], want)
		}
	}
	for _, name := range []string{"SentTimestamp", "ApproximateFirstReceiveTimestamp"} {
		if len(m.Attributes[name]) != 13 {
			t.Errorf("%s is %q, want milliseconds", name, m.Attributes[name])
		}
	}
	if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Error(err)
	}
	counts(t, c, queue, "0", "0")
}

func counts(t *testing.T, c *sqs.Client, queue, ready, inFlight string) {
	t.Helper()
	out, err := c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Attributes["ApproximateNumberOfMessages"] != ready || out.Attributes["ApproximateNumberOfMessagesNotVisible"] != inFlight {
		t.Errorf("counts %v, want %s ready and %s in flight", out.Attributes, ready, inFlight)
	}
}

func TestSQSBatches(t *testing.T) {
	c := sqsClient(endpoint(t))
	queue := createQueue(t, c, "batches")
	var entries []types.SendMessageBatchRequestEntry
	for i := range 10 {
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint("m", i)), MessageBody: aws.String(fmt.Sprint("body ", i))})
	}
	entries[3].MessageBody = aws.String("not \x00 allowed")
	sent, err := c.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queue, Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	if len(sent.Successful) != 9 || len(sent.Failed) != 1 || *sent.Failed[0].Id != "m3" || *sent.Failed[0].Code != "InvalidMessageContents" || !sent.Failed[0].SenderFault {
		t.Fatalf("sent %+v, failed %+v", sent.Successful, sent.Failed)
	}
	got, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
	if err != nil || len(got.Messages) != 9 {
		t.Fatal(got, err)
	}
	var change []types.ChangeMessageVisibilityBatchRequestEntry
	var remove []types.DeleteMessageBatchRequestEntry
	for i, m := range got.Messages {
		if want := []string{"0", "1", "2", "4", "5", "6", "7", "8", "9"}[i]; *m.Body != "body "+want {
			t.Errorf("message %d is %q", i, *m.Body)
		}
		id := aws.String(fmt.Sprint(i))
		if i < 4 {
			change = append(change, types.ChangeMessageVisibilityBatchRequestEntry{Id: id, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0})
		} else {
			remove = append(remove, types.DeleteMessageBatchRequestEntry{Id: id, ReceiptHandle: m.ReceiptHandle})
		}
	}
	remove = append(remove, types.DeleteMessageBatchRequestEntry{Id: aws.String("forged"), ReceiptHandle: aws.String("AAAA")})
	changed, err := c.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &queue, Entries: change})
	if err != nil || len(changed.Successful) != 4 {
		t.Fatal(changed, err)
	}
	removed, err := c.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: &queue, Entries: remove})
	if err != nil || len(removed.Successful) != 5 || len(removed.Failed) != 1 || *removed.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Fatal(removed, err)
	}
	counts(t, c, queue, "4", "0")
	again, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 1, AttributeNames: []types.QueueAttributeName{"ApproximateReceiveCount"}}) //nolint:staticcheck // older SDKs know no other field
	if err != nil || len(again.Messages) != 1 || *again.Messages[0].Body != "body 0" || again.Messages[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatal(again, err)
	}
	if _, err := c.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &queue}); err != nil {
		t.Error(err)
	}
	counts(t, c, queue, "0", "0")
}

func TestSQSLongPollWakesOnSend(t *testing.T) {
	c := sqsClient(endpoint(t))
	queue := createQueue(t, c, "poll")
	got := make(chan *sqs.ReceiveMessageOutput, 1)
	failed := make(chan error, 1)
	go func() {
		out, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, WaitTimeSeconds: 20})
		failed <- err
		got <- out
	}()
	if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String("wake")}); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	if out := <-got; len(out.Messages) != 1 {
		t.Errorf("after %s: %+v", time.Since(start), out)
	}
}

func TestSQSVisibility(t *testing.T) {
	c := sqsClient(endpoint(t))
	queue := createQueue(t, c, "visibility")
	if _, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: aws.String("x")}); err != nil {
		t.Fatal(err)
	}
	first, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, VisibilityTimeout: 1})
	if err != nil || len(first.Messages) != 1 {
		t.Fatal(first, err)
	}
	second, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, WaitTimeSeconds: 20, VisibilityTimeout: 60})
	if err != nil || len(second.Messages) != 1 {
		t.Fatal("it did not come again after its visibility timeout:", second, err)
	}
	_, err = c.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &queue, ReceiptHandle: first.Messages[0].ReceiptHandle, VisibilityTimeout: 5})
	if err != nil { // as measured on AWS
		t.Errorf("changing the visibility by an old handle: %v", err)
	}
	_, err = c.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &queue, ReceiptHandle: second.Messages[0].ReceiptHandle, VisibilityTimeout: 43200})
	if err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: second.Messages[0].ReceiptHandle}); err != nil {
		t.Error(err)
	}
	if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: second.Messages[0].ReceiptHandle}); err != nil {
		t.Error("deleting twice:", err)
	}
}

func TestSQSQueues(t *testing.T) {
	e := endpoint(t)
	c := sqsClient(e)
	for i := range 5 {
		createQueue(t, c, fmt.Sprint("list-", i))
	}
	var urls []string
	pages := sqs.NewListQueuesPaginator(c, &sqs.ListQueuesInput{QueueNamePrefix: aws.String("list-"), MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		urls = append(urls, page.QueueUrls...)
	}
	if len(urls) != 5 || !strings.HasSuffix(urls[4], "/list-4") {
		t.Errorf("listed %v", urls)
	}
	name := "set"
	create := func(attributes map[string]string) error {
		_, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		return err
	}
	for _, step := range []struct {
		attributes map[string]string
		want       string
	}{
		{map[string]string{"VisibilityTimeout": "60"}, "<nil>"},
		{map[string]string{"VisibilityTimeout": "60"}, "<nil>"},
		{nil, "<nil>"},
		{map[string]string{"VisibilityTimeout": "61"}, "QueueAlreadyExists"},
		{map[string]string{"ReceiveMessageWaitTimeSeconds": "1"}, "QueueAlreadyExists"},
		{map[string]string{"VisibilityTimeout": "43201"}, "InvalidAttributeValue"},
		{map[string]string{"Nonsense": "1"}, "InvalidAttributeName"},
		{map[string]string{"DelaySeconds": "0"}, "<nil>"},
		{map[string]string{"DelaySeconds": "5"}, "QueueAlreadyExists"},
		{map[string]string{"FifoQueue": "true"}, "InvalidParameterValue"},
	} {
		if got := code(create(step.attributes)); got != step.want {
			t.Errorf("create with %v: %s, want %s", step.attributes, got, step.want)
		}
	}
	url, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: url.QueueUrl, Attributes: map[string]string{"MaximumMessageSize": "1024"}}); err != nil {
		t.Error(err)
	}
	out, err := c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []types.QueueAttributeName{"VisibilityTimeout", "MaximumMessageSize", "QueueArn"}})
	if err != nil || len(out.Attributes) != 3 || out.Attributes["VisibilityTimeout"] != "60" || out.Attributes["MaximumMessageSize"] != "1024" || out.Attributes["QueueArn"] != e.arn("sqs", "set") {
		t.Error(out, err)
	}
	_, err = c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: aws.String(strings.Repeat("x", 1025))})
	if code(err) != "InvalidParameterValue" || !strings.Contains(err.Error(), "Message must be shorter than 1024 bytes.") {
		t.Error(err)
	}
	if _, err := c.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url.QueueUrl}); err != nil {
		t.Error(err)
	}
	_, err = c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &name})
	var absent *types.QueueDoesNotExist
	if !errors.As(err, &absent) || absent.ErrorCode() != "AWS.SimpleQueueService.NonExistentQueue" {
		t.Errorf("the URL of a deleted queue: %v", err)
	}
}

func TestSQSFIFO(t *testing.T) {
	e := endpoint(t)
	c := sqsClient(e)
	made, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("go.fifo"), Attributes: map[string]string{"FifoQueue": "true", "DelaySeconds": "0"}})
	if err != nil {
		t.Fatal(err)
	}
	var entries []types.SendMessageBatchRequestEntry
	for i := range 6 {
		n := fmt.Sprint(i)
		entries = append(entries, types.SendMessageBatchRequestEntry{
			Id: &n, MessageBody: &n, MessageGroupId: aws.String(fmt.Sprint("g", i%2)), MessageDeduplicationId: &n,
		})
	}
	for range 2 { // the second time changes nothing
		out, err := c.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: made.QueueUrl, Entries: entries})
		if err != nil || len(out.Successful) != 6 || out.Successful[0].SequenceNumber == nil {
			t.Fatal(out, err)
		}
	}
	got, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10, ReceiveRequestAttemptId: aws.String("a"), MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	bodies := ""
	for _, m := range got.Messages {
		bodies += *m.Body
	}
	if bodies != "024135" || got.Messages[0].Attributes["MessageGroupId"] != "g0" {
		t.Errorf("received %s", bodies)
	}
	again, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10, ReceiveRequestAttemptId: aws.String("a")})
	if err != nil || len(again.Messages) != 6 || *again.Messages[0].ReceiptHandle != *got.Messages[0].ReceiptHandle {
		t.Error(again, err)
	}
}
