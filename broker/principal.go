package broker

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"regexp"
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
	tags []string
	// grants holds the compiled permissions by namespace; replaced whole when they change.
	grants atomic.Pointer[map[string]*grant]
}

// Name is the user's name.
func (p *Principal) Name() string { return p.name }

// Tags are the user's tags, in the order in which they were set. The slice is the caller's.
func (p *Principal) Tags() []string { return slices.Clone(p.tags) }

// HasTag reports whether the user carries the tag ("administrator", "monitoring", "impersonator", ...).
func (p *Principal) HasTag(tag string) bool { return slices.Contains(p.tags, tag) }

// Permission is a user's access in one namespace: three patterns (RE2 syntax, matched anywhere in the name unless
// anchored, as RabbitMQ does); "" grants nothing.
type Permission struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

var everyPermission = Permission{Configure: ".*", Write: ".*", Read: ".*"}

type grant struct {
	configure, write, read *regexp.Regexp
	all                    bool // all three are ".*": skips matching on the hot path
}

func (p Permission) compile() (*grant, error) {
	g := &grant{all: p.Configure == ".*" && p.Write == ".*" && p.Read == ".*"}
	for _, part := range []struct {
		pattern string
		to      **regexp.Regexp
	}{{p.Configure, &g.configure}, {p.Write, &g.write}, {p.Read, &g.read}} {
		if part.pattern == "" {
			continue
		}
		re, err := regexp.Compile(part.pattern)
		if err != nil {
			return nil, &Error{Kind: KindInvalid, Type: ResourceUser, Detail: "bad permission pattern", Err: err}
		}
		*part.to = re
	}
	return g, nil
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

// user is the stored form of a user.
type user struct {
	Name         string                `json:"name"`
	PasswordHash string                `json:"password_hash"` // base64(4 bytes of salt, SHA-256(salt, password)), as RabbitMQ's
	Tags         []string              `json:"tags"`
	Permissions  map[string]Permission `json:"permissions"` // by namespace

	principal *Principal
}

func hashPassword(password string) string {
	salt := make([]byte, 4, 4+sha256.Size)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	sum := sha256.Sum256(append(slices.Clone(salt), password...))
	return base64.StdEncoding.EncodeToString(append(salt, sum[:]...))
}

func (u *user) passwordIs(password string) bool {
	raw, err := base64.StdEncoding.DecodeString(u.PasswordHash)
	if err != nil || len(raw) != 4+sha256.Size {
		return false
	}
	sum := sha256.Sum256(append(slices.Clone(raw[:4]), password...))
	return subtle.ConstantTimeCompare(sum[:], raw[4:]) == 1
}

// compile makes the principal, or renews its grants in place so that open sessions see them at once.
func (u *user) compile() error {
	grants := make(map[string]*grant, len(u.Permissions))
	for ns, p := range u.Permissions {
		g, err := p.compile()
		if err != nil {
			return err
		}
		grants[ns] = g
	}
	if u.principal == nil {
		u.principal = &Principal{name: u.Name, tags: u.Tags}
	}
	u.principal.grants.Store(&grants)
	return nil
}

// PutUser creates a user or changes its password and tags, and waits until that is durable. Its permissions stay.
func (b *Broker) PutUser(name, password string, tags []string) error {
	if name == "" || !validName(name) {
		return &Error{Kind: KindInvalid, Type: ResourceUser, Name: name}
	}
	return b.changeUser(name, true, func(u *user) {
		u.PasswordHash = hashPassword(password)
		u.Tags = tags
		u.principal = nil // tags are fixed for a principal's life; sessions opened before keep the old ones
	})
}

// SetPermission sets what the user may do in the namespace and waits until that is durable.
func (b *Broker) SetPermission(userName, ns string, p Permission) error {
	if _, err := p.compile(); err != nil {
		return err
	}
	return b.changeUser(userName, false, func(u *user) {
		permissions := map[string]Permission{ns: p}
		for k, v := range u.Permissions {
			if k != ns {
				permissions[k] = v
			}
		}
		u.Permissions = permissions
	})
}

func (b *Broker) changeUser(name string, create bool, change func(*user)) error {
	b.usersMu.Lock()
	old := b.users[name]
	if old == nil && !create {
		b.usersMu.Unlock()
		return &Error{Kind: KindNotFound, Type: ResourceUser, Name: name}
	}
	u := &user{Name: name}
	if old != nil {
		*u = *old
	}
	change(u)
	if err := u.compile(); err != nil {
		b.usersMu.Unlock()
		return err
	}
	b.users[name] = u
	b.usersMu.Unlock()
	value, err := json.Marshal(u)
	if err != nil {
		return err
	}
	return b.putMetadata(MetadataKey{Kind: "user", Name: name}, value)
}

// Authenticate returns the principal of a user with this password, else KindUnauthenticated. fromLoopback tells
// whether the client's address is a loopback one: the users of Options.LoopbackUsers are refused from elsewhere.
func (b *Broker) Authenticate(name, password string, fromLoopback bool) (*Principal, error) {
	b.usersMu.RLock()
	u := b.users[name]
	b.usersMu.RUnlock()
	if u == nil || !u.passwordIs(password) || (!fromLoopback && slices.Contains(b.opts.LoopbackUsers, name)) {
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
