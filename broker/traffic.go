package broker

import "sync/atomic"

// Stat is one of the things that are counted.
type Stat uint8

// What is counted: of an exchange Published and Routed, of a queue what was published to it by clients and what
// became of its messages, of a lane and a namespace everything.
const (
	Published        Stat = iota // publications taken
	Awaited                      // those of them whose publisher is told when they are stored
	Routed                       // copies that went to queues
	Confirmed                    // publications that the publisher was told to be final
	Returned                     // publications without a queue that went back to the publisher
	Dropped                      // publications without a queue that did not
	Delivered                    // deliveries to consumers, to be settled
	DeliveredAutoAck             // deliveries to consumers, settled by handing them out
	Fetched                      // messages taken by Get, to be settled
	FetchedAutoAck               // messages taken by Get, settled by handing them out
	FetchedNothing               // calls of Get that found none
	Acked                        // acknowledgements
	Redelivered                  // those of the deliveries and fetched messages that may have been handed out before
	statCount
)

// Counts is how often each Stat happened. Index it by Stat.
type Counts [statCount]uint64

// Plus returns the sum.
func (c Counts) Plus(d Counts) Counts {
	for i := range c {
		c[i] += d[i]
	}
	return c
}

// Traffic counts. It is safe for concurrent use; an Add costs one atomic addition.
type Traffic struct{ counts [statCount]atomic.Uint64 }

// Counts is what was counted so far.
func (t *Traffic) Counts() Counts {
	var c Counts
	for i := range c {
		c[i] = t.counts[i].Load()
	}
	return c
}

func (t *Traffic) add(s Stat, n int) { t.counts[s].Add(uint64(n)) }

// handedOut counts one delivery to a consumer, or message taken by Get.
func (t *Traffic) handedOut(fetched, autoAck, again bool) {
	s := Delivered
	switch {
	case fetched && autoAck:
		s = FetchedAutoAck
	case fetched:
		s = Fetched
	case autoAck:
		s = DeliveredAutoAck
	}
	t.add(s, 1)
	if again {
		t.add(Redelivered, 1)
	}
}

// noteOutcome counts one delivery to the consumer.
func (c *Consumer) noteOutcome(again bool) {
	c.queue.traffic.handedOut(false, c.opts.AutoAck, again)
	c.flow.handedOut(false, c.opts.AutoAck, again)
}

// noteFetched counts one message that a Get of the session takes. The caller holds q.mu.
func (q *Queue) noteFetched(s *Session, autoAck, again bool) {
	q.traffic.handedOut(true, autoAck, again)
	q.flow(s.frontEnd).handedOut(true, autoAck, again)
}

// noteAck counts acknowledgements of the session. The caller holds q.mu.
func (q *Queue) noteAck(s *Session, n int) {
	q.traffic.add(Acked, n)
	q.flow(s.frontEnd).add(Acked, n)
}

// notePublished counts a publication of the session, with the queues it went to.
func (s *Session) notePublished(routes []route, awaited bool) {
	t := &s.ns.unnamed
	if s.from != nil {
		t = &s.from.traffic
	}
	t.add(Published, 1)
	s.flow.add(Published, 1)
	if awaited {
		s.flow.add(Awaited, 1)
	}
	if len(routes) == 0 {
		return
	}
	t.add(Routed, len(routes))
	s.flow.add(Routed, len(routes))
	for i := range routes {
		if q := routes[i].queue; q != nil {
			q.traffic.add(Published, 1)
		}
	}
}

// Totals are counted over the life of the broker.
type Totals struct {
	ConnectionsOpened, ConnectionsClosed         uint64
	LanesOpened, LanesClosed                     uint64
	QueuesDeclared, QueuesCreated, QueuesDeleted uint64
}

type totals struct {
	connectionsOpened, connectionsClosed, lanesOpened, lanesClosed atomic.Uint64
	queuesDeclared, queuesCreated, queuesDeleted                   atomic.Uint64
}

// Totals is what was counted since the broker was opened. QueuesDeclared counts declarations, of queues that were
// there too.
func (b *Broker) Totals() Totals {
	t := &b.totals
	return Totals{
		ConnectionsOpened: t.connectionsOpened.Load(), ConnectionsClosed: t.connectionsClosed.Load(),
		LanesOpened: t.lanesOpened.Load(), LanesClosed: t.lanesClosed.Load(),
		QueuesDeclared: t.queuesDeclared.Load(), QueuesCreated: t.queuesCreated.Load(), QueuesDeleted: t.queuesDeleted.Load(),
	}
}
