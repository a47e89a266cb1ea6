package filterpolicy

import (
	"errors"
)

// Scope says what of a message a policy looks at.
type Scope string

// The scopes.
const (
	MessageAttributes Scope = "MessageAttributes"
	MessageBody       Scope = "MessageBody"
)

// Limits of a policy [SNS developer guide, "Filter policy constraints"].
const (
	maxBytes        = 256 << 10
	maxKeys         = 5
	maxCombinations = 150
)

// Error is what is wrong with a policy, in the service's words.
type Error struct{ text string }

func (e *Error) Error() string { return e.text }

// ErrNested refuses a nested policy on message attributes.
var ErrNested = errors.New("Filter policy scope MessageAttributes does not support nested filter policy")

// Policy is a compiled policy. It is immutable and safe for concurrent use.
type Policy struct {
	root group
}

// group is an object of a policy: all of its leaves must pass, and of each choice one of its groups.
type group struct {
	leaves  []leaf
	choices [][]group
}

// leaf is a property with its conditions, one of which must pass.
type leaf struct {
	path       uint64
	conditions []condition
	absent     bool // a message without the property passes too
	present    bool // any value passes
}

// Match tells whether a message passes. f is of the policy's scope; nil passes nothing but the empty
// policy.
func (p *Policy) Match(f *Fields) bool {
	return p.root.match(f)
}

func (g *group) match(f *Fields) bool {
	for i := range g.leaves {
		if !g.leaves[i].match(f) {
			return false
		}
	}
	for _, choice := range g.choices {
		if !anyMatch(choice, f) {
			return false
		}
	}
	return true
}

func anyMatch(groups []group, f *Fields) bool {
	for i := range groups {
		if groups[i].match(f) {
			return true
		}
	}
	return false
}

func (l *leaf) match(f *Fields) bool {
	if f == nil {
		return false
	}
	values, there := f.values[l.path]
	if !there {
		return l.absent
	}
	if l.present {
		return true
	}
	for i := range values {
		for _, c := range l.conditions {
			if c.passes(&values[i]) {
				return true
			}
		}
	}
	return false
}
