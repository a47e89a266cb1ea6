package broker

import (
	"encoding/json"
	"maps"
)

// LimitName names a limit of a namespace or a user, by RabbitMQ's names.
type LimitName string

// The limits: a namespace bounds connections and queues, a user connections and channels.
const (
	LimitConnections LimitName = "max-connections"
	LimitQueues      LimitName = "max-queues"
	LimitChannels    LimitName = "max-channels"
)

// NamespaceLimits and UserLimits are the limits that each has.
var (
	NamespaceLimits = []LimitName{LimitConnections, LimitQueues}
	UserLimits      = []LimitName{LimitConnections, LimitChannels}
)

// SetUserLimits replaces all limits of a user, and returns when that is durable. A limit below 0 is none.
func (b *Broker) SetUserLimits(name string, limits map[LimitName]int64) error {
	return b.changeUser(name, func(u *user) error {
		u.Limits = maps.Clone(limits)
		return nil
	})
}

// SetUserLimit sets one limit of a user.
func (b *Broker) SetUserLimit(name string, limit LimitName, value int64) error {
	return b.changeUser(name, func(u *user) error {
		u.Limits = with(u.Limits, limit, value)
		return nil
	})
}

// ClearUserLimit takes one limit of a user away; one that is not set is no error.
func (b *Broker) ClearUserLimit(name string, limit LimitName) error {
	return b.changeUser(name, func(u *user) error {
		u.Limits = without(u.Limits, limit)
		return nil
	})
}

func (b *Broker) userLimit(name string, limit LimitName) (int64, bool) {
	b.usersMu.RLock()
	defer b.usersMu.RUnlock()
	u := b.users[name]
	if u == nil {
		return 0, false
	}
	n, ok := u.Limits[limit]
	return n, ok && n >= 0
}

// ChangeNamespaceLimits applies change to a copy of a namespace's limits, nil when it never had any, and stores what
// it returns (nil: none any more). KindNotFound when there is no such namespace.
func (b *Broker) ChangeNamespaceLimits(name string, change func(map[LimitName]int64) map[LimitName]int64) error {
	return b.changeNamespace(name, func(n *storedNamespace) { n.Limits = change(maps.Clone(n.Limits)) })
}

// limit is a limit in force.
func (ns *Namespace) limit(name LimitName) (int64, bool) {
	ns.b.usersMu.RLock()
	defer ns.b.usersMu.RUnlock()
	n, ok := ns.stored.Limits[name]
	return n, ok && n >= 0
}

// mayAddQueue returns KindLimit when the namespace may not have another queue. The caller holds ns.mu.
func (ns *Namespace) mayAddQueue(name string) error {
	limit, limited := ns.limit(LimitQueues)
	if !limited || int64(len(ns.queues)) < limit {
		return nil
	}
	return &Error{
		Kind: KindLimit, Type: ResourceQueue, Namespace: ns.name, Name: name,
		Detail: &Limit{Name: string(LimitQueues), Max: limit, Got: int64(len(ns.queues))},
	}
}

// changeNamespace replaces what is stored of a namespace and returns when that is durable.
func (b *Broker) changeNamespace(name string, change func(*storedNamespace)) error {
	b.mu.RLock()
	ns := b.namespaces[name]
	b.mu.RUnlock()
	if ns == nil {
		return &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: name}
	}
	b.usersMu.Lock()
	next := ns.stored
	change(&next)
	value, err := json.Marshal(next)
	if err != nil {
		b.usersMu.Unlock()
		return err
	}
	ns.stored = next
	done := b.startPut(MetadataKey{Kind: "namespace", Namespace: name}, value)
	b.usersMu.Unlock()
	return done()
}
