package routing

import (
	"fmt"
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

// MatchMode is the argument of a [Headers] binding that says how the others are
// matched.
const MatchMode = "x-match"

// MatchModeError says that a binding's x-match is none of all, any, all-with-x
// and any-with-x.
type MatchModeError struct {
	// Value is what it is instead, which need not be a string: one of the types
	// of a [property.Field].
	Value any
}

func (e *MatchModeError) Error() string {
	return fmt.Sprintf("routing: %s is %v, not all, any, all-with-x or any-with-x", MatchMode, e.Value)
}

// headers goes through its bindings one by one, as RabbitMQ does.
type headers[D comparable, M any] struct {
	bindings list[D, M]
	rules    []headerRule // of the bindings, in their order
}

// headerRule is a binding's arguments made ready.
type headerRule struct {
	any        bool // one condition is enough
	conditions []headerCondition
}

type headerCondition struct {
	name string
	want property.RawValue // void accepts any value
}

func (x *headers[D, M]) add(e *entry[D, M]) error {
	rule, err := compileHeaders(e.Arguments)
	if err != nil {
		return err
	}
	x.bindings.add(e)
	x.rules = append(x.rules, rule)
	return nil
}

func (x *headers[D, M]) remove(e *entry[D, M]) {
	last := len(x.rules) - 1
	x.rules[e.position] = x.rules[last]
	x.rules[last] = headerRule{}
	x.rules = x.rules[:last]
	x.bindings.remove(e)
}

func (x *headers[D, M]) match(_ string, table property.RawTable, message M, into *Matches[D]) {
	for i := range x.rules {
		if x.rules[i].match(table) {
			x.bindings[i].match(message, into)
		}
	}
}

func compileHeaders(arguments property.Table) (headerRule, error) {
	var rule headerRule
	mode, ok := arguments.Get(MatchMode)
	if !ok {
		mode = "all"
	}
	withX := false
	switch mode {
	case "all":
	case "any":
		rule.any = true
	case "all-with-x":
		withX = true
	case "any-with-x":
		rule.any, withX = true, true
	default:
		return rule, &MatchModeError{Value: mode}
	}
	raw, err := arguments.Raw()
	if err != nil {
		return rule, fmt.Errorf("routing: arguments of a binding: %w", err)
	}
	for name, want := range raw.All() {
		if n := string(name); n != MatchMode && (withX || !strings.HasPrefix(n, "x-")) {
			rule.conditions = append(rule.conditions, headerCondition{name: n, want: want})
		}
	}
	return rule, nil
}

func (r *headerRule) match(table property.RawTable) bool {
	for i := range r.conditions {
		if r.conditions[i].match(table) == r.any {
			return r.any
		}
	}
	return !r.any
}

// match compares like RabbitMQ 3.13: integers by value whatever their width,
// floating-point numbers too, but 1 is not 1.0 (up to 3.12 it was); strings and
// byte strings by their bytes.
func (c *headerCondition) match(table property.RawTable) bool {
	got, ok := table.Lookup(c.name)
	if !ok || c.want.IsVoid() {
		return ok
	}
	_, gotInt := got.Int()
	_, wantInt := c.want.Int()
	return gotInt == wantInt && got.Equal(c.want)
}
