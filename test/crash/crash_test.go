package crash

import (
	"context"
	"flag"
	"testing"

	"github.com/portico-mq/portico/test/crash/history"
)

var (
	rounds = flag.Int("rounds", 20, "how often to kill the broker")
	// The queues are drained and the history judged after so many kills.
	perSegment = flag.Int("segment", 10, "kills between two verdicts")
)

// TestKill kills the broker under load and asks for every promise.
func TestKill(t *testing.T) {
	ctx := t.Context()
	binary, err := build(ctx, t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	dataDir, ids := t.TempDir(), newNumbers()
	for left := *rounds; left > 0; left -= *perSegment {
		report, err := segment(ctx, binary, dataDir, min(left, *perSegment), ids)
		logReport(t, report)
		if err != nil {
			t.Fatal(err)
		}
		checkTried(t, report)
		if t.Failed() {
			return
		}
	}
}

// logReport prints the counts and the first violations of each rule.
func logReport(t *testing.T, r history.Report) {
	t.Helper()
	t.Logf("%d kills: %d sent, %d confirmed, %d delivered, %d delivered again; settlements: %d answered, %d unanswered; "+
		"within the window before a kill, %d acks were lost; "+
		"transactions: %d committed, %d rolled back, %d in doubt; %d operations without an answer",
		r.Kills, r.Sent, r.Confirmed, r.Delivered, r.Redelivered, r.Answered, r.Acked, r.AcksReturned,
		r.Committed, r.RolledBack, r.CommitsUncertain, r.Uncertain)
	shown := map[history.Rule]int{}
	for _, v := range r.Violations {
		if shown[v.Rule]++; shown[v.Rule] <= 5 {
			t.Error(v)
		}
	}
	for rule, n := range shown {
		t.Errorf("%d violations of %q", n, rule)
	}
}

// checkTried fails when the load did not try what it is there for.
func checkTried(t *testing.T, r history.Report) {
	t.Helper()
	for what, n := range map[string]int{
		"messages confirmed": r.Confirmed, "settlements answered": r.Answered, "acks": r.Acked,
		"messages delivered again": r.Redelivered, "transactions": r.Committed, "rollbacks": r.RolledBack,
	} {
		if n == 0 {
			t.Errorf("the load had no %s: it proves nothing", what)
		}
	}
}

// TestBrokenBuilds shows that the checker catches what it is there for: each
// build of the broker breaks one promise, and must be found out.
func TestBrokenBuilds(t *testing.T) {
	tests := []struct {
		fault fault
		// want is what gives the fault away, and in which queue; any when empty.
		want  []history.Rule
		queue string
	}{
		// Confirms a message before it is stored.
		{"confirm", []history.Rule{history.Lost}, ""},
		// Answers a settlement and forgets to record it.
		{"settlement", []history.Rule{history.Returned, history.ReturnedAck}, ""},
		// Answers a binding and forgets to record it: durable subscribers who come late miss what was sent before.
		{"binding", []history.Rule{history.Lost}, durableQueue(subscriberA)},
		// Forgets which delayed messages were on their way into their queue.
		{"moving", []history.Rule{history.Duplicate, history.Returned, history.ReturnedAck, history.Unmarked}, queueDelayed},
		// Forgets which parts of a transaction were applied already.
		{"deduplication", []history.Rule{history.Duplicate, history.Returned, history.ReturnedAck, history.Order, history.Unmarked}, ""},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			binary, err := build(t.Context(), t.TempDir(), tt.fault)
			if err != nil {
				t.Fatal(err)
			}
			if !caught(t.Context(), t, binary, tt.want, tt.queue) {
				t.Errorf("a broker with the fault %q went through %d kills unnoticed", tt.fault, attempts*killsPerAttempt)
			}
		})
	}
}

// A fault shows only when the kill comes at the wrong moment: it gets some.
const (
	attempts        = 8
	killsPerAttempt = 5
)

// caught runs a broken build until one of the wanted rules is violated in the queue, or in any.
func caught(ctx context.Context, t *testing.T, binary string, want []history.Rule, queue string) bool {
	t.Helper()
	for range attempts {
		report, err := segment(ctx, binary, t.TempDir(), killsPerAttempt, newNumbers())
		if err != nil {
			t.Logf("a run that ended early shows nothing: %v", err)
			continue
		}
		for _, v := range report.Violations {
			for _, rule := range want {
				if v.Rule == rule && (queue == "" || v.Queue == queue) {
					t.Logf("caught, with %d violations: %v", len(report.Violations), v)
					return true
				}
			}
		}
	}
	return false
}
