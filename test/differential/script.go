// Package differential plays one script of AMQP 0-9-1 steps, right and wrong
// ones, and compares what Portico answers with what RabbitMQ answered when the
// transcripts in this folder were recorded. Its README tells how.
package differential

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// step is one line of a script: what one connection does.
type step struct {
	text    string // as it stands in the file
	conn    string // "a", "b" ...
	channel uint16
	verb    string     // a method's name, or one of the runner's own
	args    []argument // in the order given
	// eventually asks again until the answer is the wanted one: for what a
	// server does later, unasked.
	eventually bool
}

// argument is key=value, or a key alone.
type argument struct{ key, value string }

func (s *step) get(key, otherwise string) string {
	for _, a := range s.args {
		if a.key == key {
			return a.value
		}
	}
	return otherwise
}

// scenario is a part of the script that begins with new connections.
type scenario struct {
	name  string
	steps []step
}

// readScript reads the scenarios of every file in folder, in order.
func readScript(folder string) ([]scenario, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.steps"))
	if err != nil {
		return nil, err
	}
	var all []scenario
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for n, line := range strings.Split(string(text), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			if name, ok := strings.CutPrefix(line, "== "); ok {
				all = append(all, scenario{name: name})
				continue
			}
			s, err := parseStep(line)
			if err != nil || len(all) == 0 {
				return nil, fmt.Errorf("%s:%d: %q: %w", file, n+1, line, err)
			}
			last := &all[len(all)-1]
			last.steps = append(last.steps, s)
		}
	}
	return all, nil
}

// parseStep parses "a1 queue.declare queue=q durable arguments={x-expires:I10}":
// connection and channel, verb, arguments.
func parseStep(line string) (step, error) {
	words := splitQuoted(line, ' ')
	eventually := len(words) > 2 && words[1] == "eventually"
	if eventually {
		words = append(words[:1], words[2:]...)
	}
	if len(words) < 2 || len(words[0]) == 0 {
		return step{}, fmt.Errorf("no verb")
	}
	s := step{text: line, conn: words[0][:1], verb: words[1], eventually: eventually}
	if number := words[0][1:]; number != "" {
		if _, err := fmt.Sscan(number, &s.channel); err != nil {
			return step{}, err
		}
	}
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		s.args = append(s.args, argument{key, value})
	}
	switch s.verb {
	case "connect", "wait", "raw", "drop":
		return s, nil
	}
	_, err := s.method() // a wrong name is found before anything is played
	return s, err
}

// splitQuoted splits at sep outside of quotes and brackets.
func splitQuoted(s string, sep byte) []string {
	var parts []string
	start, depth, quoted := 0, 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == sep && depth == 0:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}
