package broker

import (
	"context"
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

// The calls of a session that change or show exchanges and bindings. Those on durable resources return when the
// change is synced.

// reservedName refuses names that only the broker may declare.
func (s *Session) reservedName(t ResourceType, name string) error {
	if p := s.b.opts.ReservedPrefix; p != "" && strings.HasPrefix(name, p) {
		return &Error{Kind: KindReserved, Type: t, Namespace: s.ns.name, Name: name, Detail: p}
	}
	if !validName(name) {
		return &Error{Kind: KindInvalid, Type: t, Namespace: s.ns.name, Name: name}
	}
	return nil
}

// DeclareExchange makes the exchange if there is none of its name, and reports whether it did. One that exists with
// another kind, durability, auto-delete or internal property is a KindMismatch; the attributes of a front end that
// the existing one does not have are added. The default exchange cannot be declared (KindReserved).
func (s *Session) DeclareExchange(ctx context.Context, spec ExchangeSpec) (ExchangeSpec, bool, error) {
	if spec.Name == "" {
		return spec, false, &Error{Kind: KindReserved, Type: ResourceExchange, Namespace: s.ns.name}
	}
	if err := s.check(AccessConfigure, ResourceExchange, spec.Name); err != nil {
		return spec, false, err
	}
	if err := s.mayUseAlternate(&spec); err != nil {
		return spec, false, err
	}
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("exchange " + spec.Name)
	defer func() { release(); ns.mu.Unlock() }()
	if x := ns.exchanges[spec.Name]; x != nil {
		if err := x.equivalent(ns.name, &spec); err != nil {
			return x.spec, false, err
		}
		return x.spec, false, ns.addExchangeAttributes(x, spec.Attributes)
	}
	if err := s.reservedName(ResourceExchange, spec.Name); err != nil {
		return spec, false, err
	}
	if ns.deleted {
		return spec, false, &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: ns.name}
	}
	x, err := newExchange(spec)
	if err != nil {
		return spec, false, err
	}
	if spec.Durable {
		if err := ns.unlocked(ns.startRecord(ns.exchangeRecord(x))); err != nil {
			return spec, false, err
		}
	}
	if spec.Kind == Delaying {
		x.delays = newDelayLine(ns, &x.spec)
	}
	ns.setAlternate(x)
	ns.exchanges[spec.Name] = x
	return spec, true, nil
}

// unlocked waits for operations of the store with ns.mu released; what they concern must be reserved.
func (ns *Namespace) unlocked(waits ...wait) error {
	ns.mu.Unlock()
	defer ns.mu.Lock()
	return waitAll(waits)
}

// startRecord starts storing what one of the record functions returned.
func (ns *Namespace) startRecord(key MetadataKey, value []byte, err error) wait {
	if err != nil {
		return func() error { return err }
	}
	return ns.b.startPut(key, value)
}

func (ns *Namespace) addExchangeAttributes(x *exchange, more Attributes) error {
	merged, changed := x.spec.Attributes.merged(more)
	if !changed {
		return nil
	}
	x.spec.Attributes = merged
	if !x.spec.Durable || x.system {
		return nil
	}
	return ns.unlocked(ns.startRecord(ns.exchangeRecord(x)))
}

// SetExchangeAttributes replaces one front end's attributes of an exchange.
func (s *Session) SetExchangeAttributes(_ context.Context, name, frontEnd string, table property.Table) error {
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("exchange " + name)
	defer func() { release(); ns.mu.Unlock() }()
	x := ns.exchanges[name]
	if x == nil {
		return &Error{Kind: KindNotFound, Type: ResourceExchange, Namespace: ns.name, Name: name}
	}
	x.spec.Attributes = x.spec.Attributes.with(frontEnd, table)
	if !x.spec.Durable || x.system {
		return nil
	}
	return ns.unlocked(ns.startRecord(ns.exchangeRecord(x)))
}

// Exchange describes an exchange; KindNotFound when there is none.
func (s *Session) Exchange(_ context.Context, name string) (ExchangeSpec, error) {
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	x := s.ns.exchanges[name]
	if x == nil {
		return ExchangeSpec{}, &Error{Kind: KindNotFound, Type: ResourceExchange, Namespace: s.ns.name, Name: name}
	}
	return x.spec, nil
}

// Exchanges lists the namespace's exchanges but for the default one, in no order.
func (s *Session) Exchanges() []ExchangeSpec {
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	list := make([]ExchangeSpec, 0, len(s.ns.exchanges))
	for _, x := range s.ns.exchanges {
		list = append(list, x.spec)
	}
	return list
}

// DeleteExchange removes an exchange with its bindings. With ifUnused, one that has bindings of its own is KindInUse.
// KindNotFound when there is none, KindReserved for a system exchange.
func (s *Session) DeleteExchange(_ context.Context, name string, ifUnused bool) error {
	if err := s.check(AccessConfigure, ResourceExchange, name); err != nil {
		return err
	}
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("exchange " + name)
	defer func() { release(); ns.mu.Unlock() }()
	x := ns.exchanges[name]
	switch {
	case name == "" || (x != nil && x.system):
		return &Error{Kind: KindReserved, Type: ResourceExchange, Namespace: ns.name, Name: name}
	case x == nil:
		return &Error{Kind: KindNotFound, Type: ResourceExchange, Namespace: ns.name, Name: name}
	case ifUnused && len(x.bindings) > 0:
		return &Error{Kind: KindInUse, Type: ResourceExchange, Namespace: ns.name, Name: name}
	}
	return ns.removeExchange(x)
}

// removeExchange takes x and its bindings, in both directions, out of the tables and the metadata. The caller holds
// ns.mu, which is released while the store works.
func (ns *Namespace) removeExchange(x *exchange) error {
	return ns.unlocked(ns.dropRecords(ns.takeOut(x, nil))...)
}

// takeOut removes an exchange and its bindings from the tables, and appends what had a stored record to gone.
func (ns *Namespace) takeOut(x *exchange, gone []*binding) []*binding {
	delete(ns.exchanges, x.spec.Name)
	if x.delays != nil {
		x.delays.discard()
	}
	if x.spec.Durable {
		gone = append(gone, &binding{durable: true, spec: Binding{Source: x.spec.Name}})
	}
	for _, bd := range x.bindings {
		x.remove(bd)
		gone = append(gone, bd)
	}
	return append(gone, ns.unbindAll(&x.incoming)...)
}

// unbindAll removes the bindings that lead to one destination, and exchanges that auto-delete with their last
// binding. It returns those that had a stored record. The caller holds ns.mu.
func (ns *Namespace) unbindAll(to *incoming) []*binding {
	var gone []*binding
	for bd, x := range *to {
		x.remove(bd)
		gone = append(gone, bd)
		if len(x.bindings) == 0 && x.spec.AutoDelete && ns.exchanges[x.spec.Name] == x {
			gone = ns.takeOut(x, gone)
		}
	}
	return gone
}

// dropRecords starts deleting the stored records of removed bindings and (those without an id) exchanges.
func (ns *Namespace) dropRecords(gone []*binding) []wait {
	var waits []wait
	for _, bd := range gone {
		switch {
		case !bd.durable:
		case bd.id == "":
			waits = append(waits, ns.b.startDelete(MetadataKey{Kind: "exchange", Namespace: ns.name, Name: bd.spec.Source}))
		default:
			waits = append(waits, ns.b.startDelete(MetadataKey{Kind: "binding", Namespace: ns.name, Name: bd.id}))
		}
	}
	return waits
}

// Bind adds a binding; one with the same identity that exists already gets the new rule and attributes. Either end
// missing is KindNotFound; the default exchange cannot be bound (KindReserved).
func (s *Session) Bind(_ context.Context, spec Binding) error {
	if err := s.checkBinding(&spec); err != nil {
		return err
	}
	id, err := bindingID(&spec)
	if err != nil {
		return err
	}
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("binding " + id)
	defer func() { release(); ns.mu.Unlock() }()
	bd, x, err := ns.compileBinding(spec, id)
	if err != nil {
		return err
	}
	if err := s.checkTopic(AccessRead, x, spec.Key); err != nil {
		return err
	}
	if bd.target.queue != nil {
		if err := bd.target.queue.accessibleTo(s); err != nil {
			return err
		}
	}
	old := x.bindings[bd.id]
	if old != nil {
		if old.spec.Rule == spec.Rule && old.spec.RuleText == spec.RuleText && len(spec.Attributes) == 0 {
			return nil
		}
		x.remove(old)
	}
	if err := x.add(bd); err != nil {
		return err
	}
	var waits []wait
	if bd.durable && fault != faultBinding {
		waits = append(waits, ns.startRecord(ns.bindingRecord(bd)))
	}
	err = ns.unlocked(waits...)
	if err == nil && old == nil && x.history != nil {
		err = ns.unlocked(s.replay(x.history, bd.target))
	}
	return err
}

// Unbind removes a binding; one that does not exist is no error, an end that does not exist is KindNotFound.
func (s *Session) Unbind(_ context.Context, spec Binding) error {
	if err := s.checkBinding(&spec); err != nil {
		return err
	}
	id, err := bindingID(&spec)
	if err != nil {
		return err
	}
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("binding " + id)
	defer func() { release(); ns.mu.Unlock() }()
	spec.Rule = ""
	of, x, err := ns.compileBinding(spec, id)
	if err != nil {
		return err
	}
	if err := s.checkTopic(AccessRead, x, spec.Key); err != nil {
		return err
	}
	if of.target.queue != nil {
		if err := of.target.queue.accessibleTo(s); err != nil {
			return err
		}
	}
	bd := x.bindings[id]
	if bd == nil {
		return nil
	}
	x.remove(bd)
	gone := []*binding{bd}
	if len(x.bindings) == 0 && x.spec.AutoDelete {
		gone = ns.takeOut(x, gone)
	}
	return ns.unlocked(ns.dropRecords(gone)...)
}

func (s *Session) checkBinding(spec *Binding) error {
	if spec.Source == "" || (spec.Kind == ToExchange && spec.Destination == "") {
		return &Error{Kind: KindReserved, Type: ResourceExchange, Namespace: s.ns.name}
	}
	t := ResourceQueue
	if spec.Kind == ToExchange {
		t = ResourceExchange
	}
	if err := s.check(AccessWrite, t, spec.Destination); err != nil {
		return err
	}
	return s.check(AccessRead, ResourceExchange, spec.Source)
}

// Bindings lists the bindings of a source exchange, or of all when source is "", in no order. The implicit bindings
// of the default exchange are not listed.
func (s *Session) Bindings(source string) []Binding {
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	var list []Binding
	for name, x := range s.ns.exchanges {
		if source != "" && name != source {
			continue
		}
		for _, bd := range x.bindings {
			list = append(list, bd.spec)
		}
	}
	return list
}
