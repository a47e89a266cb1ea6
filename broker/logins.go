package broker

import (
	"cmp"
	"slices"
	"sync"
)

// Logins is how many clients of a front end have tried to log in.
type Logins struct {
	FrontEnd         string
	Accepted, Failed uint64
}

// logins counts by front end.
type logins struct {
	mu sync.Mutex
	of map[string]*Logins
}

// CountLogin counts an attempt to log in. It is safe for concurrent use.
func (b *Broker) CountLogin(frontEnd string, accepted bool) {
	b.logins.mu.Lock()
	defer b.logins.mu.Unlock()
	n := b.logins.of[frontEnd]
	if n == nil {
		if b.logins.of == nil {
			b.logins.of = make(map[string]*Logins)
		}
		n = &Logins{FrontEnd: frontEnd}
		b.logins.of[frontEnd] = n
	}
	if accepted {
		n.Accepted++
	} else {
		n.Failed++
	}
}

// Logins lists what was counted since the start, in the order of the names.
func (b *Broker) Logins() []Logins {
	b.logins.mu.Lock()
	defer b.logins.mu.Unlock()
	list := make([]Logins, 0, len(b.logins.of))
	for _, n := range b.logins.of {
		list = append(list, *n)
	}
	slices.SortFunc(list, func(a, b Logins) int { return cmp.Compare(a.FrontEnd, b.FrontEnd) })
	return list
}

// ResetLogins counts from nothing again.
func (b *Broker) ResetLogins() {
	b.logins.mu.Lock()
	defer b.logins.mu.Unlock()
	clear(b.logins.of)
}
