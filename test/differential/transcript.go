package differential

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// writeTranscript writes the replies after the steps they belong to.
func writeTranscript(file string, script []scenario, answers map[string][]replies) error {
	var b strings.Builder
	for _, sc := range script {
		fmt.Fprintf(&b, "== %s\n", sc.name)
		for i, s := range sc.steps {
			fmt.Fprintf(&b, "> %s\n", s.text)
			for _, r := range answers[sc.name][i] {
				fmt.Fprintf(&b, "< %s\n", r)
			}
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o600)
}

// readTranscript reads what writeTranscript wrote. It fails when it was recorded
// from another script.
func readTranscript(file string, script []scenario) (map[string][]replies, error) {
	recorded := readRecorded(file, script)
	for _, sc := range script {
		if recorded[sc.name] == nil {
			return nil, fmt.Errorf("%s: the scenario %q was not recorded with these steps", file, sc.name)
		}
	}
	return recorded, nil
}

// readRecorded reads of a transcript what was recorded with the steps that the
// script has today.
func readRecorded(file string, script []scenario) map[string][]replies {
	recorded := map[string][]replies{}
	text, err := os.ReadFile(file)
	if err != nil {
		return recorded
	}
	steps := map[string][]string{}
	name := ""
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		switch mark, rest, _ := strings.Cut(line, " "); mark {
		case "==":
			name = rest
		case ">":
			steps[name] = append(steps[name], rest)
			recorded[name] = append(recorded[name], replies{})
		case "<":
			last := len(recorded[name]) - 1
			recorded[name][last] = append(recorded[name][last], rest)
		}
	}
	for _, sc := range script {
		var texts []string
		for _, s := range sc.steps {
			texts = append(texts, s.text)
		}
		if !slices.Equal(texts, steps[sc.name]) {
			delete(recorded, sc.name)
		}
	}
	return recorded
}

// difference is one step that Portico answers otherwise, on purpose.
type difference struct {
	scenario, step string
	reason, source string
	instead        replies
}

// readDifferences reads the file of expected differences:
//
//	== scenario
//	> step
//	reason: why
//	source: where that is written
//	< what Portico answers, any number of lines
func readDifferences(file string) ([]difference, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var all []difference
	name := ""
	for n, line := range strings.Split(string(text), "\n") {
		mark, rest, _ := strings.Cut(line, " ")
		if mark == ">" {
			all = append(all, difference{scenario: name, step: rest, instead: replies{}})
		}
		if mark == "" || mark[0] == '#' || mark == ">" {
			continue
		}
		if mark == "==" {
			name = rest
			continue
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("%s:%d: no step", file, n+1)
		}
		d := &all[len(all)-1]
		switch mark {
		case "reason:":
			d.reason = rest
		case "source:":
			d.source = rest
		case "<":
			d.instead = append(d.instead, rest)
		default:
			return nil, fmt.Errorf("%s:%d: %q", file, n+1, line)
		}
	}
	for _, d := range all {
		if d.reason == "" || d.source == "" {
			return nil, fmt.Errorf("%s: %s: %s has no reason or no source", file, d.scenario, d.step)
		}
	}
	return all, nil
}

// apply puts the expected differences of a scenario in place of what was
// recorded. It fails for one that names no step, or that differs in nothing.
func apply(sc scenario, recorded []replies, differences []difference) ([]replies, error) {
	wanted := slices.Clone(recorded)
	from := 0
	for _, d := range differences {
		if d.scenario != sc.name {
			continue
		}
		at := slices.IndexFunc(sc.steps[from:], func(s step) bool { return s.text == d.step })
		if at < 0 {
			return nil, fmt.Errorf("expected difference of %s: no step %q after those before it", sc.name, d.step)
		}
		at += from
		if slices.Equal(recorded[at], d.instead) {
			return nil, fmt.Errorf("expected difference of %s: %q differs in nothing", sc.name, d.step)
		}
		wanted[at], from = d.instead, at+1
	}
	return wanted, nil
}

// compare tells every step whose replies are not what is wanted.
func compare(sc scenario, wanted, got []replies) []string {
	var out []string
	for i, s := range sc.steps {
		if i >= len(got) {
			out = append(out, fmt.Sprintf("> %s\n  was not played", s.text))
			continue
		}
		if !slices.Equal(wanted[i], got[i]) {
			out = append(out, fmt.Sprintf("> %s\n  wanted:\n    %s\n  got:\n    %s",
				s.text, strings.Join(wanted[i], "\n    "), strings.Join(got[i], "\n    ")))
		}
	}
	return out
}
