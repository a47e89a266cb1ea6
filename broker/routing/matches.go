package routing

import "slices"

// few is how many destinations are searched one by one; beyond it a map is
// faster.
const few = 32

// Matches collects the destinations of a message, each once, over as many calls
// of [Router.Match] as it takes: several keys, several routers. It is meant to be
// kept and used again, since it is what makes matching free of allocations: it
// holds on to memory for the most destinations it ever had. The zero Matches is
// empty and ready. Not safe for concurrent use; any number of them may be in use
// with the same router.
type Matches[D comparable] struct {
	found []D
	seen  map[D]struct{} // found, once it is more than few

	walk     walk   // of topics
	valueKey []byte // of headers
}

// Reset forgets the destinations, and keeps the memory.
func (m *Matches[D]) Reset() {
	clear(m.found)
	m.found = m.found[:0]
	clear(m.seen)
}

// All are the destinations, in the order in which they were found; those that
// further calls of [Router.Match] find come behind them. The slice belongs to m
// and is valid until [Matches.Reset].
func (m *Matches[D]) All() []D { return m.found }

// Add adds a destination that was found in another way.
func (m *Matches[D]) Add(d D) { m.add(d) }

func (m *Matches[D]) has(d D) bool {
	if len(m.found) <= few {
		return slices.Contains(m.found, d)
	}
	_, ok := m.seen[d]
	return ok
}

func (m *Matches[D]) add(d D) {
	if m.has(d) {
		return
	}
	m.found = append(m.found, d)
	switch {
	case len(m.found) <= few:
	case len(m.seen) > 0:
		m.seen[d] = struct{}{}
	default:
		if m.seen == nil {
			m.seen = make(map[D]struct{}, 2*few)
		}
		for _, d := range m.found {
			m.seen[d] = struct{}{}
		}
	}
}
