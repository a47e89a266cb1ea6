package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

// scrapeTimeout is how long a scrape may take to come, once a second as they do, on a busy machine.
const scrapeTimeout = time.Minute

// TestPrometheus lets a Prometheus scrape a busy broker: what it has of each scrape lies between what the management
// API told before and after, what it has of a quiet broker is the same, and no metric is zero all the time.
func TestPrometheus(t *testing.T) {
	s := server.Start(t)
	// Another one without room on its disk and in memory, for the alarms.
	full := server.Start(t, "disk.free_limit=1000000000000000", "memory.high_watermark=1MiB")
	p := startPrometheus(t, s.Address(t, "metrics"), full.Address(t, "metrics"))
	base := "http://" + s.Address(t, "management")
	l := startLoad(t, s.AMQPURL(t))
	doEverything(t, s)
	for range 3 {
		before, at := messageStats(t, base), time.Now()
		got := p.scrapeAfter(t, at, s.Address(t, "metrics"))
		after := messageStats(t, base)
		compareScrape(t, got, before, after)
		if after["publish"] <= before["publish"] || after["ack"] <= before["ack"] {
			t.Errorf("the broker was not busy: published %v to %v", before["publish"], after["publish"])
		}
	}
	published := l.stop(t)
	eventually(t, "all is consumed", func() bool {
		var q struct{ Messages int }
		getJSON(t, base+"/api/queues/%2F/busy", &q)
		return q.Messages == 0
	})
	before, at := messageStats(t, base), time.Now()
	got := p.scrapeAfter(t, at, s.Address(t, "metrics"))
	compareScrape(t, got, before, before)
	if confirmed := got["rabbitmq_global_messages_confirmed_total"]; confirmed < float64(published) {
		t.Errorf("Prometheus has %v confirmed, clients have %d", confirmed, published)
	}
	compareTotals(t, base, got)
	p.checkNoneIsZero(t)
}

// names are the counters of the management API with those of Prometheus.
var names = map[string]string{
	"publish":           "rabbitmq_global_messages_received_total",
	"confirm":           "rabbitmq_global_messages_confirmed_total",
	"deliver_get":       "rabbitmq_global_messages_delivered_total",
	"deliver":           "rabbitmq_global_messages_delivered_consume_manual_ack_total",
	"deliver_no_ack":    "rabbitmq_global_messages_delivered_consume_auto_ack_total",
	"get":               "rabbitmq_global_messages_delivered_get_manual_ack_total",
	"get_no_ack":        "rabbitmq_global_messages_delivered_get_auto_ack_total",
	"get_empty":         "rabbitmq_global_messages_get_empty_total",
	"ack":               "rabbitmq_global_messages_acknowledged_total",
	"redeliver":         "rabbitmq_global_messages_redelivered_total",
	"return_unroutable": "rabbitmq_global_messages_unroutable_returned_total",
	"drop_unroutable":   "rabbitmq_global_messages_unroutable_dropped_total",
}

// messageStats are the counters that the management API tells.
func messageStats(t *testing.T, base string) map[string]float64 {
	t.Helper()
	var overview struct {
		MessageStats map[string]any `json:"message_stats"`
	}
	getJSON(t, base+"/api/overview", &overview)
	stats := map[string]float64{}
	for name := range names {
		n, ok := overview.MessageStats[name].(float64)
		if !ok {
			t.Fatalf("the management API tells no %s: %v", name, overview.MessageStats)
		}
		stats[name] = n
	}
	return stats
}

func compareScrape(t *testing.T, got, before, after map[string]float64) {
	t.Helper()
	for name, metric := range names {
		if n, ok := got[metric]; !ok || n < before[name] || n > after[name] {
			t.Errorf("%s is %v; %s was %v before and %v after", metric, n, name, before[name], after[name])
		}
	}
}

// compareTotals compares what there is in a quiet broker.
func compareTotals(t *testing.T, base string, got map[string]float64) {
	t.Helper()
	var overview struct {
		ObjectTotals map[string]float64 `json:"object_totals"`
		QueueTotals  struct {
			Messages       float64 `json:"messages"`
			Ready          float64 `json:"messages_ready"`
			Unacknowledged float64 `json:"messages_unacknowledged"`
		} `json:"queue_totals"`
		Churn struct {
			ConnectionsOpened float64 `json:"connection_created"`
			ConnectionsClosed float64 `json:"connection_closed"`
			ChannelsOpened    float64 `json:"channel_created"`
			QueuesCreated     float64 `json:"queue_created"`
		} `json:"churn_rates"`
	}
	getJSON(t, base+"/api/overview", &overview)
	for metric, want := range map[string]float64{
		"rabbitmq_connections":              overview.ObjectTotals["connections"],
		"rabbitmq_channels":                 overview.ObjectTotals["channels"],
		"rabbitmq_consumers":                overview.ObjectTotals["consumers"],
		"rabbitmq_queues":                   overview.ObjectTotals["queues"],
		"rabbitmq_queue_messages":           overview.QueueTotals.Messages,
		"rabbitmq_queue_messages_ready":     overview.QueueTotals.Ready,
		"rabbitmq_queue_messages_unacked":   overview.QueueTotals.Unacknowledged,
		"rabbitmq_connections_opened_total": overview.Churn.ConnectionsOpened,
		"rabbitmq_connections_closed_total": overview.Churn.ConnectionsClosed,
		"rabbitmq_channels_opened_total":    overview.Churn.ChannelsOpened,
		"rabbitmq_queues_created_total":     overview.Churn.QueuesCreated,
	} {
		if n, ok := got[metric]; !ok || n != want {
			t.Errorf("%s is %v, the management API says %v", metric, n, want)
		}
	}
}

// load publishes with confirms and consumes with acknowledgements until it is stopped.
type load struct {
	end    chan struct{}
	result chan int
	failed chan error
}

func startLoad(t *testing.T, amqpURL string) *load {
	t.Helper()
	conn, err := amqp.Dial(amqpURL)
	must(t, err)
	ch, err := conn.Channel()
	must(t, err)
	_, err = ch.QueueDeclare("busy", true, false, false, false, nil)
	must(t, err)
	consuming, err := conn.Channel()
	must(t, err)
	must(t, consuming.Qos(100, 0, false))
	deliveries, err := consuming.ConsumeWithContext(t.Context(), "busy", "", false, false, false, false, nil)
	must(t, err)
	must(t, ch.Confirm(false))
	l := &load{make(chan struct{}), make(chan int, 1), make(chan error, 1)}
	go func() {
		for d := range deliveries {
			if d.Ack(false) != nil {
				return // the connection is closed at the end
			}
		}
	}()
	go func() {
		const window = 200
		var waiting []*amqp.DeferredConfirmation
		n := 0
		for {
			select {
			case <-l.end:
				for _, c := range waiting {
					c.Wait()
				}
				l.result <- n
				return
			default:
			}
			c, err := ch.PublishWithDeferredConfirm("", "busy", false, false, amqp.Publishing{DeliveryMode: 2, Body: []byte("x")})
			if err != nil {
				l.failed <- err
				return
			}
			n++
			if waiting = append(waiting, c); len(waiting) == window {
				waiting[0].Wait()
				waiting = waiting[1:]
			}
		}
	}()
	t.Cleanup(func() { conn.Close() })
	return l
}

// stop ends the load and returns how many messages were confirmed.
func (l *load) stop(t *testing.T) int {
	t.Helper()
	close(l.end)
	select {
	case n := <-l.result:
		return n
	case err := <-l.failed:
		t.Fatalf("the load ended: %v", err)
	}
	return 0
}

// prometheus is a Prometheus that scrapes.
type prometheus struct{ url string }

// startPrometheus runs Debian's Prometheus, which scrapes the addresses once a second, until the end of the test.
func startPrometheus(t *testing.T, addresses ...string) *prometheus {
	t.Helper()
	dir := t.TempDir()
	targets, err := json.Marshal(addresses)
	must(t, err)
	config := fmt.Sprintf("global: {scrape_interval: 1s}\n"+
		"scrape_configs: [{job_name: portico, static_configs: [{targets: %s}]}]\n", targets)
	file := filepath.Join(dir, "prometheus.yml")
	must(t, os.WriteFile(file, []byte(config), 0o600))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	address := l.Addr().String()
	l.Close()
	command := exec.Command("prometheus", "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address)
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	must(t, command.Start())
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is in ProcessState
		close(ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			t.Logf("Prometheus said:\n%s", log.String())
		}
	})
	p := &prometheus{"http://" + address}
	eventually(t, "Prometheus is ready", func() bool {
		resp, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, again := time.After(scrapeTimeout), time.NewTicker(50*time.Millisecond)
	defer again.Stop()
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("%s: not within %s", what, scrapeTimeout)
		}
	}
}

// series is what Prometheus has of one metric with its labels: times in seconds and values.
type series struct {
	Metric map[string]string
	Values [][2]any
}

// latest returns the values of all series of the last minutes, by name.
func (p *prometheus) latest(t *testing.T, selector string) []series {
	t.Helper()
	resp, err := http.Get(p.url + "/api/v1/query?query=" + url.QueryEscape(selector+"[10m]"))
	must(t, err)
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []series }
	}
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	if answer.Status != "success" {
		t.Fatalf("%s: %s", selector, answer.Error)
	}
	return answer.Data.Result
}

// at reads a value and its time.
func at(t *testing.T, v [2]any) (seconds, value float64) {
	t.Helper()
	value, err := strconv.ParseFloat(v[1].(string), 64)
	must(t, err)
	return v[0].(float64), value
}

// scrapeAfter waits for a scrape that began after the time, and returns the sums of its metrics over their labels.
func (p *prometheus) scrapeAfter(t *testing.T, after time.Time, instance string) map[string]float64 {
	t.Helper()
	sums := map[string]float64{}
	earliest := float64(after.UnixMilli()+1) / 1000 // Prometheus tells times to the millisecond
	eventually(t, "a scrape", func() bool {
		all := p.latest(t, fmt.Sprintf(`{instance=%q}`, instance))
		scraped := 0.0
		for _, s := range all {
			if s.Metric["__name__"] == "up" {
				scraped, _ = at(t, s.Values[len(s.Values)-1])
			}
		}
		for _, s := range all {
			if when, n := at(t, s.Values[len(s.Values)-1]); when == scraped {
				sums[s.Metric["__name__"]] += n
			}
		}
		if scraped < earliest {
			clear(sums)
		}
		return scraped >= earliest
	})
	return sums
}

// checkNoneIsZero fails the test for metrics that have been zero all the time on all of the servers.
func (p *prometheus) checkNoneIsZero(t *testing.T) {
	t.Helper()
	highest := map[string]float64{}
	for _, s := range p.latest(t, `{job="portico",__name__=~"rabbitmq_.*"}`) {
		for _, v := range s.Values {
			_, n := at(t, v)
			highest[s.Metric["__name__"]] = max(highest[s.Metric["__name__"]], n)
		}
	}
	if len(highest) < 60 {
		t.Errorf("Prometheus has %d metrics only", len(highest))
	}
	for _, name := range slices.Sorted(maps.Keys(highest)) {
		if highest[name] == 0 {
			t.Errorf("%s was always 0", name)
		}
	}
}
