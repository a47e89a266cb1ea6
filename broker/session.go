package broker

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/portico-mq/portico/broker/routing"
)

// Session is one client's view of a namespace: a connection's, or a request's. It checks the principal's permissions
// on every call and owns the exclusive queues it declares. Publish and the calls of a transaction must come from one
// goroutine at a time; everything else is safe for concurrent use.
type Session struct {
	b         *Broker
	ns        *Namespace
	principal *Principal
	frontEnd  string
	lane      *Lane    // on which it publishes; nil for none
	flow      *Traffic // counts for the front end what concerns no queue

	scratch  []route // Publish's, reused
	matches  routing.Matches[*target]
	probe    routing.Matches[*target] // to see whether an exchange leads anywhere
	sight    sight                    // what Publish routes
	seen     map[routeKey]struct{}
	allowed  string // the exchange that writeGrant last allowed
	hasWrite bool
	grants   *map[string]*grant
	from     *exchange // what route last routed from; nil for the default exchange

	connection atomic.Pointer[Connection] // nil when it is not registered
	journaled  atomic.Int32               // transactions in the journal that were not handed to the queues yet

	mu        sync.Mutex
	closed    bool
	consumers map[*Consumer]struct{}
	exclusive map[*Queue]struct{}
	leased    map[*Queue]struct{} // queues on which Get gave leases without a deadline
}

// OpenSession lets the principal into the namespace: KindNotFound when there is none of that name, KindDenied when
// the principal has no permission in it.
func (b *Broker) OpenSession(ctx context.Context, p *Principal, namespace string) (*Session, error) {
	ns, err := b.Namespace(ctx, namespace, false)
	if err != nil {
		return nil, err
	}
	s := &Session{b: b, ns: ns, principal: p}
	s.SetFrontEnd("")
	if p != b.root {
		if err := p.check(AccessNamespace, namespace, ResourceNamespace, namespace); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Principal is who the session belongs to.
func (s *Session) Principal() *Principal { return s.principal }

// Namespace is the namespace's name.
func (s *Session) Namespace() string { return s.ns.name }

func (s *Session) check(a Access, t ResourceType, name string) error {
	if s.principal == s.b.root {
		return nil
	}
	return s.principal.check(a, s.ns.name, t, name)
}

// checkTopic checks the principal's topic permission, if there is one for the exchange.
func (s *Session) checkTopic(a Access, x *exchange, key string) error {
	if x.spec.routes() != Topic || s.principal == s.b.root {
		return nil
	}
	return s.principal.checkTopic(a, s.ns.name, x.spec.Name, key)
}

// Close ends the session: its consumers are cancelled without a call of Cancelled, what was handed out under its
// leases without a deadline goes back to its queues, its exclusive queues are deleted. It is idempotent.
func (s *Session) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.b.connections.remove(s)
	consumers, exclusive, leased := s.consumers, s.exclusive, s.leased
	s.consumers, s.exclusive, s.leased = nil, nil, nil
	s.mu.Unlock()
	queues := leased
	if queues == nil {
		queues = make(map[*Queue]struct{}, len(consumers))
	}
	for c := range consumers {
		queues[c.queue] = struct{}{}
		c.stop()
	}
	for q := range queues {
		q.releaseSession(s)
	}
	for c := range consumers {
		c.queue.consumerGone()
	}
	for q := range exclusive {
		_ = s.ns.deleteQueue(q) // an exclusive queue is in memory: nothing can fail but that it is gone already
	}
}

func (s *Session) own(q *Queue) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.exclusive == nil {
		s.exclusive = make(map[*Queue]struct{})
	}
	s.exclusive[q] = struct{}{}
	return true
}

func (s *Session) disown(q *Queue) {
	s.mu.Lock()
	delete(s.exclusive, q)
	s.mu.Unlock()
}

// noteLeases remembers that q holds leases of the session; false when the session is closed already.
func (s *Session) noteLeases(q *Queue) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.leased == nil {
		s.leased = make(map[*Queue]struct{})
	}
	s.leased[q] = struct{}{}
	return true
}
