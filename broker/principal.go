package broker

import (
	"slices"
	"sync/atomic"
)

// Access is what a permission grants on exchanges and queues.
type Access string

// The accesses: configure creates and deletes, write publishes and binds to, read consumes and binds from.
const (
	AccessConfigure Access = "configure"
	AccessWrite     Access = "write"
	AccessRead      Access = "read"
	AccessNamespace Access = "namespace" // entering a namespace at all
)

// Principal is an authenticated user. It is safe for concurrent use.
type Principal struct {
	name string
	// tags and grants (the compiled permissions by namespace) are replaced whole when they change.
	tags   atomic.Pointer[[]string]
	grants atomic.Pointer[map[string]*grant]
}

// Name is the user's name.
func (p *Principal) Name() string { return p.name }

// Tags are the user's tags, in the order in which they were set; never nil. The slice is the caller's.
func (p *Principal) Tags() []string { return append([]string{}, *p.tags.Load()...) }

// HasTag reports whether the user carries the tag ("administrator", "monitoring", "impersonator", ...).
func (p *Principal) HasTag(tag string) bool { return slices.Contains(*p.tags.Load(), tag) }

// MayEnter reports whether the user has a permission in the namespace, whatever it grants.
func (p *Principal) MayEnter(ns string) bool { return (*p.grants.Load())[ns] != nil }

// defaultExchangePermission is the name permissions know the default exchange by (RabbitMQ: rabbit_channel.erl).
const defaultExchangePermission = "amq.default"

// check returns KindDenied unless p has the access to the resource.
func (p *Principal) check(a Access, ns string, t ResourceType, name string) error {
	g := (*p.grants.Load())[ns]
	matched := name
	if t == ResourceExchange && name == "" {
		matched = defaultExchangePermission
	}
	if g.allows(a, matched) {
		return nil
	}
	return &Error{Kind: KindDenied, Type: t, Namespace: ns, Name: name, Detail: &Denial{Access: a, User: p.name}}
}

// Authenticate returns the principal of a user with this password, else KindUnauthenticated. fromLoopback tells
// whether the client's address is a loopback one: the users of Options.LoopbackUsers are refused from elsewhere.
func (b *Broker) Authenticate(name, password string, fromLoopback bool) (*Principal, error) {
	b.usersMu.RLock()
	u := b.users[name]
	b.usersMu.RUnlock()
	if u == nil || !u.hashing().verify(u.PasswordHash, password) || (!fromLoopback && slices.Contains(b.opts.LoopbackUsers, name)) {
		return nil, &Error{Kind: KindUnauthenticated, Type: ResourceUser, Name: name}
	}
	return u.principal, nil
}

// PrincipalNamed returns the principal of a user that a front end has authenticated by other means (a TLS client
// certificate, an AWS signature), else KindUnauthenticated.
func (b *Broker) PrincipalNamed(name string) (*Principal, error) {
	b.usersMu.RLock()
	defer b.usersMu.RUnlock()
	if u := b.users[name]; u != nil {
		return u.principal, nil
	}
	return nil, &Error{Kind: KindUnauthenticated, Type: ResourceUser, Name: name}
}

// Root is a principal that may do everything in every namespace, for front ends that are open by configuration.
func (b *Broker) Root() *Principal { return b.root }
