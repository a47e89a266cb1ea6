package app

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the messages become into docs/interoperability.md")

// What every message of TestEveryCrossing has, where its protocol can say it.
const (
	crossingText   = "Grüße: a\\b\nc"
	crossingBinary = "\x00\x01\xff\x00"
	crossingHeader = "x: a\\b\nc"
	sentMillis     = 1700000000123
	sentSeconds    = 1700000000
	livesMillis    = 600000
	endOfTime      = 4102444800000 // in milliseconds since 1970: when a message of ActiveMQ's expires
)

// crossingRows are what is looked at, in the order of the table.
var crossingRows = []string{
	"text", "bytes", "content type", "correlation id", "reply-to", "priority", "lives for", "message id", "time", "persistent",
	"type", "group", "header: text", "header: any text", "header: integer", "header: decimal", "header: boolean", "header: bytes", "header: table",
}

// seen is what a message has, by row, in the words of a protocol. A row that is not there is not shown.
type seen map[string]string

// crossingSender sends two messages to a queue, a text with everything and one of bytes, and says what it sent.
type crossingSender struct {
	name string
	send func(queue string) seen
}

// crossingReceiver takes both.
type crossingReceiver struct {
	name    string
	receive func(queue string) seen
}

// TestEveryCrossing sends over each protocol and receives over each: what becomes of a message is what
// docs/interoperability.md tabulates, which -update writes.
func TestEveryCrossing(t *testing.T) {
	c := newCrossings(t)
	senders := []crossingSender{
		{"AMQP", c.sendAMQP}, {"STOMP, RabbitMQ", c.sendSTOMP}, {"STOMP, ActiveMQ", c.sendActiveMQ}, {"SQS", c.sendSQS}, {"SNS to SQS, raw", c.sendSNS},
	}
	receivers := []crossingReceiver{
		{"AMQP", c.receiveAMQP}, {"STOMP, RabbitMQ", c.receiveSTOMP}, {"STOMP, ActiveMQ", c.receiveActiveMQ}, {"SQS", c.receiveSQS},
	}
	var b strings.Builder
	for _, from := range senders {
		fmt.Fprintf(&b, "\n### Sent over %s\n\n| | sent |", from.name)
		for _, to := range receivers {
			fmt.Fprintf(&b, " %s |", to.name)
		}
		b.WriteString("\n|---|---|" + strings.Repeat("---|", len(receivers)) + "\n")
		var columns []seen
		for i, to := range receivers {
			queue := strings.Map(letters, from.name+"-"+to.name)
			c.declare(queue)
			sent := from.send(queue)
			if i == 0 {
				columns = append(columns, sent)
			}
			columns = append(columns, to.receive(queue))
		}
		for _, row := range crossingRows {
			if columns[0][row] == "" && columns[1][row] == "" && columns[4][row] == "" {
				continue // the protocol knows no such thing
			}
			fmt.Fprintf(&b, "| %s |", row)
			for _, column := range columns {
				fmt.Fprintf(&b, " %s |", cell(column[row]))
			}
			b.WriteByte('\n')
		}
		for _, column := range columns {
			for row := range column {
				if !slices.Contains(crossingRows, row) {
					t.Errorf("%s: a row %q is not known", from.name, row)
				}
			}
		}
	}
	compareSection(t, "../../docs/interoperability.md", b.String())
}

// letters makes the name of a queue that SQS can have.
func letters(r rune) rune {
	if r == ' ' || r == ',' {
		return '_'
	}
	return r
}

// cell is a value as a table of Markdown can have it.
func cell(v string) string {
	if v == "" {
		return "–"
	}
	return strings.NewReplacer("|", `\|`, "\n", `\n`).Replace(v)
}

// compareSection compares what stands between two marks in a file, or writes it.
func compareSection(t *testing.T, file, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const from, to = "<!-- TestEveryCrossing writes from here -->\n", "\n<!-- to here -->"
	before, rest, ok := bytes.Cut(text, []byte(from))
	have, after, ok2 := bytes.Cut(rest, []byte(to))
	switch {
	case !ok || !ok2:
		t.Fatalf("%s has no place for the tables", file)
	case string(have) == want:
	case *update:
		all := slices.Concat(before, []byte(from), []byte(want), []byte(to), after)
		if err := os.WriteFile(file, all, 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s tells otherwise; go test ./internal/app -run EveryCrossing -update writes what is so. First difference:\n%s", file, firstDifference(string(have), want))
	}
}

func firstDifference(have, want string) string {
	was, is := strings.Split(have, "\n"), strings.Split(want, "\n")
	for i := range is {
		if i >= len(was) || was[i] != is[i] {
			return fmt.Sprintf("told %q\nis   %q", append(was, "")[min(i, len(was))], is[i])
		}
	}
	return "lines are missing"
}
