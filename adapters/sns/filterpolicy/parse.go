package filterpolicy

import (
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// Parse compiles a policy. It fails with an [*Error], or with ErrNested.
func Parse(text string, scope Scope) (*Policy, error) {
	if len(text) > maxBytes {
		return nil, &Error{"Filter policy is too long"}
	}
	if err := checkJSON(text); err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens{text: text}}
	if t := p.next(); t.kind != objectStart {
		return nil, p.complain("Filter is not an object")
	}
	root, combinations, err := p.object(pathStart, 1, 1)
	switch {
	case err != nil:
		return nil, err
	case p.keys > maxKeys:
		return nil, &Error{"Filter policy can not have more than 5 keys"}
	case combinations > maxCombinations:
		return nil, &Error{"Filter policy is too complex"}
	case p.nested && scope == MessageAttributes:
		return nil, ErrNested
	}
	root.arrange()
	return &Policy{root}, nil
}

// checkJSON says whether the text is JSON. Of the many complaints that the service's parser has, only the one about a
// member's name is told as it tells it.
func checkJSON(text string) error {
	if !utf8.ValidString(text) {
		return &Error{"failed to parse JSON."}
	}
	var value json.RawMessage
	var wrong *json.SyntaxError
	err := json.Unmarshal([]byte(text), &value)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && strings.Contains(wrong.Error(), "object key string") && text[wrong.Offset-1] < utf8.RuneSelf:
		t := tokens{text: text, at: int(wrong.Offset)}
		c := text[wrong.Offset-1]
		return t.complain("failed to parse JSON. Unexpected character ('%c' (code %d)): was expecting double-quote to start field name", c, c)
	}
	return &Error{"failed to parse JSON."}
}

type parser struct {
	tokens
	nested bool // a property holds an object
	keys   int  // of the outermost object
	within int  // how many $or stand around what is read
}

// object reads the members of an object whose bracket was read. depth counts from 1 and is how often
// each value counts towards the combinations, which multiply along the way: of $or, those of the
// choices add up.
func (p *parser) object(path uint64, depth, combinations int) (g group, _ int, err error) {
	if depth > maxDepth {
		return g, 0, &Error{"Filter policy is too complex"}
	}
	seen := make(map[string]bool)
	for {
		t := p.next()
		if t.kind == objectEnd {
			if len(seen) == 0 && depth > 1 {
				return g, 0, p.complain("Empty objects are not allowed")
			}
			return g, combinations, nil
		}
		name := t.text
		if seen[name] {
			return g, 0, p.complain("Path `%s` cannot be allowed multiple times", name)
		}
		seen[name] = true
		if depth == 1 && p.within == 0 {
			p.keys++
		}
		choices := name == "$or" && p.choicesAhead()
		switch t := p.next(); {
		case t.kind == objectStart:
			p.nested = true
			var inner group
			inner, combinations, err = p.object(under(path, name, depth-1), depth+1, combinations)
			g.leaves = append(g.leaves, inner.leaves...)
			g.choices = append(g.choices, inner.choices...)
		case t.kind == arrayStart && choices:
			var choice []group
			choice, combinations, err = p.choice(path, depth, combinations)
			g.choices = append(g.choices, choice)
		case t.kind == arrayStart:
			l := leaf{path: under(path, name, depth-1)}
			var n int
			n, err = p.conditions(&l)
			combinations = min(combinations*n*depth, maxCombinations+1)
			g.leaves = append(g.leaves, l)
		default:
			err = p.complain("%q must be an object or an array", name)
		}
		if err != nil {
			return g, 0, err
		}
	}
}

// choicesAhead tells whether the value that follows is what makes $or an operator: an array of at
// least two objects. Otherwise $or is a name like others.
func (p *parser) choicesAhead() bool {
	if p.ahead == nil || p.ahead.kind != arrayStart {
		return false
	}
	var choices []json.RawMessage
	if json.NewDecoder(strings.NewReader(p.text[p.at-1:])).Decode(&choices) != nil || len(choices) < 2 {
		return false
	}
	for _, c := range choices {
		if c[0] != '{' {
			return false
		}
	}
	return true
}

// choice reads the objects of $or, behind its bracket.
func (p *parser) choice(path uint64, depth, combinations int) ([]group, int, error) {
	p.within++
	defer func() { p.within-- }()
	var list []group
	sum := 0
	for {
		if t := p.next(); t.kind == arrayEnd {
			return list, min(sum, maxCombinations+1), nil
		}
		g, n, err := p.object(path, depth, combinations)
		if err != nil {
			return nil, 0, err
		}
		if len(g.leaves)+len(g.choices) == 0 {
			return nil, 0, p.complain("Empty objects are not allowed")
		}
		list = append(list, g)
		sum += n
	}
}

// conditions reads the values of a property, behind the array's bracket, and tells how many there are.
func (p *parser) conditions(l *leaf) (int, error) {
	for n := 0; ; n++ {
		t := p.next()
		switch t.kind {
		case arrayEnd:
			if n == 0 {
				return 0, p.complain("Empty arrays are not allowed")
			}
			return n, nil
		case objectStart:
			if err := p.operator(l); err != nil {
				return 0, err
			}
		default:
			v, ok := valueOf(t)
			if !ok {
				return 0, p.complain("Match value must be String, number, true, false, or null")
			}
			if v.kind == kindString {
				l.texts = append(l.texts, v.text)
				continue
			}
			l.conditions = append(l.conditions, (*exactly)(&v))
		}
	}
}
