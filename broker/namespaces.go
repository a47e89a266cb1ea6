package broker

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
)

// NamespaceSpec describes a namespace.
type NamespaceSpec struct {
	Description string   `json:"description,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	// DefaultQueueType is the type of durable queues declared without one; front ends know the types. "" for their own.
	DefaultQueueType string `json:"default_queue_type,omitempty"`
}

// storedNamespace is the stored form of a namespace.
type storedNamespace struct {
	NamespaceSpec
	Limits map[LimitName]int64 `json:"limits,omitempty"` // nil: never set
}

// NamespaceInfo is what is shown of a namespace.
type NamespaceInfo struct {
	Name string
	NamespaceSpec
	// Limits must not be changed; nil when none were ever set.
	Limits map[LimitName]int64
}

// Namespace returns the namespace of that name; with create it is made, durably, when it does not exist, else
// KindNotFound is returned.
func (b *Broker) Namespace(_ context.Context, name string, create bool) (*Namespace, error) {
	if ns := b.namespaceNamed(name); ns != nil {
		return ns, nil
	}
	if !create {
		return nil, &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: name}
	}
	ns, _, err := b.makeNamespace(name, NamespaceSpec{})
	return ns, err
}

func (b *Broker) namespaceNamed(name string) *Namespace {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.namespaces[name]
}

// PutNamespace makes a namespace or changes the description of one, and returns when that is durable; it reports
// whether it made one. Who the namespaces' owner is gets every permission in a new one.
func (b *Broker) PutNamespace(name string, spec NamespaceSpec) (created bool, err error) {
	if name == "" || !validName(name) {
		return false, &Error{Kind: KindInvalid, Type: ResourceNamespace, Name: name}
	}
	spec.Tags = slices.Clone(spec.Tags)
	_, created, err = b.makeNamespace(name, spec)
	if err != nil || created {
		return created, err
	}
	return false, b.changeNamespace(name, func(n *storedNamespace) { n.NamespaceSpec = spec })
}

func (b *Broker) makeNamespace(name string, spec NamespaceSpec) (*Namespace, bool, error) {
	b.namespacesMu.Lock()
	defer b.namespacesMu.Unlock()
	if ns := b.namespaceNamed(name); ns != nil {
		return ns, false, nil
	}
	ns, err := newNamespace(b, name)
	if err != nil {
		return nil, false, err
	}
	ns.stored.NamespaceSpec = spec
	value, err := json.Marshal(ns.stored)
	if err != nil {
		return nil, false, err
	}
	if err := b.putMetadata(MetadataKey{Kind: "namespace", Namespace: name}, value); err != nil {
		return nil, false, err
	}
	b.mu.Lock()
	b.namespaces[name] = ns
	b.mu.Unlock()
	if owner := b.opts.NamespaceOwner; owner != "" {
		if err := b.SetPermission(owner, name, everyPermission); err != nil && !IsKind(err, KindNotFound) {
			return nil, false, err
		}
	}
	return ns, true, nil
}

func (b *Broker) adoptNamespace(name string, value []byte) error {
	ns, err := newNamespace(b, name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(value, &ns.stored); err != nil {
		return err
	}
	b.namespaces[name] = ns
	return nil
}

// Namespaces lists the names of all namespaces, in no order.
func (b *Broker) Namespaces() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	names := make([]string, 0, len(b.namespaces))
	for name := range b.namespaces {
		names = append(names, name)
	}
	return names
}

// NamespaceInfo describes a namespace; KindNotFound when there is none.
func (b *Broker) NamespaceInfo(name string) (NamespaceInfo, error) {
	ns := b.namespaceNamed(name)
	if ns == nil {
		return NamespaceInfo{}, &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: name}
	}
	return ns.info(), nil
}

func (ns *Namespace) info() NamespaceInfo {
	ns.b.usersMu.RLock()
	defer ns.b.usersMu.RUnlock()
	return NamespaceInfo{Name: ns.name, NamespaceSpec: ns.stored.NamespaceSpec, Limits: ns.stored.Limits}
}

// DefaultQueueType is the namespace's default type of durable queues, "" for the front end's own.
func (s *Session) DefaultQueueType() string { return s.ns.info().DefaultQueueType }

// deletersAtOnce bounds how many queues of a namespace are deleted at a time: they share syncs.
const deletersAtOnce = 64

// DeleteNamespace removes a namespace with everything in it, ends its connections, and returns when that is durable.
// KindNotFound when there is none.
func (b *Broker) DeleteNamespace(ctx context.Context, name string) error {
	b.namespacesMu.Lock()
	defer b.namespacesMu.Unlock()
	ns := b.namespaceNamed(name)
	if ns == nil {
		return &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: name}
	}
	ns.mu.Lock()
	ns.deleted = true // nothing is declared in it any more
	ns.mu.Unlock()
	b.mu.Lock()
	b.keepFlows(b.namespaces[name])
	delete(b.namespaces, name)
	b.mu.Unlock()
	b.connections.evict(Eviction{Type: ResourceNamespace, Name: name}, func(s *Session) bool { return s.ns == ns })
	if err := ns.deleteContents(ctx); err != nil {
		return err
	}
	waits := append(b.forgetNamespace(name), b.documents.forget(b, name)...)
	waits = append(waits, b.startDelete(MetadataKey{Kind: "namespace", Namespace: name}))
	return waitAll(waits)
}

// deleteContents deletes queues, exchanges and logs.
func (ns *Namespace) deleteContents(ctx context.Context) error {
	ns.mu.RLock()
	var queues []*Queue
	for _, q := range ns.queues {
		queues = append(queues, q)
	}
	var exchanges []*exchange
	for _, x := range ns.exchanges {
		exchanges = append(exchanges, x)
	}
	var logs []string
	for l := range ns.logs {
		logs = append(logs, l)
	}
	ns.mu.RUnlock()
	first := make(chan error, 1)
	note := func(err error) {
		if err == nil || IsKind(err, KindNotFound) {
			return
		}
		select {
		case first <- err:
		default:
		}
	}
	var running sync.WaitGroup
	slots := make(chan struct{}, deletersAtOnce)
	for _, q := range queues {
		slots <- struct{}{}
		running.Go(func() {
			note(q.openForDelete(ctx))
			note(ns.deleteQueue(q))
			<-slots
		})
	}
	running.Wait()
	root := &Session{b: ns.b, ns: ns, principal: ns.b.root}
	for _, l := range logs {
		note(root.DeleteLog(ctx, l))
	}
	ns.mu.Lock()
	for _, x := range exchanges {
		if ns.exchanges[x.spec.Name] == x {
			note(ns.removeExchange(x))
		}
	}
	ns.mu.Unlock()
	select {
	case err := <-first:
		return err
	default:
		return nil
	}
}

// openForDelete opens a stored queue, as deleting one wants it.
func (q *Queue) openForDelete(ctx context.Context) error {
	if !q.spec.stored() {
		return nil
	}
	return q.open(ctx)
}

// forgetNamespace starts removing policies and permissions that name the namespace.
func (b *Broker) forgetNamespace(name string) []wait {
	waits := b.policies.forget(b, name)
	b.usersMu.Lock()
	defer b.usersMu.Unlock()
	for _, u := range b.users {
		_, has := u.Permissions[name]
		if _, restricted := u.Topics[name]; !has && !restricted {
			continue
		}
		done, err := b.startChange(u.Name, false, func(u *user) error {
			u.Permissions, u.Topics = without(u.Permissions, name), without(u.Topics, name)
			return nil
		})
		if err != nil { // it was compiled before with one permission more
			done = func() error { return err }
		}
		waits = append(waits, done)
	}
	return waits
}
