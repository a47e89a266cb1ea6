package app

import (
	"bufio"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// withoutMetrics are those of RabbitMQ's metrics that there are not, by why.
var withoutMetrics = map[string]*regexp.Regexp{
	"of Erlang's processes, distribution and databases": regexp.MustCompile(`_reductions_total|erlang_net_ticktime|erlang_processes_limit|erlang_scheduler_run_queue|schema_db`),
	"of Raft": regexp.MustCompile(`_raft_`),
	"of RabbitMQ's message store, index and memory tiers": regexp.MustCompile(`msg_store|queue_index|_ram(_bytes)?$|_paged_out|queue_disk_`),
	"calls to read and write files are not counted":       regexp.MustCompile(`_io_(read_ops|read_time|write_ops|write_time|seek|reopen)`),
	"shares of time need two scrapes; /api has them":      regexp.MustCompile(`consumer_(capacity|utilisation)`),
	"there is no such alarm":                              regexp.MustCompile(`alarms_file_descriptor`),
	"what waits for a socket is not counted":              regexp.MustCompile(`connection_pending_packets`),
	"attempts are not told apart by address":              regexp.MustCompile(`auth_attempts_detailed`),
	"a sum of times tells nothing":                        regexp.MustCompile(`^/metrics rabbitmq_queue_head_message_timestamp`),
	"bindings are not counted":                            regexp.MustCompile(`cluster_exchange_bindings`),
}

// There are RabbitMQ's metrics with its names and types, at the same paths, but for those that have a reason.
func TestMetricsAreThoseOfRabbitMQ(t *testing.T) {
	r := start(t, "amqp.listen=127.0.0.1:0", "metrics.listen=127.0.0.1:0")
	conn, err := amqp.Dial("amqp://guest:guest@" + r.started["amqp"])
	if err != nil {
		t.Fatal(err)
	}
	busy(t, conn)
	stamped(t, conn)
	raw, err := os.ReadFile("testdata/metrics-rabbitmq-3.10.8.txt")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]string{}
	for line := range strings.Lines(string(raw)) {
		words := strings.Fields(line)
		if strings.HasPrefix(line, "#") || len(words) != 3 {
			continue
		}
		path, name, kind := words[0], words[1], words[2]
		if found[path] == nil {
			found[path] = metricTypes(t, "http://"+r.started["metrics"]+path)
		}
		got, why := found[path][name], ""
		for reason, names := range withoutMetrics {
			if names.MatchString(path + " " + name) {
				why = reason
			}
		}
		switch {
		case got == "" && why == "":
			t.Errorf("%s: no %s", path, name)
		case got != "" && why != "":
			t.Errorf("%s: %s is there, although: %s", path, name, why)
		case got != "" && got != kind:
			t.Errorf("%s: %s is a %s, not a %s", path, name, got, kind)
		}
	}
	conn.Close()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
}

// stamped leaves a message in a queue that says when it was made.
func stamped(t *testing.T, conn *amqp.Connection) {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ch.QueueDeclare("stamped", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	sent, err := ch.PublishWithDeferredConfirmWithContext(t.Context(), "", "stamped", false, false, amqp.Publishing{Timestamp: time.Unix(1_700_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	sent.Wait()
}

// metricTypes are the types of the metrics at a URL, by name.
func metricTypes(t *testing.T, url string) map[string]string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	types := map[string]string{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 4 && words[1] == "TYPE" {
			types[words[2]] = words[3]
		}
	}
	return types
}
