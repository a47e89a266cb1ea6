package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// StartOptions say how to measure the start of a broker.
type StartOptions struct {
	// Command starts the broker in the foreground, over an empty data directory.
	Command []string
	// AMQP, STOMP and HTTP name the listeners that have to answer in their
	// protocol: host:port, for HTTP a URL that any answer below 500 will do for.
	AMQP, STOMP, HTTP []string
	// Idle is how long to leave the broker alone before its memory is read.
	Idle time.Duration
	// Limit is how long the start may take.
	Limit time.Duration
	// Label names the broker in the report.
	Label string
	// Output is where the broker's own output goes; nowhere when nil.
	Output io.Writer
}

// Startup is the name of Start's measurement in a Result.
const Startup Scenario = "startup"

// probeEvery is the resolution of the start time.
const probeEvery = 5 * time.Millisecond

// Start runs the command, measures the time from exec until every listener
// has answered, waits, reads the resident memory of the process and its
// descendants, and stops it again. It is for Linux, whose /proc it reads.
func Start(ctx context.Context, o StartOptions) (Result, error) {
	probes := o.probes()
	if len(probes) == 0 {
		return Result{}, errors.New("no listener was named: nothing would tell that the broker has started")
	}
	cmd := exec.CommandContext(ctx, o.Command[0], o.Command[1:]...) //nolint:gosec // the operator's own command
	cmd.Stdout, cmd.Stderr = o.Output, o.Output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stop := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.Cancel, cmd.WaitDelay = stop, 30*time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Result{}, fmt.Errorf("start the broker: %w", err)
	}
	exited := make(chan struct{})
	var ended error
	go func() {
		ended = cmd.Wait()
		close(exited)
	}()
	r := Result{Scenario: Startup, Label: o.Label, Started: start.UTC().Truncate(time.Second)}
	took, err := awaitAll(ctx, probes, exited, start, o.Limit)
	if err == nil {
		r.StartMillis = float64(took.Microseconds()) / 1000
		idle := time.NewTimer(o.Idle)
		defer idle.Stop()
		select {
		case <-idle.C:
			r.IdleMB, err = residentMB(cmd.Process.Pid)
		case <-exited:
			err = errEnded
		}
	}
	if e := stop(); e != nil && !errors.Is(e, syscall.ESRCH) {
		err = errors.Join(err, fmt.Errorf("stop the broker: %w", e))
	}
	<-exited
	if errors.Is(err, errEnded) {
		err = fmt.Errorf("%w: %w", err, cmp.Or(ended, errors.New("without an error")))
	}
	return r, err
}

// errEnded means that the broker did not live as long as its measurement.
var errEnded = errors.New("the broker ended by itself")

// probe tells whether a listener answers in its protocol.
type probe func(ctx context.Context) bool

func (o StartOptions) probes() []probe {
	var probes []probe
	for _, address := range o.AMQP {
		probes = append(probes, func(ctx context.Context) bool {
			// connection.start is a method frame on channel 0: 1 0 0.
			return answers(ctx, address, "AMQP\x00\x00\x09\x01", "\x01\x00\x00")
		})
	}
	for _, address := range o.STOMP {
		probes = append(probes, func(ctx context.Context) bool {
			return answers(ctx, address, "CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\x00", "CONNECTED")
		})
	}
	for _, url := range o.HTTP {
		probes = append(probes, func(ctx context.Context) bool { return answersHTTP(ctx, url) })
	}
	return probes
}

// answerLimit bounds one attempt at a listener.
const answerLimit = time.Second

func answers(ctx context.Context, address, say, want string) bool {
	dialer := net.Dialer{Timeout: answerLimit}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return false
	}
	if _, err := io.WriteString(conn, say); err != nil {
		return false
	}
	got := make([]byte, len(want))
	_, err = io.ReadFull(conn, got)
	return err == nil && string(got) == want
}

func answersHTTP(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode < http.StatusInternalServerError
}

// awaitAll returns the time since start at which the last probe succeeded.
func awaitAll(ctx context.Context, probes []probe, exited <-chan struct{}, start time.Time, limit time.Duration) (time.Duration, error) {
	t := time.NewTicker(probeEvery)
	defer t.Stop()
	for time.Since(start) < limit {
		for len(probes) > 0 && probes[0](ctx) {
			probes = probes[1:]
		}
		if len(probes) == 0 {
			return time.Since(start), nil
		}
		select {
		case <-t.C:
		case <-exited:
			return 0, errEnded
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
	return 0, fmt.Errorf("%d listeners had not answered after %v", len(probes), limit)
}

// residentMB sums the resident memory of a process and all its descendants.
func residentMB(root int) (float64, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	children := map[int][]int{}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// The name in parentheses may hold anything; what follows it is fixed.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		children[parent] = append(children[parent], pid)
	}
	var total float64
	for pids := []int{root}; len(pids) > 0; pids = pids[1:] {
		pids = append(pids, children[pids[0]]...)
		mb, err := residentOf(pids[0])
		if err != nil {
			return 0, err
		}
		total += mb
	}
	return total, nil
}

func residentOf(pid int) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of a process: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
			return kb * 1024 / 1e6, err
		}
	}
	return 0, nil // a zombie has none
}
