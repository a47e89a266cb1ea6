package broker

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker/property"
)

// ConnectionInfo is what a front end tells of a client's connection. It does not change.
type ConnectionInfo struct {
	// GivenName is the name that the client gave it; "" for none.
	GivenName string
	// Protocol is the protocol's name with its version, as operators know it: "AMQP 0-9-1".
	Protocol string
	// Peer and Local are the two ends.
	Peer, Local netip.AddrPort
	// Secure tells that it came over TLS.
	Secure bool
	// Properties are what the client says of itself.
	Properties property.Table
	// Received and Sent are what went over the network; the front end counts.
	Received, Sent *Octets
	// Attributes are the front end's own, for listings, under the names that its users know.
	Attributes property.Table
}

// Name names the connection as operators know it, by its ends.
func (i *ConnectionInfo) Name() string { return i.Peer.String() + " -> " + i.Local.String() }

// Connection is a client's connection, registered to be listed and closed. It is safe for concurrent use.
type Connection struct {
	ConnectionInfo
	// Since is when it was registered.
	Since time.Time

	b       *Broker
	session *Session
	end     func(reason string)
	stopped atomic.Bool

	mu     sync.Mutex
	closed bool
	lanes  map[int]*Lane
	past   Counts // of lanes that are closed
}

// Octets counts what goes one way over a connection.
type Octets struct{ bytes, pieces atomic.Uint64 }

// Add counts n bytes that were read or written at once.
func (o *Octets) Add(n int) {
	o.bytes.Add(uint64(n))
	o.pieces.Add(1)
}

// Bytes and Pieces are how much was counted, and in how many calls.
func (o *Octets) Bytes() uint64 { return o.bytes.Load() }

// Pieces is how many calls of Add there were.
func (o *Octets) Pieces() uint64 { return o.pieces.Load() }

// Lane is one sequence of calls within a connection: all of it, or one of several that its protocol runs side by side
// over one connection. The front end keeps its numbers up to date; it is safe for concurrent use.
type Lane struct {
	Traffic
	// Number tells the lanes of a connection apart.
	Number int
	Since  time.Time
	// Unacked are deliveries not settled, Unconfirmed publications not confirmed; the last two are what a transaction
	// has gathered.
	Unacked, Unconfirmed, UncommittedMessages, UncommittedAcks atomic.Int64
	// Prefetch bounds the unsettled deliveries of each consumer to come, SharedPrefetch of all consumers; 0: no bound.
	Prefetch, SharedPrefetch atomic.Int64
	// Confirming and Transactional are the modes in which it publishes.
	Confirming, Transactional atomic.Bool

	connection *Connection
}

// Register lists the session as a client's connection until [Connection.Unregister]. end is called, on any goroutine
// and more than once, perhaps, to close the connection for a reason that the client is to be told; it must not block.
func (s *Session) Register(info ConnectionInfo, end func(reason string)) *Connection {
	c := &Connection{
		ConnectionInfo: info, Since: time.Now(), b: s.b, session: s, end: end, lanes: make(map[int]*Lane),
	}
	r := &s.b.registry
	r.mu.Lock()
	if r.all == nil {
		r.all = make(map[*Connection]struct{})
	}
	r.all[c] = struct{}{}
	r.mu.Unlock()
	s.connection.Store(c)
	s.b.totals.connectionsOpened.Add(1)
	return c
}

// registry holds the connections that are registered.
type registry struct {
	mu  sync.RWMutex
	all map[*Connection]struct{}
}

// Unregister ends the listing, and that of the lanes. It is idempotent; a nil connection has nothing to end.
func (c *Connection) Unregister() {
	if c == nil {
		return
	}
	c.mu.Lock()
	closed, lanes := c.closed, len(c.lanes)
	c.closed = true
	c.mu.Unlock()
	if closed {
		return
	}
	r := &c.b.registry
	r.mu.Lock()
	delete(r.all, c)
	r.mu.Unlock()
	c.b.totals.lanesClosed.Add(uint64(lanes))
	c.b.totals.connectionsClosed.Add(1)
}

// Connections lists the registered connections in the order of their registration.
func (b *Broker) Connections() []*Connection {
	r := &b.registry
	r.mu.RLock()
	list := make([]*Connection, 0, len(r.all))
	for c := range r.all {
		list = append(list, c)
	}
	r.mu.RUnlock()
	slices.SortFunc(list, func(a, b *Connection) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name(), b.Name()))
	})
	return list
}

// User is the name of the user, Namespace that of the namespace.
func (c *Connection) User() string { return c.session.principal.name }

// Namespace is the name of the namespace that the connection is in.
func (c *Connection) Namespace() string { return c.session.ns.name }

// FrontEnd is what [Session.SetFrontEnd] said of the connection's session.
func (c *Connection) FrontEnd() string { return c.session.frontEnd }

// End closes the connection for a reason that the client is told.
func (c *Connection) End(reason string) { c.end(reason) }

// SetStopped says whether the connection is not read from because of an alarm.
func (c *Connection) SetStopped(stopped bool) { c.stopped.Store(stopped) }

// Stopped is what SetStopped said.
func (c *Connection) Stopped() bool { return c.stopped.Load() }

// OpenLane adds a lane.
func (c *Connection) OpenLane(number int) *Lane {
	l := &Lane{Number: number, Since: time.Now(), connection: c}
	c.mu.Lock()
	if !c.closed {
		c.lanes[number] = l
		c.b.totals.lanesOpened.Add(1)
	}
	c.mu.Unlock()
	return l
}

// Lanes lists the lanes in the order of their numbers.
func (c *Connection) Lanes() []*Lane {
	c.mu.Lock()
	list := make([]*Lane, 0, len(c.lanes))
	for _, l := range c.lanes {
		list = append(list, l)
	}
	c.mu.Unlock()
	slices.SortFunc(list, func(a, b *Lane) int { return cmp.Compare(a.Number, b.Number) })
	return list
}

// Counts is what was counted on all lanes, those that are closed too.
func (c *Connection) Counts() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := c.past
	for _, l := range c.lanes {
		sum = sum.Plus(l.Traffic.Counts())
	}
	return sum
}

// Connection is what the lane belongs to.
func (l *Lane) Connection() *Connection { return l.connection }

// Close ends the lane. It is idempotent.
func (l *Lane) Close() {
	c := l.connection
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lanes[l.Number] != l {
		return
	}
	delete(c.lanes, l.Number)
	c.past = c.past.Plus(l.Traffic.Counts())
	if !c.closed {
		c.b.totals.lanesClosed.Add(1)
	}
}

// Count counts n of what happened on the lane. What only a front end knows of, confirms and what becomes of
// publications without a queue, is counted for the namespace too.
func (l *Lane) Count(s Stat, n int) {
	l.Traffic.add(s, n)
	if s == Confirmed || s == Returned || s == Dropped {
		l.connection.session.flow.add(s, n)
	}
}

// HandedOut counts one delivery to a consumer or message taken by Get.
func (l *Lane) HandedOut(fetched, autoAck, again bool) {
	l.Traffic.handedOut(fetched, autoAck, again)
	if !autoAck {
		l.Unacked.Add(1)
	}
}

// Settled counts n deliveries that are settled.
func (l *Lane) Settled(outcome Outcome, n int) {
	l.Unacked.Add(-int64(n))
	if outcome == Ack {
		l.Traffic.add(Acked, n)
	}
}
