package conformance

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

// TestTopicFromAMQP binds a queue of AMQP to a topic of SNS, and publishes to the topic from both sides.
func TestTopicFromAMQP(t *testing.T) {
	t.Parallel()
	s := server.Start(t)
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(s.AWSURL(t)), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	}
	topics, queues := sns.NewFromConfig(config), sqs.NewFromConfig(config)
	topic, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("orders")})
	must(t, err)
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("worker")})
	must(t, err)
	_, err = topics.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: topic.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:worker"),
		Attributes: map[string]string{"RawMessageDelivery": "true", "FilterPolicy": `{"size":[{"numeric":[">",5]}]}`},
	})
	must(t, err)
	conn, err := amqp.Dial(s.AMQPURL(t))
	must(t, err)
	defer conn.Close()
	ch, err := conn.Channel()
	must(t, err)
	_, err = ch.QueueDeclare("audit", true, false, false, false, nil)
	must(t, err)
	must(t, ch.QueueBind("audit", "", "orders", false, nil))
	_, err = topics.Publish(t.Context(), &sns.PublishInput{
		TopicArn: topic.TopicArn, Message: aws.String("small"), Subject: aws.String("news"),
		MessageAttributes: map[string]snstypes.MessageAttributeValue{"size": {DataType: aws.String("Number"), StringValue: aws.String("5")}},
	})
	must(t, err)
	d, ok, err := ch.Get("audit", true)
	must(t, err)
	if !ok || string(d.Body) != "small" || d.Headers["size"] != int64(5) || d.Headers["aws:subject"] != "news" {
		t.Errorf("AMQP got %q with %v", d.Body, d.Headers)
	}
	must(t, ch.Confirm(false))
	confirm, err := ch.PublishWithDeferredConfirm("orders", "", false, false, amqp.Publishing{Headers: amqp.Table{"size": int32(6)}, Body: []byte("large")})
	must(t, err)
	if !confirm.Wait() {
		t.Error("not confirmed")
	}
	got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl, WaitTimeSeconds: 20, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
	must(t, err)
	if len(got.Messages) != 1 || *got.Messages[0].Body != "large" || *got.Messages[0].MessageAttributes["size"].StringValue != "6" {
		t.Errorf("SQS got %v", got.Messages)
	}
}
