package broker

import (
	"fmt"
	"maps"
	"slices"

	"github.com/portico-mq/portico/broker/selector"
)

// Filter chooses the messages that a consumer wants. Consumers whose filters have one String share what is found by it.
// It must be safe for concurrent use, must not keep the message, and is called with the queue locked.
type Filter interface {
	Match(m *Message) bool
	String() string
}

// SelectorFilter makes a filter of a JMS selector.
func SelectorFilter(s *selector.Selector) Filter { return selectorFilter{s} }

type selectorFilter struct{ s *selector.Selector }

// Match evaluates the selector.
func (f selectorFilter) Match(m *Message) bool {
	return f.s.Match(selector.Message{Properties: m.props, Published: m.Published()})
}

// String is the selector.
func (f selectorFilter) String() string { return "selector " + f.s.String() }

// HeaderFilter takes the messages whose header is one of these texts, and with missing those without the header.
func HeaderFilter(name string, texts []string, missing bool) Filter {
	f := headerFilter{name: name, texts: make(map[string]struct{}, len(texts)), missing: missing}
	for _, t := range texts {
		f.texts[t] = struct{}{}
	}
	return f
}

type headerFilter struct {
	name    string
	texts   map[string]struct{}
	missing bool
}

// Match looks the header up.
func (f headerFilter) Match(m *Message) bool {
	v, ok := m.props.Headers().Lookup(f.name)
	if !ok {
		return f.missing
	}
	text, ok := v.Bytes()
	if !ok {
		return f.missing
	}
	_, ok = f.texts[string(text)]
	return ok
}

// String names the header and the texts.
func (f headerFilter) String() string {
	return fmt.Sprintf("header %q %q %v", f.name, slices.Sorted(maps.Keys(f.texts)), f.missing)
}
