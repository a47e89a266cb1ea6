// Package crash kills a broker at random moments under load and judges what
// its clients saw. The load and the child process are here, the verdict is in
// the package history; the tests run both.
package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is one run of the broker under test.
type child struct {
	dataDir string
	cmd     *exec.Cmd
	exited  chan struct{}
	output  *tail
	// The addresses that its start line names.
	amqp, stomp, aws string
}

// startLimit is how long the broker may take to recover what an earlier run
// left and to open its listeners.
const startLimit = 30 * time.Second

// startChild starts the binary on a data directory, with free ports, and waits
// for its start line.
func startChild(ctx context.Context, binary, dataDir string) (*child, error) {
	c := &child{exited: make(chan struct{}), output: &tail{}}
	c.dataDir = dataDir
	c.cmd = exec.Command(binary, "serve", "--data-dir", dataDir)
	c.cmd.Env = append(os.Environ(),
		"PORTICO_LOG_FORMAT=json",
		"PORTICO_AMQP_LISTEN=127.0.0.1:0", "PORTICO_STOMP_LISTEN=127.0.0.1:0", "PORTICO_AWS_LISTEN=127.0.0.1:0",
		"PORTICO_MANAGEMENT_LISTEN=127.0.0.1:0", "PORTICO_METRICS_LISTEN=off", "PORTICO_WS_LISTEN=off",
	)
	stderr, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	started := make(chan map[string]any, 1)
	go func() {
		c.read(stderr, started)
		_ = c.cmd.Wait() // how it ended is the caller's doing
		close(c.exited)
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case line := <-started:
		for name, address := range map[string]*string{"amqp": &c.amqp, "stomp": &c.stomp, "aws": &c.aws} {
			*address, _ = line[name].(string)
			if !strings.HasPrefix(*address, "127.0.0.1:") {
				c.kill()
				return nil, fmt.Errorf("the start line names no %s listener: %v", name, line)
			}
		}
		return c, nil
	case <-c.exited:
		return nil, fmt.Errorf("the broker ended before it had started:\n%s", c.output)
	case <-limit.C:
		c.kill()
		return nil, fmt.Errorf("the broker had not started after %v:\n%s", startLimit, c.output)
	case <-ctx.Done():
		c.kill()
		return nil, context.Cause(ctx)
	}
}

// read follows the broker's log and tells its start line.
func (c *child) read(r io.Reader, started chan<- map[string]any) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		c.output.add(lines.Text())
		var line map[string]any
		if json.Unmarshal(lines.Bytes(), &line) == nil && line["msg"] == "started" {
			started <- line
		}
	}
}

// kill ends the broker as a crash would, and returns when it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // one that ended already is as dead
	<-c.exited
}

// dump ends the broker and lets it say in its log where its goroutines stand.
func (c *child) dump() {
	_ = c.cmd.Process.Signal(syscall.SIGQUIT) // one that ended already says nothing
	<-c.exited
}

// tail keeps the last lines of a log, for a report.
type tail struct {
	mu    sync.Mutex
	lines []string
}

const tailLines = 20000

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, line)
	if len(t.lines) > tailLines {
		t.lines = append(t.lines[:0], t.lines[len(t.lines)-tailLines:]...)
	}
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// fault names a way to break the broker on purpose, for one build of it.
type fault string

// build compiles the broker into dir; with a fault it is one of the builds
// that the checker has to catch.
func build(ctx context.Context, dir string, f fault) (string, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "portico")
	args := []string{"build", "-o", binary}
	if f != "" {
		args = append(args, "-tags", "crash_fault", "-ldflags", "-X github.com/portico-mq/portico/broker.fault="+string(f))
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/portico")...)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build the broker: %w\n%s", err, out.String())
	}
	return binary, nil
}
