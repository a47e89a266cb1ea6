package broker

import (
	"slices"

	"github.com/portico-mq/portico/broker/property"
)

// setAlternates gives every exchange the alternate exchange that counts for it. The caller holds ns.mu.
func (ns *Namespace) setAlternates() {
	for _, x := range ns.exchanges {
		ns.setAlternate(x)
	}
}

func (ns *Namespace) setAlternate(x *exchange) {
	x.alternate = x.spec.Alternate
	forExchanges := func(p *Policy) bool { return p.appliesTo(false, "") }
	if policy, _ := ns.b.policies.match(ns.name, x.spec.Name, forExchanges); x.alternate == "" && policy != nil {
		x.alternate = policy.Alternate
	}
}

// mayUseAlternate checks that who declares an exchange with an alternate one could take the messages from the one to
// the other.
func (s *Session) mayUseAlternate(spec *ExchangeSpec) error {
	if spec.Alternate == "" {
		return nil
	}
	if err := s.check(AccessRead, ResourceExchange, spec.Name); err != nil {
		return err
	}
	return s.check(AccessWrite, ResourceExchange, spec.Alternate)
}

// match adds the destinations that x leads a message to by any of its keys. If there are none, the alternate exchange
// is one. A circle of exchanges ends, since each is gone through once. The caller holds ns.mu.
func (s *Session) match(x *exchange, m *Message, headers property.RawTable, extraKeys []string) {
	if x.delays != nil {
		if d := s.b.delay(m); d > 0 {
			s.scratch = append(s.scratch, route{line: x.delays, message: m, delay: d, keys: slices.Clone(extraKeys)})
			return
		}
	}
	if x.history != nil && !(s.b.opts.ForgetsHistory != nil && s.b.opts.ForgetsHistory(m)) {
		x.history.add(m)
	}
	s.sight.see(m)
	before := len(s.matches.All())
	x.matchKeys(&s.sight, headers, extraKeys, &s.matches)
	if x.alternate == "" || len(s.matches.All()) > before {
		return
	}
	// Nothing new was found. That can be because it was all there already.
	s.probe.Reset()
	if x.matchKeys(&s.sight, headers, extraKeys, &s.probe); len(s.probe.All()) > 0 {
		return
	}
	if alternate := s.ns.exchanges[x.alternate]; alternate != nil {
		s.matches.Add(alternate.plain)
	}
}
