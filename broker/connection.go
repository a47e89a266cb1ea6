package broker

import (
	"context"
	"sync"
)

// Eviction says why a connection is ended from inside: what was deleted.
type Eviction struct {
	Type ResourceType // ResourceNamespace or ResourceUser
	Name string
}

// connections are the sessions that belong to connections of clients, with what they count against limits.
type connections struct {
	mu       sync.Mutex
	evictors map[*Session]func(Eviction)
	channels map[*Session]int
}

// Connect opens a session for a client's connection, which counts against the limits of its namespace and user until
// the session is closed. Beyond [OpenSession]'s errors it returns KindLimit, with the type of what has the limit.
// evicted is called, from another goroutine, when the namespace or the user is deleted: the connection must end then.
func (b *Broker) Connect(ctx context.Context, p *Principal, namespace string, evicted func(Eviction)) (*Session, error) {
	s, err := b.OpenSession(ctx, p, namespace)
	if err != nil {
		return nil, err
	}
	userLimit, hasUserLimit := b.userLimit(p.name, LimitConnections)
	limit, hasLimit := s.ns.limit(LimitConnections)
	c := &b.connections
	c.mu.Lock()
	defer c.mu.Unlock()
	ofUser, ofNamespace := int64(0), int64(0)
	if hasUserLimit || hasLimit {
		for other := range c.evictors {
			if other.principal == p {
				ofUser++
			}
			if other.ns == s.ns {
				ofNamespace++
			}
		}
	}
	detail := func(limit, n int64) *Limit {
		return &Limit{Name: string(LimitConnections), Max: limit, Got: n, User: p.name}
	}
	switch {
	case hasLimit && ofNamespace >= limit:
		return nil, &Error{Kind: KindLimit, Type: ResourceNamespace, Name: namespace, Detail: detail(limit, ofNamespace)}
	case hasUserLimit && ofUser >= userLimit:
		return nil, &Error{Kind: KindLimit, Type: ResourceUser, Name: p.name, Detail: detail(userLimit, ofUser)}
	}
	if c.evictors == nil {
		c.evictors, c.channels = make(map[*Session]func(Eviction)), make(map[*Session]int)
	}
	c.evictors[s] = evicted
	return s, nil
}

// AddChannel counts a channel of the connection; KindLimit when the user may not have another.
func (s *Session) AddChannel() error {
	limit, limited := s.b.userLimit(s.principal.name, LimitChannels)
	c := &s.b.connections
	c.mu.Lock()
	defer c.mu.Unlock()
	if limited {
		n := int64(0)
		for other, channels := range c.channels {
			if other.principal == s.principal {
				n += int64(channels)
			}
		}
		if n >= limit {
			return &Error{
				Kind: KindLimit, Type: ResourceUser, Name: s.principal.name,
				Detail: &Limit{Name: string(LimitChannels), Max: limit, Got: n, User: s.principal.name},
			}
		}
	}
	if _, counted := c.evictors[s]; counted {
		c.channels[s]++
	}
	return nil
}

// RemoveChannel counts a channel of the connection less.
func (s *Session) RemoveChannel() {
	c := &s.b.connections
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels[s] > 0 {
		c.channels[s]--
	}
}

func (c *connections) remove(s *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.evictors, s)
	delete(c.channels, s)
}

// evict tells those connections that match.
func (c *connections) evict(e Eviction, match func(*Session) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for s, evicted := range c.evictors {
		if match(s) {
			go evicted(e)
		}
	}
}
