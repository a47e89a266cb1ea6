package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
)

// logQueue is a stream, whose messages all stay.
const logQueue = "log"

// offsets notes the offsets at which a stream's messages came.
type offsets struct{ history *history }

func (o *offsets) Deliver(_ *broker.Consumer, d broker.Delivery) bool {
	name, err := readBody(d.Message.Body())
	if err != nil {
		o.history.note("failed", strconv.Quote(err.Error()))
		return true
	}
	o.history.note("reached", name, strconv.FormatUint(d.Sequence, 10))
	return true
}

func (o *offsets) Cancelled(*broker.Consumer) {}

// log publishes to a stream, and reads it at its end.
func (l *load) log(random *rand.Rand) error {
	if l.settings.Hoard { // it would fill the disk before the others do
		return nil
	}
	s, err := l.session()
	if err != nil {
		return err
	}
	info, _, err := s.DeclareQueue(l.ctx, broker.QueueSpec{Name: logQueue, Durable: true, Stream: true})
	if err != nil {
		return err
	}
	l.history.note("queue", logQueue, info.ID)
	c, err := s.Consume(l.ctx, logQueue, &offsets{l.history}, broker.ConsumeOptions{AutoAck: true})
	if err != nil {
		return err
	}
	c.Resume()
	room := make(chan struct{}, inFlight)
	for n := 0; l.more(1); n++ {
		room <- struct{}{}
		if err := l.publish(s, logQueue, n, 200+random.IntN(8<<10), func() { <-room }); err != nil {
			return err
		}
	}
	for range inFlight { // all are answered
		room <- struct{}{}
	}
	return nil
}

// contents collects what a stream holds.
type contents struct{ deliveries chan broker.Delivery }

func (c *contents) Deliver(_ *broker.Consumer, d broker.Delivery) bool {
	c.deliveries <- d
	return true
}

func (c *contents) Cancelled(*broker.Consumer) {}

// readLog returns all messages of a stream, which must stand at the offsets from 0 on.
func readLog(ctx context.Context, s *broker.Session, stream string) ([]string, error) {
	info, err := s.Queue(ctx, stream)
	if err != nil {
		return nil, err
	}
	all := &contents{make(chan broker.Delivery, info.Ready)}
	c, err := s.Consume(ctx, stream, all, broker.ConsumeOptions{AutoAck: true, Start: broker.StreamPosition{Kind: broker.AtFirst}})
	if err != nil {
		return nil, err
	}
	defer c.Cancel()
	c.Resume()
	names := make([]string, 0, info.Ready)
	limit := time.After(time.Minute)
	for len(names) < info.Ready {
		select {
		case d := <-all.deliveries:
			name, err := readBody(d.Message.Body())
			if err == nil && d.Sequence != uint64(len(names)) {
				err = fmt.Errorf("message %s is at offset %d, and %d came before it", name, d.Sequence, len(names))
			}
			if err != nil {
				return nil, err
			}
			names = append(names, name)
		case <-limit:
			return nil, fmt.Errorf("%d messages came of %d", len(names), info.Ready)
		}
	}
	return names, nil
}

// checkOffsets looks for offsets that name another message than the one that a reader was given there.
func (v *verdict) checkOffsets(e *events, messages []string) {
	for name, offset := range e.reached {
		v.Offsets++
		if offset >= len(messages) {
			v.fault("message %s was read at offset %d, and there are %d", name, offset, len(messages))
		} else if messages[offset] != name {
			v.fault("message %s was read at offset %d, where %s is", name, offset, messages[offset])
		}
	}
}
