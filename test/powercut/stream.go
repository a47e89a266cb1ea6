package main

import (
	"math/rand/v2"
	"strconv"

	"github.com/portico-mq/portico/broker"
)

const (
	inFlight  = 32  // unconfirmed publishes of one stream
	backlog   = 256 // unsettled messages, above which it publishes no more
	prefetch  = 512
	batchSize = 32 // messages settled at once
)

// consumer hands its deliveries to a channel that holds as many as its credit allows.
type consumer struct{ deliveries chan broker.Delivery }

func (c *consumer) Deliver(_ *broker.Consumer, d broker.Delivery) bool {
	c.deliveries <- d
	return true
}

func (c *consumer) Cancelled(*broker.Consumer) {}

// stream publishes messages of up to size bytes to a queue and settles them in batches, but for one of each hold,
// which is settled much later: it keeps the log from being purged, so that the broker moves it.
func (l *load) stream(queue string, size, hold int, random *rand.Rand) error {
	s, err := l.session()
	if err != nil {
		return err
	}
	if err := l.declare(s, queue); err != nil {
		return err
	}
	c := &consumer{deliveries: make(chan broker.Delivery, prefetch)}
	standing, err := s.Consume(l.ctx, queue, c, broker.ConsumeOptions{Credits: []*broker.Credit{broker.NewCredit(prefetch)}})
	if err != nil {
		return err
	}
	most := backlog
	if l.settings.Hoard {
		most = 1 << 20
	} else {
		standing.Resume()
	}
	unsettled := make(chan struct{}, most)
	settler := &settler{load: l, session: s, unsettled: unsettled, hold: hold}
	go settler.run(c.deliveries)
	room := make(chan struct{}, inFlight)
	for n := 0; l.more(1); n++ {
		room <- struct{}{}
		unsettled <- struct{}{}
		if err := l.publish(s, queue, n, 200+random.IntN(size), func() { <-room }); err != nil {
			return err
		}
	}
	for range inFlight { // all are answered
		room <- struct{}{}
	}
	return nil
}

// settler settles what a stream's consumer gets.
type settler struct {
	load      *load
	session   *broker.Session
	unsettled chan struct{}
	hold      int
	held      []broker.Delivery
}

func (s *settler) run(deliveries <-chan broker.Delivery) {
	seen := 0
	for {
		select {
		case d := <-deliveries:
			batch := []broker.Delivery{d}
			for len(batch) < batchSize && len(deliveries) > 0 {
				batch = append(batch, <-deliveries)
			}
			var now []broker.Delivery
			for _, d := range batch {
				if seen++; seen%s.hold == 0 {
					s.held = append(s.held, d)
				} else {
					now = append(now, d)
				}
			}
			// Half of what is held goes at once, so that the floor of the log moves far.
			if len(s.held) >= backlog/2 {
				now = append(now, s.held[:backlog/4]...)
				s.held = append([]broker.Delivery(nil), s.held[backlog/4:]...)
			}
			if !s.settle(now) {
				return
			}
		case <-s.load.ctx.Done():
			return
		}
	}
}

// settle settles messages with a completion, and reports whether the load goes on.
func (s *settler) settle(batch []broker.Delivery) bool {
	if len(batch) == 0 {
		return true
	}
	id := strconv.FormatInt(s.load.number.Add(1), 10)
	words := []string{"settle", id}
	leases := make([]broker.Lease, len(batch))
	for i, d := range batch {
		name, err := readBody(d.Message.Body())
		if err != nil {
			s.load.history.note("failed", strconv.Quote(err.Error()))
			return false
		}
		words = append(words, name)
		leases[i] = d.Lease
	}
	s.load.history.note(words...)
	if err := s.session.Settle(broker.Ack, s.load.answer(nil, "settled", id), leases...); err != nil {
		s.load.history.note("failed", strconv.Quote(err.Error()))
		return false
	}
	for range batch {
		<-s.unsettled
	}
	return true
}
