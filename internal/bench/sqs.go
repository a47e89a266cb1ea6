package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The scenarios over SQS.
const (
	// SQSSend counts messages per second that SendMessage, or SendMessageBatch, has answered.
	SQSSend Scenario = "sqs-send"
	// SQSReceive counts messages per second that were received and deleted, out of a queue that was
	// filled before.
	SQSReceive Scenario = "sqs-receive"
	// SQSPoll keeps a long poll on each of many empty queues and reads the server's processor time.
	SQSPoll Scenario = "sqs-poll"
)

// SQSOptions say how to measure. WithDefaults fills what is zero.
type SQSOptions struct {
	// URL is the endpoint: http://host:port.
	URL string
	// Label names the server in the report.
	Label string
	// Clients with a connection each, one request at a time: 1 by default.
	Clients int
	// Batch is how many messages a request has, 1 by default, at most 10.
	Batch int
	// Groups: the queue is a FIFO queue, whose messages are spread over so many groups. 0: a standard queue.
	Groups int
	// Size of a body in bytes, 1,024 by default.
	Size int
	// Messages is what SQSReceive fills the queue with: 20,000 by default.
	Messages int
	// Queues is how many SQSPoll polls: 1,000 by default.
	Queues int
	// Duration is how long is measured, at most: 10 s by default; Warmup how long the load runs before that, 2 s by
	// default. SQSReceive has no warmup.
	Duration, Warmup time.Duration
	// BrokerPID is the server's process, whose processor time is measured too; 0 when it is not known.
	BrokerPID int
}

// WithDefaults returns the options with every zero replaced.
func (o SQSOptions) WithDefaults() SQSOptions {
	setDefault(&o.Clients, 1)
	setDefault(&o.Batch, 1)
	setDefault(&o.Size, 1024)
	setDefault(&o.Messages, 20_000)
	setDefault(&o.Queues, 1000)
	setDefault(&o.URL, "http://127.0.0.1:4566")
	setDefault(&o.Duration, 10*time.Second)
	setDefault(&o.Warmup, 2*time.Second)
	return o
}

// maxSQSBatch is the most messages that a request of SQS has.
const maxSQSBatch = 10

// sqsBench is one run.
type sqsBench struct {
	SQSOptions
	host      string
	body      string
	number    atomic.Int64 // makes deduplication ids
	counted   atomic.Int64
	counting  atomic.Bool
	processor processorTime
}

// RunSQS measures one scenario once, with queues of its own that it deletes afterwards. A request that is answered with
// an error ends the run.
func RunSQS(ctx context.Context, s Scenario, o SQSOptions) (Result, error) {
	o = o.WithDefaults()
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" {
		return Result{}, fmt.Errorf("%q is not the URL of an endpoint", o.URL)
	}
	if o.Batch < 1 || o.Batch > maxSQSBatch {
		return Result{}, fmt.Errorf("a batch has 1 to %d messages", maxSQSBatch)
	}
	b := &sqsBench{SQSOptions: o, host: u.Host, body: strings.Repeat("x", o.Size), processor: processorTime{broker: o.BrokerPID}}
	r := Result{
		Scenario: s, Label: o.Label, Client: "http", Size: o.Size, Connections: o.Clients, AckEvery: o.Batch,
		Started: time.Now().UTC().Truncate(time.Second),
	}
	if o.Groups > 0 {
		r.QueueType = fmt.Sprintf("fifo, %d groups", o.Groups)
	}
	switch s {
	case SQSSend:
		err = b.send(ctx, &r)
	case SQSReceive:
		err = b.receive(ctx, &r)
	case SQSPoll:
		r.Connections, r.Queues, r.Size, r.AckEvery = o.Queues, o.Queues, 0, 0
		err = b.poll(ctx, &r)
	default:
		err = fmt.Errorf("unknown scenario %q", s)
	}
	return r, err
}

// queue makes a queue and gives its URL, as it stands in a request, and what removes it.
func (b *sqsBench) queue(ctx context.Context) (queueURL string, remove func(), err error) {
	c := &sqsConn{host: b.host}
	name, attributes := fmt.Sprintf("bench-%08x", rand.Uint32()), ""
	if b.Groups > 0 {
		name += ".fifo"
		attributes = `,"Attributes":{"FifoQueue":"true"}`
	}
	answer, err := c.call(ctx, "CreateQueue", []byte(`{"QueueName":"`+name+`"`+attributes+`}`))
	if err != nil {
		return "", nil, err
	}
	urls := jsonStrings(answer, "QueueUrl")
	if len(urls) != 1 {
		return "", nil, fmt.Errorf("CreateQueue answered %s", answer)
	}
	return urls[0], func() {
		_, _ = c.call(context.WithoutCancel(ctx), "DeleteQueue", []byte(`{"QueueUrl":"`+urls[0]+`"}`)) // it is only tidier
		c.close()
	}, nil
}

// clients runs f in n clients until one fails or all return.
func (b *sqsBench) clients(ctx context.Context, n int, f func(ctx context.Context, c *sqsConn) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	for range n {
		running.Go(func() {
			c := &sqsConn{host: b.host}
			defer c.close()
			if err := f(ctx, c); err != nil && ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// window lets a load run, and counts after the warmup, for the duration or until the load ends.
func (b *sqsBench) window(ctx context.Context, warmup time.Duration, r *Result, load func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var start time.Time
	begin := func() {
		b.processor.start()
		b.counting.Store(true)
		start = time.Now()
	}
	if warmup == 0 {
		begin()
	}
	ended := make(chan error, 1)
	go func() { ended <- load(ctx) }()
	if warmup > 0 {
		select {
		case err := <-ended:
			return errors.Join(err, errors.New("the load ended before it was measured"))
		case <-time.After(warmup):
		}
		begin()
	}
	var err error
	running := true
	select {
	case err = <-ended:
		running = false
	case <-time.After(b.Duration):
	}
	b.counting.Store(false)
	r.Seconds = time.Since(start).Seconds()
	r.Messages = b.counted.Load()
	b.processor.stop()
	b.processor.perMessage(r)
	r.Rate = float64(r.Messages) / r.Seconds
	r.BrokerShare = b.processor.during[1].Seconds() / r.Seconds
	cancel()
	if running {
		err = errors.Join(err, <-ended) // requests that were cut off are no error
	}
	return err
}

func (b *sqsBench) count(n int) {
	if b.counting.Load() {
		b.counted.Add(int64(n))
	}
}

func (b *sqsBench) send(ctx context.Context, r *Result) error {
	queue, remove, err := b.queue(ctx)
	if err != nil {
		return err
	}
	defer remove()
	return b.window(ctx, b.Warmup, r, func(ctx context.Context) error {
		return b.clients(ctx, b.Clients, func(ctx context.Context, c *sqsConn) error {
			for ctx.Err() == nil {
				if err := b.sendOnce(ctx, c, queue, b.Batch); err != nil {
					return err
				}
				b.count(b.Batch)
			}
			return nil
		})
	})
}

// message is what a message has in a request.
func (b *sqsBench) message(out []byte) []byte {
	out = append(append(append(out, `"MessageBody":"`...), b.body...), '"')
	if b.Groups > 0 {
		n := b.number.Add(1)
		out = strconv.AppendInt(append(out, `,"MessageGroupId":"g`...), n%int64(b.Groups), 10)
		out = append(strconv.AppendInt(append(out, `","MessageDeduplicationId":"`...), n, 10), '"')
	}
	return out
}

// sendOnce sends one request with n messages.
func (b *sqsBench) sendOnce(ctx context.Context, c *sqsConn, queue string, n int) error {
	if n == 1 {
		c.body = append(b.message(append(c.body[:0], `{"QueueUrl":"`+queue+`",`...)), '}')
		_, err := c.call(ctx, "SendMessage", c.body)
		return err
	}
	c.body = append(c.body[:0], `{"QueueUrl":"`+queue+`","Entries":[`...)
	for i := range n {
		if i > 0 {
			c.body = append(c.body, ',')
		}
		c.body = append(b.message(append(strconv.AppendInt(append(c.body, `{"Id":"`...), int64(i), 10), `",`...)), '}')
	}
	answer, err := c.call(ctx, "SendMessageBatch", append(c.body, "]}"...))
	if err == nil && bytes.Count(answer, []byte(`"MessageId"`)) != n {
		err = fmt.Errorf("SendMessageBatch answered %.300s", answer)
	}
	return err
}

func (b *sqsBench) receive(ctx context.Context, r *Result) error {
	queue, remove, err := b.queue(ctx)
	if err != nil {
		return err
	}
	defer remove()
	var filled atomic.Int64
	const fillers = 16
	if err := b.clients(ctx, fillers, func(ctx context.Context, c *sqsConn) error {
		for ctx.Err() == nil && filled.Add(maxSQSBatch) <= int64(b.Messages) {
			if err := b.sendOnce(ctx, c, queue, maxSQSBatch); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	return b.window(ctx, 0, r, func(ctx context.Context) error {
		return b.clients(ctx, b.Clients, func(ctx context.Context, c *sqsConn) error { return b.empty(ctx, c, queue) })
	})
}

// empty receives and deletes until there is nothing left.
func (b *sqsBench) empty(ctx context.Context, c *sqsConn, queue string) error {
	request := fmt.Appendf(nil, `{"QueueUrl":"%s","MaxNumberOfMessages":%d,"VisibilityTimeout":600}`, queue, b.Batch)
	for misses := 0; misses < 3 && ctx.Err() == nil; {
		answer, err := c.call(ctx, "ReceiveMessage", request)
		if err != nil {
			return err
		}
		handles := jsonStrings(answer, "ReceiptHandle")
		if len(handles) == 0 {
			misses++
			continue
		}
		misses = 0
		if b.Batch == 1 {
			c.body = fmt.Appendf(c.body[:0], `{"QueueUrl":"%s","ReceiptHandle":"%s"}`, queue, handles[0])
			_, err = c.call(ctx, "DeleteMessage", c.body)
		} else {
			c.body = fmt.Appendf(c.body[:0], `{"QueueUrl":"%s","Entries":[`, queue)
			for i, h := range handles {
				if i > 0 {
					c.body = append(c.body, ',')
				}
				c.body = fmt.Appendf(c.body, `{"Id":"%d","ReceiptHandle":"%s"}`, i, h)
			}
			_, err = c.call(ctx, "DeleteMessageBatch", append(c.body, "]}"...))
		}
		if err != nil {
			return err
		}
		b.count(len(handles))
	}
	return nil
}

// poll counts answered polls, of which there are few: what is of interest is the server's processor time.
func (b *sqsBench) poll(ctx context.Context, r *Result) error {
	queues := make(chan string, b.Queues)
	for range b.Queues {
		queue, remove, err := b.queue(ctx)
		if err != nil {
			return err
		}
		defer remove()
		queues <- queue
	}
	return b.window(ctx, b.Warmup, r, func(ctx context.Context) error {
		return b.clients(ctx, b.Queues, func(ctx context.Context, c *sqsConn) error {
			request := []byte(`{"QueueUrl":"` + <-queues + `","WaitTimeSeconds":20}`)
			for ctx.Err() == nil {
				if _, err := c.call(ctx, "ReceiveMessage", request); err != nil {
					return err
				}
				b.count(1)
			}
			return nil
		})
	})
}
