package routing

import "github.com/portico-mq/portico/broker/property"

// fanout matches all it holds.
type fanout[D comparable, M any] struct{ bindings list[D, M] }

func (x *fanout[D, M]) add(e *entry[D, M]) error {
	x.bindings.add(e)
	return nil
}

func (x *fanout[D, M]) remove(e *entry[D, M]) { x.bindings.remove(e) }

func (x *fanout[D, M]) match(_ string, _ property.RawTable, message M, into *Matches[D]) {
	x.bindings.match(message, into)
}
