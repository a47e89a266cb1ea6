package broker

import (
	"context"

	"github.com/portico-mq/portico/broker/property"
)

// The calls of a session that make, show and remove queues.

// DeclareQueue makes the queue if there is none of its name, and reports whether it did; it returns when that is
// synced. One that exists with another durability or auto-delete property is a KindMismatch, one that is exclusive
// to another session (or not exclusive where the caller wants that) is KindLocked; attributes of a front end that the
// existing one does not have are added. An empty name is KindInvalid: making names is for front ends (see [UniqueName]).
func (s *Session) DeclareQueue(ctx context.Context, spec QueueSpec) (QueueInfo, bool, error) {
	if err := s.check(AccessConfigure, ResourceQueue, spec.Name); err != nil {
		return QueueInfo{}, false, err
	}
	if err := s.mayDeadLetter(&spec); err != nil {
		return QueueInfo{}, false, err
	}
	ns := s.ns
	s.b.totals.queuesDeclared.Add(1)
	ns.mu.Lock()
	release := ns.reserve("queue " + spec.Name)
	unlock := func() { release(); ns.mu.Unlock() }
	if q := ns.queues[spec.Name]; q != nil {
		err := ns.redeclare(s, q, &spec)
		unlock()
		if err != nil {
			return QueueInfo{Spec: q.spec}, false, err
		}
		info, err := q.infoWithArrivals(ctx)
		return info, false, err
	}
	created := false
	defer func() {
		unlock()
		if created {
			ns.queueChanged(spec.Name)
		}
	}()
	if spec.Name == "" || ((spec.Ordered || spec.Fair) && (spec.Stream || spec.Priorities > 0)) || (spec.Ordered && spec.Fair) {
		return QueueInfo{}, false, &Error{Kind: KindInvalid, Type: ResourceQueue, Namespace: ns.name}
	}
	if err := s.reservedName(ResourceQueue, spec.Name); err != nil && !(spec.Generated && IsKind(err, KindReserved)) {
		return QueueInfo{}, false, err
	}
	if ns.deleted {
		return QueueInfo{}, false, &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: ns.name}
	}
	if err := ns.mayAddQueue(spec.Name); err != nil {
		return QueueInfo{}, false, err
	}
	q := newQueue(ns, spec, newID())
	if spec.Exclusive {
		q.owner = s
		if !s.own(q) {
			return QueueInfo{}, false, ErrClosed
		}
	}
	if err := ns.create(ctx, q); err != nil {
		return QueueInfo{}, false, err
	}
	// Policies that change from here on find the queue in the table.
	q.setLimits(q.effectiveLimits())
	ns.queues[spec.Name] = q
	s.b.totals.queuesCreated.Add(1)
	q.watchUse()
	created = true
	return q.info(), true, nil
}

// mayDeadLetter checks that who declares a queue with a dead letter exchange could take the messages from the one to
// the other.
func (s *Session) mayDeadLetter(spec *QueueSpec) error {
	if spec.Limits == nil || !spec.Limits.HasDeadLetter {
		return nil
	}
	if err := s.check(AccessRead, ResourceQueue, spec.Name); err != nil {
		return err
	}
	return s.check(AccessWrite, ResourceExchange, spec.Limits.DeadLetter)
}

// create makes the queue's log and record, and waits for one sync that covers both.
func (ns *Namespace) create(ctx context.Context, q *Queue) error {
	if !q.spec.stored() {
		q.start(nil)
		return nil
	}
	ns.mu.Unlock()
	defer ns.mu.Lock()
	log, err := ns.b.store.CreateQueueLog(ctx, q.id)
	if err != nil {
		return err
	}
	if err := ns.startRecord(ns.queueRecord(q))(); err != nil {
		log.Close()
		return err
	}
	q.start(log)
	return nil
}

// redeclare compares what exists with what is wanted. The caller holds ns.mu and has reserved the queue.
func (ns *Namespace) redeclare(s *Session, q *Queue, spec *QueueSpec) error {
	for _, p := range []struct {
		property  string
		got, want bool
	}{{"durable", spec.Durable, q.spec.Durable}, {"auto_delete", spec.AutoDelete, q.spec.AutoDelete}} {
		if p.got != p.want {
			return &Error{
				Kind: KindMismatch, Type: ResourceQueue, Namespace: ns.name, Name: spec.Name,
				Detail: &Mismatch{Property: p.property, Got: p.got, Want: p.want},
			}
		}
	}
	if err := q.accessibleTo(s); err != nil {
		return err
	}
	if spec.Exclusive != q.spec.Exclusive {
		return &Error{Kind: KindLocked, Type: ResourceQueue, Namespace: ns.name, Name: spec.Name}
	}
	q.mu.Lock()
	q.noteUse()
	q.mu.Unlock()
	merged, changed := q.spec.Attributes.merged(spec.Attributes)
	if !changed {
		return nil
	}
	return ns.setAttributes(q, merged)
}

// setAttributes replaces all attributes of a queue. The caller holds ns.mu and has reserved the queue.
func (ns *Namespace) setAttributes(q *Queue, a Attributes) error {
	q.mu.Lock()
	q.spec.Attributes = a
	q.mu.Unlock()
	if !q.spec.stored() {
		return nil
	}
	return ns.unlocked(ns.startRecord(ns.queueRecord(q)))
}

// SetQueueAttributes replaces one front end's attributes of a queue and returns when that is synced.
func (s *Session) SetQueueAttributes(_ context.Context, name, frontEnd string, table property.Table) error {
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("queue " + name)
	defer func() { release(); ns.mu.Unlock() }()
	q := ns.queues[name]
	if q == nil {
		return &Error{Kind: KindNotFound, Type: ResourceQueue, Namespace: ns.name, Name: name}
	}
	return ns.setAttributes(q, q.spec.Attributes.with(frontEnd, table))
}

// ConfigureQueue replaces one front end's attributes and the limits that a queue was declared with, both in one step, and
// returns when that is synced; the limits are in force at once, and those of policies stay. KindNotFound, KindDenied
// (configure).
func (s *Session) ConfigureQueue(_ context.Context, name, frontEnd string, table property.Table, limits *QueueLimits) error {
	if err := s.check(AccessConfigure, ResourceQueue, name); err != nil {
		return err
	}
	if err := s.mayDeadLetter(&QueueSpec{Name: name, Limits: limits}); err != nil {
		return err
	}
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("queue " + name)
	defer func() { release(); ns.mu.Unlock() }()
	q := ns.queues[name]
	if q == nil {
		return &Error{Kind: KindNotFound, Type: ResourceQueue, Namespace: ns.name, Name: name}
	}
	q.mu.Lock()
	q.spec.Limits = limits
	q.mu.Unlock()
	q.setLimits(q.effectiveLimits())
	return ns.setAttributes(q, q.spec.Attributes.with(frontEnd, table))
}

// Queue describes a queue; KindNotFound when there is none, KindLocked when it is exclusive to another session.
func (s *Session) Queue(ctx context.Context, name string) (QueueInfo, error) {
	q, err := s.lookup(name)
	if err != nil {
		return QueueInfo{}, err
	}
	if err := q.accessibleTo(s); err != nil {
		return QueueInfo{}, err
	}
	return q.infoWithArrivals(ctx)
}

// IdentifyQueue tells what is known of a queue without its log; KindNotFound when there is none, KindLocked when it is
// exclusive to another session. It opens nothing, and waits for nothing that is on its way to the queue.
func (s *Session) IdentifyQueue(name string) (QueueIdentity, error) {
	q, err := s.lookup(name)
	if err != nil {
		return QueueIdentity{}, err
	}
	if err := q.accessibleTo(s); err != nil {
		return QueueIdentity{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return QueueIdentity{Spec: q.spec, ID: q.id, Created: q.created, Unacked: q.leased}, nil
}

// infoWithArrivals counts what was on its way too.
func (q *Queue) infoWithArrivals(ctx context.Context) (QueueInfo, error) {
	if err := q.open(ctx); err != nil {
		return QueueInfo{}, err
	}
	if err := q.whenArrived(ctx); err != nil {
		return QueueInfo{}, err
	}
	return q.info(), nil
}

// QueueSpec is how a queue was declared; KindNotFound when there is none. It opens nothing.
func (s *Session) QueueSpec(name string) (QueueSpec, error) {
	q, err := s.lookup(name)
	if err != nil {
		return QueueSpec{}, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.spec, nil
}

// QueueNames lists the namespace's queues, exclusive ones included, in no order.
func (s *Session) QueueNames() []string {
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	names := make([]string, 0, len(s.ns.queues))
	for name := range s.ns.queues {
		names = append(names, name)
	}
	return names
}

func (s *Session) lookup(name string) (*Queue, error) {
	s.ns.mu.RLock()
	q := s.ns.queues[name]
	s.ns.mu.RUnlock()
	if q == nil {
		return nil, &Error{Kind: KindNotFound, Type: ResourceQueue, Namespace: s.ns.name, Name: name}
	}
	return q, nil
}

// reach finds a queue for use: access checked, not another session's, open. Access comes first: who has no right to a
// queue is not told whether it exists.
func (s *Session) reach(ctx context.Context, a Access, name string) (*Queue, error) {
	if err := s.check(a, ResourceQueue, name); err != nil {
		return nil, err
	}
	q, err := s.lookup(name)
	if err != nil {
		return nil, err
	}
	if err := q.accessibleTo(s); err != nil {
		return nil, err
	}
	return q, q.open(ctx)
}

// PurgeQueue drops the messages that are ready, not those under a lease, and tells how many. It returns when that is
// recorded durably.
func (s *Session) PurgeQueue(ctx context.Context, name string) (int, error) {
	q, err := s.reach(ctx, AccessRead, name)
	if err != nil {
		return 0, err
	}
	if err := q.refuseStream(); err != nil {
		return 0, err
	}
	if err := q.whenArrived(ctx); err != nil {
		return 0, err
	}
	return q.purge()
}

// forgetReady settles every entry that is ready or delayed.
func (q *Queue) forgetReady() {
	for _, list := range []*entryList{&q.copied, &q.live} {
		for e := list.head; e != nil; {
			next := e.next
			if e.waits() {
				q.hold(e, -1)
				q.forget(e)
			}
			e = next
		}
	}
	q.line, q.delays = line{}, nil
	q.waiting, q.delayed, q.readyBytes = 0, 0, q.unreadBytes
	if q.groups != nil {
		q.groups.clear()
	}
	if q.chooser != nil {
		q.chooser.clear()
	}
}

func (q *Queue) purge() (int, error) {
	q.mu.Lock()
	if q.gone {
		q.mu.Unlock()
		return 0, q.notFound()
	}
	n := q.ready()
	q.forgetReady()
	q.next, q.unread, q.old = max(q.next, q.last+1), 0, nil
	q.forgetAll()
	q.backlog.clear()
	q.lastSeen = 0
	q.noteRead(0)
	q.wakeGetters()
	q.touch()
	if q.log == nil {
		q.mu.Unlock()
		return n, nil
	}
	done := q.recordNow()
	q.mu.Unlock()
	return n, <-done
}

// DeleteQueue removes a queue with its bindings and messages, and tells how many were ready. With ifUnused, one with
// consumers is KindInUse; with ifEmpty, one with ready messages is KindNotEmpty. KindNotFound when there is none.
func (s *Session) DeleteQueue(ctx context.Context, name string, ifUnused, ifEmpty bool) (int, error) {
	q, err := s.reach(ctx, AccessConfigure, name)
	if err != nil {
		return 0, err
	}
	if err := q.whenArrived(ctx); err != nil {
		return 0, err
	}
	var refused error
	n := 0
	err = q.ns.deleteQueueIf(q, func() bool {
		switch {
		case q.stream != nil: // as RabbitMQ, which knows no conditions for it and counts nothing
		case ifUnused && len(q.consumers) > 0:
			refused = &Error{Kind: KindInUse, Type: ResourceQueue, Namespace: s.ns.name, Name: name}
		case ifEmpty && q.ready() > 0:
			refused = &Error{Kind: KindNotEmpty, Type: ResourceQueue, Namespace: s.ns.name, Name: name}
		default:
			n = q.ready()
		}
		return refused == nil
	})
	if refused != nil {
		return 0, refused
	}
	return n, err
}

func (ns *Namespace) deleteQueue(q *Queue) error {
	return ns.deleteQueueIf(q, func() bool { return true })
}

// deleteQueueIf deletes the queue if that still holds when its lock is taken; it returns when the deletion is synced.
func (ns *Namespace) deleteQueueIf(q *Queue, still func() bool) error {
	ns.mu.Lock()
	release := ns.reserve("queue " + q.spec.Name)
	deleted := false
	defer func() {
		release()
		ns.mu.Unlock()
		if deleted {
			ns.queueChanged(q.spec.Name)
		}
	}()
	q.mu.Lock()
	if q.gone || ns.queues[q.spec.Name] != q {
		q.mu.Unlock()
		return q.notFound()
	}
	if !still() {
		q.mu.Unlock()
		return nil
	}
	q.gone, q.deleted = true, true
	consumers := q.consumers
	q.consumers = nil
	q.addWindow(-q.windowBytes)
	ns.b.window.Add(int64(-q.dropped) * droppedBytes)
	q.wakeGetters()
	q.stopTimers()
	q.endRecords(nil)
	if q.stream != nil {
		q.stream.readersChanged(q)
	}
	q.mu.Unlock()
	delete(ns.queues, q.spec.Name)
	deleted = true
	ns.b.totals.queuesDeleted.Add(1)
	if q.owner != nil {
		q.owner.disown(q)
	}
	waits := ns.dropRecords(ns.unbindAll(&q.incoming))
	if q.spec.stored() {
		waits = append(waits, ns.b.startDelete(MetadataKey{Kind: "queue", Namespace: ns.name, Name: q.spec.Name}))
	}
	ns.mu.Unlock()
	defer ns.mu.Lock()
	for _, c := range consumers {
		c.cancelled()
	}
	if err := waitAll(waits); err != nil {
		return err
	}
	if q.log == nil {
		return nil
	}
	q.log.Close()
	// Only now that nothing leads to it any more may the log go. It is an orphan if the machine stops before.
	return ns.b.store.DeleteQueueLog(context.Background(), q.id)
}

// cancelled ends a consumer whose queue is gone.
func (c *Consumer) cancelled() {
	c.session.mu.Lock()
	_, known := c.session.consumers[c]
	delete(c.session.consumers, c)
	c.session.mu.Unlock()
	if c.reader != nil {
		c.reader.stop()
	}
	for _, credit := range c.opts.Credits {
		credit.remove(c)
	}
	if known {
		c.recv.Cancelled(c)
	}
}

// UniqueName makes a name that no queue or exchange has, of 22 characters of [0-9A-Za-z].
func UniqueName() string { return newID() }
