package awsidentity

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/portico-mq/portico/adapters/awspolicy"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Directory holds all identities. It is safe for concurrent use.
type Directory struct {
	broker   *broker.Broker
	sealer   *awsproto.Sealer // of what is stored
	sessions *awsproto.Sealer
	log      *slog.Logger

	mu       sync.RWMutex
	entities map[entityKey]*Entity
	policies map[string]*Policy // by ARN
	roots    map[string]rootKey // by access key
	keys     map[string]entityKey
	callers  map[entityKey]*awspolicy.Caller // made when first asked for, and again after every change
}

type entityKey struct {
	kind          Kind
	account, name string // in lower case: names differ by more than case
}

type rootKey struct{ account, secret string }

func keyOf(kind Kind, account, name string) entityKey {
	return entityKey{kind, account, strings.ToLower(name)}
}

// Options configure a Directory.
type Options struct {
	// Broker keeps what the API makes; nil: nothing is kept.
	Broker *broker.Broker
	// Secret seals access keys and session tokens; see awsproto.NewSealer.
	Secret []byte
	// RootAccessKey and RootSecret are the root user's of account 000000000000; "" for none.
	RootAccessKey, RootSecret string
	// File is the text of the identities file; see the README.
	File []byte
	// Log gets what cannot be read; nil means slog.Default.
	Log *slog.Logger
}

// collection names the documents of a kind, and policies.
func collection(kind Kind) string { return "iam." + string(kind) }

const policyKind Kind = "policy"

// Open reads the configuration's identities and those that were made before.
func Open(o Options) (*Directory, error) {
	d := &Directory{
		broker: o.Broker, log: o.Log, entities: make(map[entityKey]*Entity), policies: make(map[string]*Policy),
		roots: make(map[string]rootKey), keys: make(map[string]entityKey), callers: make(map[entityKey]*awspolicy.Caller),
	}
	if d.log == nil {
		d.log = slog.Default()
	}
	var err error
	if d.sealer, err = awsproto.NewSealer(o.Secret, "iam access key"); err != nil {
		return nil, err
	}
	if d.sessions, err = awsproto.NewSealer(o.Secret, "sts session token"); err != nil {
		return nil, err
	}
	for _, p := range managedPolicies() {
		d.policies[p.ARN()] = p
	}
	if o.RootAccessKey != "" {
		d.roots[o.RootAccessKey] = rootKey{awsproto.DefaultAccount, o.RootSecret}
	}
	if err := d.readFile(o.File); err != nil {
		return nil, err
	}
	d.load()
	return d, nil
}

// Empty says that no access key is known.
func (d *Directory) Empty() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.roots)+len(d.keys) == 0
}

// load reads what the broker keeps. What the configuration holds goes before it.
func (d *Directory) load() {
	if d.broker == nil {
		return
	}
	for _, kind := range []Kind{User, Group, Role} {
		for key, text := range d.broker.Documents(collection(kind)) {
			e := &Entity{}
			account, _, _ := strings.Cut(key.Name, "/")
			if err := json.Unmarshal(text, e); err != nil {
				d.log.Warn("an identity cannot be read", "proto", "iam", "name", key.Name, "err", err)
				continue
			}
			e.Kind, e.Account = kind, account
			d.unseal(e)
			if at := keyOf(kind, account, e.Name); d.entities[at] == nil {
				d.put(at, e)
			}
		}
	}
	for key, text := range d.broker.Documents(collection(policyKind)) {
		p := &Policy{}
		account, _, _ := strings.Cut(key.Name, "/")
		if err := json.Unmarshal(text, p); err != nil {
			d.log.Warn("a policy cannot be read", "proto", "iam", "name", key.Name, "err", err)
			continue
		}
		p.Account = account
		if d.policies[p.ARN()] == nil {
			d.policies[p.ARN()] = p
		}
	}
}

// unseal opens the stored secrets; a key of which it cannot be opened is of no use.
func (d *Directory) unseal(e *Entity) {
	e.Keys = slices.DeleteFunc(e.Keys, func(k AccessKey) bool {
		_, ok := d.sealer.Open(k.Secret, k.ID)
		if !ok {
			d.log.Warn("an access key cannot be opened with this installation's secret", "proto", "iam", "user", e.Name, "key", k.ID)
		}
		return !ok
	})
	for i := range e.Keys {
		secret, _ := d.sealer.Open(e.Keys[i].Secret, e.Keys[i].ID)
		e.Keys[i].Secret = string(secret)
	}
}

// put puts an entity into the tables.
func (d *Directory) put(at entityKey, e *Entity) {
	if old := d.entities[at]; old != nil {
		for _, k := range old.Keys {
			delete(d.keys, k.ID)
		}
	}
	d.entities[at] = e
	for _, k := range e.Keys {
		d.keys[k.ID] = at
	}
	clear(d.callers)
}

// store keeps an entity with the broker.
func (d *Directory) store(e *Entity) error {
	if d.broker == nil {
		return nil
	}
	sealed := e.clone()
	for i := range sealed.Keys {
		sealed.Keys[i].Secret = d.sealer.Seal([]byte(sealed.Keys[i].Secret), sealed.Keys[i].ID)
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		return err
	}
	return d.broker.PutDocument(documentKey(e.Kind, e.Account, e.Name), text)
}

func documentKey(kind Kind, account, name string) broker.DocumentKey {
	return broker.DocumentKey{Collection: collection(kind), Name: account + "/" + strings.ToLower(name)}
}

// Get gives a copy of an entity.
func (d *Directory) Get(kind Kind, account, name string) (*Entity, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	e := d.entities[keyOf(kind, account, name)]
	if e == nil {
		return nil, noSuch(kind, name)
	}
	return e.clone(), nil
}

// List gives copies of an account's entities whose path begins so, by name.
func (d *Directory) List(kind Kind, account, path string) []*Entity {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var all []*Entity
	for at, e := range d.entities {
		if at.kind == kind && at.account == account && strings.HasPrefix(e.Path, path) {
			all = append(all, e.clone())
		}
	}
	slices.SortFunc(all, func(a, b *Entity) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// maxEntities bounds what one account holds of a kind [IAM quotas: 5,000 users].
const maxEntities = 5000

// Create makes an entity and returns when that is durable.
func (d *Directory) Create(e *Entity) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := keyOf(e.Kind, e.Account, e.Name)
	if d.entities[at] != nil {
		return exists(e.Kind, e.Name)
	}
	count := 0
	for other := range d.entities {
		if other.kind == e.Kind && other.account == e.Account {
			count++
		}
	}
	if count >= maxEntities {
		return Fail("LimitExceeded", 409, "Cannot exceed quota for the account's identities: 5000")
	}
	if err := d.store(e); err != nil {
		return err
	}
	d.put(at, e.clone())
	return nil
}

// Change changes an entity: change works on a copy, and its error is the answer. It returns when that is durable.
func (d *Directory) Change(kind Kind, account, name string, change func(*Entity) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := keyOf(kind, account, name)
	old := d.entities[at]
	switch {
	case old == nil:
		return noSuch(kind, name)
	case old.Fixed:
		return errFixed(name)
	}
	e := old.clone()
	if err := change(e); err != nil {
		return err
	}
	if err := d.store(e); err != nil {
		return err
	}
	d.put(at, e)
	return nil
}

// Delete removes an entity that has nothing any more.
func (d *Directory) Delete(kind Kind, account, name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := keyOf(kind, account, name)
	e := d.entities[at]
	conflict := func(what string) error {
		return Fail("DeleteConflict", 409, "Cannot delete entity, must "+what+" first.")
	}
	switch {
	case e == nil:
		return noSuch(kind, name)
	case e.Fixed:
		return errFixed(name)
	case len(e.Inline) > 0:
		return conflict("delete policies")
	case len(e.Attached) > 0:
		return conflict("detach all policies")
	case len(e.Keys) > 0:
		return conflict("delete access keys")
	case len(e.Groups) > 0:
		return conflict("remove users from group")
	case kind == Group && d.hasMembers(account, name):
		return conflict("remove users from group")
	}
	if d.broker != nil {
		if err := d.broker.DeleteDocument(documentKey(kind, account, name)); err != nil {
			return err
		}
	}
	delete(d.entities, at)
	clear(d.callers)
	return nil
}

func (d *Directory) hasMembers(account, group string) bool {
	for at, e := range d.entities {
		if at.kind == User && at.account == account && e.In(group) {
			return true
		}
	}
	return false
}

// In says whether a user is in a group.
func (e *Entity) In(group string) bool {
	return slices.ContainsFunc(e.Groups, func(g string) bool { return strings.EqualFold(g, group) })
}

// UserOf gives the name of the user that an access key belongs to, in its account.
func (d *Directory) UserOf(accessKey string) (account, name string, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if root, ok := d.roots[accessKey]; ok {
		return root.account, "", true
	}
	at, ok := d.keys[accessKey]
	if !ok {
		return "", "", false
	}
	return at.account, d.entities[at].Name, true
}
