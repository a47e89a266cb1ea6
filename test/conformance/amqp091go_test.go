package conformance

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/portico-mq/portico/test/server"
)

const amqp091goModule = "github.com/rabbitmq/amqp091-go@v1.16.0"

// TestAmqp091goSuite runs amqp091-go's own integration tests from its module.
// Its memory alarm test calls porticoctl as it would call rabbitmqctl.
func TestAmqp091goSuite(t *testing.T) {
	// Its recovery tests ask for the management API where RabbitMQ has it.
	s := server.Start(t, "management.listen=127.0.0.1:15672")
	excluded := readExcluded(t)
	dir := moduleCopy(t, amqp091goModule)
	names := slices.Sorted(maps.Keys(excluded))
	checkExist(t, dir, names)
	args := []string{"test", "-json", "-count=1", "-timeout", "10m", "-tags", "integration"}
	if len(names) > 0 {
		args = append(args, "-skip", "^("+strings.Join(names, "|")+")$")
	}
	command := exec.CommandContext(t.Context(), "go", append(args, "./...")...)
	command.Dir = dir
	command.Env = append(os.Environ(),
		"GOFLAGS=-mod=readonly",
		"AMQP_URL="+s.AMQPURL(t),
		"RABBITMQ_RABBITMQCTL_PATH="+server.Binary(t, "porticoctl"),
		"PORTICOCTL_URL=http://"+s.Address(t, "management"),
	)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	count := judge(t, out)
	if err != nil && !t.Failed() {
		t.Errorf("go test: %v\n%s\n%s", err, out, stderr.String())
	}
	t.Logf("%d tests of %s passed, %d are excluded", count, amqp091goModule, len(excluded))
	// The suite has some 380 tests: far fewer means that the build tag no longer finds them.
	if count < 300 {
		t.Errorf("only %d tests passed", count)
	}
}

// judge reads the events of go test -json, reports what failed or was skipped
// with its output, and returns how many passed.
func judge(t *testing.T, events []byte) (passed int) {
	t.Helper()
	output := map[string]*strings.Builder{}
	for scanner := bufio.NewScanner(bytes.NewReader(events)); scanner.Scan(); {
		var e struct{ Action, Test, Output string }
		if json.Unmarshal(scanner.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		switch e.Action {
		case "output":
			if output[e.Test] == nil {
				output[e.Test] = new(strings.Builder)
			}
			output[e.Test].WriteString(e.Output)
		case "pass":
			passed++
		case "fail", "skip":
			t.Errorf("%s: %s\n%s", e.Action, e.Test, output[e.Test])
		}
	}
	return passed
}

// readExcluded returns the names of the tests that are not run, each with its reason.
func readExcluded(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("amqp091go_excluded.txt")
	if err != nil {
		t.Fatal(err)
	}
	excluded := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, _ := strings.Cut(line, "  ")
		if !regexp.MustCompile(`^Test\w+$`).MatchString(name) || strings.TrimSpace(reason) == "" {
			t.Fatalf("amqp091go_excluded.txt: a line without test name or reason: %q", line)
		}
		excluded[name] = reason
	}
	return excluded
}

// checkExist fails the test when the module has no test of one of the names.
func checkExist(t *testing.T, dir string, names []string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "test", "-tags", "integration", "-list", ".", ".")
	command.Dir = dir
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("listing the tests: %v\n%s", err, out)
	}
	there := strings.Fields(string(out))
	for _, name := range names {
		if !slices.Contains(there, name) {
			t.Errorf("%s is excluded but does not exist", name)
		}
	}
}

// moduleCopy returns a folder with the module's files, unmodified. They are
// copied because the module cache is read-only.
func moduleCopy(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module).Output()
	if err != nil {
		t.Fatalf("go mod download %s: %v\n%s", module, err, out)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "module")
	if err := os.CopyFS(dir, os.DirFS(m.Dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}
