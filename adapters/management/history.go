package management

import (
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
)

// What was counted in the past, which requests ask for with lengths_age and lengths_incr and the like, in seconds.

// retention says for how long samples are kept at which distance.
type retention struct{ age, every time.Duration }

// RabbitMQ's defaults: of everything, and besides of the node, of virtual hosts and of all together.
var (
	basicRetention  = []retention{{10 * time.Minute, sampleInterval}, {time.Hour, time.Minute}}
	globalRetention = append(basicRetention[:2:2], retention{8 * time.Hour, 10 * time.Minute}, retention{24 * time.Hour, 30 * time.Minute})
)

// level is the past of one thing at one distance.
type level struct {
	retention
	samples []sample // by time; one that equals the one before it is left out
	looked  time.Time
}

// add keeps a sample, if it is far enough from the last one, and forgets what is too old.
func (l *level) add(s *sample) {
	if !l.looked.IsZero() && s.at.Sub(l.looked) < l.every-sampleInterval/2 { // a tick may come a little early
		return
	}
	l.looked = s.at
	if n := len(l.samples); n == 0 || !l.samples[n-1].equal(s) {
		l.samples = append(l.samples, *s)
	}
	old := 0
	for old+1 < len(l.samples) && l.samples[old+1].at.Before(s.at.Add(-l.age-l.every)) {
		old++
	}
	if old > 0 {
		l.samples = append(l.samples[:0], l.samples[old:]...)
	}
}

// at is what was last counted before a time; nil when nothing was.
func (l *level) at(t time.Time) *sample {
	for i := len(l.samples) - 1; i >= 0; i-- {
		if !l.samples[i].at.After(t) {
			return &l.samples[i]
		}
	}
	return nil
}

// span is for how long a past is asked for, at which distance. Without an age none is.
type span struct{ age, every time.Duration }

// maxSamples is how many samples a request may ask for of one thing, as in RabbitMQ.
const maxSamples = 500

// maxAge is how long ago a past may begin.
const maxAge = 100 * 365 * 24 * time.Hour

// The kinds of spans, as parameters name them.
const (
	spanLengths   = "lengths"
	spanMessages  = "msg_rates"
	spanData      = "data_rates"
	spanNodeStats = "node_stats"
)

// readSpans reads what the request asks for. A number that is none is passed over, as by RabbitMQ.
func readSpans(query url.Values) (map[string]span, error) {
	spans := make(map[string]span)
	for _, kind := range []string{spanLengths, spanMessages, spanData, spanNodeStats} {
		age, errAge := strconv.Atoi(query.Get(kind + "_age"))
		every, errEvery := strconv.Atoi(query.Get(kind + "_incr"))
		if errAge != nil || errEvery != nil {
			continue
		}
		if age <= 0 || every <= 0 || age/every > maxSamples || age > int(maxAge/time.Second) {
			return nil, fmt.Errorf("Invalid range parameters: age %d, incr %d", age, every)
		}
		spans[kind] = span{time.Duration(age) * time.Second, time.Duration(every) * time.Second}
	}
	return spans, nil
}

// view is how a request is shown series: how fast their sum grows, and its past if that is asked for.
type view struct {
	rates *Rates // nil: nothing is sampled
	all   []*series
	spans map[string]span
}

// view returns the samples of objects, whose values are added up, with the past that the request asks for.
func (c *call) view(keys ...any) view { return c.server.opts.Rates.view(c.spans, keys...) }

func (r *Rates) view(spans map[string]span, keys ...any) view {
	v := view{rates: r, spans: spans}
	if r == nil {
		return v
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		if s := r.last[key]; s != nil {
			v.all = append(v.all, s)
		}
	}
	return v
}

// counted describes the sum of some counts.
func (v view) counted(stats ...broker.Stat) object {
	return v.describe(spanMessages, func(s *sample) (n float64) {
		for _, stat := range stats {
			n += float64(s.counts[stat])
		}
		return n
	})
}

// gauged describes the sum of some gauges.
func (v view) gauged(kind string, gauges ...gauge) object {
	return v.describe(kind, func(s *sample) (n float64) {
		for _, g := range gauges {
			n += float64(s.gauges[g])
		}
		return n
	})
}

// named describes a number of the node.
func (v view) named(kind, name string) object {
	return v.describe(kind, func(s *sample) float64 { return s.values[name] })
}

// describe is what RabbitMQ shows beside a number.
func (v view) describe(kind string, value func(*sample) float64) object {
	if v.rates == nil {
		return details(0)
	}
	v.rates.mu.Lock()
	defer v.rates.mu.Unlock()
	rate := 0.0
	for _, s := range v.all {
		if d := s.last.at.Sub(s.before.at); !s.before.at.IsZero() && d > 0 {
			rate += (value(&s.last) - value(&s.before)) / d.Seconds()
		}
	}
	o := details(rate)
	if wanted := v.spans[kind]; wanted.age > 0 {
		v.addPast(o, wanted, value)
	}
	return o
}

// addPast adds the samples of a span, the newest first.
func (v view) addPast(o object, wanted span, value func(*sample) float64) {
	now := v.rates.now.Truncate(wanted.every)
	list, sum, first, last := []object{}, 0.0, 0.0, 0.0
	for back := time.Duration(0); back <= wanted.age; back += wanted.every {
		n := 0.0
		for _, s := range v.all {
			if past := s.level(wanted.age).at(now.Add(-back)); past != nil {
				n += value(past)
			}
		}
		list = append(list, object{"sample": n, "timestamp": now.Add(-back).UnixMilli()})
		if back == 0 {
			last = n
		}
		first, sum = n, sum+n
	}
	o["samples"] = list
	if len(list) > 1 {
		o["avg"] = sum / float64(len(list))
		o["avg_rate"] = (last - first) / (wanted.every * time.Duration(len(list)-1)).Seconds()
	}
}

// level is the finest past that goes back so far.
func (s *series) level(age time.Duration) *level {
	for i := range s.past {
		if s.past[i].age >= age {
			return &s.past[i]
		}
	}
	return &s.past[len(s.past)-1]
}

// ages are those of what is kept, in seconds, as /overview lists them.
func ages(list []retention) []int {
	var seconds []int
	for _, r := range list {
		seconds = append(seconds, int(r.age/time.Second))
	}
	return seconds
}
