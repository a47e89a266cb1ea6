package routing

import "github.com/portico-mq/portico/broker/property"

// direct holds the bindings of each key.
type direct[D comparable, M any] map[string]list[D, M]

func (x direct[D, M]) add(e *entry[D, M]) error {
	l := x[e.Key]
	l.add(e)
	x[e.Key] = l
	return nil
}

func (x direct[D, M]) remove(e *entry[D, M]) {
	l := x[e.Key]
	l.remove(e)
	if len(l) == 0 {
		delete(x, e.Key)
		return
	}
	x[e.Key] = l
}

func (x direct[D, M]) match(key string, _ property.RawTable, message M, into *Matches[D]) {
	x[key].match(message, into)
}
