package broker

import (
	"sync"

	"github.com/portico-mq/portico/broker/property"
)

// Tracing: copies of everything that is published to a namespace and handed out in it go to an exchange, for as long
// as an operator wants. It ends with the process.

// Traced is one publication, or one message that was handed out.
type Traced struct {
	Namespace string
	// Message must not be kept.
	Message *Message
	// Queue is what the message was handed out from; "" of a publication.
	Queue       string
	Redelivered bool
	// Keys are a publication's further routing keys, Routed the queues that it went to.
	Keys, Routed []string
	User         string
	// Connection is the name of the client's connection, or of the front end that has none; Lane the lane's number.
	Connection string
	Lane       int
}

// TraceOptions says where traces go.
type TraceOptions struct {
	// Exchange is the name of the exchange that takes them, in every namespace. What goes through it is not traced.
	Exchange string
	// Describe makes the routing key and the properties of what is published there with the traced body.
	Describe func(Traced) (key string, properties property.Block, err error)
}

// maxTraces is how many traces may wait before publishers do.
const maxTraces = 4096

// tracer publishes the traces of a namespace one after the other. It does so on a goroutine of its own, since messages
// are handed out under the lock of their queue, and a trace may go to that queue.
type tracer struct {
	ns *Namespace

	mu      sync.Mutex
	room    sync.Cond // when there is room again
	waiting []Traced
	running bool
}

// SetTracing starts or ends the tracing of a namespace; KindNotFound when there is none, KindUnsupported without
// Options.Trace.
func (b *Broker) SetTracing(namespace string, on bool) error {
	ns := b.namespaceNamed(namespace)
	switch {
	case ns == nil:
		return &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: namespace}
	case b.opts.Trace == nil:
		return &Error{Kind: KindUnsupported, Type: ResourceNamespace, Name: namespace}
	case !on:
		ns.tracer.Store(nil)
	case ns.tracer.Load() == nil:
		t := &tracer{ns: ns}
		t.room.L = &t.mu
		ns.tracer.Store(t)
	}
	return nil
}

// Tracing tells whether a namespace is traced.
func (b *Broker) Tracing(namespace string) bool {
	ns := b.namespaceNamed(namespace)
	return ns != nil && ns.tracer.Load() != nil
}

// SetLane says on which lane the session publishes next, for traces. It belongs to the goroutine that publishes.
func (s *Session) SetLane(l *Lane) { s.lane = l }

// tracePublished traces a publication. It waits while too many traces do.
func (s *Session) tracePublished(m *Message, keys []string, routes []route) {
	t := s.ns.tracer.Load()
	if t == nil || m.exchange == s.b.opts.Trace.Exchange {
		return
	}
	traced := s.traced(m, s.lane)
	traced.Keys = keys
	for i := range routes {
		if q := routes[i].queue; q != nil {
			traced.Routed = append(traced.Routed, q.spec.Name)
		}
	}
	t.add(traced)
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiting) > maxTraces {
		t.room.Wait()
	}
}

// traceDelivered traces a message that the queue hands out to the session. The caller may hold the queue's lock.
func (q *Queue) traceDelivered(s *Session, lane *Lane, m *Message, again bool) {
	t := q.ns.tracer.Load()
	if t == nil || m.exchange == q.ns.b.opts.Trace.Exchange {
		return
	}
	traced := s.traced(m, lane)
	traced.Queue, traced.Redelivered = q.spec.Name, again
	t.add(traced)
}

func (s *Session) traced(m *Message, lane *Lane) Traced {
	traced := Traced{Namespace: s.ns.name, Message: m, User: s.principal.name, Connection: s.frontEnd}
	if c := s.connection.Load(); c != nil {
		traced.Connection = c.Name()
	}
	if lane != nil {
		traced.Lane = lane.Number
	}
	return traced
}

func (t *tracer) add(traced Traced) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, traced)
	if !t.running {
		t.running = true
		go t.run()
	}
}

// run publishes what waits.
func (t *tracer) run() {
	for {
		t.mu.Lock()
		batch := t.waiting
		t.waiting = nil
		t.running = len(batch) > 0
		t.room.Broadcast()
		t.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for i := range batch {
			t.publish(&batch[i])
		}
	}
}

// publish sends a trace to the queues that are bound for it.
func (t *tracer) publish(traced *Traced) {
	b := t.ns.b
	key, properties, err := b.opts.Trace.Describe(*traced)
	if err != nil {
		b.log.Error("describing a trace", "ns", t.ns.name, "err", err)
		return
	}
	s := &Session{b: b, ns: t.ns, principal: b.root}
	m := NewMessage(b.opts.Trace.Exchange, key, properties, traced.Message.Body())
	t.ns.mu.RLock()
	if x := t.ns.exchanges[b.opts.Trace.Exchange]; x != nil {
		s.routeThrough(x, m, nil)
	}
	t.ns.mu.RUnlock()
	if len(s.scratch) > 0 {
		b.append(s.scratch, nil)
	}
}
