package broker

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker/property"
)

// Namespace holds exchanges, bindings, queues and logs of its own.
type Namespace struct {
	b    *Broker
	name string

	stored storedNamespace // under b.usersMu

	mu        sync.RWMutex
	deleted   bool // nothing is declared in it any more
	exchanges map[string]*exchange
	queues    map[string]*Queue
	logs      map[string]*Log
	pending   map[string]chan struct{} // names ("queue x") whose durable change is under way

	flows   flows
	tracer  atomic.Pointer[tracer] // nil when it is not traced
	unnamed Traffic                // of the default exchange
}

func newNamespace(b *Broker, name string) (*Namespace, error) {
	ns := &Namespace{
		b: b, name: name,
		exchanges: make(map[string]*exchange), queues: make(map[string]*Queue), logs: make(map[string]*Log),
		pending: make(map[string]chan struct{}),
	}
	for _, spec := range b.opts.SystemExchanges {
		x, err := newExchange(spec)
		if err != nil {
			return nil, err
		}
		x.system = true
		ns.exchanges[spec.Name] = x
	}
	return ns, nil
}

// reserve waits until no durable change to the named resource is under way and starts one. The caller holds ns.mu,
// which is released while waiting; it calls the returned function, holding ns.mu again, when the change is done.
func (ns *Namespace) reserve(name string) (release func()) {
	for {
		busy := ns.pending[name]
		if busy == nil {
			break
		}
		ns.mu.Unlock()
		<-busy
		ns.mu.Lock()
	}
	done := make(chan struct{})
	ns.pending[name] = done
	return func() {
		delete(ns.pending, name)
		close(done)
	}
}

func (ns *Namespace) close() {
	ns.mu.RLock()
	queues := make([]*Queue, 0, len(ns.queues))
	for _, q := range ns.queues {
		queues = append(queues, q)
	}
	logs := make([]*Log, 0, len(ns.logs))
	for _, l := range ns.logs {
		logs = append(logs, l)
	}
	var lines []*delayLine
	for _, x := range ns.exchanges {
		if x.delays != nil {
			lines = append(lines, x.delays)
		}
	}
	ns.mu.RUnlock()
	for _, l := range lines {
		l.close()
	}
	for _, q := range queues {
		q.shutDown()
	}
	for _, l := range logs {
		l.close()
	}
}

// The stored forms. Tables are kept in their wire encoding, which keeps their types.

type storedExchange struct {
	Namespace    string            `json:"namespace"`
	Name         string            `json:"name"`
	Kind         ExchangeKind      `json:"kind"`
	AutoDelete   bool              `json:"auto_delete,omitempty"`
	Internal     bool              `json:"internal,omitempty"`
	Alternate    string            `json:"alternate,omitempty"`
	HashHeader   string            `json:"hash_header,omitempty"`
	Routes       ExchangeKind      `json:"routes,omitempty"`
	HashProperty string            `json:"hash_property,omitempty"`
	History      int               `json:"history,omitempty"`
	Attributes   map[string][]byte `json:"attributes,omitempty"`
}

type storedQueue struct {
	Namespace    string            `json:"namespace"`
	Name         string            `json:"name"`
	ID           string            `json:"id"`
	Limits       *QueueLimits      `json:"limits,omitempty"`
	SingleActive bool              `json:"single_active,omitempty"`
	Stream       bool              `json:"stream,omitempty"`
	Priorities   uint8             `json:"priorities,omitempty"`
	Ordered      bool              `json:"ordered,omitempty"`
	Fair         bool              `json:"fair,omitempty"`
	Created      time.Time         `json:"created"`
	Attributes   map[string][]byte `json:"attributes,omitempty"`
}

type storedBinding struct {
	id          string            // of the key it is stored under
	Namespace   string            `json:"namespace"`
	Source      string            `json:"source"`
	Destination string            `json:"destination"`
	Kind        DestinationKind   `json:"kind"`
	Key         string            `json:"key"`
	Arguments   []byte            `json:"arguments,omitempty"`
	Rule        string            `json:"rule,omitempty"`
	RuleText    string            `json:"rule_text,omitempty"`
	Attributes  map[string][]byte `json:"attributes,omitempty"`
}

func encodeAttributes(a Attributes) (map[string][]byte, error) {
	if len(a) == 0 {
		return nil, nil
	}
	out := make(map[string][]byte, len(a))
	for name, table := range a {
		raw, err := property.AppendTable(nil, table)
		if err != nil {
			return nil, &Error{Kind: KindInvalid, Name: name, Err: err}
		}
		out[name] = raw
	}
	return out, nil
}

func decodeAttributes(stored map[string][]byte) (Attributes, error) {
	if len(stored) == 0 {
		return nil, nil
	}
	out := make(Attributes, len(stored))
	for name, raw := range stored {
		table, err := decodeTable(raw)
		if err != nil {
			return nil, err
		}
		out[name] = table
	}
	return out, nil
}

func decodeTable(raw []byte) (property.Table, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	table, _, err := property.ParseTable(raw)
	return table, err
}

func (ns *Namespace) queueRecord(q *Queue) (MetadataKey, []byte, error) {
	attributes, err := encodeAttributes(q.spec.Attributes)
	if err != nil {
		return MetadataKey{}, nil, err
	}
	value, err := json.Marshal(storedQueue{
		Namespace: ns.name, Name: q.spec.Name, ID: q.id, Created: q.created, Attributes: attributes,
		Limits: q.spec.Limits, SingleActive: q.spec.SingleActive, Stream: q.spec.Stream, Priorities: q.spec.Priorities,
		Ordered: q.spec.Ordered, Fair: q.spec.Fair,
	})
	return MetadataKey{Kind: "queue", Namespace: ns.name, Name: q.spec.Name}, value, err
}

func (ns *Namespace) exchangeRecord(x *exchange) (MetadataKey, []byte, error) {
	attributes, err := encodeAttributes(x.spec.Attributes)
	if err != nil {
		return MetadataKey{}, nil, err
	}
	value, err := json.Marshal(storedExchange{
		Namespace: ns.name, Name: x.spec.Name, Kind: x.spec.Kind, AutoDelete: x.spec.AutoDelete,
		Internal: x.spec.Internal, Alternate: x.spec.Alternate, Routes: x.spec.Routes, HashHeader: x.spec.HashHeader,
		HashProperty: x.spec.HashProperty, History: x.spec.History, Attributes: attributes,
	})
	return MetadataKey{Kind: "exchange", Namespace: ns.name, Name: x.spec.Name}, value, err
}

func (ns *Namespace) adoptExchange(stored storedExchange) error {
	attributes, err := decodeAttributes(stored.Attributes)
	if err != nil {
		return err
	}
	x, err := newExchange(ExchangeSpec{
		Name: stored.Name, Kind: stored.Kind, Durable: true, AutoDelete: stored.AutoDelete, Internal: stored.Internal,
		Alternate: stored.Alternate, Routes: stored.Routes, HashHeader: stored.HashHeader, HashProperty: stored.HashProperty,
		History: stored.History, Attributes: attributes,
	})
	if err != nil {
		return err
	}
	if stored.Kind == Delaying {
		x.delays = newDelayLine(ns, &x.spec)
	}
	ns.exchanges[stored.Name] = x
	return nil
}

func (ns *Namespace) adoptQueue(stored storedQueue) {
	attributes, err := decodeAttributes(stored.Attributes)
	if err != nil { // the queue's messages matter more than a front end's attributes
		ns.b.log.Error("queue attributes are unreadable", "ns", ns.name, "queue", stored.Name, "err", err)
	}
	spec := QueueSpec{
		Name: stored.Name, Durable: true, Attributes: attributes, Limits: stored.Limits,
		SingleActive: stored.SingleActive, Stream: stored.Stream, Priorities: stored.Priorities, Ordered: stored.Ordered, Fair: stored.Fair,
	}
	q := newQueue(ns, spec, stored.ID)
	q.created = stored.Created
	q.putLimits(q.effectiveLimits())
	ns.queues[stored.Name] = q
	q.watchUse()
}
