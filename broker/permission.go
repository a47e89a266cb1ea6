package broker

import (
	"maps"
	"regexp"
	"strings"
)

// Permission is a user's access in one namespace: three patterns (RE2 syntax, matched anywhere in the name unless
// anchored, as RabbitMQ does); "" grants nothing.
type Permission struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

var everyPermission = Permission{Configure: ".*", Write: ".*", Read: ".*"}

// TopicPermission restricts, on one topic exchange, the keys that a user publishes and binds with. In the patterns,
// {username} and {vhost} stand for the user's and the namespace's names. A user without one is not restricted.
type TopicPermission struct {
	Write string `json:"write"`
	Read  string `json:"read"`
}

// grant is what a user may do in a namespace, compiled.
type grant struct {
	configure, write, read *regexp.Regexp
	all                    bool // all three are ".*": skips matching on the hot path
	topics                 map[string]topicGrant
}

// topicGrant is a compiled topic permission; a nil pattern allows nothing.
type topicGrant struct{ write, read *regexp.Regexp }

// compilePattern compiles a pattern of a permission; nil for "".
func compilePattern(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, nil //nolint:nilnil // nothing matches
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, &Error{Kind: KindInvalid, Type: ResourcePermission, Name: pattern, Detail: err.Error(), Err: err}
	}
	return re, nil
}

// CheckPattern returns KindInvalid for a pattern that cannot be one of a permission.
func CheckPattern(pattern string) error {
	_, err := compilePattern(pattern)
	return err
}

func (p Permission) compile() (*grant, error) {
	g := &grant{all: p == everyPermission}
	for _, part := range []struct {
		pattern string
		to      **regexp.Regexp
	}{{p.Configure, &g.configure}, {p.Write, &g.write}, {p.Read, &g.read}} {
		re, err := compilePattern(part.pattern)
		if err != nil {
			return nil, err
		}
		*part.to = re
	}
	return g, nil
}

// compile puts the names in place of the variables. A name that makes the pattern invalid lets nothing match.
func (p TopicPermission) compile(user, ns string) topicGrant {
	names := strings.NewReplacer("{username}", user, "{vhost}", ns)
	write, _ := compilePattern(names.Replace(p.Write))
	read, _ := compilePattern(names.Replace(p.Read))
	return topicGrant{write: write, read: read}
}

func (p TopicPermission) valid() error {
	for _, pattern := range []string{p.Write, p.Read} {
		if _, err := compilePattern(pattern); err != nil {
			return err
		}
	}
	return nil
}

func (g *grant) allows(a Access, name string) bool {
	if g == nil {
		return false
	}
	if g.all {
		return true
	}
	re := g.read
	switch a {
	case AccessConfigure:
		re = g.configure
	case AccessWrite:
		re = g.write
	case AccessRead:
	case AccessNamespace:
		return true
	}
	return re != nil && re.MatchString(name)
}

// checkTopic returns KindDenied when the principal has a topic permission on the exchange that does not allow the key.
func (p *Principal) checkTopic(a Access, ns, exchange, key string) error {
	g := (*p.grants.Load())[ns]
	if g == nil || g.topics == nil {
		return nil
	}
	t, ok := g.topics[exchange]
	if !ok {
		return nil
	}
	re := t.read
	if a == AccessWrite {
		re = t.write
	}
	if re != nil && re.MatchString(key) {
		return nil
	}
	return &Error{
		Kind: KindDenied, Type: ResourceTopic, Namespace: ns, Name: exchange,
		Detail: &Denial{Access: a, User: p.name, Topic: strings.Clone(key)},
	}
}

// UserPermission is one user's permission in one namespace.
type UserPermission struct {
	User, Namespace string
	Permission
}

// UserTopicPermission is one user's permission on one topic exchange.
type UserTopicPermission struct {
	User, Namespace, Exchange string
	TopicPermission
}

// SetPermission sets what the user may do in the namespace, and returns when that is durable. KindNotFound for
// the user or the namespace.
func (b *Broker) SetPermission(userName, ns string, p Permission) error {
	if _, err := p.compile(); err != nil {
		return err
	}
	if err := b.mustHaveNamespace(ns); err != nil {
		return err
	}
	return b.changeUser(userName, func(u *user) error {
		u.Permissions = with(u.Permissions, ns, p)
		return nil
	})
}

// ClearPermission takes a user's permission in the namespace away; KindNotFound for a user or namespace that does not
// exist, and no error for a permission that does not.
func (b *Broker) ClearPermission(userName, ns string) error {
	if err := b.mustHaveNamespace(ns); err != nil {
		return err
	}
	return b.changeUser(userName, func(u *user) error {
		u.Permissions = without(u.Permissions, ns)
		return nil
	})
}

// SetTopicPermission restricts the user's keys on an exchange, which need not exist; see SetPermission.
func (b *Broker) SetTopicPermission(userName, ns, exchange string, p TopicPermission) error {
	if err := p.valid(); err != nil {
		return err
	}
	if err := b.mustHaveNamespace(ns); err != nil {
		return err
	}
	return b.changeUser(userName, func(u *user) error {
		u.Topics = with(u.Topics, ns, with(u.Topics[ns], exchange, p))
		return nil
	})
}

// ClearTopicPermissions lifts the user's restrictions on one exchange, or on all of the namespace when exchange is "".
func (b *Broker) ClearTopicPermissions(userName, ns, exchange string) error {
	if err := b.mustHaveNamespace(ns); err != nil {
		return err
	}
	return b.changeUser(userName, func(u *user) error {
		left := without(u.Topics[ns], exchange)
		if exchange == "" || len(left) == 0 {
			u.Topics = without(u.Topics, ns)
			return nil
		}
		u.Topics = with(u.Topics, ns, left)
		return nil
	})
}

// Permissions lists every permission, in no order.
func (b *Broker) Permissions() []UserPermission {
	b.usersMu.RLock()
	defer b.usersMu.RUnlock()
	var list []UserPermission
	for _, u := range b.users {
		for ns, p := range u.Permissions {
			list = append(list, UserPermission{User: u.Name, Namespace: ns, Permission: p})
		}
	}
	return list
}

// TopicPermissions lists every topic permission, in no order.
func (b *Broker) TopicPermissions() []UserTopicPermission {
	b.usersMu.RLock()
	defer b.usersMu.RUnlock()
	var list []UserTopicPermission
	for _, u := range b.users {
		for ns, topics := range u.Topics {
			for exchange, p := range topics {
				list = append(list, UserTopicPermission{User: u.Name, Namespace: ns, Exchange: exchange, TopicPermission: p})
			}
		}
	}
	return list
}

func (b *Broker) mustHaveNamespace(name string) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.namespaces[name] == nil {
		return &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: name}
	}
	return nil
}

// with returns a copy of m with one entry set, without a copy that lacks one: what is read without a lock is replaced
// and never changed.
func with[K comparable, V any](m map[K]V, key K, value V) map[K]V {
	out := make(map[K]V, len(m)+1)
	maps.Copy(out, m)
	out[key] = value
	return out
}

func without[K comparable, V any](m map[K]V, key K) map[K]V {
	out := maps.Clone(m)
	delete(out, key)
	return out
}
