package conformance

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/test/server"
)

const kedaModule = "github.com/kedacore/keda/v2@v2.21.0"

// TestKEDAScaler runs KEDA's own RabbitMQ scaler, unmodified, from its module. Its package has a scaler for every
// system in the world; the others are left out, with all that they need.
func TestKEDAScaler(t *testing.T) {
	s := server.Start(t)
	conn, err := amqp.Dial(s.AMQPURL(t))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	scaledQueues(t, s, conn)
	dir := kedaCopy(t)
	command := exec.CommandContext(t.Context(), "go", "test", "-json", "-count=1", "-vet=off", "./pkg/scalers")
	command.Dir = dir
	command.Env = append(os.Environ(), "GOFLAGS=-mod=readonly",
		"PORTICO_AMQP="+s.AMQPURL(t), "PORTICO_HTTP=http://guest:guest@"+s.Address(t, "management")+"/%2F")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	passed := judge(t, out)
	if err != nil && !t.Failed() {
		t.Errorf("go test: %v\n%s\n%s", err, out, stderr.String())
	}
	if want := 12; passed != want {
		t.Errorf("%d tests passed, want %d", passed, want)
	}
}

// kedaCopy returns a folder with what the scaler needs of KEDA's module, and the test that runs it.
func kedaCopy(t *testing.T) string {
	t.Helper()
	dir := moduleCopy(t, kedaModule)
	scalers := filepath.Join(dir, "pkg", "scalers")
	files, err := filepath.Glob(filepath.Join(scalers, "*.go"))
	must(t, err)
	for _, file := range files {
		if name := filepath.Base(file); name != "rabbitmq_scaler.go" && name != "scaler.go" {
			must(t, os.Remove(file))
		}
	}
	test, err := os.ReadFile(filepath.Join("testdata", "keda", "portico_test.go"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(scalers, "portico_test.go"), test, 0o600))
	return dir
}

// scaledQueues makes what the test of the scaler expects.
func scaledQueues(t *testing.T, s *server.Server, conn *amqp.Connection) {
	t.Helper()
	ch, err := conn.Channel()
	must(t, err)
	for name, n := range map[string]int{"scaled-1": 3, "scaled-2": 1, "moving": 0} {
		_, err = ch.QueueDeclare(name, true, false, false, false, nil)
		must(t, err)
		for range n {
			publishConfirmed(t, ch, name)
		}
	}
	_, _, err = ch.Get("scaled-1", false) // and keep it
	must(t, err)
	base := "http://" + s.Address(t, "management")
	call(t, http.MethodPut, base+"/api/vhosts/v1", "{}")
	call(t, http.MethodPut, base+"/api/permissions/v1/guest", `{"configure":".*","write":".*","read":".*"}`)
	call(t, http.MethodPut, base+"/api/queues/v1/scaled-3", `{"durable":true}`)
	moving, err := conn.Channel()
	must(t, err)
	deliveries, err := moving.ConsumeWithContext(t.Context(), "moving", "", true, false, false, false, nil)
	must(t, err)
	go func() {
		for range deliveries { // read them, so that they are delivered
			continue
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	t.Cleanup(tick.Stop)
	go func() {
		for range tick.C {
			if moving.PublishWithContext(t.Context(), "", "moving", false, false, amqp.Publishing{}) != nil {
				return // the test has ended
			}
		}
	}()
	// Rates are of the last five seconds.
	eventually(t, "a rate", func() bool {
		var q struct {
			MessageStats map[string]any `json:"message_stats"`
		}
		getJSON(t, base+"/api/queues/%2F/moving", &q)
		details, _ := q.MessageStats["deliver_get_details"].(map[string]any)
		rate, _ := details["rate"].(float64)
		return rate > 0
	})
}

// call sends a request to the management API that must succeed.
func call(t *testing.T, method, url, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	must(t, err)
	r.SetBasicAuth("guest", "guest")
	resp, err := http.DefaultClient.Do(r)
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, url, resp.Status)
	}
}
