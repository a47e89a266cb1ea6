package filterpolicy

import (
	"cmp"
	"errors"
	"slices"
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
	texts      []string // exact strings, which most conditions are
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

// arrange puts first what costs least to decide: most messages fail, and then the rest is not looked
// at.
func (g *group) arrange() {
	cost := func(l leaf) int { return len(l.texts) + len(l.conditions)*len(l.conditions)*8 }
	slices.SortStableFunc(g.leaves, func(a, b leaf) int { return cmp.Compare(cost(a), cost(b)) })
	for _, choice := range g.choices {
		for i := range choice {
			choice[i].arrange()
		}
	}
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
	values, there := f.at(l.path)
	if !there {
		return l.absent
	}
	if l.present {
		return true
	}
	for i := range values {
		if values[i].kind == kindString && slices.Contains(l.texts, values[i].text) {
			return true
		}
		for _, c := range l.conditions {
			if c.passes(&values[i]) {
				return true
			}
		}
	}
	return false
}
