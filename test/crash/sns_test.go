package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// snsKills is how often the broker is killed, and snsPublishers how many publish to each topic.
const (
	snsKills      = 6
	snsPublishers = 3
)

// snsRun is what the publishers were answered, and what the HTTP endpoint got, over all runs of the broker.
type snsRun struct {
	*testing.T
	mu        sync.Mutex
	answered  map[string]bool // messages to the standard topic
	delivered map[string]bool // by HTTP
	next      int
	fifo      []int // of each publisher: the next message to its group, which is published until it is answered
	links     chan string
}

// ServeHTTP is the subscribed endpoint: one request in four fails.
func (r *snsRun) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var e struct{ Type, Message, SubscribeURL string }
	body, err := io.ReadAll(q.Body)
	if err != nil || json.Unmarshal(body, &e) != nil { // the broker was killed
		return
	}
	if e.Type == "SubscriptionConfirmation" {
		r.links <- e.SubscribeURL
		return
	}
	if rand.IntN(4) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delivered[e.Message] = true
}

func snsConfig(c *child) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String("http://" + c.aws),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1,
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
}

const snsARN = "arn:aws:sns:us-east-1:000000000000:"

// declare makes topics, queues and subscriptions.
func (r *snsRun) declare(ctx context.Context, c *child, endpoint string) {
	r.Helper()
	topics, queues := sns.NewFromConfig(snsConfig(c)), sqs.NewFromConfig(snsConfig(c))
	must := func(err error) {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
	}
	fifo := map[string]string{"FifoQueue": "true"}
	for name, attributes := range map[string]map[string]string{"q": nil, "q.fifo": fifo} {
		_, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		must(err)
	}
	subscribe := func(topic, protocol, endpoint string, attributes map[string]string) {
		_, err := topics.Subscribe(ctx, &sns.SubscribeInput{TopicArn: aws.String(snsARN + topic), Protocol: &protocol, Endpoint: &endpoint, Attributes: attributes})
		must(err)
	}
	for name, attributes := range map[string]map[string]string{"t": nil, "t.fifo": {"FifoTopic": "true"}} {
		_, err := topics.CreateTopic(ctx, &sns.CreateTopicInput{Name: &name, Attributes: attributes})
		must(err)
		queue := "arn:aws:sqs:us-east-1:000000000000:" + strings.Replace(name, "t", "q", 1)
		subscribe(name, "sqs", queue, map[string]string{"RawMessageDelivery": "true"})
	}
	subscribe("t", "http", endpoint, map[string]string{
		"DeliveryPolicy": `{"healthyRetryPolicy":{"numRetries":100,"numNoDelayRetries":50,"minDelayTarget":1,"maxDelayTarget":1}}`,
	})
	answer, err := http.Get(<-r.links)
	must(err)
	answer.Body.Close()
}

// publish publishes until the broker is gone.
func (r *snsRun) publish(ctx context.Context, c *child) *sync.WaitGroup {
	topics := sns.NewFromConfig(snsConfig(c))
	var running sync.WaitGroup
	for n := range snsPublishers {
		running.Go(func() {
			for {
				r.mu.Lock()
				r.next++
				id := fmt.Sprint(r.next)
				r.mu.Unlock()
				if _, err := topics.Publish(ctx, &sns.PublishInput{TopicArn: aws.String(snsARN + "t"), Message: &id}); err != nil {
					return
				}
				r.mu.Lock()
				r.answered[id] = true
				r.mu.Unlock()
			}
		})
		running.Go(func() {
			for {
				r.mu.Lock()
				id := fmt.Sprint(r.fifo[n])
				r.mu.Unlock()
				group := fmt.Sprint("g", n)
				_, err := topics.Publish(ctx, &sns.PublishInput{
					TopicArn: aws.String(snsARN + "t.fifo"), Message: &id, MessageGroupId: &group, MessageDeduplicationId: aws.String(group + "-" + id),
				})
				if err != nil {
					return // and once more with the same name, when the broker is there again
				}
				r.mu.Lock()
				r.fifo[n]++
				r.mu.Unlock()
			}
		})
	}
	return &running
}

// drainVisibility, in seconds, is after how long what was in an answer that the client lost (see lostResponses) comes
// again.
const drainVisibility = 4

// drain takes everything out of a queue, by group.
func (r *snsRun) drain(ctx context.Context, c *child, name string) map[string][]string {
	r.Helper()
	queues := sqs.NewFromConfig(snsConfig(c))
	url := aws.String("http://" + c.aws + "/000000000000/" + name)
	got := make(map[string][]string)
	// Each wait is a second long.
	for empty, enough, lost := 0, 2, 0; empty < enough; {
		out, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, VisibilityTimeout: drainVisibility,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if errors.Is(err, net.ErrClosed) && lost < lostResponses {
			lost++
			enough = 2 * drainVisibility
			continue
		}
		if err != nil {
			r.Fatal(err)
		}
		if empty++; len(out.Messages) > 0 {
			empty = 0
		}
		for _, m := range out.Messages {
			group := m.Attributes["MessageGroupId"]
			got[group] = append(got[group], *m.Body)
			if _, err := queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				r.Fatal(err)
			}
		}
	}
	return got
}

// TestSNSKill kills the broker while messages are published to topics. Whatever was answered reaches every
// subscription; to a FIFO queue it goes once and in order, although what was not answered is published again.
func TestSNSKill(t *testing.T) {
	ctx := t.Context()
	binary, err := build(ctx, t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	r := &snsRun{
		T: t, answered: make(map[string]bool), delivered: make(map[string]bool), fifo: make([]int, snsPublishers), links: make(chan string, 1),
	}
	endpoint := httptest.NewServer(r)
	defer endpoint.Close()
	dir := t.TempDir()
	for n := range snsKills {
		c, err := startChild(ctx, binary, dir)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			r.declare(ctx, c, endpoint.URL)
		}
		running := r.publish(ctx, c)
		wait(ctx, 200*time.Millisecond+rand.N(time.Second))
		c.kill()
		running.Wait()
	}
	c, err := startChild(ctx, binary, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.kill()
	r.check(ctx, c)
}

func (r *snsRun) check(ctx context.Context, c *child) {
	missing := func(got map[string]bool) (list []string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for id := range r.answered {
			if !got[id] {
				list = append(list, id)
			}
		}
		return list
	}
	queued := make(map[string]bool)
	for _, list := range r.drain(ctx, c, "q") {
		for _, id := range list {
			queued[id] = true
		}
	}
	if lost := missing(queued); len(lost) > 0 {
		r.Errorf("%d messages did not reach the queue: %.20v", len(lost), lost)
	}
	total := 0
	fifo := r.drain(ctx, c, "q.fifo")
	for n, sent := range r.fifo {
		got := fifo[fmt.Sprint("g", n)]
		total += len(got)
		if len(got) < sent {
			r.Errorf("group %d: %d messages of %d", n, len(got), sent)
		}
		for i, id := range got {
			if id != fmt.Sprint(i) {
				r.Errorf("group %d: message %d is %s", n, i, id)
				break
			}
		}
	}
	for deadline := time.Now().Add(time.Minute); len(missing(r.delivered)) > 0; wait(ctx, 50*time.Millisecond) {
		if time.Now().After(deadline) {
			lost := missing(r.delivered)
			r.Errorf("%d messages did not reach the HTTP endpoint: %.20v\n%s", len(lost), lost, c.output)
			break
		}
	}
	r.Logf("%d kills: %d published, %d answered; %d by HTTP; %d to FIFO groups", snsKills, r.next, len(r.answered), len(r.delivered), total)
	if len(r.answered) == 0 || total == 0 {
		r.Error("nothing was published: it proves nothing")
	}
}
