package broker

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// route is one queue a message goes to, as the message it gets there; or the line of an exchange where it waits first.
type route struct {
	queue   *Queue
	message *Message
	line    *delayLine // then there is no queue
	copied  bool       // by the broker: never a duplicate
	delay   time.Duration
	keys    []string // further routing keys, for when it is due
}

// Publish routes a message and appends it to every queue it reaches, and tells how many those are. done, if not nil,
// is told once all of them have it stored and synced; with no queue (0, nil) it is not told. An error means that
// nothing was published: KindNotFound for the exchange, KindDenied, KindTooLarge, KindReserved for an internal
// exchange. extraKeys route the message by further keys besides its own. It may wait while much is in flight.
func (s *Session) Publish(m *Message, done Completion, extraKeys ...string) (int, error) {
	routes, err := s.route(m, extraKeys)
	if err != nil {
		return 0, err
	}
	s.notePublished(routes, done != nil)
	s.tracePublished(m, extraKeys, routes)
	if len(routes) == 0 {
		return 0, nil
	}
	s.b.append(routes, done)
	n := len(routes)
	clear(routes)
	return n, nil
}

// route finds the queues a message goes to. The result is valid until the next call.
func (s *Session) route(m *Message, extraKeys []string) ([]route, error) {
	if err := s.mayPublish(m); err != nil {
		return nil, err
	}
	s.scratch = s.scratch[:0]
	clear(s.seen)
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	var x *exchange
	if m.exchange != "" {
		if x = s.ns.exchanges[m.exchange]; x == nil {
			return nil, &Error{Kind: KindNotFound, Type: ResourceExchange, Namespace: s.ns.name, Name: m.exchange}
		}
		if x.spec.Internal {
			return nil, &Error{Kind: KindReserved, Type: ResourceExchange, Namespace: s.ns.name, Name: m.exchange}
		}
		if err := s.checkTopic(AccessWrite, x, m.key); err != nil {
			return nil, err
		}
	}
	s.from = x
	if x != nil {
		s.routeThrough(x, m, extraKeys)
		return s.scratch, nil
	}
	s.routeToQueue(m, m.key)
	for _, key := range extraKeys {
		s.routeToQueue(m, key)
	}
	return s.scratch, nil
}

// mayPublish checks the size and the permission; the answer for one exchange is kept while permissions stay.
func (s *Session) mayPublish(m *Message) error {
	if size := len(m.Body()); size > s.b.opts.MaxMessageSize {
		return &Error{
			Kind: KindTooLarge, Type: ResourceMessage, Namespace: s.ns.name,
			Detail: &Limit{Name: "message size", Max: int64(s.b.opts.MaxMessageSize), Got: int64(size)},
		}
	}
	if s.principal == s.b.root {
		return nil
	}
	grants := s.principal.grants.Load()
	if s.hasWrite && s.grants == grants && s.allowed == m.exchange {
		return nil
	}
	if err := s.check(AccessWrite, ResourceExchange, m.exchange); err != nil {
		return err
	}
	s.hasWrite, s.grants, s.allowed = true, grants, string(append([]byte(nil), m.exchange...))
	return nil
}

// routeToQueue adds the queue of a name: the default exchange's way.
func (s *Session) routeToQueue(m *Message, name string) {
	if q := s.ns.queues[name]; q != nil {
		s.addRoute(q, m)
	}
}

// routeThrough adds the queues that x leads m to. The caller holds ns.mu.
func (s *Session) routeThrough(x *exchange, m *Message, extraKeys []string) {
	headers := m.props.Headers()
	s.matches.Reset()
	s.match(x, m, headers, extraKeys)
	// Bindings to exchanges add to what is gone through here, each exchange once, so that a cycle ends.
	for i := 0; i < len(s.matches.All()); i++ {
		t := s.matches.All()[i]
		out := m
		if t.rule != nil {
			out = t.rule.Rewrite(m)
		}
		switch {
		case t.exchange != nil:
			s.match(t.exchange, m, headers, extraKeys)
		case t.rule == nil:
			s.scratch = append(s.scratch, route{queue: t.queue, message: out})
		default:
			s.addRoute(t.queue, out)
		}
	}
	s.sight = sight{}
}

// routeKey is what makes two routes the same.
type routeKey struct {
	queue   *Queue
	message *Message
}

func (r *route) key() routeKey { return routeKey{r.queue, r.message} }

// fewRoutes is up to how many routes are searched one by one for a queue that is among them already.
const fewRoutes = 32

// addRoute adds a queue once, however many keys or rules led to it. For one key and no rules the matcher has seen to
// that.
func (s *Session) addRoute(q *Queue, m *Message) {
	if len(s.scratch) < fewRoutes {
		for i := range s.scratch {
			if s.scratch[i].queue == q && s.scratch[i].message == m {
				return
			}
		}
	} else {
		if s.seen == nil {
			s.seen = make(map[routeKey]struct{}, 2*fewRoutes)
		}
		if len(s.seen) == 0 {
			for _, r := range s.scratch {
				s.seen[r.key()] = struct{}{}
			}
		}
		r := routeKey{q, m}
		if _, ok := s.seen[r]; ok {
			return
		}
		s.seen[r] = struct{}{}
	}
	s.scratch = append(s.scratch, route{queue: q, message: m})
}

// publication is what one Publish waits for.
type publication struct {
	b     *Broker
	done  Completion
	left  atomic.Int32
	err   atomic.Pointer[error]
	store bool // at least one queue has a log: a sync is owed

	receipt *receiving // of a Send; else nil
}

var publications = sync.Pool{New: func() any { return new(publication) }}

// append adds the message of each route to its queue.
func (b *Broker) append(routes []route, done Completion) {
	var pub *publication
	if done != nil {
		pub = publications.Get().(*publication)
		pub.begin(b, done, routes)
	}
	b.appendAll(routes, pub)
}

// begin makes p the publication of these routes.
func (p *publication) begin(b *Broker, done Completion, routes []route) {
	p.b, p.done, p.store = b, done, false
	p.err.Store(nil)
	p.left.Store(int32(len(routes)))
	for i := range routes {
		p.store = p.store || routes[i].stored()
	}
}

// appendAll is append with a publication, or nil.
func (b *Broker) appendAll(routes []route, pub *publication) {
	for i := range routes {
		if line := routes[i].line; line != nil {
			line.append(&routes[i], pub)
			continue
		}
		routes[i].queue.append(routes[i].message, pub, routes[i].copied)
	}
}

// stored reports whether the message goes into a log.
func (r *route) stored() bool {
	if r.line != nil {
		return r.line.durable
	}
	return r.queue.spec.stored()
}

// stored is told by each queue. A nil publication is one that nobody waits for.
func (p *publication) stored(err error) {
	if p == nil {
		return
	}
	if err != nil {
		p.err.CompareAndSwap(nil, &err)
	}
	if p.left.Add(-1) > 0 {
		return
	}
	if e := p.err.Load(); e != nil {
		p.Done(*e)
		return
	}
	if p.store {
		p.b.store.Sync(p)
		return
	}
	p.Done(nil)
}

// Done passes the end on and gives p back.
func (p *publication) Done(err error) {
	done := p.done
	p.done, p.receipt = nil, nil
	publications.Put(p)
	done.Done(err)
}

// pending is a message on its way into a queue's log.
type pending struct {
	queue *Queue
	msg   *Message
	pub   *publication
	// admitted says that it counts as coming to a queue that refuses what is too much.
	admitted bool
	// noted says that the queue has looked at its name, and is told what becomes of it.
	noted bool
}

var pendings = sync.Pool{New: func() any { return new(pending) }}

// append adds a message to the queue, unless it is a duplicate; pub, if not nil, is told. A copy is no duplicate. A queue that has been deleted since the message was
// routed takes it as any queue would that is deleted right afterwards.
func (q *Queue) append(m *Message, pub *publication, copied bool) {
	if !q.spec.stored() {
		q.appendInMemory(m, pub, copied)
		return
	}
	if !q.opened.Load() {
		if err := q.open(context.Background()); err != nil {
			pub.stored(q.unlessGone(err))
			return
		}
	}
	if fault == faultConfirm && pub != nil {
		pub.store = false
		pub.stored(nil)
		pub = nil
	}
	noted := !copied && q.limiter.deduplicating.Load()
	if noted && !q.firstOfItsName(m, pub) {
		return
	}
	admitted := q.limiter.rejecting.Load()
	if admitted {
		if err := q.admit(m); err != nil {
			q.unnote(m, noted, err)
			pub.stored(err)
			return
		}
	}
	p := pendings.Get().(*pending)
	p.queue, p.msg, p.pub, p.admitted, p.noted = q, m, pub, admitted, noted
	q.sent.Add(1)
	if seq := q.log.Append(m.raw, p); seq > 0 && !admitted {
		q.comes(seq, m)
	}
}

// appendInMemory adds a message to a queue without a log.
func (q *Queue) appendInMemory(m *Message, pub *publication, copied bool) {
	noted := !copied && q.limiter.deduplicating.Load()
	if noted && !q.firstOfItsName(m, pub) {
		return
	}
	if q.limiter.rejecting.Load() {
		if err := q.admit(m); err != nil {
			q.unnote(m, noted, err)
			pub.stored(err)
			return
		}
		q.mu.Lock()
		q.limiter.admitted(m)
		q.mu.Unlock()
	}
	again := q.arrivedInMemory(m, pub, noted)
	pub.stored(nil)
	tellAll(again, nil)
}

// Stored is told where the message went.
func (p *pending) Stored(seq uint64, err error) {
	q, m, pub, admitted, noted := p.queue, p.msg, p.pub, p.admitted, p.noted
	*p = pending{}
	pendings.Put(p)
	q.mu.Lock()
	if admitted {
		q.limiter.admitted(m)
	}
	var again []*publication
	if noted {
		again = q.noted(seq, m, err)
	}
	pub.storedAt(seq, m)
	switch {
	case err == nil:
		q.arrivedLocked(seq, m)
	case q.deleted:
		err = nil
	}
	q.arrived.Add(1)
	q.wakeGetters()
	q.mu.Unlock()
	pub.stored(err)
	tellAll(again, err)
}

// whenArrived waits for the log's answers to what was on its way when it was called, so that whoever asks about a queue
// is told of all that it published before.
func (q *Queue) whenArrived(ctx context.Context) error {
	for upTo := q.sent.Load(); q.arrived.Load() < upTo; {
		q.mu.Lock()
		if q.gone || q.arrived.Load() >= upTo {
			q.mu.Unlock()
			return nil
		}
		answered := q.whenFilled()
		q.mu.Unlock()
		select {
		case <-answered:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func tellAll(pubs []*publication, err error) {
	for _, pub := range pubs {
		pub.stored(err)
	}
}

// unlessGone returns err, or nil when the queue has been deleted.
func (q *Queue) unlessGone(err error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.deleted {
		return nil
	}
	return err
}
