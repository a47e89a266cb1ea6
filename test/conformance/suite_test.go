package conformance

import (
	"context"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// suiteTimeout ends a suite that hangs.
const suiteTimeout = 10 * time.Minute

// suite is a client library's own tests, unmodified, as they are in its package.
type suite struct {
	name    string // of its list of expected failures
	dir     string
	env     []string
	command []string // that writes a JUnit report to the file report in dir
	passes  int      // at least so many: far fewer mean that they are no longer found
}

const suiteReport = "report.xml"

// mayPass begins the reason of a test that fails or passes by chance, because it races with itself.
const mayPass = "may pass: "

// run runs the suite. A test that fails or is skipped must be on the list of the suite, and what is on the list must.
func (s *suite) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), suiteTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	command.Dir = s.dir
	command.Env = append(os.Environ(), s.env...)
	output, failure := command.CombinedOutput()
	outcomes := readReport(t, filepath.Join(s.dir, suiteReport), output)
	expected := s.expected(t)
	passed := 0
	for name, outcome := range outcomes {
		reason, listed := expected[name]
		delete(expected, name)
		switch {
		case outcome == "" && listed && !strings.HasPrefix(reason, mayPass):
			t.Errorf("%s passes: take it from the list", name)
		case outcome == "":
			passed++
		case !listed:
			t.Errorf("%s: %s", name, outcome)
		}
	}
	for name := range expected {
		t.Errorf("%s is on the list but is no test", name)
	}
	if passed < s.passes {
		t.Errorf("only %d tests passed", passed)
	}
	if t.Failed() {
		t.Logf("%v\n%s", failure, output)
	}
	t.Logf("%d tests passed, %d are on the list", passed, len(outcomes)-passed)
}

// expected reads the list: a line has a test's name, two spaces and the reason.
func (s *suite) expected(t *testing.T) map[string]string {
	t.Helper()
	path := filepath.Join("suites", s.name+".txt")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, _ := strings.Cut(line, "  ")
		if strings.TrimSpace(reason) == "" {
			t.Fatalf("%s: a line without a reason: %q", path, line)
		}
		list[name] = reason
	}
	return list
}

// reported is an element of a JUnit report: a suite, which may hold suites, or a test.
type reported struct {
	XMLName xml.Name
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Message string     `xml:"message,attr"`
	Text    string     `xml:",chardata"`
	Inner   []reported `xml:",any"`
}

// readReport tells what became of each test: "" when it passed.
func readReport(t *testing.T, path string, output []byte) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("the suite wrote no report: %v\n%s", err, output)
	}
	var root reported
	if err := xml.Unmarshal(data, &root); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	outcomes := map[string]string{}
	root.collect("", outcomes)
	return outcomes
}

func (r *reported) collect(path string, outcomes map[string]string) {
	if r.XMLName.Local != "testcase" {
		if path != "" {
			path += " > "
		}
		if r.XMLName.Local == "testsuite" && r.Name != "pytest" {
			path += r.Name
		}
		for i := range r.Inner {
			r.Inner[i].collect(strings.TrimSuffix(path, " > "), outcomes)
		}
		return
	}
	name := r.Name
	switch {
	case path != "":
		name = path + " > " + name
	case r.Class != "" && r.Class != "test":
		name = r.Class + "::" + name
	}
	outcome := ""
	for i := range r.Inner {
		switch kind := r.Inner[i].XMLName.Local; kind {
		case "failure", "error", "skipped":
			outcome = strings.TrimSpace(kind + ": " + r.Inner[i].Message + "\n" + r.Inner[i].Text)
		}
	}
	for i, plain := 2, name; ; i++ { // some tests have the same name
		if _, taken := outcomes[name]; !taken {
			break
		}
		name = fmt.Sprintf("%s (%d)", plain, i)
	}
	outcomes[name] = outcome
}

// unpacked unpacks a project's source package, and returns the folder in it.
func unpacked(t *testing.T, project string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(work(t, "sources"), project+"-[0-9]*.tar.gz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("source packages of %s: %v, %v", project, found, err)
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "tar", "xzf", found[0], "-C", dir, "--strip-components", "1").CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	return dir
}
