// Package archtest holds the tests that keep the shape of the repository:
// which package may reach which, and how long a file may be. The lint rules
// see direct imports only; these see what is reached through others.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/portico-mq/portico"

// maxLines is the length of a file beyond which it holds more than one noun.
const maxLines = 500

// rule forbids every package under a folder to reach, by whatever way, any
// package under another.
type rule struct {
	from string // a folder of the module; "" is all of it
	// but are folders under from that the rule leaves out.
	but []string
	to  string // an import path, or a folder of the module when it starts with ./
	why string
}

var rules = []rule{
	{from: "gateway", to: "github.com/nats-io", why: "only broker/jetstream touches NATS"},
	{from: "adapters", to: "github.com/nats-io", why: "only broker/jetstream touches NATS"},
	{from: "broker", but: []string{"broker/jetstream"}, to: "github.com/nats-io", why: "only broker/jetstream touches NATS"},
	{from: "config", to: "github.com/nats-io", why: "only broker/jetstream touches NATS"},
	{from: "broker", to: "./gateway", why: "the broker knows no protocol"},
	{from: "broker", to: "./adapters", why: "the broker knows no protocol"},
	{from: "broker", to: "./config", why: "the broker has Options of its own"},
	{from: "broker", to: "./internal/app", why: "internal/app wires the broker, not the other way"},
	{from: "gateway", to: "./adapters", why: "front ends do not know each other"},
	{from: "adapters", to: "./gateway", why: "front ends do not know each other"},
	{from: "gateway/amqp091", to: "./gateway/stomp", why: "front ends do not know each other"},
	{from: "gateway/stomp", to: "./gateway/amqp091", why: "front ends do not know each other"},
	{from: "adapters/sqs", to: "./adapters/sns", why: "front ends do not know each other"},
	{from: "adapters/sqs", to: "./adapters/kinesis", why: "front ends do not know each other"},
	{from: "adapters/sns", to: "./adapters/sqs", why: "front ends do not know each other"},
	{from: "adapters/sns", to: "./adapters/kinesis", why: "front ends do not know each other"},
	{from: "adapters/lambda", to: "./adapters/sqs", why: "a poller is a client of SQS's service"},
	{from: "adapters/lambda", to: "./adapters/sns", why: "front ends do not know each other"},
	{from: "adapters/kinesis", to: "./adapters/sqs", why: "front ends do not know each other"},
	{from: "adapters/kinesis", to: "./adapters/sns", why: "front ends do not know each other"},
	{from: "adapters/awspolicy", to: "./", why: "policies know no service"},
	{from: "adapters/iam", to: "./adapters/sts", why: "front ends do not know each other"},
	{from: "adapters/sts", to: "./adapters/iam", why: "front ends do not know each other"},
	{from: "adapters/awsidentity", to: "./adapters/sqs", why: "identities know no service that they are for"},
	{from: "adapters/awsidentity", to: "./adapters/sns", why: "identities know no service that they are for"},
	{from: "gateway/amqp091/wire", to: "net", why: "codecs are pure"},
	{from: "gateway/amqp091/wire", to: "log", why: "codecs are pure"},
	{from: "gateway/stomp/wire", to: "net", why: "codecs are pure"},
	{from: "gateway/stomp/wire", to: "log", why: "codecs are pure"},
	{from: "config", to: "./", why: "the configuration knows nobody"},
	{from: "cmd/porticoctl", to: "./broker", why: "it talks to the management port only"},
	{from: "cmd/porticoctl", to: "./internal/app", why: "it talks to the management port only"},
}

// goPackage is what go list tells of one package.
type goPackage struct {
	ImportPath string
	Deps       []string
}

func TestImportsGoOneWay(t *testing.T) {
	packages := listPackages(t)
	for _, r := range rules {
		for _, p := range packages {
			if !within(p.ImportPath, r.from) || withinAny(p.ImportPath, r.but) {
				continue
			}
			for _, dep := range p.Deps {
				if r.forbids(p.ImportPath, dep) {
					t.Errorf("%s reaches %s: %s", p.ImportPath, dep, r.why)
				}
			}
		}
	}
}

func (r rule) forbids(from, dep string) bool {
	to, ours := strings.CutPrefix(r.to, "./")
	switch {
	case !ours && (r.to == "net" || r.to == "log"): // a package of the standard library, not what is below it
		return dep == r.to
	case !ours:
		return dep == r.to || strings.HasPrefix(dep, r.to+"/")
	case dep == from:
		return false
	default:
		return within(dep, to)
	}
}

// within says whether an import path lies in a folder of the module.
func within(path, folder string) bool {
	root := module
	if folder != "" {
		root += "/" + folder
	}
	return path == root || strings.HasPrefix(path, root+"/")
}

func withinAny(path string, folders []string) bool {
	for _, f := range folders {
		if within(path, f) {
			return true
		}
	}
	return false
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Deps", "./...")
	cmd.Dir = filepath.Join("..", "..")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var packages []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < 5 {
		t.Fatalf("go list knows only %d packages", len(packages))
	}
	return packages
}

// Files are one noun or one operation each. Generated ones are left out.
func TestFilesAreShort(t *testing.T) {
	eachGoFile(t, func(path string, text []byte) {
		if n := bytes.Count(text, []byte("\n")); n > maxLines {
			t.Errorf("%s has %d lines, at most %d are allowed", path, n, maxLines)
		}
	})
}

// Who sleeps waits too long or not long enough: wait for the event. In a
// bubble of testing/synctest sleeping moves the bubble's clock.
func TestNobodySleeps(t *testing.T) {
	sleep := []byte("time." + "Sleep(")
	eachGoFile(t, func(path string, text []byte) {
		if bytes.Contains(text, sleep) && !bytes.Contains(text, []byte(`"testing/synctest"`)) {
			t.Errorf("%s sleeps outside of testing/synctest", path)
		}
	})
}

// eachGoFile calls check for every Go file of the repository that nobody generated.
func eachGoFile(t *testing.T, check func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_gen.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			check(path, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A rule whose folder was renamed would hold for ever without saying anything.
func TestRulesCatchAViolation(t *testing.T) {
	for _, tt := range []struct {
		from, dep string
		want      bool
	}{
		{"gateway/stomp", "github.com/nats-io/nats.go", true},
		{"adapters/sns", module + "/adapters/sqs/limits", true},
		{"adapters/sns", module + "/adapters/awsproto", false},
		{"broker/jetstream", "github.com/nats-io/nats.go", false},
		{"broker/routing", "github.com/nats-io/nats.go", true},
		{"gateway/stomp/wire", "net", true},
		{"gateway/stomp/wire", "net/textproto", false},
		{"config", module + "/broker", true},
		{"config", module + "/config", false},
	} {
		from, got := module+"/"+tt.from, false
		for _, r := range rules {
			if within(from, r.from) && !withinAny(from, r.but) && r.forbids(from, tt.dep) {
				got = true
			}
		}
		if got != tt.want {
			t.Errorf("%s reaching %s: forbidden is %v, want %v", tt.from, tt.dep, got, tt.want)
		}
	}
}
