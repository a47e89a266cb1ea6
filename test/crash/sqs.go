package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/portico-mq/portico/test/crash/history"
)

// sqsQueue is a client of one queue that never repeats a request by itself: a
// request without an answer is uncertain, and a second one would hide that.
type sqsQueue struct {
	client *sqs.Client
	name   string
	url    *string
}

func (r *run) dialSQS(name string) (*sqsQueue, error) {
	q := &sqsQueue{name: name, client: sqs.New(sqs.Options{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String("http://" + r.broker.aws),
		Credentials:      credentials.NewStaticCredentialsProvider("test", "test", ""),
		RetryMaxAttempts: 1,
		Retryer:          aws.NopRetryer{},
	})}
	in := &sqs.CreateQueueInput{QueueName: &name}
	if q.fifo() {
		in.Attributes = map[string]string{"FifoQueue": "true"}
	}
	out, err := q.client.CreateQueue(r.ctx, in)
	if err != nil {
		return nil, err
	}
	q.url = out.QueueUrl
	return q, nil
}

func (q *sqsQueue) fifo() bool { return strings.HasSuffix(q.name, ".fifo") }

// sentAgain is how many of its last messages a FIFO publisher sends again after a kill, confirmed or not.
const sentAgain = 10

// sqsSendFIFO sends messages in order, and many of them twice: what was sent before the kill, settled or not, must not
// come again.
func (r *run) sqsSendFIFO(publisher int, queue string) error {
	q, err := r.dialSQS(queue)
	if err != nil {
		return err
	}
	send := func(m history.MessageID) error {
		id := fmt.Sprintf("%016x", uint64(m))
		_, err := q.client.SendMessage(r.ctx, &sqs.SendMessageInput{
			QueueUrl: q.url, MessageBody: aws.String(string(encodeBody(m))), MessageGroupId: aws.String("one"), MessageDeduplicationId: &id,
		})
		if err == nil {
			r.add(history.Event{Kind: history.Confirmed, Message: m})
		}
		return err
	}
	for _, m := range r.ids.latest(publisher, sentAgain) {
		if err := send(m); err != nil {
			return err
		}
	}
	for r.mayPublish(pace) {
		m := r.ids.message(publisher)
		r.add(history.Event{Kind: history.Sent, Message: m, Queue: queue})
		for range 1 + rand.IntN(2) {
			if err := send(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *run) sqsSend(publisher int, queue string) error {
	q, err := r.dialSQS(queue)
	if err != nil {
		return err
	}
	for r.mayPublish(pace) {
		m := r.ids.message(publisher)
		r.add(history.Event{Kind: history.Sent, Message: m, Queue: queue})
		_, err := q.client.SendMessage(r.ctx, &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String(string(encodeBody(m)))})
		if err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Confirmed, Message: m})
	}
	return nil
}

// sqsVisibility, in seconds, is longer than any run under load: what comes
// again within one was handed out twice. In a drain it brings back what was in
// a response that the client lost.
const sqsVisibility = 20

// lostResponses is how many a client may lose in a run. The SDK sometimes finds
// its own connection closed while it reads a response, also with AWS, and
// repeats the request by default (aws-sdk-go-v2, issues 1825 and 2737); here it
// must not repeat one.
const lostResponses = 3

func (r *run) sqsReceive(queue string) error {
	q, err := r.dialSQS(queue)
	if err != nil {
		return err
	}
	lost := 0
	for r.ctx.Err() == nil {
		out, err := q.client.ReceiveMessage(r.ctx, &sqs.ReceiveMessageInput{
			QueueUrl: q.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: sqsVisibility,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
		})
		if err != nil {
			if lost++; lost > lostResponses || r.killed.Load() || !errors.Is(err, net.ErrClosed) {
				return err
			}
			continue
		}
		for _, d := range out.Messages {
			if err := r.sqsTake(q, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// sqsTake deletes a message, or keeps it until the broker forgets the lease.
func (r *run) sqsTake(q *sqsQueue, d types.Message) error {
	m, err := decodeBody([]byte(*d.Body))
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(d.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return err
	}
	r.add(history.Event{Kind: history.Delivered, Message: m, Queue: q.name, Redelivered: count > 1})
	if !q.fifo() && r.chance(shareHeld) { // held, it would hold its group
		return nil
	}
	r.add(history.Event{Kind: history.SettleSent, Message: m, Queue: q.name})
	// Without the run's context: an answer that comes must be seen.
	_, err = q.client.DeleteMessage(context.WithoutCancel(r.ctx), &sqs.DeleteMessageInput{QueueUrl: q.url, ReceiptHandle: d.ReceiptHandle})
	if err != nil {
		return err
	}
	r.add(history.Event{Kind: history.Settled, Message: m, Queue: q.name})
	return nil
}
