package routing

// entry is a binding in a router.
type entry[D comparable, M any] struct {
	Binding[D, M]
	position int // in the list that holds it
}

// list is a set of entries that match together. Adding and removing take the
// same time whatever its length; removing changes the order.
type list[D comparable, M any] []*entry[D, M]

func (l *list[D, M]) add(e *entry[D, M]) {
	e.position = len(*l)
	*l = append(*l, e)
}

func (l *list[D, M]) remove(e *entry[D, M]) {
	last := len(*l) - 1
	moved := (*l)[last]
	(*l)[e.position], moved.position = moved, e.position
	(*l)[last] = nil
	*l = (*l)[:last]
}

// match adds the destinations whose predicates accept the message.
func (l list[D, M]) match(message M, into *Matches[D]) {
	for _, e := range l {
		e.match(message, into)
	}
}

func (e *entry[D, M]) match(message M, into *Matches[D]) {
	// A predicate can cost more than the search whether it still matters.
	if e.Predicate != nil && (into.has(e.Destination) || !e.Predicate(message)) {
		return
	}
	into.add(e.Destination)
}
