package routing

import (
	"slices"
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

// headers finds the bindings that may match, each by one of its conditions or,
// where one is enough, by any, and compares those in full.
type headers[D comparable, M any] struct {
	rules  map[*entry[D, M]]*headerRule[D, M]
	always []*headerRule[D, M] // they have no condition
	names  []*headerName[D, M] // sorted
}

// headerName holds the bindings that a header of this name leads to.
type headerName[D comparable, M any] struct {
	name    string
	present []*headerRule[D, M]            // whatever its value
	values  map[string][]*headerRule[D, M] // by what appendValueKey makes of it
}

func newHeaders[D comparable, M any]() *headers[D, M] {
	return &headers[D, M]{rules: make(map[*entry[D, M]]*headerRule[D, M])}
}

func (x *headers[D, M]) add(e *entry[D, M]) error {
	rule, err := compileHeaders(e)
	if err != nil {
		return err
	}
	x.rules[e] = rule
	switch {
	case rule.any:
		rule.foundBy = rule.conditions
	case len(rule.conditions) == 0:
		x.always = append(x.always, rule)
	default:
		rarest := x.rarest(rule.conditions)
		rule.foundBy = rule.conditions[rarest : rarest+1]
	}
	for _, c := range rule.foundBy {
		i, ok := x.find(c.name)
		if !ok {
			n := &headerName[D, M]{name: c.name, values: make(map[string][]*headerRule[D, M])}
			x.names = slices.Insert(x.names, i, n)
		}
		x.names[i].set(c.want, append(x.names[i].get(c.want), rule))
	}
	return nil
}

// rarest is the condition, of one or more, that leads to the fewest bindings so
// far.
func (x *headers[D, M]) rarest(conditions []headerCondition) int {
	best, fewest := 0, len(x.rules)
	for i, c := range conditions {
		n := 0
		if at, ok := x.find(c.name); ok {
			n = len(x.names[at].get(c.want))
		}
		if n < fewest {
			best, fewest = i, n
		}
	}
	return best
}

func (x *headers[D, M]) remove(e *entry[D, M]) {
	rule := x.rules[e]
	delete(x.rules, e)
	if len(rule.conditions) == 0 && !rule.any {
		x.always = without(x.always, rule)
	}
	for _, c := range rule.foundBy {
		i, _ := x.find(c.name)
		n := x.names[i]
		n.set(c.want, without(n.get(c.want), rule))
		if len(n.present) == 0 && len(n.values) == 0 {
			x.names = slices.Delete(x.names, i, i+1)
		}
	}
}

// without takes a rule out of rules, where it is.
func without[R comparable](rules []R, rule R) []R {
	i := slices.Index(rules, rule)
	return slices.Delete(rules, i, i+1)
}

// find is where a name is among the names, or where it would be.
func (x *headers[D, M]) find(name string) (at int, ok bool) {
	return slices.BinarySearchFunc(x.names, name, func(n *headerName[D, M], name string) int {
		return strings.Compare(n.name, name)
	})
}

func (n *headerName[D, M]) get(want property.RawValue) []*headerRule[D, M] {
	if want.IsVoid() {
		return n.present
	}
	return n.values[string(appendValueKey(nil, want))]
}

func (n *headerName[D, M]) set(want property.RawValue, rules []*headerRule[D, M]) {
	switch {
	case want.IsVoid():
		n.present = rules
	case len(rules) == 0:
		delete(n.values, string(appendValueKey(nil, want)))
	default:
		n.values[string(appendValueKey(nil, want))] = rules
	}
}

// match looks for the names of the bindings among the headers and not the other
// way, so that a message which repeats a name makes no more work.
func (x *headers[D, M]) match(_ string, table property.RawTable, message M, into *Matches[D]) {
	for _, r := range x.always {
		r.entry.match(message, into)
	}
	for _, n := range x.names {
		value, ok := table.Lookup(n.name)
		if !ok {
			continue
		}
		compare(n.present, table, message, into)
		if len(n.values) > 0 {
			into.valueKey = appendValueKey(into.valueKey[:0], value)
			compare(n.values[string(into.valueKey)], table, message, into)
		}
	}
}

// compare adds those of the rules that match.
func compare[D comparable, M any](rules []*headerRule[D, M], table property.RawTable, message M, into *Matches[D]) {
	for _, r := range rules {
		if r.match(table) {
			r.entry.match(message, into)
		}
	}
}
