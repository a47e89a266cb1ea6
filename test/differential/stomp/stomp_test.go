package stomp

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/test/server"
)

var (
	recordActiveMQ = flag.String("record-activemq", "", "host:port of an ActiveMQ to record its transcript from")
	recordRabbitMQ = flag.String("record-rabbitmq", "", "host:port of a RabbitMQ with its STOMP plugin to record its transcript from")
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	server.Cleanup()
	os.Exit(code)
}

// TestAnswersAreTheOriginals plays the script of each dialect against Portico and compares.
func TestAnswersAreTheOriginals(t *testing.T) {
	for _, c := range []struct{ dialect, transcript, record string }{
		{"activemq", "activemq-5.17.2.transcript", *recordActiveMQ}, {"rabbitmq", "rabbitmq-3.10.8.transcript", *recordRabbitMQ},
	} {
		t.Run(c.dialect, func(t *testing.T) {
			script := readScripts(t, "common.steps", c.dialect+".steps")
			if c.record != "" {
				record(t, script, c.transcript, c.record)
				return
			}
			recorded := readAnswers(t, c.transcript)
			differences := readAnswers(t, c.dialect+"-differences.txt")
			address := server.Start(t, "stomp.dialect="+c.dialect).Address(t, "stomp")
			p := player{address: address, patience: 10 * time.Second}
			for _, s := range script {
				t.Run(s.name, func(t *testing.T) { compare(t, &p, s, recorded[s.name], differences) })
			}
			for name := range differences {
				t.Errorf("the difference of %q is of no step", name)
			}
		})
	}
}

// compare plays a scenario. A difference is used up.
func compare(t *testing.T, p *player, s scenario, recorded [][]string, differences map[string][][]string) {
	if len(recorded) != len(s.steps) {
		t.Fatalf("the transcript has %d answers to %d steps", len(recorded), len(s.steps))
	}
	want := slices.Clone(recorded)
	for i := range want {
		key := fmt.Sprintf("%s, step %d", s.name, i+1)
		instead, ok := differences[key]
		if !ok {
			continue
		}
		delete(differences, key)
		if slices.Equal(instead[0], want[i]) {
			t.Errorf("%s: the difference is none", key)
		}
		want[i] = instead[0]
	}
	got, err := p.play(s, want)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("step %d: %s %s\ngot  %s\nwant %s", i+1, s.steps[i].conn, s.steps[i].frame,
				strings.Join(got[i], "\n     "), strings.Join(want[i], "\n     "))
		}
	}
}

func readScripts(t *testing.T, files ...string) []scenario {
	t.Helper()
	var all []scenario
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		script, err := readScript(string(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, script...)
	}
	return all
}

// readAnswers reads what record writes: "== NAME", then for each step "> FRAME" and a line "< FRAME" for each answer.
// Lines that begin otherwise are for humans.
func readAnswers(t *testing.T, file string) map[string][][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, name := map[string][][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "== "):
			name = line[3:]
		case strings.HasPrefix(line, "> "):
			all[name] = append(all[name], nil)
		case strings.HasPrefix(line, "< "):
			last := len(all[name]) - 1
			all[name][last] = append(all[name][last], line[2:])
		}
	}
	return all
}

// record writes the transcript anew.
func record(t *testing.T, script []scenario, file, address string) {
	p := player{address: address, quiet: 500 * time.Millisecond}
	var out strings.Builder
	for _, s := range script {
		got, err := p.play(s, nil)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "== %s\n", s.name)
		for i, answers := range got {
			fmt.Fprintf(&out, "> %s %s\n", s.steps[i].conn, s.steps[i].frame)
			for _, a := range answers {
				fmt.Fprintf(&out, "< %s\n", a)
			}
		}
		out.WriteByte('\n')
	}
	if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
