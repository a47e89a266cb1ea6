package bench

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// nullURL starts a null peer and returns where it is.
func nullURL(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- ServeNull(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "amqp://guest:guest@" + l.Addr().String() + "/"
}

func TestScenarios(t *testing.T) {
	url := nullURL(t)
	for s := range scenarios {
		for _, client := range []string{LibraryClient, FramesClient} {
			t.Run(string(s)+"/"+client, func(t *testing.T) { testScenario(t, url, s, client) })
		}
	}
}

func testScenario(t *testing.T, url string, s Scenario, client string) {
	t.Parallel()
	r, err := Run(context.Background(), s, Options{
		URL: url, Client: client, Label: "null", Messages: 2000, Queues: 5, BrokerPID: os.Getpid(), Connections: 2, Prefetch: 20, AckEvery: 3, Size: 100,
		Warmup: time.Millisecond, Duration: 100 * time.Millisecond,
	})
	if s == Latency {
		// The null peer delivers bodies of its own, which carry no time.
		if err == nil || !strings.Contains(err.Error(), "nothing was delivered") {
			t.Errorf("a latency out of bodies without a time: %+v, %v", r.Latency, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if s == Idle {
		if r.IdleMB < 1 {
			t.Errorf("a process of %f MB", r.IdleMB)
		}
		return
	}
	if r.Messages == 0 || r.Rate == 0 {
		t.Errorf("nothing was counted: %+v", r)
	}
	if s == Consume && r.Messages != 2000 {
		t.Errorf("%d messages consumed, want 2000", r.Messages)
	}
}

// TestFramesConfirm: confirms are counted once each, in whatever order and however many at a time they come.
func TestFramesConfirm(t *testing.T) {
	c := newFramesChannel(1, "q", 16)
	c.published, c.unsettled = 6, 6
	for _, step := range []struct {
		tag      uint64
		multiple bool
		n        int
		err      error
	}{
		{3, false, 1, nil},
		{1, false, 1, nil},
		{3, false, 0, errConfirmedTwice},
		{4, true, 2, nil},
		{2, false, 0, errConfirmedTwice},
		{7, false, 0, errConfirmedTwice},
		{6, false, 1, nil},
		{5, false, 1, nil},
	} {
		n, err := c.confirm(wire.BasicAck{DeliveryTag: step.tag, Multiple: step.multiple})
		if n != step.n || !errors.Is(err, step.err) {
			t.Errorf("%d (multiple %t): %d, %v", step.tag, step.multiple, n, err)
		}
	}
	if c.unsettled != 0 || c.settled != 6 || len(c.beyond) != 0 {
		t.Errorf("at the end %+v", c)
	}
}

func TestRunSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    Scenario
		o    Options
		want string
	}{
		{"no broker", Publish, Options{URL: "amqp://127.0.0.1:1/"}, "connect to the broker"},
		{"small body", Publish, Options{Size: 8}, "too small"},
		{"no such scenario", "dance", Options{}, "unknown scenario"},
		{"no such client", Publish, Options{Client: "dance"}, "unknown client"},
		{"no broker for frames", Publish, Options{Client: FramesClient, URL: "amqp://127.0.0.1:1/"}, "connect to the broker"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(context.Background(), tt.s, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	_, err := Run(ctx, Publish, Options{URL: nullURL(t), Duration: time.Hour})
	if err == nil {
		t.Error("a measurement that was broken off is no result")
	}
}

func TestSpread(t *testing.T) {
	var samples []time.Duration
	for i := 1000; i > 0; i-- {
		samples = append(samples, time.Duration(i)*time.Microsecond)
	}
	if got := *spread(samples); got != (Spread{P50: 501, P99: 991, Max: 1000}) {
		t.Errorf("got %+v", got)
	}
}

func TestTable(t *testing.T) {
	results := []Result{
		{Scenario: Publish, Label: "ours", Connections: 1, InFlight: 1000, Rate: 30000},
		{Scenario: Publish, Label: "ours", Connections: 1, InFlight: 1000, Rate: 50000},
		{Scenario: Publish, Label: "ours", Connections: 1, InFlight: 1000, Rate: 40000},
		{Scenario: Publish, Label: "a", Connections: 1, InFlight: 1000, Rate: 10000},
		{Scenario: Publish, Label: "b", Connections: 1, InFlight: 1000, Rate: 16000},
		{Scenario: Latency, Label: "ours", Latency: &Spread{P50: 500, P99: 4000}},
		{Scenario: Latency, Label: "a", Latency: &Spread{P50: 1000, P99: 2000}},
		{Scenario: Startup, Label: "ours", StartMillis: 250, IdleMB: 40},
		{Scenario: Startup, Label: "b", StartMillis: 12500, IdleMB: 400},
	}
	const want = `| what | figure | ours | a | b | against the best peer |
|---|---|---|---|---|---|
| publish, 1 connection, 1000 in flight | msg/s | 30,000 / **40,000** / 50,000 | 10,000 / **10,000** / 10,000 | 16,000 / **16,000** / 16,000 | 2.50 × |
| latency | p50 | 0.50 ms / **0.50 ms** / 0.50 ms | 1.00 ms / **1.00 ms** / 1.00 ms | | 0.50 × |
| latency | p99 | 4.00 ms / **4.00 ms** / 4.00 ms | 2.00 ms / **2.00 ms** / 2.00 ms | | 2.00 × |
| startup | start | 250 ms / **250 ms** / 250 ms | | 12,500 ms / **12,500 ms** / 12,500 ms | 0.02 × |
| startup | resident when idle | 40 MB / **40 MB** / 40 MB | | 400 MB / **400 MB** / 400 MB | 0.10 × |
`
	var b strings.Builder
	if err := Table(&b, results, ""); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := Table(&b, results, "a"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "| 4.00 × |") {
		t.Errorf("a label that is no peer was compared with:\n%s", b.String())
	}
	b.Reset()
	if err := Table(&b, results, ""); err != nil {
		t.Fatal(err)
	}
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestRead(t *testing.T) {
	got, err := Read(strings.NewReader(`{"scenario":"publish","rate":5}` + "\n" + `{"scenario":"latency","latency_us":{"p50":1}}`))
	if err != nil || len(got) != 2 || got[0].Rate != 5 || got[1].Latency.P50 != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := Read(strings.NewReader(`{"scenario":"publish"} nonsense`)); err == nil {
		t.Error("nonsense was read as a result")
	}
}

// TestMain lets the test binary be the broker that TestStart starts.
func TestMain(m *testing.M) {
	if address := os.Getenv("BENCH_TEST_NULL_PEER"); address != "" {
		l, err := net.Listen("tcp", address)
		if err != nil {
			os.Exit(1)
		}
		_ = ServeNull(context.Background(), l)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	t.Setenv("BENCH_TEST_NULL_PEER", address)
	r, err := Start(context.Background(), StartOptions{Command: os.Args[:1], AMQP: []string{address}, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if r.StartMillis <= 0 || r.IdleMB < 1 {
		t.Errorf("got %+v", r)
	}
}

func TestStartOfWhatEnds(t *testing.T) {
	_, err := Start(context.Background(), StartOptions{Command: []string{"/bin/true"}, AMQP: []string{"127.0.0.1:1"}, Limit: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("got %v", err)
	}
	if _, err := Start(context.Background(), StartOptions{Command: []string{"/bin/true"}}); err == nil {
		t.Error("a start that nothing would show was measured")
	}
}

func TestCore(t *testing.T) {
	r, err := RunCore(context.Background(), CoreOptions{
		Dir: t.TempDir(), Publishers: 2, Queues: 2, InFlight: 10, Warmup: time.Millisecond, Duration: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Messages == 0 || r.Queues != 2 {
		t.Errorf("got %+v", r)
	}
}
