package conformance

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-stomp/stomp/v3"
	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

// amqpClient publishes with confirms and acks in transactions, since commit-ok
// is AMQP's only answer to an ack.
type amqpClient struct {
	out, in  *amqp.Channel
	confirms chan amqp.Confirmation
}

func connectAMQP(t *testing.T, s *server.Server) *amqpClient {
	t.Helper()
	conn, err := amqp.Dial(s.AMQPURL(t))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() }) // the server may have been killed
	out, err := conn.Channel()
	must(t, err)
	in, err := conn.Channel()
	must(t, err)
	_, err = out.QueueDeclare(sharedQueue, true, false, false, false, nil)
	must(t, err)
	must(t, out.Confirm(false))
	must(t, in.Tx())
	return &amqpClient{out: out, in: in, confirms: out.NotifyPublish(make(chan amqp.Confirmation, 1))}
}

func (c *amqpClient) name() string { return "AMQP" }

func (c *amqpClient) send(t *testing.T, body string) {
	t.Helper()
	must(t, c.out.PublishWithContext(t.Context(), "", sharedQueue, true, false,
		amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "text/plain", Body: []byte(body)}))
	if confirm := <-c.confirms; !confirm.Ack {
		t.Fatalf("%q was not confirmed", body)
	}
}

func (c *amqpClient) take(t *testing.T) (string, bool) {
	t.Helper()
	d, ok, err := c.in.Get(sharedQueue, false)
	must(t, err)
	if !ok {
		return "", false
	}
	must(t, d.Ack(false))
	must(t, c.in.TxCommit())
	return string(d.Body), true
}

func (c *amqpClient) count(t *testing.T) int {
	t.Helper()
	q, err := c.out.QueueDeclarePassive(sharedQueue, true, false, false, false, nil)
	must(t, err)
	return q.Messages
}

// stompClient holds at most one message that is not acked yet.
type stompClient struct {
	conn         *stomp.Conn
	subscription *stomp.Subscription
}

const stompDestination = "/queue/" + sharedQueue

func connectSTOMP(t *testing.T, s *server.Server) *stompClient {
	t.Helper()
	conn, err := stomp.Dial("tcp", s.Address(t, "stomp"), stomp.ConnOpt.Login("guest", "guest"), stomp.ConnOpt.Host("/"))
	must(t, err)
	t.Cleanup(func() { _ = conn.MustDisconnect() }) // the server may have been killed
	subscription, err := conn.Subscribe(stompDestination, stomp.AckClientIndividual,
		stomp.SubscribeOpt.Header("prefetch-count", "1"))
	must(t, err)
	return &stompClient{conn: conn, subscription: subscription}
}

func (c *stompClient) name() string { return "STOMP" }

func (c *stompClient) send(t *testing.T, body string) {
	t.Helper()
	must(t, c.conn.Send(stompDestination, "text/plain", []byte(body),
		stomp.SendOpt.Receipt, stomp.SendOpt.Header("persistent", "true")))
}

func (c *stompClient) take(t *testing.T) (string, bool) {
	t.Helper()
	select {
	case m := <-c.subscription.C:
		must(t, m.Err)
		tx, err := c.conn.BeginWithError()
		must(t, err)
		must(t, tx.Ack(m))
		must(t, tx.CommitWithReceipt())
		return string(m.Body), true
	case <-time.After(200 * time.Millisecond):
		return "", false
	}
}

// sqsClient talks to the queue of the same name in account 000000000000.
type sqsClient struct {
	api *sqs.Client
	url *string
}

func connectSQS(t *testing.T, s *server.Server) *sqsClient {
	t.Helper()
	api := sqs.New(sqs.Options{
		BaseEndpoint: aws.String(s.AWSURL(t)),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	queue, err := api.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(sharedQueue)})
	must(t, err)
	return &sqsClient{api: api, url: queue.QueueUrl}
}

func (c *sqsClient) name() string { return "SQS" }

func (c *sqsClient) send(t *testing.T, body string) {
	t.Helper()
	_, err := c.api.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: c.url, MessageBody: &body})
	must(t, err)
}

func (c *sqsClient) take(t *testing.T) (string, bool) {
	t.Helper()
	got, err := c.api.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: c.url})
	must(t, err)
	if len(got.Messages) == 0 {
		return "", false
	}
	m := got.Messages[0]
	_, err = c.api.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: c.url, ReceiptHandle: m.ReceiptHandle})
	must(t, err)
	return *m.Body, true
}

func (c *sqsClient) count(t *testing.T) int {
	t.Helper()
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}
	got, err := c.api.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: c.url, AttributeNames: names})
	must(t, err)
	total := 0
	for _, name := range names {
		n, err := strconv.Atoi(got.Attributes[string(name)])
		must(t, err)
		total += n
	}
	return total
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
