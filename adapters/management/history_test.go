package management

import (
	"net/url"
	"reflect"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// sampled is a series to which one more message waits every five seconds, for so long.
func sampled(t *testing.T, d time.Duration) view {
	t.Helper()
	r := &Rates{last: map[any]*series{overallKey{}: newSeries(overallKey{})}}
	for after := time.Duration(0); after <= d; after += sampleInterval {
		s := sample{at: noon.Add(after)}
		s.gauges[ready] = int64(after / sampleInterval)
		r.last[overallKey{}].add(s)
		r.now = s.at
	}
	return r.view(nil, overallKey{})
}

func TestPast(t *testing.T) {
	v := sampled(t, 24*time.Hour)
	v.spans = map[string]span{spanLengths: {20 * time.Second, 10 * time.Second}}
	end := noon.Add(24 * time.Hour).UnixMilli()
	want := object{"rate": 0.2, "avg": 17278.0, "avg_rate": 0.2, "samples": []object{
		{"sample": 17280.0, "timestamp": end}, {"sample": 17278.0, "timestamp": end - 10000}, {"sample": 17276.0, "timestamp": end - 20000},
	}}
	if got := v.gauged(spanLengths, ready); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := v.gauged(spanData, ready); len(got) != 1 {
		t.Errorf("got samples that are not asked for: %v", got)
	}
	// What is long ago is known at greater distances.
	v.spans[spanLengths] = span{24 * time.Hour, time.Hour}
	samples := v.gauged(spanLengths, ready)["samples"].([]object)
	for i, s := range samples {
		if want := float64(17280 - 720*i); s["sample"] != want {
			t.Errorf("%d hours ago: %v, want %v", i, s["sample"], want)
		}
	}
	for i, l := range v.all[0].past {
		if n := len(l.samples); n > 150 {
			t.Errorf("level %d has %d samples", i, n)
		}
	}
}

// What is idle takes no memory.
func TestPastOfWhatIsIdle(t *testing.T) {
	s := newSeries(queueKey{})
	for i := range 1000 {
		n := sample{at: noon.Add(time.Duration(i) * sampleInterval)}
		n.gauges[ready] = 7
		s.add(n)
	}
	if n := len(s.past[0].samples) + len(s.past[1].samples); n != 2 {
		t.Errorf("%d samples are kept, want one at each distance", n)
	}
	if got := s.past[0].at(noon.Add(time.Hour)); got == nil || got.gauges[ready] != 7 {
		t.Errorf("after an hour: %v", got)
	}
	if got := s.past[0].at(noon.Add(-time.Second)); got != nil {
		t.Errorf("before there was anything: %v", got)
	}
}

func TestReadSpans(t *testing.T) {
	for query, want := range map[string]string{
		"lengths_age=60&lengths_incr=5":                      "",
		"lengths_age=60":                                     "",
		"lengths_age=x&lengths_incr=5":                       "",
		"msg_rates_age=60&msg_rates_incr=0":                  "Invalid range parameters: age 60, incr 0",
		"data_rates_age=-60&data_rates_incr=5":               "Invalid range parameters: age -60, incr 5",
		"node_stats_age=60000&node_stats_incr=1":             "Invalid range parameters: age 60000, incr 1",
		"lengths_age=9223372036854775807&lengths_incr=99999": "Invalid range parameters: age 9223372036854775807, incr 99999",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if _, err := readSpans(values); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
