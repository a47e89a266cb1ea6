package broker

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/portico-mq/portico/broker/property"
)

// binding is a binding in force.
type binding struct {
	spec    Binding
	id      string // identity within the namespace
	target  *target
	durable bool
	weight  float64 // on a ConsistentHash exchange
}

// target is where a binding leads. All bindings without a rule share the destination's one target, so that a message
// which matches several of them arrives once.
type target struct {
	queue    *Queue
	exchange *exchange
	rule     Rule
}

// bindingID is the identity of a binding: a digest, since names and arguments may hold any bytes at any length. The
// order of arguments does not count.
func bindingID(spec *Binding) (string, error) {
	inOrder := slices.Clone(spec.Arguments)
	slices.SortStableFunc(inOrder, func(a, b property.Field) int { return cmp.Compare(a.Name, b.Name) })
	arguments, err := property.AppendTable(nil, inOrder)
	if err != nil {
		return "", &Error{Kind: KindInvalid, Type: ResourceBinding, Name: spec.Key, Err: err}
	}
	h := sha256.New()
	for _, part := range []string{spec.Source, spec.Destination, string(spec.Kind), spec.Key} {
		fmt.Fprintf(h, "%d:%s", len(part), part) // a hash's Write never fails
	}
	h.Write(arguments)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), nil
}

func (ns *Namespace) bindingRecord(bd *binding) (MetadataKey, []byte, error) {
	attributes, err := encodeAttributes(bd.spec.Attributes)
	if err != nil {
		return MetadataKey{}, nil, err
	}
	var arguments []byte
	if len(bd.spec.Arguments) > 0 {
		if arguments, err = property.AppendTable(nil, bd.spec.Arguments); err != nil {
			return MetadataKey{}, nil, err
		}
	}
	s := &bd.spec
	value, err := json.Marshal(storedBinding{
		Namespace: ns.name, Source: s.Source, Destination: s.Destination, Kind: s.Kind, Key: s.Key,
		Arguments: arguments, Rule: s.Rule, RuleText: s.RuleText, Attributes: attributes,
	})
	return MetadataKey{Kind: "binding", Namespace: ns.name, Name: bd.id}, value, err
}

func (ns *Namespace) adoptBinding(stored storedBinding) error {
	arguments, err := decodeTable(stored.Arguments)
	if err != nil {
		return err
	}
	attributes, err := decodeAttributes(stored.Attributes)
	if err != nil {
		return err
	}
	spec := Binding{
		Source: stored.Source, Destination: stored.Destination, Kind: stored.Kind, Key: stored.Key,
		Arguments: arguments, Rule: stored.Rule, RuleText: stored.RuleText, Attributes: attributes,
	}
	id, err := bindingID(&spec)
	if err != nil {
		return err
	}
	bd, x, err := ns.compileBinding(spec, id)
	if err != nil {
		return err
	}
	known := x.bindings[bd.id] != nil
	if bd.id != stored.id { // of an earlier version, for which the order of arguments counted
		if !known {
			if err := ns.startRecord(ns.bindingRecord(bd))(); err != nil {
				return err
			}
		}
		if err := ns.b.startDelete(MetadataKey{Kind: "binding", Namespace: ns.name, Name: stored.id})(); err != nil {
			return err
		}
	}
	if known {
		return nil
	}
	return x.add(bd)
}

// compileBinding resolves the ends of a binding whose identity is id and compiles its rule. The caller holds ns.mu.
func (ns *Namespace) compileBinding(spec Binding, id string) (*binding, *exchange, error) {
	source := ns.exchanges[spec.Source]
	if source == nil {
		return nil, nil, &Error{Kind: KindNotFound, Type: ResourceExchange, Namespace: ns.name, Name: spec.Source}
	}
	var t *target
	durable := source.spec.Durable
	switch spec.Kind {
	case ToQueue:
		q := ns.queues[spec.Destination]
		if q == nil {
			return nil, nil, &Error{Kind: KindNotFound, Type: ResourceQueue, Namespace: ns.name, Name: spec.Destination}
		}
		t, durable = q.plain, durable && q.spec.stored()
	case ToExchange:
		x := ns.exchanges[spec.Destination]
		if x == nil {
			return nil, nil, &Error{Kind: KindNotFound, Type: ResourceExchange, Namespace: ns.name, Name: spec.Destination}
		}
		t, durable = x.plain, durable && x.spec.Durable
	default:
		return nil, nil, &Error{Kind: KindInvalid, Type: ResourceBinding, Namespace: ns.name, Name: string(spec.Kind)}
	}
	if spec.Rule != "" {
		compile := ns.b.opts.Rules[spec.Rule]
		if compile == nil {
			return nil, nil, &Error{Kind: KindUnsupported, Type: ResourceBinding, Namespace: ns.name, Name: spec.Rule}
		}
		rule, err := compile(&spec)
		if err != nil {
			return nil, nil, &Error{Kind: KindInvalid, Type: ResourceBinding, Namespace: ns.name, Name: spec.Key, Err: err}
		}
		t = &target{queue: t.queue, exchange: t.exchange, rule: rule}
	}
	bd := &binding{spec: spec, id: id, target: t, durable: durable}
	if source.spec.routes() == ConsistentHash {
		var err error
		if bd.weight, err = weightOf(&spec); err != nil {
			return nil, nil, &Error{Kind: KindInvalid, Type: ResourceBinding, Namespace: ns.name, Name: spec.Key, Err: err}
		}
	}
	return bd, source, nil
}
