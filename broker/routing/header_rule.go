package routing

import (
	"encoding/binary"
	"fmt"
	"math"
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

// headerRule is a binding's arguments made ready.
type headerRule[D comparable, M any] struct {
	entry      *entry[D, M]
	any        bool // one condition is enough
	conditions []headerCondition
	foundBy    []headerCondition // those of the conditions that lead to it
}

type headerCondition struct {
	name string
	want property.RawValue // void accepts any value
}

// compileHeaders fails for a mode it does not know.
func compileHeaders[D comparable, M any](e *entry[D, M]) (*headerRule[D, M], error) {
	rule := &headerRule[D, M]{entry: e}
	mode, ok := e.Arguments.Get(MatchMode)
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
		return nil, &MatchModeError{Value: mode}
	}
	raw, err := e.Arguments.Raw()
	if err != nil {
		return nil, fmt.Errorf("routing: arguments of a binding: %w", err)
	}
	for name, want := range raw.All() {
		if n := string(name); n != MatchMode && (withX || !strings.HasPrefix(n, "x-")) {
			rule.conditions = append(rule.conditions, headerCondition{name: n, want: want})
		}
	}
	return rule, nil
}

func (r *headerRule[D, M]) match(table property.RawTable) bool {
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

// valuePrefix is how much of a long value goes into its key.
const valuePrefix = 64

// appendValueKey appends what is the same for values that are equal, and mostly
// different for others.
func appendValueKey(dst []byte, v property.RawValue) []byte {
	if i, ok := v.Int(); ok {
		return binary.BigEndian.AppendUint64(append(dst, 'i'), uint64(i))
	}
	if f, ok := v.Float(); ok {
		// Adding zero makes 0 of -0, which it equals.
		return binary.BigEndian.AppendUint64(append(dst, 'f'), math.Float64bits(f+0))
	}
	letter := v.Type
	if _, ok := v.Bytes(); ok {
		letter = 's' // whether a string or a byte string
	}
	return append(append(dst, letter), v.Data[:min(len(v.Data), valuePrefix)]...)
}
