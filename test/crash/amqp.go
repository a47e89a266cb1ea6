package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/crash/history"
)

// dialAMQP opens a connection that ends with the run.
func (r *run) dialAMQP() (*amqp.Connection, *amqp.Channel, error) {
	conn, err := amqp.DialConfig("amqp://guest:guest@"+r.broker.amqp+"/", amqp.Config{
		Dial: amqp.DefaultDial(startLimit),
	})
	if err != nil {
		return nil, nil, err
	}
	r.wg.Go(func() {
		<-r.ctx.Done()
		conn.Close()
	})
	ch, err := conn.Channel()
	return conn, ch, err
}

// declare makes the topology, or finds it as an earlier run left it.
func (r *run) declare() error {
	_, ch, err := r.dialAMQP()
	if err != nil {
		return err
	}
	for _, q := range stored {
		if _, err := ch.QueueDeclare(q, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare %s: %w", q, err)
		}
	}
	if err := ch.ExchangeDeclare(exchangeFan, amqp.ExchangeFanout, true, false, false, false, nil); err != nil {
		return fmt.Errorf("declare the exchange: %w", err)
	}
	err = ch.ExchangeDeclare(exchangeWait, "x-delayed-message", true, false, false, false, amqp.Table{"x-delayed-type": "fanout"})
	if err != nil {
		return fmt.Errorf("declare the exchange that delays: %w", err)
	}
	if err := ch.QueueBind(queueDelayed, "", exchangeWait, false, nil); err != nil {
		return fmt.Errorf("bind %s: %w", queueDelayed, err)
	}
	for _, q := range []string{queueFanA, queueFanB} {
		if err := ch.QueueBind(q, "", exchangeFan, false, nil); err != nil {
			return fmt.Errorf("bind %s: %w", q, err)
		}
	}
	return nil
}

// amqpPublish publishes with confirms, many in flight, until it is told to
// stop. queues are those that the exchange and key lead to.
func (r *run) amqpPublish(publisher int, pace time.Duration, exchange, key string, queues ...string) error {
	_, ch, err := r.dialAMQP()
	if err != nil {
		return err
	}
	if err := ch.Confirm(false); err != nil {
		return err
	}
	const window = 100
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, window))
	slots := make(chan struct{}, window)
	var mu sync.Mutex
	unconfirmed := map[uint64]history.MessageID{}
	r.wg.Go(func() {
		for c := range confirms {
			mu.Lock()
			m := unconfirmed[c.DeliveryTag]
			delete(unconfirmed, c.DeliveryTag)
			mu.Unlock()
			if c.Ack {
				r.add(history.Event{Kind: history.Confirmed, Message: m})
			}
			<-slots
		}
	})
	for tag := uint64(1); r.mayPublish(pace); tag++ {
		select {
		case slots <- struct{}{}:
		case <-r.ctx.Done():
			return nil
		}
		m := r.ids.message(publisher)
		for _, q := range queues {
			r.add(history.Event{Kind: history.Sent, Message: m, Queue: q})
		}
		mu.Lock()
		unconfirmed[tag] = m
		mu.Unlock()
		p := amqp.Publishing{DeliveryMode: amqp.Persistent, ContentType: "text/plain", Body: encodeBody(m)}
		if exchange == exchangeWait {
			p.Headers = amqp.Table{"x-delay": int32(rand.N(longestDelay).Milliseconds())}
		}
		if err := ch.PublishWithContext(r.ctx, exchange, key, false, false, p); err != nil {
			return err
		}
	}
	// The confirms of the last messages come while the connection is open.
	for range window {
		select {
		case slots <- struct{}{}:
		case <-r.ctx.Done():
			return nil
		}
	}
	return nil
}

// amqpConsumer says how a consumer treats what it gets.
type amqpConsumer struct {
	queue    string
	prefetch int
	// multiple acks several messages with one method, which leaves no message
	// out: nothing is held or given back.
	multiple bool
}

// errClosed means that the broker closed a consumer's channel.
var errClosed = errors.New("the deliveries ended")

func (r *run) amqpConsume(c amqpConsumer) error {
	_, ch, err := r.dialAMQP()
	if err != nil {
		return err
	}
	if err := ch.Qos(c.prefetch, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(c.queue, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	var batch []history.MessageID
	for d := range deliveries {
		m, err := decodeBody(d.Body)
		if err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Delivered, Message: m, Queue: c.queue, Redelivered: d.Redelivered})
		if c.multiple {
			if batch = append(batch, m); len(batch) < c.prefetch && r.chance(3) {
				continue // chance: a draining consumer acks each
			}
			if err := r.ack(d, c.queue, batch); err != nil {
				return err
			}
			batch = batch[:0]
			continue
		}
		switch {
		case r.chance(shareHeld) && int(r.seen.Load())%2 == 0:
			// Held until the connection ends; the prefetch leaves room.
		case r.chance(shareRequeue):
			r.add(history.Event{Kind: history.Requeued, Message: m, Queue: c.queue})
			if err := d.Nack(false, true); err != nil {
				return err
			}
		default:
			if err := r.ack(d, c.queue, []history.MessageID{m}); err != nil {
				return err
			}
		}
	}
	if r.ctx.Err() != nil {
		return nil
	}
	return errClosed
}

// ack acks a delivery and all before it that are in the batch.
func (r *run) ack(d amqp.Delivery, queue string, batch []history.MessageID) error {
	err := d.Ack(len(batch) > 1)
	kind := history.Acked
	if err != nil {
		kind = history.SettleSent // it may have been written or not: either outcome is right
	}
	for _, m := range batch {
		r.add(history.Event{Kind: kind, Message: m, Queue: queue})
	}
	return err
}

// amqpTransact moves messages: each is acked in a transaction that publishes
// one message to each of two queues. Now and then a transaction is rolled back
// first.
func (r *run) amqpTransact(publisher int) error {
	_, ch, err := r.dialAMQP()
	if err != nil {
		return err
	}
	if err := ch.Tx(); err != nil {
		return err
	}
	if err := ch.Qos(20, 0, false); err != nil {
		return err
	}
	deliveries, err := ch.Consume(queueTxIn, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for d := range deliveries {
		m, err := decodeBody(d.Body)
		if err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Delivered, Message: m, Queue: queueTxIn, Redelivered: d.Redelivered})
		if r.chance(10) {
			tx := r.ids.transaction()
			if err := r.txPublish(ch, publisher, tx); err != nil {
				return err
			}
			if err := ch.TxRollback(); err != nil {
				return err
			}
			r.add(history.Event{Kind: history.RolledBack, Tx: tx})
		}
		tx := r.ids.transaction()
		if err := r.txPublish(ch, publisher, tx); err != nil {
			return err
		}
		r.add(history.Event{Kind: history.SettleSent, Message: m, Queue: queueTxIn, Tx: tx})
		if err := d.Ack(false); err != nil {
			return err
		}
		r.add(history.Event{Kind: history.CommitSent, Tx: tx})
		if err := ch.TxCommit(); err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Committed, Tx: tx})
	}
	if r.ctx.Err() != nil {
		return nil
	}
	return errClosed
}

func (r *run) txPublish(ch *amqp.Channel, publisher int, tx history.TxID) error {
	for _, q := range []string{queueTxA, queueTxB} {
		m := r.ids.message(publisher)
		r.add(history.Event{Kind: history.Sent, Message: m, Queue: q, Tx: tx})
		err := ch.PublishWithContext(r.ctx, "", q, false, false, amqp.Publishing{
			DeliveryMode: amqp.Persistent, Body: encodeBody(m),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// awaitEmpty returns when the queues are empty and the history is without a
// fault. What is lost or stuck is given a time, counted from the last delivery:
// messages that are left in a queue then are an error, and what is missing is
// for the verdict.
func (r *run) awaitEmpty(limit time.Duration) error {
	_, ch, err := r.dialAMQP()
	if err != nil {
		return err
	}
	const quiet = 500 * time.Millisecond
	deadline := time.Now().Add(limit)
	for {
		before := r.seen.Load()
		left, err := r.ready(ch)
		if err != nil {
			return err
		}
		wait(r.ctx, quiet)
		switch {
		case r.ctx.Err() != nil:
			return r.ctx.Err()
		case r.seen.Load() != before:
			deadline = time.Now().Add(limit)
		case len(left) == 0 && len(history.Check(r.log.Events(), rules).Violations) == 0:
			return nil
		case time.Now().Before(deadline):
		case len(left) == 0:
			return nil
		default:
			return fmt.Errorf("nothing was delivered for %v, and there were: %v", limit, left)
		}
	}
}

// ready lists the queues that have messages ready, with their number.
func (r *run) ready(ch *amqp.Channel) ([]string, error) {
	var left []string
	queues := slices.Clone(stored)
	for q := range r.ids.queues {
		if r.ids.made(q) {
			queues = append(queues, q)
		}
	}
	for _, q := range queues {
		info, err := ch.QueueDeclarePassive(q, true, false, false, false, nil)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", q, err)
		}
		if info.Messages > 0 {
			left = append(left, fmt.Sprintf("%s %d", q, info.Messages))
		}
	}
	return left, nil
}
