// Package server runs the portico binary as a process of its own, for tests
// that stop, kill and start it.
package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTimeout is how long the server may take until it listens; stopTimeout
// how long it may take after SIGTERM. Both are for a busy machine.
const (
	startTimeout = 60 * time.Second
	stopTimeout  = 60 * time.Second
)

// Server is a portico process with its data directory. It is used by one
// goroutine at a time.
type Server struct {
	dataDir  string
	settings []string
	address  map[string]string // by listener name; empty before the first start
	process  *process
}

// process is one run of the binary.
type process struct {
	command *exec.Cmd
	exited  chan struct{} // closed when it has ended and its log is read
	log     *syncBuffer
	started chan map[string]any // the start line
}

// Start builds portico, if this test binary has not yet, and runs it on free
// ports of the loopback addresses until the test ends. Settings are KEY=VALUE
// pairs of the configuration and win over what Start sets. When the test
// fails, the log is part of its output.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := &Server{dataDir: t.TempDir(), settings: settings, address: map[string]string{}}
	s.Run(t)
	t.Cleanup(func() {
		if s.process != nil {
			s.Stop(t)
		}
	})
	return s
}

// Run starts the process again after Stop or Kill, on the same data directory
// and addresses.
func (s *Server) Run(t testing.TB) {
	t.Helper()
	args := []string{"serve", "--data-dir", s.dataDir, "--set", "log.format=json", "--set", "durability=fsync"}
	for _, name := range listeners {
		address := s.address[name]
		if address == "" {
			address = "127.0.0.1:0"
		}
		args = append(args, "--set", name+".listen="+address)
	}
	for _, name := range closed {
		args = append(args, "--set", name+".listen=off")
	}
	for _, setting := range s.settings {
		args = append(args, "--set", setting)
	}
	p, err := run(Binary(t, "portico"), args)
	if err != nil {
		t.Fatal(err)
	}
	s.process = p
	select {
	case line := <-p.started:
		for _, name := range listeners {
			if address, ok := line[name].(string); ok {
				s.address[name] = address
			}
		}
	case <-p.exited:
		t.Fatalf("portico ended at once:\n%s", p.log)
	case <-time.After(startTimeout):
		_ = p.command.Process.Kill()
		t.Fatalf("portico did not start within %s:\n%s", startTimeout, p.log)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of portico:\n%s", p.log)
		}
	})
}

// closed are the listeners that have ports of their own and that a test opens
// itself, by a setting, when it wants them.
var closed = []string{"amqps", "stomps", "wss", "mq.wss", "management.tls"}

// listeners are the names of the listeners a test may ask for; the TLS ones
// stay closed without a certificate.
var listeners = []string{"amqp", "stomp", "ws", "aws", "management", "metrics"}

// Address returns host:port of the listener of that name, such as amqp.
func (s *Server) Address(t testing.TB, listener string) string {
	t.Helper()
	address := s.address[listener]
	if address == "" || address == "off" {
		t.Fatalf("portico does not listen on %q", listener)
	}
	return address
}

// AMQPURL returns the URL of the default virtual host with the default user.
func (s *Server) AMQPURL(t testing.TB) string {
	t.Helper()
	return "amqp://guest:guest@" + s.Address(t, "amqp") + "/%2F"
}

// AWSURL returns the URL of the AWS endpoint.
func (s *Server) AWSURL(t testing.TB) string {
	t.Helper()
	return "http://" + s.Address(t, "aws")
}

// Stop ends the process with SIGTERM and fails the test when that goes wrong.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	p := s.process
	s.process = nil
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("portico ended before it was stopped: %v\n%s", err, p.log)
	}
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
		_ = p.command.Process.Kill()
		t.Fatalf("portico did not stop within %s:\n%s", stopTimeout, p.log)
	}
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		t.Errorf("portico ended with code %d:\n%s", code, p.log)
	}
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p := s.process
	s.process = nil
	if err := p.command.Process.Kill(); err != nil {
		t.Fatalf("portico ended before it was killed: %v\n%s", err, p.log)
	}
	<-p.exited
}

// run starts a binary and reads its log.
func run(binary string, args []string) (*process, error) {
	p := &process{
		command: exec.Command(binary, args...),
		exited:  make(chan struct{}),
		log:     new(syncBuffer),
		started: make(chan map[string]any, 1),
	}
	stderr, err := p.command.StderrPipe()
	if err != nil {
		return nil, err
	}
	// A test that is killed takes its server with it.
	p.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	here, err := network()
	if err != nil {
		return nil, err
	}
	// The death signal is tied to the thread that starts the process.
	starting := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := enter(here); err != nil {
			starting <- err
			return
		}
		starting <- p.command.Start()
		p.readLog(stderr)
		_ = p.command.Wait() // the exit code is in ProcessState
		close(p.exited)
	}()
	if err := <-starting; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) readLog(stderr io.Reader) {
	scanner := bufio.NewScanner(stderr)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		p.log.add(scanner.Bytes())
		var line map[string]any
		if json.Unmarshal(scanner.Bytes(), &line) == nil && line["msg"] == "started" {
			p.started <- line
		}
	}
}

// syncBuffer holds the log while one goroutine writes and others read it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) add(line []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(line)
	b.buf.WriteByte('\n')
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

var builds struct {
	sync.Mutex
	dir  string
	done map[string]error
}

// Binary returns the path of a command of this repository, built from its
// source the first time a test binary asks for it.
func Binary(t testing.TB, name string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if builds.dir == "" {
		// Not the test's own directory: other tests use the binary too.
		dir, err := os.MkdirTemp("", "portico-test-") //nolint:usetesting // it outlives this test
		if err != nil {
			t.Fatal(err)
		}
		builds.dir, builds.done = dir, map[string]error{}
	}
	path := filepath.Join(builds.dir, name)
	err, built := builds.done[name]
	if !built {
		err = build(path, name)
		builds.done[name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Cleanup removes what Binary built. A test package calls it at the end of its TestMain.
func Cleanup() {
	builds.Lock()
	defer builds.Unlock()
	if builds.dir != "" {
		_ = os.RemoveAll(builds.dir)
	}
}

func build(path, name string) error {
	command := exec.Command("go", "build", "-o", path, "./cmd/"+name)
	command.Dir = Root()
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", name, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Root returns the root of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}
