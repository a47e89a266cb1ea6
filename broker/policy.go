package broker

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"sync"
)

// PolicyTarget says what a policy applies to.
type PolicyTarget string

// The targets of policies: everything, exchanges, queues, or queues of one type, which Options.QueueType tells.
const (
	PolicyForAll       PolicyTarget = "all"
	PolicyForExchanges PolicyTarget = "exchanges"
	PolicyForQueues    PolicyTarget = "queues"
)

// Policy sets limits of the queues whose names match a pattern. Of the policies that match, the one with the highest
// priority counts, and besides it the one operator policy with the highest.
type Policy struct {
	Namespace string       `json:"namespace"`
	Name      string       `json:"name"`
	Operator  bool         `json:"operator,omitempty"`
	Pattern   string       `json:"pattern"` // RE2 syntax
	ApplyTo   PolicyTarget `json:"apply_to"`
	// QueueType restricts a policy for queues to those of one type; "" does not.
	QueueType string `json:"queue_type,omitempty"`
	Priority  int64  `json:"priority"`
	// Definition is the policy as its author wrote it, for front ends to show.
	Definition json.RawMessage `json:"definition"`
	// Limits are what the definition means for queues.
	Limits QueueLimits `json:"limits"`
	// Alternate is the alternate exchange of the exchanges that name none; "" sets none.
	Alternate string `json:"alternate,omitempty"`

	pattern *regexp.Regexp
}

type policyKey struct {
	namespace, name string
	operator        bool
}

func (p *Policy) key() policyKey { return policyKey{p.Namespace, p.Name, p.Operator} }

func (k policyKey) metadata() MetadataKey {
	name := "policy " + k.name
	if k.operator {
		name = "operator " + k.name
	}
	return MetadataKey{Kind: "policy", Namespace: k.namespace, Name: name}
}

// policies are all policies in force.
type policies struct {
	applying sync.Mutex // held while a change is applied to existing queues, so that the last one wins
	mu       sync.RWMutex
	of       map[policyKey]*Policy
}

func (p *policies) adopt(value []byte) error {
	policy := &Policy{}
	if err := json.Unmarshal(value, policy); err != nil {
		return err
	}
	re, err := regexp.Compile(policy.Pattern)
	if err != nil {
		return err
	}
	policy.pattern = re
	p.of[policy.key()] = policy
	return nil
}

// PutPolicy makes a policy or replaces the one of its name, applies it to what exists, and returns when it is durable.
// It reports whether it made one. KindNotFound for the namespace, KindInvalid for the pattern.
func (b *Broker) PutPolicy(policy Policy) (created bool, err error) {
	if err := b.mustHaveNamespace(policy.Namespace); err != nil {
		return false, err
	}
	if policy.pattern, err = regexp.Compile(policy.Pattern); err != nil {
		return false, &Error{
			Kind: KindInvalid, Type: ResourcePolicy, Namespace: policy.Namespace, Name: policy.Name, Detail: err.Error(), Err: err,
		}
	}
	value, err := json.Marshal(&policy)
	if err != nil {
		return false, err
	}
	p := &b.policies
	p.mu.Lock()
	created = p.of[policy.key()] == nil
	p.of[policy.key()] = &policy
	done := b.startPut(policy.key().metadata(), value)
	p.mu.Unlock()
	b.applyPolicies(policy.Namespace)
	return created, done()
}

// ClearPolicy removes a policy; KindNotFound when there is none of the name.
func (b *Broker) ClearPolicy(namespace, name string, operator bool) error {
	key := policyKey{namespace, name, operator}
	p := &b.policies
	p.mu.Lock()
	if p.of[key] == nil {
		p.mu.Unlock()
		return &Error{Kind: KindNotFound, Type: ResourcePolicy, Namespace: namespace, Name: name}
	}
	delete(p.of, key)
	done := b.startDelete(key.metadata())
	p.mu.Unlock()
	b.applyPolicies(namespace)
	return done()
}

// Policies lists policies or operator policies, of one namespace or, with "", of all, by namespace and name.
func (b *Broker) Policies(namespace string, operator bool) []Policy {
	b.policies.mu.RLock()
	defer b.policies.mu.RUnlock()
	var list []Policy
	for key, p := range b.policies.of {
		if key.operator == operator && (namespace == "" || key.namespace == namespace) {
			list = append(list, *p)
		}
	}
	slices.SortFunc(list, func(a, b Policy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// forget starts removing all policies of a namespace.
func (p *policies) forget(b *Broker, namespace string) []wait {
	p.mu.Lock()
	defer p.mu.Unlock()
	var waits []wait
	for key := range p.of {
		if key.namespace == namespace {
			delete(p.of, key)
			waits = append(waits, b.startDelete(key.metadata()))
		}
	}
	return waits
}

// match finds the policy and the operator policy that count for a name; nil where there is none.
func (p *policies) match(namespace, name string, applies func(*Policy) bool) (found, operator *Policy) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for key, policy := range p.of {
		if key.namespace != namespace || !applies(policy) || !policy.pattern.MatchString(name) {
			continue
		}
		best := &found
		if key.operator {
			best = &operator
		}
		if *best == nil || policy.Priority > (*best).Priority || (policy.Priority == (*best).Priority && policy.Name < (*best).Name) {
			*best = policy
		}
	}
	return found, operator
}

func (p *Policy) appliesTo(isQueue bool, queueType string) bool {
	switch p.ApplyTo {
	case PolicyForAll:
		return true
	case PolicyForQueues:
		return isQueue && (p.QueueType == "" || p.QueueType == queueType)
	case PolicyForExchanges:
		return !isQueue
	}
	return false
}

// QueuePolicies are the policy and the operator policy that count for a queue; nil where there is none. They must not
// be changed.
func (s *Session) QueuePolicies(name string) (policy, operator *Policy) {
	q, err := s.lookup(name)
	if err != nil {
		return nil, nil
	}
	return q.policies()
}

// ExchangePolicies are the same for an exchange.
func (s *Session) ExchangePolicies(name string) (policy, operator *Policy) {
	return s.b.policies.match(s.ns.name, name, func(p *Policy) bool { return p.appliesTo(false, "") })
}

func (q *Queue) policies() (policy, operator *Policy) {
	b := q.ns.b
	queueType := ""
	if b.opts.QueueType != nil {
		queueType = b.opts.QueueType(&q.spec)
	}
	return b.policies.match(q.ns.name, q.spec.Name, func(p *Policy) bool {
		return p.appliesTo(true, queueType) && p.Limits.suit(q.spec.Stream)
	})
}

// applyPolicies gives the queues of a namespace the limits that now count.
func (b *Broker) applyPolicies(namespace string) {
	b.policies.applying.Lock()
	defer b.policies.applying.Unlock()
	ns := b.namespaceNamed(namespace)
	if ns == nil {
		return
	}
	ns.mu.Lock()
	ns.setAlternates()
	ns.mu.Unlock()
	ns.mu.RLock()
	queues := make([]*Queue, 0, len(ns.queues))
	for _, q := range ns.queues {
		queues = append(queues, q)
	}
	ns.mu.RUnlock()
	for _, q := range queues {
		q.setLimits(q.effectiveLimits())
	}
}

// effectiveLimits are the limits that the queue was declared with and those of its policies. Of two numbers the
// smaller counts; of other values the declared one, then the policy's, as RabbitMQ has it. Of a stream's the policy's
// counts.
func (q *Queue) effectiveLimits() *QueueLimits {
	policy, operator := q.policies()
	if policy == nil && operator == nil {
		return q.spec.Limits
	}
	var all QueueLimits
	if q.spec.Limits != nil && !q.spec.Stream {
		all = *q.spec.Limits
	}
	for _, p := range []*Policy{policy, operator} {
		if p != nil {
			all.add(&p.Limits)
		}
	}
	if q.spec.Limits != nil && q.spec.Stream {
		all.complete(q.spec.Limits)
	}
	return &all
}

// suit reports whether a policy with these limits can count for a queue: one that sets anything that only streams have
// counts for streams only, and one that sets anything that they do not have counts for none of them, as in RabbitMQ.
func (l *QueueLimits) suit(stream bool) bool {
	if !stream {
		return l.MaxAge == 0 && l.SegmentBytes == 0
	}
	return *l == QueueLimits{
		HasMaxBytes: l.HasMaxBytes, MaxBytes: l.MaxBytes, MaxAge: l.MaxAge, SegmentBytes: l.SegmentBytes,
	}
}

// complete takes from those that a stream was declared with what no policy says: there the policy comes first.
func (l *QueueLimits) complete(declared *QueueLimits) {
	if !l.HasMaxBytes {
		l.HasMaxBytes, l.MaxBytes = declared.HasMaxBytes, declared.MaxBytes
	}
	if l.MaxAge == 0 {
		l.MaxAge = declared.MaxAge
	}
	if l.SegmentBytes == 0 {
		l.SegmentBytes = declared.SegmentBytes
	}
}

// add adds limits that count less where only one can count.
func (l *QueueLimits) add(more *QueueLimits) {
	if more.HasTTL && (!l.HasTTL || more.TTL < l.TTL) {
		l.HasTTL, l.TTL = true, more.TTL
	}
	if more.Expires > 0 && (l.Expires == 0 || more.Expires < l.Expires) {
		l.Expires = more.Expires
	}
	if more.HasMaxLength && (!l.HasMaxLength || more.MaxLength < l.MaxLength) {
		l.HasMaxLength, l.MaxLength = true, more.MaxLength
	}
	if more.HasMaxBytes && (!l.HasMaxBytes || more.MaxBytes < l.MaxBytes) {
		l.HasMaxBytes, l.MaxBytes = true, more.MaxBytes
	}
	if l.MaxAge == 0 {
		l.MaxAge = more.MaxAge
	}
	if l.SegmentBytes == 0 {
		l.SegmentBytes = more.SegmentBytes
	}
	if l.Overflow == "" {
		l.Overflow = more.Overflow
	}
	if more.HasDeliveryLimit && (!l.HasDeliveryLimit || more.DeliveryLimit < l.DeliveryLimit) {
		l.HasDeliveryLimit, l.DeliveryLimit = true, more.DeliveryLimit
	}
	if more.ConsumerTimeout > 0 && (l.ConsumerTimeout == 0 || more.ConsumerTimeout < l.ConsumerTimeout) {
		l.ConsumerTimeout = more.ConsumerTimeout
	}
	l.KeepUndelivered = l.KeepUndelivered || more.KeepUndelivered
	if more.HasDeadLetter && !l.HasDeadLetter {
		l.HasDeadLetter, l.DeadLetter = true, more.DeadLetter
	}
	if more.HasDeadLetterKey && !l.HasDeadLetterKey {
		l.HasDeadLetterKey, l.DeadLetterKey = true, more.DeadLetterKey
	}
}
