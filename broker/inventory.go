package broker

import (
	"context"
	"sync"
	"sync/atomic"
)

// What is listed for operators.

// ConsumerInfo describes a consumer for listings.
type ConsumerInfo struct {
	Namespace  string
	Queue      string
	Options    ConsumeOptions
	Waiting    bool        // another consumer of the queue is served alone
	Connection *Connection // nil for a session that is not registered
	FrontEnd   string      // what [Session.SetFrontEnd] said
}

// QueueConsumers lists the consumers of a queue in the order of their making; none for a queue that does not exist.
func (s *Session) QueueConsumers(queue string) []ConsumerInfo {
	q, err := s.lookup(queue)
	if err != nil {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	list := make([]ConsumerInfo, len(q.consumers))
	for i, c := range q.consumers {
		list[i] = ConsumerInfo{
			Namespace: s.ns.name, Queue: queue, Options: c.opts, Waiting: c.waiting, Connection: c.session.connection.Load(),
			FrontEnd: c.session.frontEnd,
		}
	}
	return list
}

// LookAtQueue describes any queue to who administrates, an exclusive one of another session too. owner is the
// connection that an exclusive one belongs to, if it is registered. It makes the queue ready for use.
func (s *Session) LookAtQueue(name string) (info QueueInfo, owner *Connection, err error) {
	q, err := s.lookup(name)
	if err != nil {
		return QueueInfo{}, nil, err
	}
	if err := q.open(context.Background()); err != nil {
		return QueueInfo{}, nil, err
	}
	if q.owner != nil {
		owner = q.owner.connection.Load()
	}
	return q.info(), owner, nil
}

// QueueLook is a queue as [Session.LookAtQueue] describes it.
type QueueLook struct {
	QueueInfo
	Owner *Connection
}

// looksAtOnce bounds how many queues are made ready for use at the same time: that reads the disk.
const looksAtOnce = 16

// LookAtQueues describes all queues, in no order, as [Session.LookAtQueue] does. One that cannot be made ready for use
// is left out.
func (s *Session) LookAtQueues() []QueueLook {
	names := s.QueueNames()
	looks := make([]QueueLook, len(names))
	found := make([]bool, len(names))
	var next atomic.Int64
	var running sync.WaitGroup
	for range min(looksAtOnce, len(names)) {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				info, owner, err := s.LookAtQueue(names[i])
				looks[i], found[i] = QueueLook{info, owner}, err == nil
			}
		})
	}
	running.Wait()
	kept := looks[:0]
	for i := range looks {
		if found[i] {
			kept = append(kept, looks[i])
		}
	}
	return kept
}

// QueueCounts is what was counted of the queues that are in use, by name. A queue that nobody has used since the
// start is not among them: nothing was counted of it.
func (s *Session) QueueCounts() map[string]QueueInfo {
	s.ns.mu.RLock()
	queues := make([]*Queue, 0, len(s.ns.queues))
	for _, q := range s.ns.queues {
		if q.opened.Load() {
			queues = append(queues, q)
		}
	}
	s.ns.mu.RUnlock()
	infos := make(map[string]QueueInfo, len(queues))
	for _, q := range queues {
		infos[q.spec.Name] = q.info()
	}
	return infos
}

// ExchangeCounts is what was counted of the exchanges, by name, "" for the default one.
func (s *Session) ExchangeCounts() map[string]Counts {
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	counts := make(map[string]Counts, len(s.ns.exchanges)+1)
	counts[""] = s.ns.unnamed.Counts()
	for name, x := range s.ns.exchanges {
		counts[name] = x.traffic.Counts()
	}
	return counts
}

// Counts is what was counted in the namespace.
func (s *Session) Counts() Counts { return s.ns.flows.sum() }
