package lambda

import (
	"context"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
)

// poller hands a queue's messages to a function, in batches. What the function did not take becomes
// visible again when the queue's visibility timeout is over, and goes to the dead-letter queue when it
// came back too often: that is the queue's business.
type poller struct{ caller }

const (
	// receiveMost is how many messages one receive gives at most.
	receiveMost = 10
	// receiveWait is how long one waits for them, in seconds.
	receiveWait = 20
	// eventSize bounds a batch's bodies, in bytes: an event has at most 6 MB.
	eventSize = 5 << 20
	// pause is how long a poller rests when the queue cannot be read.
	pause = time.Second
)

// received is a message as ReceiveMessage gives it.
type received struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string
	MD5OfMessageAttributes string
	MessageAttributes      map[string]awsmessage.Value
}

// run receives and invokes until taking ends; functions that were called get to answer.
func (p *poller) run(taking context.Context) {
	n := p.Concurrency
	if n == 0 {
		n = defaultConcurrency
	}
	slots := make(chan struct{}, n)
	for taking.Err() == nil {
		select {
		case slots <- struct{}{}:
		case <-taking.Done():
			return
		}
		batch := p.gather(taking)
		if len(batch) == 0 {
			<-slots
			continue
		}
		p.adapter.work.Go(func() {
			defer func() { <-slots }()
			p.hand(p.adapter.ctx, batch)
		})
	}
}

// gather receives a batch: as much as there is at once, or within the window as much as it may hold.
func (p *poller) gather(ctx context.Context) []received {
	var batch []received
	var until time.Time
	for size := 0; len(batch) < p.BatchSize && size < eventSize && ctx.Err() == nil; {
		wait := receiveWait
		if !until.IsZero() {
			if wait = int(time.Until(until).Seconds() + 0.5); wait <= 0 {
				break
			}
			wait = min(wait, receiveWait)
		}
		got := p.receive(ctx, min(receiveMost, p.BatchSize-len(batch)), wait)
		if len(batch) == 0 && len(got) > 0 {
			until = time.Now().Add(time.Duration(p.Window) * time.Second)
		}
		for i := range got {
			size += len(got[i].Body)
		}
		batch = append(batch, got...)
		if p.Window == 0 && (len(batch) > 0 || len(got) == 0) {
			break
		}
	}
	return batch
}

// receive receives messages; none when there are none, or the queue cannot be read.
func (p *poller) receive(ctx context.Context, most, wait int) []received {
	var out struct{ Messages []received }
	err := p.do(ctx, "ReceiveMessage", map[string]any{
		"QueueUrl": p.queueURL(), "MaxNumberOfMessages": most, "WaitTimeSeconds": wait,
		"MessageSystemAttributeNames": []string{"All"}, "MessageAttributeNames": []string{"All"},
	}, &out)
	if err != nil && ctx.Err() == nil {
		p.adapter.Log.Warn("an event source mapping cannot read its queue", "proto", "lambda", "mapping", p.UUID, "queue", p.SourceARN, "err", err)
		rest(ctx, pause)
	}
	return out.Messages
}

// rest waits, or until ctx ends.
func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (p *poller) queueURL() string {
	from, _ := parseSource(p.SourceARN) // it was checked when it was set
	return "http://localhost/" + from.account + "/" + from.name
}

func (p *poller) do(ctx context.Context, action string, in, out any) error {
	from, bad := parseSource(p.SourceARN)
	if bad != nil {
		return bad
	}
	return p.adapter.SQS.Do(ctx, from.account, from.region, p.adapter.Home, action, in, out)
}

// hand invokes the function with a batch, and deletes what it took.
func (p *poller) hand(ctx context.Context, batch []received) {
	failed, err := p.invoke(ctx, batch)
	if err != nil {
		p.adapter.Log.Warn("a function did not take its batch; it comes again after the visibility timeout", "proto", "lambda",
			"mapping", p.UUID, "function", p.FunctionARN, "messages", len(batch), "err", err)
		return
	}
	type entry struct {
		ID            string `json:"Id"`
		ReceiptHandle string
	}
	var entries []entry
	flush := func() {
		if len(entries) == 0 {
			return
		}
		if err := p.do(ctx, "DeleteMessageBatch", map[string]any{"QueueUrl": p.queueURL(), "Entries": entries}, nil); err != nil {
			p.adapter.Log.Warn("messages that a function took could not be deleted; they come again", "proto", "lambda", "mapping", p.UUID, "err", err)
		}
		entries = entries[:0]
	}
	for i := range batch {
		if failed[batch[i].MessageID] {
			continue
		}
		entries = append(entries, entry{string(rune('a' + len(entries))), batch[i].ReceiptHandle})
		if len(entries) == receiveMost {
			flush()
		}
	}
	flush()
}
