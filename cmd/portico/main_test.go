package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/portico-mq/portico/config"
)

// asPortico makes this test binary behave as portico itself.
const asPortico = "TEST_BINARY_IS_PORTICO"

func TestMain(m *testing.M) {
	if os.Getenv(asPortico) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func portico(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = []string{asPortico + "=1"}
	cmd.Dir = t.TempDir()
	return cmd
}

// serve starts the server with the management listener only and returns it
// with that listener's address. Its log is read to the end.
func serve(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
	args := []string{"--set", "log.format=json", "--set", "shutdown.timeout=5m"}
	for _, key := range config.Keys() {
		if strings.HasSuffix(key, ".listen") && key != "management.listen" {
			args = append(args, "--set", key+"=off")
		}
	}
	cmd := portico(t, append(args, "--set", "management.listen=127.0.0.1:0")...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		t.Log(lines.Text())
		var line struct{ Msg, Management string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return cmd, line.Management
		}
	}
	t.Fatalf("it ended without a start line: %v", cmd.Wait())
	return nil, ""
}

func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

func TestSIGTERMStops(t *testing.T) {
	cmd, _ := serve(t)
	terminate(t, cmd)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// A client in the middle of a request holds the drain up; a second SIGTERM
// does not wait for it.
func TestSecondSIGTERMStopsAtOnce(t *testing.T) {
	cmd, address := serve(t)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "PUT /portico/v1/memory/limit HTTP/1.1\r\nHost: x\r\n"+
		"Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")
	// The answer shows that the request is being worked on: its body is waited for.
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100") {
		t.Fatal(line, err)
	}
	terminate(t, cmd)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	// The drain has begun when nobody is accepted any more.
	for {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			break
		}
		c.Close()
	}
	select {
	case err := <-ended:
		t.Fatalf("it did not wait for the client: %v", err)
	default:
	}
	terminate(t, cmd)
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("it ended with %v, want code 1", err)
		}
	case <-time.After(time.Minute):
		t.Error("it did not stop")
	}
}

func TestConfigCheckNamesKeyAndLine(t *testing.T) {
	cmd := portico(t, "config", "check", "--config", "portico.yaml")
	file := filepath.Join(cmd.Dir, "portico.yaml")
	if err := os.WriteFile(file, []byte("log:\n  level: loud\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	want := "portico: the configuration is wrong:\n" +
		"portico.yaml:2: log.level: \"loud\" is not one of debug, info, warn, error\n"
	if err == nil || string(out) != want {
		t.Errorf("got %v, %q, want %q", err, out, want)
	}
}

func TestConfigPrintShowsWhatIsInForce(t *testing.T) {
	cmd := portico(t, "config", "print", "--data-dir", "there")
	cmd.Env = append(cmd.Env, "PORTICO_LOG_LEVEL=debug")
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "data_dir: there\n") || !strings.Contains(string(out), "level: debug\n") {
		t.Errorf("got %v, %s", err, out)
	}
}

func TestVersion(t *testing.T) {
	out, err := portico(t, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "portico ") {
		t.Errorf("got %v, %q", err, out)
	}
}
