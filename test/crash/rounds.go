package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/portico-mq/portico/test/crash/history"
)

// rules is what a history of this load is judged by.
var rules = history.Rules{
	AckWindow: 100 * time.Millisecond, Ordered: []string{queueOrder, queueFIFO},
}

// drainLimit is how long after the last delivery a message may still come, once
// the broker was started for the last time.
const drainLimit = (sqsVisibility + 5) * time.Second

// segment kills the broker so many times over one data directory, starts it
// once more, drains the queues, and returns the verdict. The broker is killed
// at the end too: nothing is left to a stop in good order.
func segment(ctx context.Context, binary, dataDir string, kills int, ids *numbers) (history.Report, error) {
	log := history.NewLog()
	ids.begin()
	for epoch := range kills + 1 {
		broker, err := startChild(ctx, binary, dataDir)
		if err != nil {
			return history.Report{}, fmt.Errorf("start %d: %w", epoch, err)
		}
		r := newRun(ctx, broker, epoch, log, ids)
		if epoch < kills {
			r.start("declare", r.declareAndLoad)
			wait(ctx, loadTime())
			err = r.kill()
		} else {
			err = r.drain()
		}
		if err != nil {
			return history.Check(log.Events(), rules), fmt.Errorf("run %d: %w\nthe broker's log ends:\n%s", epoch, err, broker.output)
		}
	}
	return history.Check(log.Events(), rules), nil
}

// loadTime is how long the broker lives. One in four is killed while it and
// its clients are hardly there.
func loadTime() time.Duration {
	if rand.IntN(4) == 0 {
		return rand.N(300 * time.Millisecond)
	}
	return 500*time.Millisecond + rand.N(2500*time.Millisecond)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// declareAndLoad makes the topology and starts everyone.
func (r *run) declareAndLoad() error {
	if err := r.declare(); err != nil {
		return err
	}
	r.publishers()
	r.consumers()
	return nil
}

// publishers start everyone who sends. Their numbers are never used again for
// another queue.
func (r *run) publishers() {
	for i := range 3 {
		r.start("publish to one", func() error { return r.amqpPublish(1+i, pace, "", queueOne, queueOne) })
	}
	r.start("publish in order", func() error { return r.amqpPublish(4, pace, "", queueOrder, queueOrder) })
	r.start("publish to the fanout", func() error { return r.amqpPublish(5, pace, exchangeFan, "", queueFanA, queueFanB) })
	r.start("publish for transactions", func() error { return r.amqpPublish(6, paceTx, "", queueTxIn, queueTxIn) })
	r.start("publish for later", func() error { return r.amqpPublish(14, pace, exchangeWait, "", queueDelayed) })
	r.start("publish to mixed", func() error { return r.amqpPublish(7, pace, "", queueMixed, queueMixed) })
	r.start("send over STOMP", func() error { return r.stompSend(8, rabbitQueue(queueStomp)) })
	r.start("send over STOMP to mixed", func() error { return r.stompSend(9, rabbitQueue(queueMixed)) })
	r.start("send over STOMP as to ActiveMQ", func() error { return r.stompSend(15, activeMQQueue(queueActive, "crash-q")) })
	r.start("send to durable subscribers", func() error { return r.stompSend(16, newsTo("crash-n", subscriberA, subscriberB)) })
	for i := range 2 {
		r.start("send over SQS", func() error { return r.sqsSend(10+i, queueSQS) })
	}
	r.start("send over SQS in order", func() error { return r.sqsSendFIFO(13, queueFIFO) })
	r.start("send over SQS to mixed", func() error { return r.sqsSend(12, queueMixed) })
}

// consumers start everyone who receives.
func (r *run) consumers() {
	for range 2 {
		r.start("consume one", func() error { return r.amqpConsume(amqpConsumer{queue: queueOne, prefetch: 200}) })
	}
	r.start("consume in order", func() error {
		return r.amqpConsume(amqpConsumer{queue: queueOrder, prefetch: 50, multiple: true})
	})
	for _, q := range []string{queueFanA, queueFanB, queueTxA, queueTxB, queueMixed, queueDelayed} {
		r.start("consume "+q, func() error { return r.amqpConsume(amqpConsumer{queue: q, prefetch: 100}) })
	}
	for i := range 4 {
		r.start("transact", func() error { return r.amqpTransact(20 + i) })
	}
	for _, q := range []string{queueStomp, queueMixed} {
		r.start("subscribe to "+q, func() error { return r.stompSubscribe(rabbitQueue(q)) })
	}
	r.start("subscribe as to ActiveMQ", func() error { return r.stompSubscribe(activeMQQueue(queueActive, "crash-s")) })
	for _, s := range []string{subscriberA, subscriberB} {
		r.start("subscribe durably", func() error { return r.stompSubscribe(newsTo(s, s)) })
	}
	for _, q := range []string{queueSQS, queueSQS, queueMixed, queueFIFO} {
		r.start("receive from "+q, func() error { return r.sqsReceive(q) })
	}
}

// drain consumes until the queues are empty, holding nothing back.
func (r *run) drain() error {
	r.draining.Store(true)
	if err := r.declare(); err != nil {
		return err
	}
	r.consumers()
	err := r.awaitEmpty(drainLimit)
	if err != nil {
		r.killed.Store(true)
		r.broker.dump()
	}
	return errors.Join(err, r.kill())
}
