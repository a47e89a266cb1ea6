package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/internal/app"
)

// startPortico runs a whole server until the end of the test and returns the URL of its management port.
func startPortico(t *testing.T) string {
	t.Helper()
	flags := []string{"data_dir=" + t.TempDir()}
	for _, key := range config.Keys() {
		if key == "listen" || strings.HasSuffix(key, ".listen") {
			flags = append(flags, key+"=off")
		}
	}
	c, _, err := config.Load(config.Sources{Flags: append(flags, "management.listen=127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		ended <- app.Run(ctx, c, slog.New(slog.NewJSONHandler(writer, nil)))
		writer.Close()
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	lines := json.NewDecoder(reader)
	for {
		var line map[string]any
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == "started" {
			go func() { _, _ = io.Copy(io.Discard, io.MultiReader(lines.Buffered(), reader)) }()
			return "http://" + line["management"].(string)
		}
	}
}

// session is one command line of a transcript with what came of it.
type session struct {
	line, code  string
	out, errOut []string
}

func transcript(t *testing.T) []session {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "rabbitmqctl-3.10.8.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var all []session
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "$ "):
			all = append(all, session{line: line[2:]})
		case strings.HasPrefix(line, "o|"):
			all[len(all)-1].out = append(all[len(all)-1].out, line[2:])
		case strings.HasPrefix(line, "e|"):
			all[len(all)-1].errOut = append(all[len(all)-1].errOut, line[2:])
		case strings.HasPrefix(line, "= "):
			all[len(all)-1].code = line[2:]
		}
	}
	return all
}

// words splits a command line as a shell does.
var words = regexp.MustCompile(`"([^"]*)"|'([^']*)'|(\S+)`)

func arguments(line string) []string {
	var args []string
	for _, m := range words.FindAllStringSubmatch(line, -1) {
		args = append(args, m[1]+m[2]+m[3])
	}
	return args
}

// others are lines about what the recorded server had besides.
var others = regexp.MustCompile(`^,?(\{"(user|name)":)?"?(guest|/)["\t]?(\t|"|,|$)`)

// differs says where porticoctl says something else, and why.
var differs = map[string]bool{
	// A limit that is cleared leaves nothing to be listed.
	"list_vhost_limits --global": true,
	// The tags of a virtual host without any are a list too.
	"list_vhosts name description tags default_queue_type tracing": true,
	// A header belongs to every table.
	"list_user_topic_permissions cu1": true,
	// The words are those of Go's regular expressions.
	`set_permissions cu1 "(" "" ""`: true,
	// The order of a list with others in it.
	"list_vhosts -q --formatter json": true,
}

func TestSaysWhatRabbitmqctlSays(t *testing.T) {
	url := startPortico(t)
	for _, s := range transcript(t) {
		code, stdout, stderr := ctl(t, url, arguments(s.line)...)
		if got := strings.TrimSpace(slog.IntValue(code).String()); got != s.code {
			t.Errorf("%s: code %s, want %s\n%s%s", s.line, got, s.code, stdout, stderr)
			continue
		}
		if differs[s.line] {
			continue
		}
		if got, want := linesOf(stdout), sorted(s.out); !slices.Equal(got, want) {
			t.Errorf("%s\n got %q\nwant %q", s.line, got, want)
		}
		want := strings.TrimSpace(strings.Join(s.errOut, "\n"))
		before, _, partial := strings.Cut(want, "...")
		if got := strings.TrimSpace(stderr); got != want && !(partial && strings.HasPrefix(got, before)) {
			t.Errorf("%s\n got %q\nwant %q", s.line, got, want)
		}
	}
}

func linesOf(out string) []string {
	if out == "" {
		return nil
	}
	return sorted(slices.DeleteFunc(strings.Split(strings.TrimSuffix(out, "\n"), "\n"), others.MatchString))
}

// sorted is a list of lines in order, without the commas between objects and the rows that the server made itself.
func sorted(lines []string) []string {
	var out []string
	for _, line := range lines {
		if line = strings.TrimPrefix(line, ","); !others.MatchString(line) {
			out = append(out, line)
		}
	}
	slices.Sort(out)
	return out
}

func TestDefinitionsGoThroughAFile(t *testing.T) {
	url := startPortico(t)
	file := filepath.Join(t.TempDir(), "definitions.json")
	for _, args := range [][]string{
		{"add_vhost", "v", "--description", "d"}, {"export_definitions", file}, {"delete_vhost", "v"}, {"import_definitions", file},
	} {
		if code, stdout, stderr := ctl(t, url, args...); code != 0 {
			t.Fatalf("%v: %s%s", args, stdout, stderr)
		}
	}
	if _, stdout, _ := ctl(t, url, "-s", "list_vhosts", "name", "description"); !strings.Contains(stdout, "v\td\n") {
		t.Errorf("got %q", stdout)
	}
	if _, stdout, _ := ctl(t, url, "export_definitions", "-"); !strings.HasPrefix(stdout, "{") {
		t.Errorf("got %q", stdout)
	}
}

func TestPrettyTable(t *testing.T) {
	var out bytes.Buffer
	c := newClient(options{formatter: "pretty_table"})
	if err := c.show(&out, columnsNamed("a", "b"), []row{{"a": "longer", "b": []any{"x", "y"}}, {"a": nil, "b": 1.0}}); err != nil {
		t.Fatal(err)
	}
	want := `┌────────┬────────┐
│ ` + "\x1b[1ma\x1b[0m" + `      │ ` + "\x1b[1mb\x1b[0m" + `      │
├────────┼────────┤
│ longer │ [x, y] │
├────────┼────────┤
│        │ 1      │
└────────┴────────┘
`
	if out.String() != want {
		t.Errorf("got\n%s", out.String())
	}
}
