package management

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/portico-mq/portico/broker"
)

// sampleInterval is how often is counted, as RabbitMQ's collect_statistics_interval.
const sampleInterval = 5 * time.Second

// sample is what was counted at one time.
type sample struct {
	at     time.Time
	counts broker.Counts
	gauges [gaugeCount]int64
	values map[string]float64 // of the node
}

// equal tells whether nothing happened between two samples. That messages wait for consumers is nothing.
func (s *sample) equal(other *sample) bool {
	mine, theirs := s.gauges, other.gauges
	mine[stalled], theirs[stalled] = 0, 0
	return s.counts == other.counts && mine == theirs && maps.Equal(s.values, other.values)
}

// gauge is something that goes up and down.
type gauge uint8

const (
	ready gauge = iota
	unacked
	bytesReceived
	bytesSent
	stalled // nanoseconds: see broker.QueueInfo
	gaugeCount
)

// series are the samples of one thing; its rate is the difference between the last two.
type series struct {
	before, last sample
	changed      time.Time // of the last sample that differed from the one before it
	past         []level
}

func newSeries(key any) *series {
	retentions := basicRetention
	switch key.(type) {
	case overallKey, vhostKey, nodeKey:
		retentions = globalRetention
	}
	s := &series{past: make([]level, len(retentions))}
	for i := range retentions {
		s.past[i].retention = retentions[i]
	}
	return s
}

// add adds a sample.
func (s *series) add(n sample) {
	if s.last.at.IsZero() || !s.last.equal(&n) {
		s.changed = n.at
	}
	s.before, s.last = s.last, n
	for i := range s.past {
		s.past[i].add(&n)
	}
}

// Rates counts at intervals, to tell how fast the counts grow. It is safe for concurrent use.
type Rates struct {
	broker *broker.Broker

	mu   sync.Mutex
	last map[any]*series // by object: see the keys below
	now  time.Time       // of the last samples
	// node measures what nodes show rates of; nil until there is a front end.
	node func() map[string]float64
}

type (
	queueKey    struct{ vhost, name string }
	exchangeKey struct{ vhost, name string }
	vhostKey    string
	overallKey  struct{}
	nodeKey     struct{}
)

// measure says how the node is measured.
func (r *Rates) measure(node func() map[string]float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.node = node
}

// NewRates makes rates of the broker's counts. They are 0 until Run has counted twice.
func NewRates(b *broker.Broker) *Rates { return &Rates{broker: b, last: make(map[any]*series)} }

// Run counts every five seconds until ctx ends.
func (r *Rates) Run(ctx context.Context) {
	t := time.NewTicker(sampleInterval)
	defer t.Stop()
	r.Sample(ctx, time.Now())
	for {
		select {
		case now := <-t.C:
			r.Sample(ctx, now)
		case <-ctx.Done():
			return
		}
	}
}

// Sample counts once. What is gone is forgotten.
func (r *Rates) Sample(ctx context.Context, now time.Time) {
	next := make(map[any]sample)
	overall := sample{at: now}
	for _, vhost := range r.broker.Namespaces() {
		s, err := r.broker.OpenSession(ctx, r.broker.Root(), vhost)
		if err != nil {
			continue // deleted meanwhile
		}
		total := sample{at: now, counts: s.Counts()}
		for name, info := range s.QueueCounts() {
			q := sample{at: now, counts: info.Counts}
			q.gauges[ready], q.gauges[unacked] = int64(info.Ready), int64(info.Unacked)
			q.gauges[stalled] = int64(info.Stalled)
			total.gauges[ready] += q.gauges[ready]
			total.gauges[unacked] += q.gauges[unacked]
			next[queueKey{vhost, name}] = q
		}
		for name, counts := range s.ExchangeCounts() {
			next[exchangeKey{vhost, name}] = sample{at: now, counts: counts}
		}
		next[vhostKey(vhost)] = total
		overall.counts = overall.counts.Plus(total.counts)
		overall.gauges[ready] += total.gauges[ready]
		overall.gauges[unacked] += total.gauges[unacked]
	}
	for _, c := range r.broker.Connections() {
		sum := sample{at: now, counts: c.Counts()}
		sum.gauges[bytesReceived], sum.gauges[bytesSent] = int64(c.Received.Bytes()), int64(c.Sent.Bytes())
		next[c] = sum
		for _, l := range c.Lanes() {
			next[l] = sample{at: now, counts: l.Traffic.Counts()}
		}
	}
	next[overallKey{}] = overall
	r.mu.Lock()
	node := r.node
	r.mu.Unlock()
	if node != nil {
		next[nodeKey{}] = sample{at: now, values: node()}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = now
	for key, s := range next {
		if r.last[key] == nil {
			r.last[key] = newSeries(key)
		}
		r.last[key].add(s)
	}
	for key := range r.last {
		if _, ok := next[key]; !ok {
			delete(r.last, key)
		}
	}
}

// Reset forgets what was counted before now.
func (r *Rates) Reset() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.last)
}

// idleSince tells since when nothing has changed of an object, and whether that is so for a whole interval.
func (r *Rates) idleSince(key any) (time.Time, bool) {
	if r == nil {
		return time.Time{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.last[key]
	if s == nil {
		return time.Time{}, false
	}
	return s.changed, s.last.at.After(s.changed)
}
