package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
)

// settings are a load's, passed to the child process by its environment.
type settings struct {
	Dir        string // the data directory
	History    string // the file for the history, out of the cut's reach
	Durability jetstream.Durability
	Key        string // encrypts what is stored, if not empty
	Seed       uint64
	Limit      int  // stop publishing after so many messages; 0: go on
	Hoard      bool // settle nothing but by transactions, until the disk is full
}

// deadBytes makes the broker move what holds its log down often.
const deadBytes = 3 << 20

func brokerOptions(log *slog.Logger) broker.Options {
	return broker.Options{Logger: log, DeadBytes: deadBytes}
}

// load is a broker under load in this process, which is to be cut off.
type load struct {
	settings settings
	history  *history
	broker   *broker.Broker
	ctx      context.Context
	number   atomic.Int64 // names settlements and transactions
	sent     atomic.Int64
}

// runLoad runs until ctx ends or, with a limit, until all that was published is answered.
func runLoad(ctx context.Context, s settings) error {
	file, err := os.OpenFile(s.History, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	l := &load{settings: s, history: &history{file: file}, ctx: ctx}
	store, err := jetstream.Open(ctx, jetstream.Options{
		Dir: filepath.Join(s.Dir, "data"), Durability: s.Durability, EncryptionKey: s.Key, Logger: log,
		OnFailure: func(error) { l.history.note("failed", "store") },
	})
	if err != nil {
		return err
	}
	if l.broker, err = broker.Open(ctx, store, brokerOptions(log)); err != nil {
		return err
	}
	var parts sync.WaitGroup
	for _, part := range []func(*rand.Rand) error{
		func(r *rand.Rand) error { return l.stream("plain", 64<<10, 64, r) },
		func(r *rand.Rand) error { return l.stream("held", 16<<10, 8, r) },
		l.newQueues,
		l.log,
		func(r *rand.Rand) error { return l.transactions("pair", []string{"left", "right"}, 8, r) },
		func(r *rand.Rand) error { return l.transactions("alone", []string{"alone"}, 150, r) },
	} {
		random := rand.New(rand.NewPCG(s.Seed, uint64(l.number.Add(1))))
		parts.Go(func() {
			if err := part(random); err != nil && ctx.Err() == nil {
				l.history.note("failed", strconv.Quote(err.Error()))
			}
		})
	}
	l.history.note("ready")
	parts.Wait()
	if s.Limit > 0 {
		return errors.Join(l.broker.Close(), store.Close())
	}
	<-ctx.Done()
	return nil
}

// more counts messages and tells whether another n may be published.
func (l *load) more(n int) bool {
	return l.ctx.Err() == nil && (l.settings.Limit == 0 || l.sent.Add(int64(n)) <= int64(l.settings.Limit))
}

func (l *load) declare(s *broker.Session, name string) error {
	info, _, err := s.DeclareQueue(l.ctx, broker.QueueSpec{Name: name, Durable: true})
	if err == nil {
		l.history.note("queue", name, info.ID)
	}
	return err
}

func (l *load) session() (*broker.Session, error) {
	return l.broker.OpenSession(l.ctx, l.broker.Root(), "/")
}

// newBody makes a message's content: its name and size, and a filling that the judge can make again.
func newBody(name string, size int) []byte {
	b := fmt.Appendf(make([]byte, 0, size), "%s %d ", name, size)
	for i := len(b); i < size; i++ {
		b = append(b, byte(i*7+len(name)))
	}
	return b
}

// readBody returns the name of the message that a body is.
func readBody(body []byte) (string, error) {
	words := strings.SplitN(string(body), " ", 3)
	if len(words) == 3 {
		size, err := strconv.Atoi(words[1])
		if err == nil && string(newBody(words[0], size)) == string(body) {
			return words[0], nil
		}
	}
	return "", fmt.Errorf("a body that nobody published: %.60q", body)
}

// answer makes a completion that notes the outcome, and then calls then.
func (l *load) answer(then func(), words ...string) broker.Completion {
	return broker.CompletionFunc(func(err error) {
		if err == nil {
			l.history.note(words...)
		} else {
			l.history.note("failed", broker.KindOf(err).String())
		}
		if then != nil {
			then()
		}
	})
}

func (l *load) publish(s *broker.Session, queue string, n, size int, then func()) error {
	name := message(queue, n)
	l.history.note("publish", name)
	m := broker.NewMessage("", queue, nil, newBody(name, size))
	_, err := s.Publish(m, l.answer(then, "confirm", name))
	return err
}

// newQueues declares queues all the time, publishes to each, and deletes some.
func (l *load) newQueues(random *rand.Rand) error {
	s, err := l.session()
	if err != nil {
		return err
	}
	for n := 0; l.more(3); n++ {
		name := fmt.Sprintf("new%d", n)
		if err := l.declare(s, name); err != nil {
			return err
		}
		var confirmed sync.WaitGroup
		for i := range 3 {
			confirmed.Add(1)
			if err := l.publish(s, name, i, 200+random.IntN(8<<10), confirmed.Done); err != nil {
				return err
			}
		}
		if n%4 != 0 {
			continue
		}
		confirmed.Wait()
		l.history.note("delete", name)
		if _, err := s.DeleteQueue(l.ctx, name, false, false); err != nil {
			return err
		}
		l.history.note("deleted", name)
	}
	return nil
}

// transactions takes messages of a queue and publishes to others, or to the same, in transactions.
func (l *load) transactions(from string, to []string, most int, random *rand.Rand) error {
	s, err := l.session()
	if err != nil {
		return err
	}
	numbers := map[string]int{}
	declared := map[string]bool{}
	for _, q := range append([]string{from}, to...) {
		if declared[q] {
			continue
		}
		declared[q] = true
		if err := l.declare(s, q); err != nil {
			return err
		}
	}
	room := make(chan struct{}, 3)
	for l.more(most) {
		if from != to[0] || numbers[from] == 0 {
			for range 3 {
				if err := l.publish(s, from, numbers[from], 2000, nil); err != nil {
					return err
				}
				numbers[from]++
			}
		}
		got, _, err := s.Get(l.ctx, from, broker.GetOptions{Max: 1 + random.IntN(most), Wait: 20 * time.Millisecond})
		if err != nil {
			return err
		}
		tx := s.Begin()
		words := []string{"begin", strconv.FormatInt(l.number.Add(1), 10)}
		for _, d := range got {
			name, err := readBody(d.Message.Body())
			if err != nil {
				return err
			}
			words = append(words, "-"+name)
			tx.Settle(broker.Ack, d.Lease)
		}
		count := len(got) + random.IntN(2)
		for _, q := range to {
			for range count {
				name := message(q, numbers[q])
				numbers[q]++
				words = append(words, "+"+name)
				if _, err := tx.Publish(broker.NewMessage("", q, nil, newBody(name, 100+random.IntN(20<<10)))); err != nil {
					return err
				}
			}
		}
		room <- struct{}{}
		l.history.note(words...)
		if err := tx.Commit(l.answer(func() { <-room }, "commit", words[1])); err != nil {
			return err
		}
	}
	for range cap(room) { // all are answered
		room <- struct{}{}
	}
	return nil
}
