package jetstream

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/portico-mq/portico/broker"
)

// shard is one account's connection and the appenders and readers that use it.
type shard struct {
	number int
	nc     *nats.Conn

	mu        sync.Mutex
	appenders map[string]*appender // by reply subject
	readers   map[string]*reader   // by reply subject, and by the subject they read: messages keep their own
}

const (
	answerPrefix = "A." // PubAcks: A.<stream>.<opening>
	readPrefix   = "R." // messages read, and statuses: R.<stream>.<pull>
)

// shardOf spreads streams over the shards.
func shardOf(stream string, shards int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(stream)) // a hash's Write never fails
	return int(h.Sum32() % uint32(shards))
}

func openShard(number int, nc *nats.Conn) (*shard, error) {
	s := &shard{number: number, nc: nc, appenders: make(map[string]*appender), readers: make(map[string]*reader)}
	// One goroutine gets all answers, in order; it must never be dropped for being slow.
	answers, err := nc.Subscribe(answerPrefix+">", s.answered)
	if err == nil {
		err = answers.SetPendingLimits(-1, -1)
	}
	if err != nil {
		return nil, fmt.Errorf("jetstream: subscribing: %w", err)
	}
	reads, err := nc.Subscribe(readPrefix+">", s.read)
	if err == nil {
		err = reads.SetPendingLimits(-1, -1)
	}
	if err == nil {
		err = nc.Flush()
	}
	if err != nil {
		return nil, fmt.Errorf("jetstream: subscribing: %w", err)
	}
	return s, nil
}

func (s *shard) answered(m *nats.Msg) {
	s.mu.Lock()
	a := s.appenders[m.Subject]
	s.mu.Unlock()
	if a == nil {
		return // closed meanwhile
	}
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		a.fail(fmt.Errorf("jetstream: no stream takes what is published for %s", strings.TrimPrefix(m.Subject, answerPrefix)))
		return
	}
	a.answered(m.Data)
}

func (s *shard) read(m *nats.Msg) {
	name := m.Subject
	if strings.HasPrefix(name, readPrefix) {
		name = name[:strings.LastIndexByte(name, '.')] // without the pull's number
	}
	s.mu.Lock()
	r := s.readers[name]
	s.mu.Unlock()
	if r != nil {
		r.message(m)
	}
}

// newAppender makes the appender of a stream whose newest sequence is last. epoch tells openings of one stream apart,
// so that an answer to an earlier one is not taken for this one's.
func (s *shard) newAppender(stream, epoch string, last uint64, onFail func(error)) *appender {
	a := newAppender(s.nc, answerPrefix+stream+"."+epoch, last, onFail)
	s.mu.Lock()
	s.appenders[a.reply] = a
	s.mu.Unlock()
	return a
}

// closeAppender ends an appender; what has not been answered is lost or not, and reported as closed.
func (s *shard) closeAppender(a *appender) {
	s.mu.Lock()
	delete(s.appenders, a.reply)
	s.mu.Unlock()
	a.stop(broker.ErrClosed, broker.ErrClosed)
}

// fail ends all appenders.
func (s *shard) fail(err error) {
	s.mu.Lock()
	appenders := slices.Collect(maps.Values(s.appenders))
	s.mu.Unlock()
	for _, a := range appenders {
		a.fail(err)
	}
}
