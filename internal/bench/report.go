package bench

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Text returns the run as one line.
func (r Result) Text() string {
	head := fmt.Sprintf("%s, %s", r.Label, r.describe())
	switch {
	case r.Scenario == Startup:
		return fmt.Sprintf("%s: %.0f ms from exec to the last listener, %.0f MB resident", head, r.StartMillis, r.IdleMB)
	case r.Latency != nil:
		return fmt.Sprintf("%s: p50 %s, p99 %s, max %s at %.0f msg/s", head,
			millis(r.Latency.P50), millis(r.Latency.P99), millis(r.Latency.Max), r.Rate)
	}
	if r.Scenario == Idle {
		return fmt.Sprintf("%s: %.0f MB resident", head, r.IdleMB)
	}
	if r.Scenario == Backlog {
		return fmt.Sprintf("%s: %.0f msg/s behind a backlog, %.0f msg/s into an empty queue", head, r.Rate, r.EmptyRate)
	}
	if r.Scenario == SQSPoll {
		return fmt.Sprintf("%s: %s of one core", head, percent(r.BrokerShare))
	}
	return fmt.Sprintf("%s: %.0f msg/s (%d in %.1f s)", head, r.Rate, r.Messages, r.Seconds)
}

func micros(us float64) string { return fmt.Sprintf("%.1f", us) }

func percent(share float64) string { return fmt.Sprintf("%.2f %%", 100*share) }

func millis(us float64) string { return fmt.Sprintf("%.2f ms", us/1000) }

// describe says what was run, without who ran it.
func (r Result) describe() string {
	var b strings.Builder
	b.WriteString(string(r.Scenario))
	add := func(n int, one, many string) {
		switch {
		case n == 1:
			fmt.Fprintf(&b, ", 1 %s", one)
		case n > 1:
			fmt.Fprintf(&b, ", %d %s", n, many)
		}
	}
	add(r.Queues, "queue", "queues")
	add(r.Connections, "connection", "connections")
	add(r.Publishers, "publisher", "publishers")
	add(r.InFlight, "in flight", "in flight")
	add(r.Consumers, "consumer", "consumers")
	if r.Prefetch > 0 {
		fmt.Fprintf(&b, ", prefetch %d", r.Prefetch)
	}
	switch {
	case r.AckEvery > 1 && r.Client == "http":
		fmt.Fprintf(&b, ", batches of %d", r.AckEvery)
	case r.AckEvery > 1:
		fmt.Fprintf(&b, ", %d to an ack", r.AckEvery)
	}
	if r.Client == "http" && r.QueueType != "" {
		b.WriteString(", " + r.QueueType)
	}
	if r.Size > 0 {
		fmt.Fprintf(&b, ", %d bytes", r.Size)
	}
	if r.Client == FramesClient {
		b.WriteString(", client " + FramesClient)
	}
	return b.String()
}

// Read decodes results written as JSON, one after the other.
func Read(in io.Reader) ([]Result, error) {
	var results []Result
	dec := json.NewDecoder(bufio.NewReader(in))
	for {
		var r Result
		err := dec.Decode(&r)
		if err == io.EOF {
			return results, nil
		}
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", len(results)+1, err)
		}
		results = append(results, r)
	}
}

// figure is one number of a result that a table compares.
type figure struct {
	name   string
	of     func(Result) (float64, bool)
	lower  bool // the lower the better
	format func(float64) string
}

var figures = []figure{
	{
		"msg/s", func(r Result) (float64, bool) {
			return r.Rate, r.Latency == nil && r.IdleMB == 0 && r.Scenario != SQSPoll
		}, false,
		func(v float64) string { return thousands(v) },
	},
	{"µs of the broker's processor", func(r Result) (float64, bool) { return r.BrokerMicros, r.BrokerMicros > 0 && r.Scenario != SQSPoll }, true, micros},
	{"µs of the client's processor", func(r Result) (float64, bool) {
		return r.ClientMicros, r.ClientMicros > 0 && r.Latency == nil && r.Scenario != SQSPoll
	}, true, micros},
	{"of one core", func(r Result) (float64, bool) { return r.BrokerShare, r.Scenario == SQSPoll }, true, percent},
	{"p50", func(r Result) (float64, bool) { return latency(r, func(s *Spread) float64 { return s.P50 }) }, true, millis},
	{"p99", func(r Result) (float64, bool) { return latency(r, func(s *Spread) float64 { return s.P99 }) }, true, millis},
	{
		"start", func(r Result) (float64, bool) { return r.StartMillis, r.Scenario == Startup }, true,
		func(v float64) string { return thousands(v) + " ms" },
	},
	{
		"resident when idle", func(r Result) (float64, bool) { return r.IdleMB, r.IdleMB > 0 }, true,
		func(v float64) string { return thousands(v) + " MB" },
	},
}

func latency(r Result, of func(*Spread) float64) (float64, bool) {
	if r.Latency == nil {
		return 0, false
	}
	return of(r.Latency), true
}

// thousands writes a rounded number with separators: 12,345.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Table writes the results as a Markdown table: a row for each thing measured
// and each figure of it, a column for each label with minimum, median and
// maximum of its runs, and how the first label's median compares with the best
// of the peers', whose labels begin with the prefix. Labels and rows keep the
// order of their first result.
func Table(out io.Writer, results []Result, peers string) error {
	var labels, rows []string
	cells := map[[2]string][]Result{}
	for _, r := range results {
		if !slices.Contains(labels, r.Label) {
			labels = append(labels, r.Label)
		}
		row := r.describe()
		if !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
		key := [2]string{row, r.Label}
		cells[key] = append(cells[key], r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| what | figure | %s | against the best peer |\n|---|---|%s---|\n",
		strings.Join(labels, " | "), strings.Repeat("---|", len(labels)))
	for _, row := range rows {
		for _, f := range figures {
			if line, ok := tableRow(row, f, labels, peers, cells); ok {
				b.WriteString(line)
			}
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func tableRow(row string, f figure, labels []string, peers string, cells map[[2]string][]Result) (string, bool) {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s | %s |", row, f.name)
	medians := make([]float64, len(labels))
	any := false
	for i, label := range labels {
		var values []float64
		for _, r := range cells[[2]string{row, label}] {
			if v, ok := f.of(r); ok {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			medians[i] = math.NaN()
			b.WriteString(" |")
			continue
		}
		any = true
		slices.Sort(values)
		medians[i] = median(values)
		fmt.Fprintf(&b, " %s / **%s** / %s |", f.format(values[0]), f.format(medians[i]), f.format(values[len(values)-1]))
	}
	for i, label := range labels {
		if i > 0 && !strings.HasPrefix(label, peers) {
			medians[i] = math.NaN()
		}
	}
	b.WriteString(" " + ratio(medians, f.lower) + " |\n")
	return b.String(), any
}

// median of sorted values: the middle one, the mean of both when there are two.
func median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ratio compares the first median with the best of the others: times as much
// for what should be high, a share for what should be low.
func ratio(medians []float64, lower bool) string {
	others := slices.DeleteFunc(slices.Clone(medians[1:]), math.IsNaN)
	if len(others) == 0 || math.IsNaN(medians[0]) {
		return ""
	}
	best := slices.MaxFunc(others, cmp.Compare[float64])
	if lower {
		best = slices.MinFunc(others, cmp.Compare[float64])
	}
	if best == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f ×", medians[0]/best)
}
