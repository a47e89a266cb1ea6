package broker

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
)

// User is what is shown of a user. It is a copy; its slices and maps must not be changed.
type User struct {
	Name string
	Tags []string
	// PasswordHash is "" for a user who cannot log in with a password.
	PasswordHash string
	Hashing      PasswordHashing
	Limits       map[LimitName]int64
}

// UserSpec says how a user is to be. Either Password is set or the hash is.
type UserSpec struct {
	Password     string
	PasswordHash string // "" and no Password: no login with a password
	Hashing      PasswordHashing
	Tags         []string
	// KeepPassword and KeepTags leave what an existing user has.
	KeepPassword, KeepTags bool
	// Limits replace the user's; nil leaves them.
	Limits map[LimitName]int64
}

// user is the stored form of a user. It is replaced whole when it changes.
type user struct {
	Name         string                                `json:"name"`
	PasswordHash string                                `json:"password_hash"`
	Hashing      PasswordHashing                       `json:"hashing,omitempty"` // "": HashSHA256
	Tags         []string                              `json:"tags"`
	Permissions  map[string]Permission                 `json:"permissions"`                 // by namespace
	Topics       map[string]map[string]TopicPermission `json:"topic_permissions,omitempty"` // by namespace and exchange
	Limits       map[LimitName]int64                   `json:"limits,omitempty"`

	principal *Principal
}

// compile makes the principal, or renews it in place so that open sessions see tags and grants at once.
func (u *user) compile() error {
	grants := make(map[string]*grant, len(u.Permissions))
	for ns, p := range u.Permissions {
		g, err := p.compile()
		if err != nil {
			return err
		}
		for exchange, t := range u.Topics[ns] {
			if g.topics == nil {
				g.topics = make(map[string]topicGrant)
			}
			g.topics[exchange] = t.compile(u.Name, ns)
		}
		grants[ns] = g
	}
	if u.principal == nil {
		u.principal = &Principal{name: u.Name}
	}
	u.principal.tags.Store(&u.Tags)
	u.principal.grants.Store(&grants)
	return nil
}

func (u *user) hashing() PasswordHashing {
	if u.Hashing == "" {
		return HashSHA256
	}
	return u.Hashing
}

// CheckUser returns what SaveUser would refuse.
func CheckUser(name string, spec UserSpec) error {
	if name == "" || !validName(name) {
		return &Error{Kind: KindInvalid, Type: ResourceUser, Name: name, Detail: "bad name"}
	}
	if _, err := base64.StdEncoding.DecodeString(spec.PasswordHash); err != nil {
		return &Error{Kind: KindInvalid, Type: ResourceUser, Name: name, Detail: "not_base64", Err: err}
	}
	if spec.Hashing != "" && !spec.Hashing.valid() {
		return &Error{Kind: KindInvalid, Type: ResourceUser, Name: name, Detail: "unknown hashing algorithm"}
	}
	return nil
}

// PutUser creates a user or changes its password and tags, and waits until that is durable. Its permissions stay.
func (b *Broker) PutUser(name, password string, tags []string) error {
	_, err := b.SaveUser(name, UserSpec{Password: password, Tags: tags})
	return err
}

// SaveUser makes a user or changes one, and returns when that is durable; it reports whether it made one. Permissions
// stay.
func (b *Broker) SaveUser(name string, spec UserSpec) (created bool, err error) {
	if err := CheckUser(name, spec); err != nil {
		return false, err
	}
	how := spec.Hashing
	if how == "" {
		how = HashSHA256
	}
	b.usersMu.Lock()
	created = b.users[name] == nil
	done, err := b.startChange(name, true, func(u *user) error {
		switch {
		case spec.KeepPassword && !created:
		case spec.Password != "":
			u.PasswordHash, u.Hashing = HashPassword(spec.Password, how), how
		default:
			u.PasswordHash, u.Hashing = spec.PasswordHash, how
		}
		if !spec.KeepTags || created {
			u.Tags = slices.Clone(spec.Tags)
		}
		if spec.Limits != nil {
			u.Limits = maps.Clone(spec.Limits)
		}
		return nil
	})
	b.usersMu.Unlock()
	if err != nil {
		return false, err
	}
	return created, done()
}

// DeleteUser removes a user with all permissions and ends the user's connections; KindNotFound when there is none.
func (b *Broker) DeleteUser(name string) error {
	b.usersMu.Lock()
	u := b.users[name]
	if u == nil {
		b.usersMu.Unlock()
		return &Error{Kind: KindNotFound, Type: ResourceUser, Name: name}
	}
	delete(b.users, name)
	u.principal.grants.Store(&map[string]*grant{})
	u.principal.tags.Store(&[]string{})
	done := b.startDelete(MetadataKey{Kind: "user", Name: name})
	b.usersMu.Unlock()
	b.connections.evict(Eviction{Type: ResourceUser, Name: name}, func(s *Session) bool { return s.principal == u.principal })
	return done()
}

// User describes a user; KindNotFound when there is none.
func (b *Broker) User(name string) (User, error) {
	b.usersMu.RLock()
	defer b.usersMu.RUnlock()
	u := b.users[name]
	if u == nil {
		return User{}, &Error{Kind: KindNotFound, Type: ResourceUser, Name: name}
	}
	return u.describe(), nil
}

// Users lists all users, in no order.
func (b *Broker) Users() []User {
	b.usersMu.RLock()
	defer b.usersMu.RUnlock()
	list := make([]User, 0, len(b.users))
	for _, u := range b.users {
		list = append(list, u.describe())
	}
	return list
}

func (u *user) describe() User {
	return User{Name: u.Name, Tags: u.Tags, PasswordHash: u.PasswordHash, Hashing: u.hashing(), Limits: u.Limits}
}

// changeUser changes an existing user and returns when that is durable.
func (b *Broker) changeUser(name string, change func(*user) error) error {
	b.usersMu.Lock()
	done, err := b.startChange(name, false, change)
	b.usersMu.Unlock()
	if err != nil {
		return err
	}
	return done()
}

// startChange replaces a user by a changed copy and starts storing it. The caller holds usersMu.
func (b *Broker) startChange(name string, create bool, change func(*user) error) (wait, error) {
	old := b.users[name]
	if old == nil && !create {
		return nil, &Error{Kind: KindNotFound, Type: ResourceUser, Name: name}
	}
	u := &user{Name: name}
	if old != nil {
		*u = *old
	}
	if err := change(u); err != nil {
		return nil, err
	}
	if err := u.compile(); err != nil {
		return nil, err
	}
	value, err := json.Marshal(u)
	if err != nil {
		return nil, err
	}
	b.users[name] = u
	return b.startPut(MetadataKey{Kind: "user", Name: name}, value), nil
}
