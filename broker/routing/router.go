package routing

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

// Kind is how an exchange compares messages with its bindings.
type Kind uint8

// The kinds of exchange.
const (
	// Direct matches when the message's key is the binding's, byte for byte.
	Direct Kind = iota + 1
	// Fanout matches every message.
	Fanout
	// Topic matches the message's key with the binding's as a pattern: both
	// are words between dots, in the pattern `*` stands for exactly one word
	// and `#` for any number of them, none included. The empty key has no word,
	// any other one more word than dots, so that words may be empty.
	Topic
	// Headers matches the message's headers with the binding's arguments. The
	// argument x-match is all (the default), any, all-with-x or any-with-x;
	// every other one names a header and the value it must have, void standing
	// for any value. Without -with-x the arguments that begin with "x-" do not
	// count. With no argument that counts, all matches every message and any
	// none.
	Headers
	// Random leads each message to one binding, by chance.
	Random
	// ModulusHash leads each message to one binding, by its key: equal keys go
	// the same way as long as bindings stay.
	ModulusHash
	// ConsistentHash leads each message to one binding, in proportion to their
	// weights, by what [NewHashed] was told to look at.
	ConsistentHash
)

// Binding leads messages to a destination.
type Binding[D comparable, M any] struct {
	Destination D
	// Key is compared as the router's [Kind] says. Those that do not use it
	// keep it as a part of the binding's identity.
	Key string
	// Arguments are what [Headers] compares; for the other kinds they are only
	// a part of the binding's identity. The router keeps them.
	Arguments property.Table
	// Predicate decides on top of the kind whether a message matches; nil
	// accepts all. It is called while the router is read, so it must be safe
	// for concurrent use, must not change the router, and must not keep the
	// message.
	Predicate func(message M) bool
	// Name tells destinations apart over restarts, and Weight (above 0) is how
	// large the share of [ConsistentHash] is. Other kinds look at neither.
	Name   string
	Weight float64
}

// Router holds the bindings of one exchange: D is a handle of a destination, M
// what predicates look at.
//
// A router has no lock of its own, since whoever binds changes other tables in
// the same breath. [Router.Match], [Router.Len] and [Router.All] may run side by
// side; [Router.Add] and [Router.Remove] must run alone. A read-write lock held
// by the owner does it.
type Router[D comparable, M any] struct {
	index    index[D, M]
	bindings map[identity[D]]*entry[D, M]
}

// identity is what makes two bindings the same: arguments whatever their order
// but with their types, as in RabbitMQ. The predicate is no part of it.
type identity[D comparable] struct {
	destination D
	key         string
	arguments   string
}

// index is how one kind finds the bindings that match.
type index[D comparable, M any] interface {
	// add may refuse a binding's arguments, and keeps nothing then.
	add(e *entry[D, M]) error
	// remove is given an entry that add took.
	remove(e *entry[D, M])
	match(key string, headers property.RawTable, message M, into *Matches[D])
}

// NewHashed makes an empty router of the kind [ConsistentHash].
func NewHashed[D comparable, M any](of HashOf[M]) *Router[D, M] {
	return &Router[D, M]{
		bindings: make(map[identity[D]]*entry[D, M]), index: &one[D, M]{choose: weighted[D, M](of)},
	}
}

// New makes an empty router. It panics when kind is none of the constants, or ConsistentHash.
func New[D comparable, M any](kind Kind) *Router[D, M] {
	r := &Router[D, M]{bindings: make(map[identity[D]]*entry[D, M])}
	switch kind {
	case Direct:
		r.index = make(direct[D, M])
	case Fanout:
		r.index = &fanout[D, M]{}
	case Topic:
		r.index = newTopic[D, M]()
	case Headers:
		r.index = newHeaders[D, M]()
	case Random:
		r.index = &one[D, M]{choose: random[D, M]}
	case ModulusHash:
		r.index = &one[D, M]{choose: modulus[D, M]}
	default:
		panic(fmt.Sprintf("routing: no kind of exchange has the number %d", kind))
	}
	return r
}

// Add adds a binding and reports whether it is new. When there is one with the
// same destination, key and arguments nothing changes, not even its predicate.
// It fails with a [*MatchModeError] for an x-match that [Headers] does not know,
// and with the errors of [property.Table.Raw] for arguments that cannot be
// encoded; the router is then as it was.
func (r *Router[D, M]) Add(b Binding[D, M]) (added bool, err error) {
	id, err := identify(&b)
	if err != nil {
		return false, err
	}
	if r.bindings[id] != nil {
		return false, nil
	}
	e := &entry[D, M]{Binding: b}
	if err := r.index.add(e); err != nil {
		return false, err
	}
	r.bindings[id] = e
	return true, nil
}

// Remove removes the binding with the same destination, key and arguments as b,
// and reports whether there was one.
func (r *Router[D, M]) Remove(b Binding[D, M]) bool {
	id, err := identify(&b)
	if err != nil {
		return false // what cannot be encoded was never added
	}
	e := r.bindings[id]
	if e == nil {
		return false
	}
	delete(r.bindings, id)
	r.index.remove(e)
	return true
}

// Len is the number of bindings.
func (r *Router[D, M]) Len() int { return len(r.bindings) }

// All goes through the bindings in no particular order.
func (r *Router[D, M]) All() iter.Seq[Binding[D, M]] {
	return func(yield func(Binding[D, M]) bool) {
		for _, e := range r.bindings {
			if !yield(e.Binding) {
				return
			}
		}
	}
}

// Match adds to into the destinations of all bindings that match, each once
// however many of its bindings do and however often it was added before. It
// keeps neither key nor headers nor message, and allocates only while into has
// less room than what it is to hold. A malformed header table counts as far as
// it can be read.
func (r *Router[D, M]) Match(key string, headers property.RawTable, message M, into *Matches[D]) {
	r.index.match(key, headers, message, into)
}

func identify[D comparable, M any](b *Binding[D, M]) (identity[D], error) {
	id := identity[D]{destination: b.Destination, key: b.Key}
	if len(b.Arguments) == 0 {
		return id, nil
	}
	sorted := slices.Clone(b.Arguments)
	slices.SortStableFunc(sorted, func(x, y property.Field) int { return strings.Compare(x.Name, y.Name) })
	raw, err := sorted.Raw()
	if err != nil {
		return id, fmt.Errorf("routing: arguments of a binding: %w", err)
	}
	id.arguments = string(raw)
	return id, nil
}
