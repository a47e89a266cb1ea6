package management

import (
	"context"
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
}

// gauge is something that goes up and down.
type gauge uint8

const (
	ready gauge = iota
	unacked
	bytesReceived
	bytesSent
	gaugeCount
)

// series are the last two samples of one thing; a rate is the difference between them.
type series struct {
	before, last sample
	changed      time.Time // of the last sample that differed from the one before it
}

// idleSince tells since when nothing has changed, and whether that is so for a whole interval.
func (s *series) idleSince() (time.Time, bool) {
	if s == nil {
		return time.Time{}, false
	}
	return s.changed, s.last.at.After(s.changed)
}

// rate is how often a second s happened; 0 until there are two samples.
func (s *series) rate(stat broker.Stat) float64 {
	if s == nil {
		return 0
	}
	return perSecond(int64(s.last.counts[stat]-s.before.counts[stat]), s.last.at.Sub(s.before.at), s.before.at)
}

// slope is by how much a second the gauge has changed.
func (s *series) slope(g gauge) float64 {
	if s == nil {
		return 0
	}
	return perSecond(s.last.gauges[g]-s.before.gauges[g], s.last.at.Sub(s.before.at), s.before.at)
}

func perSecond(n int64, d time.Duration, since time.Time) float64 {
	if since.IsZero() || d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// Rates counts at intervals, to tell how fast the counts grow. It is safe for concurrent use.
type Rates struct {
	broker *broker.Broker

	mu   sync.Mutex
	last map[any]*series // by object: see the keys below
	// node measures what nodes show rates of; nil until there is a front end.
	node  func() map[string]float64
	nodes [2]nodeSample // the last two
}

type (
	queueKey    struct{ vhost, name string }
	exchangeKey struct{ vhost, name string }
	vhostKey    string
	overallKey  struct{}
)

// nodeSample is what was measured of the node at one time.
type nodeSample struct {
	at     time.Time
	values map[string]float64
}

// nodeRates are by how much a second what is measured of the node has changed, by name.
func (r *Rates) nodeRates() map[string]float64 {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before, last := r.nodes[0], r.nodes[1]
	rates := make(map[string]float64)
	for name, v := range last.values {
		rates[name] = 0
		if had, ok := before.values[name]; ok && last.at.After(before.at) {
			rates[name] = (v - had) / last.at.Sub(before.at).Seconds()
		}
	}
	return rates
}

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
	var values map[string]float64
	if node != nil {
		values = node()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nodes[0], r.nodes[1] = r.nodes[1], nodeSample{now, values}
	for key, s := range next {
		had := r.last[key]
		if had == nil {
			r.last[key] = &series{last: s, changed: s.at}
			continue
		}
		changed := had.changed
		if s.counts != had.last.counts || s.gauges != had.last.gauges {
			changed = s.at
		}
		r.last[key] = &series{had.last, s, changed}
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
	clear(r.nodes[:])
}

// of returns the samples of an object; nil when there are none.
func (r *Rates) of(key any) *series {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[key]
}
