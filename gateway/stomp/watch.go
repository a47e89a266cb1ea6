package stomp

import (
	"context"

	"github.com/portico-mq/portico/broker"
)

// Subscriptions to patterns of queues consume from queues that are made later, too.

// watch adds a subscription whose patterns are compared with every new queue.
func (s *Server) watch(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching == nil {
		s.watching = make(map[*subscription]struct{})
	}
	s.watching[sub] = struct{}{}
}

func (s *Server) unwatch(sub *subscription) {
	s.mu.Lock()
	delete(s.watching, sub)
	s.mu.Unlock()
}

// unwatchAll forgets the subscriptions of a connection: those too that another one of the same id has taken the place of.
func (s *Server) unwatchAll(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.watching {
		if sub.conn == c {
			delete(s.watching, sub)
		}
	}
}

// queueMade is told of every queue that is made or deleted.
func (s *Server) queueMade(namespace, queue string) {
	s.advisories.queueChanged(namespace, queue)
	s.mu.Lock()
	var subs []*subscription
	for sub := range s.watching {
		if sub.conn.session.Namespace() == namespace {
			subs = append(subs, sub)
		}
	}
	s.mu.Unlock()
	for _, sub := range subs {
		if err := sub.attach(context.Background(), queue); err != nil {
			sub.conn.log.Info("a new queue is not consumed from", "queue", queue, "err", err)
		}
	}
}

// attach adds a queue, if the subscription's patterns match it and it does not consume from it already. One that is not
// for this client is passed over.
func (s *subscription) attach(ctx context.Context, queue string) error {
	if isTemporary(queue) || !s.wants(queue) {
		return nil
	}
	err := s.consume(ctx, queue, s.conn.keepGroups(queue, s.opts))
	if broker.IsKind(err, broker.KindDenied) || broker.IsKind(err, broker.KindLocked) || broker.IsKind(err, broker.KindNotFound) {
		return nil
	}
	return err
}

func (s *subscription) wants(queue string) bool {
	s.conn.mu.Lock()
	for _, consumer := range s.consumers {
		if consumer.Queue().Name() == queue {
			s.conn.mu.Unlock()
			return false
		}
	}
	s.conn.mu.Unlock()
	for _, p := range s.patterns {
		if p.matches(queue) {
			return true
		}
	}
	return false
}
