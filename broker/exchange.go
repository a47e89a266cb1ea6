package broker

import (
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/broker/routing"
)

// exchange is an exchange in force. Its fields are under the namespace's mu.
type exchange struct {
	spec   ExchangeSpec
	system bool
	// alternate is where messages go that it leads nowhere: what it was declared with, or what a policy says.
	alternate string
	router    *routing.Router[*target, *sight]
	bindings  map[string]*binding // by id
	incoming  incoming
	plain     *target // this exchange as a destination without a rule
	traffic   Traffic
	history   *history   // of RecentHistory
	delays    *delayLine // of Delaying
}

var routingKinds = map[ExchangeKind]routing.Kind{
	Direct: routing.Direct, Fanout: routing.Fanout, Topic: routing.Topic, Headers: routing.Headers,
	Random: routing.Random, ModulusHash: routing.ModulusHash, ConsistentHash: routing.ConsistentHash, RecentHistory: routing.Fanout,
}

// incoming holds the bindings that lead to a destination, and the exchange each belongs to.
type incoming map[*binding]*exchange

func newExchange(spec ExchangeSpec) (*exchange, error) {
	kind, ok := routingKinds[spec.routes()]
	if !ok {
		return nil, &Error{
			Kind: KindUnsupported, Type: ResourceExchange, Name: spec.Name,
			Detail: &Mismatch{Property: "kind", Got: string(spec.Kind)},
		}
	}
	x := &exchange{spec: spec, bindings: make(map[string]*binding)}
	if kind == routing.ConsistentHash {
		x.router = routing.NewHashed[*target](spec.hashed)
	} else {
		x.router = routing.New[*target, *sight](kind)
	}
	if spec.routes() == RecentHistory {
		x.history = newHistory(spec.History)
	}
	x.plain = &target{exchange: x}
	return x, nil
}

// matchKeys adds the destinations for each of the message's keys.
func (x *exchange) matchKeys(s *sight, headers property.RawTable, extraKeys []string, into *routing.Matches[*target]) {
	x.router.Match(s.message.key, headers, s, into)
	if k := x.spec.routes(); k == Random || k == ModulusHash || k == ConsistentHash {
		return // its own key decides
	}
	for _, key := range extraKeys {
		x.router.Match(key, headers, s, into)
	}
}

// equivalent compares an existing exchange with a declaration.
func (x *exchange) equivalent(ns string, spec *ExchangeSpec) error {
	for _, p := range []struct {
		property  string
		got, want any
	}{
		{"kind", string(spec.Kind), string(x.spec.Kind)},
		{"durable", spec.Durable, x.spec.Durable},
		{"auto_delete", spec.AutoDelete, x.spec.AutoDelete},
		{"internal", spec.Internal, x.spec.Internal},
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

// add puts a binding in force; KindInvalid for arguments that the exchange's kind does not take.
func (x *exchange) add(bd *binding) error {
	if _, err := x.router.Add(bd.routing()); err != nil {
		return &Error{Kind: KindInvalid, Type: ResourceBinding, Name: bd.spec.Key, Err: err}
	}
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
	x.router.Remove(bd.routing())
	delete(x.bindings, bd.id)
	delete(*bd.target.incoming(), bd)
}

// routing is the binding as the router knows it.
func (bd *binding) routing() routing.Binding[*target, *sight] {
	b := routing.Binding[*target, *sight]{
		Destination: bd.target, Key: bd.spec.Key, Arguments: bd.spec.Arguments,
		Name: string(bd.spec.Kind) + " " + bd.spec.Destination, Weight: bd.weight,
	}
	if rule := bd.target.rule; rule != nil {
		b.Predicate = predicate(bd.spec.Rule, rule)
	}
	return b
}

func (t *target) incoming() *incoming {
	if t.queue != nil {
		return &t.queue.incoming
	}
	return &t.exchange.incoming
}
