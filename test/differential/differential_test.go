package differential

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/test/server"
)

var recordFrom = flag.String("record", "", "host:port of a RabbitMQ to record the transcript from")

const (
	transcriptFile  = "rabbitmq-3.10.8.transcript"
	differencesFile = "differences.txt"
)

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	server.Cleanup()
	os.Exit(code)
}

// TestAnswersAreRabbitMQs plays the script against Portico and compares its
// answers with those recorded from RabbitMQ. With -record it records
// those that the transcript does not have yet.
func TestAnswersAreRabbitMQs(t *testing.T) {
	script, err := readScript("steps")
	if err != nil {
		t.Fatal(err)
	}
	if *recordFrom != "" {
		record(t, script)
		return
	}
	recorded, err := readTranscript(transcriptFile, script)
	if err != nil {
		t.Fatal(err)
	}
	differences, err := readDifferences(differencesFile)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	address := server.Start(t).Address(t, "amqp")
	steps := 0
	for _, sc := range script {
		names[sc.name] = true
		steps += len(sc.steps)
		t.Run(sc.name, func(t *testing.T) {
			wanted, err := apply(sc, recorded[sc.name], differences)
			if err != nil {
				t.Fatal(err)
			}
			p := player{address: address, patience: 10 * time.Second}
			got, err := p.play(sc, wanted)
			if err != nil {
				t.Error(err)
			}
			for _, d := range compare(sc, wanted, got) {
				t.Error(d)
			}
		})
	}
	for _, d := range differences {
		if !names[d.scenario] {
			t.Errorf("%s names the scenario %q, which there is not", differencesFile, d.scenario)
		}
	}
	t.Logf("%d scenarios, %d steps, %d expected differences", len(script), steps, len(differences))
}

func record(t *testing.T, script []scenario) {
	answers := readRecorded(transcriptFile, script)
	for _, sc := range script {
		if answers[sc.name] != nil {
			continue
		}
		p := player{address: *recordFrom, quiet: 120 * time.Millisecond}
		got, err := p.play(sc, nil)
		if err != nil {
			t.Fatal(err)
		}
		answers[sc.name] = got
	}
	if err := writeTranscript(transcriptFile, script, answers); err != nil {
		t.Fatal(err)
	}
}

// TestComparisonFindsDifferences alters the transcript in every way in which a
// server can differ: the comparison must tell each.
func TestComparisonFindsDifferences(t *testing.T) {
	script, err := readScript("steps")
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := readTranscript(transcriptFile, script)
	if err != nil {
		t.Fatal(err)
	}
	alterations := map[string]func(r replies) replies{
		"another text":  func(r replies) replies { r[0] += "."; return r },
		"a reply less":  func(r replies) replies { return r[1:] },
		"a reply more":  func(r replies) replies { return append(r, r[0]) },
		"another place": func(r replies) replies { r[0] = "z" + r[0]; return r },
	}
	for _, sc := range script {
		for i := range sc.steps {
			for name, alter := range alterations {
				altered := append([]replies(nil), recorded[sc.name]...)
				if len(altered[i]) == 0 {
					altered[i] = replies{"a basic.cancel"}
				} else {
					altered[i] = alter(append(replies(nil), altered[i]...))
				}
				found := compare(sc, recorded[sc.name], altered)
				if len(found) != 1 || !strings.Contains(found[0], sc.steps[i].text) {
					t.Fatalf("%s: %s: %s was told as %q", sc.name, sc.steps[i].text, name, found)
				}
			}
		}
	}
}

// TestPlayerFindsDifferences plays against Portico with an altered expectation.
func TestPlayerFindsDifferences(t *testing.T) {
	var sc scenario
	for _, line := range []string{"a connect", "a1 channel.open", "a1 queue.declare queue=planted", "a1 queue.declare queue=planted durable"} {
		s, err := parseStep(line)
		if err != nil {
			t.Fatal(err)
		}
		sc.steps = append(sc.steps, s)
	}
	wanted := []replies{
		{"a connection.tune channel-max=2047 frame-max=131072 heartbeat=60", "a connection.open-ok"},
		{"a1 channel.open-ok"},
		{"a1 queue.declare-ok queue=planted message-count=1"},
		{"a1 queue.declare-ok queue=planted"},
	}
	p := player{address: server.Start(t).Address(t, "amqp"), patience: 500 * time.Millisecond}
	got, err := p.play(sc, wanted)
	if err != nil {
		t.Fatal(err)
	}
	found := strings.Join(compare(sc, wanted, got), "\n")
	for _, want := range []string{"got:\n    a1 queue.declare-ok queue=planted\n", "inequivalent arg 'durable'"} {
		if !strings.Contains(found, want) {
			t.Errorf("not found: %s in\n%s", want, found)
		}
	}
	if strings.Contains(found, "> a1 channel.open") {
		t.Errorf("found what is not there:\n%s", found)
	}
}
