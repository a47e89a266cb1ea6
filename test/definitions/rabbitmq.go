// Package definitions moves definitions between a real RabbitMQ, Debian's package, and Portico, and compares what both
// then answer: the values of what was declared, and under a load which fields the management API shows.
package definitions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/portico-mq/portico/test/server"
)

// startTimeout is how long a RabbitMQ may take to start, on a busy machine.
const startTimeout = 3 * time.Minute

// startRabbitMQ runs a RabbitMQ with its management plugin until the end of the test.
func startRabbitMQ(t *testing.T) *broker {
	t.Helper()
	dir := t.TempDir()
	ports := freePorts(t, 4)
	conf := filepath.Join(dir, "rabbitmq.conf")
	text := fmt.Sprintf("management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = %d\n", ports+3)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(filepath.Join(server.Root(), "test", "bench", "rabbitmq"), dir, fmt.Sprint(ports))
	command.Env = append(os.Environ(), "PLUGINS=rabbitmq_management", "RABBITMQ_CONFIG_FILE="+conf)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var log strings.Builder
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // how it ended is in ProcessState
		close(ended)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGTERM) // the group: the script's node and its port mapper
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		// The port mapper is a daemon of its own.
		if out, err := exec.Command("epmd", "-port", fmt.Sprint(ports+2), "-kill").CombinedOutput(); err != nil {
			t.Logf("ending the port mapper: %v: %s", err, out)
		}
		if t.Failed() {
			t.Logf("RabbitMQ said:\n%s", log.String())
		}
	})
	b := &broker{
		name: "RabbitMQ", api: fmt.Sprintf("http://127.0.0.1:%d/api", ports+3), amqp: fmt.Sprintf("127.0.0.1:%d", ports),
	}
	deadline := time.Now().Add(startTimeout)
	for b.up() != nil {
		select {
		case <-ended:
			t.Fatalf("RabbitMQ ended: %v\n%s", command.ProcessState, log.String())
		case <-time.After(100 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("RabbitMQ did not start")
		}
	}
	return b
}

// freePorts finds n ports in a row that nobody uses.
func freePorts(t *testing.T, n int) int {
	t.Helper()
	for first := 21150; first < 30000; first += n {
		free := true
		for port := first; port < first+n && free; port++ {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
			if free = err == nil; free {
				l.Close()
			}
		}
		if free {
			return first
		}
	}
	t.Fatal("no free ports")
	return 0
}

// broker is a RabbitMQ or Portico.
type broker struct{ name, api, amqp string }

func startPortico(t *testing.T) *broker {
	t.Helper()
	s := server.Start(t)
	return &broker{name: "Portico", api: "http://" + s.Address(t, "management") + "/api", amqp: s.Address(t, "amqp")}
}

func (b *broker) up() error {
	status, _, err := b.request(http.MethodGet, "/whoami", "")
	if err == nil && status != http.StatusOK {
		err = errors.New("not yet")
	}
	return err
}

func (b *broker) request(method, path, body string) (int, string, error) {
	r, err := http.NewRequestWithContext(context.Background(), method, b.api+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.SetBasicAuth("guest", "guest")
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw), err
}

// ask sends a request that must succeed and returns what came, decoded.
func (b *broker) ask(t *testing.T, method, path, body string) any {
	t.Helper()
	status, raw, err := b.request(method, path, body)
	if err != nil || status >= 300 {
		t.Fatalf("%s: %s %s: %d %s %v", b.name, method, path, status, raw, err)
	}
	if raw == "" {
		return nil
	}
	var v any
	if err := json.Unmarshal([]byte(raw), &v); err != nil {
		t.Fatalf("%s: %s %s: %v in %s", b.name, method, path, err, raw)
	}
	return v
}
