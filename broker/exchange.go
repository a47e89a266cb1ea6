package broker

// exchange is an exchange in force. Its fields are under the namespace's mu.
type exchange struct {
	spec     ExchangeSpec
	system   bool
	bindings map[string]*binding // by id
	incoming incoming
}

// incoming holds the bindings that lead to a destination, and the exchange each belongs to.
type incoming map[*binding]*exchange

func newExchange(spec ExchangeSpec) (*exchange, error) {
	switch spec.Kind {
	case Direct, Fanout, Topic, Headers:
	default:
		return nil, &Error{Kind: KindUnsupported, Type: ResourceExchange, Name: spec.Name, Detail: &Mismatch{Property: "kind", Got: string(spec.Kind)}}
	}
	return &exchange{spec: spec, bindings: make(map[string]*binding)}, nil
}

// equivalent compares an existing exchange with a declaration.
func (x *exchange) equivalent(ns string, spec *ExchangeSpec) error {
	for _, p := range []struct {
		property  string
		got, want any
	}{
		{"kind", string(spec.Kind), string(x.spec.Kind)}, {"durable", spec.Durable, x.spec.Durable},
		{"auto_delete", spec.AutoDelete, x.spec.AutoDelete}, {"internal", spec.Internal, x.spec.Internal},
	} {
		if p.got != p.want {
			return &Error{
				Kind: KindMismatch, Type: ResourceExchange, Namespace: ns, Name: spec.Name,
				Detail: &Mismatch{Property: p.property, Got: p.got, Want: p.want},
			}
		}
	}
	return nil
}

// add puts a binding in force.
func (x *exchange) add(bd *binding) error {
	x.bindings[bd.id] = bd
	to := bd.target.incoming()
	if *to == nil {
		*to = make(incoming)
	}
	(*to)[bd] = x
	return nil
}

// remove ends a binding.
func (x *exchange) remove(bd *binding) {
	delete(x.bindings, bd.id)
	delete(*bd.target.incoming(), bd)
}

func (t *target) incoming() *incoming {
	if t.queue != nil {
		return &t.queue.incoming
	}
	return &t.exchange.incoming
}

// match appends the targets that a message with the key goes to, each once.
func (x *exchange) match(key string, m *Message, to []*target) []*target {
	for _, bd := range x.bindings {
		if x.spec.Kind == Fanout || bd.spec.Key == key {
			to = append(to, bd.target)
		}
	}
	return to
}
