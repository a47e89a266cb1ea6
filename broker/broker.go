package broker

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker/property"
)

// Options configures a broker. The zero value of each field is usable.
type Options struct {
	// Logger gets the broker's events; nil means slog.Default().
	Logger *slog.Logger
	// DefaultNamespace is made on an empty store; "" means "/".
	DefaultNamespace string
	// DefaultDescription describes it.
	DefaultDescription string
	// SystemExchanges exist in every namespace and cannot be declared otherwise or deleted. The default exchange,
	// which routes by queue name, is not listed: it is always there.
	SystemExchanges []ExchangeSpec
	// ReservedPrefix refuses names that begin with it, for exchanges and queues declared by clients; "" reserves none.
	ReservedPrefix string
	// LoopbackUsers may log in from loopback addresses only.
	LoopbackUsers []string
	// QueueType names the type of a queue, for policies that are for queues of one type; nil: queues have no types.
	QueueType func(*QueueSpec) string
	// NamespaceOwner is the user who gets every permission in a namespace that is made on first use; "" or one that
	// does not exist: nobody does.
	NamespaceOwner string
	// Rules compiles binding rules by name.
	Rules map[string]RuleCompiler
	// MarkDeath makes the properties of dead letters; nil leaves them as they are, and lets them go in a circle.
	MarkDeath DeathMarker
	// ForgetsHistory tells which messages a RecentHistory exchange does not keep; nil: it keeps all.
	ForgetsHistory func(*Message) bool
	// Delay tells how long a message that comes to a Delaying exchange is to wait; nil: none waits.
	Delay func(*Message) time.Duration
	// MarkDelayed makes the properties of a message that has waited; nil leaves them as they are, and they must then not
	// make it wait again.
	MarkDelayed func(*Message) (property.Block, error)
	// Trace says where traces go; nil: nothing can be traced.
	Trace *TraceOptions
	// MaxMessageSize bounds a body, in bytes; 0 means [MaxMessageSize]; at most [LargestMessageSize].
	MaxMessageSize int
	// WindowBytes bounds the message bytes that all queues together keep in memory ahead of their consumers; 0 means
	// 96 MiB.
	WindowBytes int64
	// DeadBytes bounds the settled messages, in bytes, that unsettled ones keep from being purged in one queue, before
	// the unsettled ones are moved; 0 means 64 MiB.
	DeadBytes int64
	// SettleInterval is how long a settlement that nobody waits for may stay unrecorded; 0 means 20 ms.
	SettleInterval time.Duration
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.DefaultNamespace == "" {
		o.DefaultNamespace = "/"
	}
	if o.MaxMessageSize == 0 {
		o.MaxMessageSize = MaxMessageSize
	}
	if o.WindowBytes == 0 {
		o.WindowBytes = 96 << 20
	}
	if o.DeadBytes == 0 {
		o.DeadBytes = 64 << 20
	}
	if o.SettleInterval == 0 {
		o.SettleInterval = 20 * time.Millisecond
	}
	return o
}

// Broker holds the messaging state of one process over one store. It is safe for concurrent use.
type Broker struct {
	opts  Options
	store Store
	log   *slog.Logger
	root  *Principal
	epoch uint64 // counted up and synced at every start

	mu         sync.RWMutex
	namespaces map[string]*Namespace
	closed     bool

	namespacesMu sync.Mutex // held while a namespace is made or deleted

	usersMu sync.RWMutex // also of the limits of namespaces
	users   map[string]*user

	connections connections
	policies    policies
	parameters  parameters
	documents   documents

	queueWatchers queueWatchers

	streamReads chan struct{} // holds one for each read of a stream that is under way

	window  atomic.Int64 // bytes of messages in memory ahead of consumers, over all queues
	alarms  alarms
	journal journalState

	registry registry
	totals   totals

	pastFlows map[flowKey]Counts // of namespaces that are deleted; under mu
	deaths    deathRegistry
	logins    logins
}

// Open loads what the store holds, finishes transactions that a crash interrupted, and returns the broker. Close it
// before the store.
func Open(ctx context.Context, store Store, opts Options) (*Broker, error) {
	opts = opts.withDefaults()
	if opts.MaxMessageSize > LargestMessageSize {
		return nil, fmt.Errorf("broker: messages of %d bytes are more than can be stored (%d)", opts.MaxMessageSize, LargestMessageSize)
	}
	b := &Broker{
		opts: opts, store: store, log: opts.Logger,
		namespaces: make(map[string]*Namespace), users: make(map[string]*user),
		root: &Principal{name: "root"}, streamReads: make(chan struct{}, streamReads),
	}
	b.root.tags.Store(&[]string{"administrator"})
	b.policies.of = make(map[policyKey]*Policy)
	b.parameters.of = make(map[string]json.RawMessage)
	b.documents.of = make(map[DocumentKey]json.RawMessage)
	b.journal.b = b
	b.root.grants.Store(&map[string]*grant{})
	if err := b.load(ctx); err != nil {
		return nil, fmt.Errorf("broker: loading metadata: %w", err)
	}
	if err := b.startEpoch(); err != nil {
		return nil, err
	}
	if len(b.namespaces) == 0 { // one that was deleted stays so
		if _, err := b.PutNamespace(opts.DefaultNamespace, NamespaceSpec{Description: opts.DefaultDescription}); err != nil {
			return nil, err
		}
	}
	if err := b.recoverJournal(ctx); err != nil {
		return nil, fmt.Errorf("broker: recovering transactions: %w", err)
	}
	b.recoverDelays()
	b.dropOrphans(ctx)
	return b, nil
}

// startEpoch counts this start, and waits until that is on disk: handles and journal entries of an earlier run can be
// told from this one's even when a power cut made sequences be given out again.
func (b *Broker) startEpoch() error {
	b.epoch++
	value := binary.BigEndian.AppendUint64(nil, b.epoch)
	return b.putMetadata(MetadataKey{Kind: "epoch"}, value)
}

// Close stops every queue after writing what it has not recorded yet. Sessions must be closed before; the store is
// closed by its owner afterwards.
func (b *Broker) Close() error {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return nil
	}
	b.closed = true
	namespaces := make([]*Namespace, 0, len(b.namespaces))
	for _, ns := range b.namespaces {
		namespaces = append(namespaces, ns)
	}
	b.mu.Unlock()
	for _, ns := range namespaces {
		ns.close()
	}
	return nil
}

// A wait returns when an operation of the store is synced.
type wait func() error

// startPut starts storing the value. Operations on one key take effect in the order in which they were started.
func (b *Broker) startPut(key MetadataKey, value []byte) wait {
	return b.start(func(stored Completion) { b.store.PutMetadata(key, value, stored) })
}

// startDelete starts removing the key; see startPut.
func (b *Broker) startDelete(key MetadataKey) wait {
	return b.start(func(stored Completion) { b.store.DeleteMetadata(key, stored) })
}

// start starts an operation of the store; the wait it returns ends when a sync covers it.
func (b *Broker) start(operation func(stored Completion)) wait {
	done := make(chan error, 1)
	operation(CompletionFunc(func(err error) {
		if err != nil {
			done <- err
			return
		}
		b.store.Sync(CompletionFunc(func(err error) { done <- err }))
	}))
	return func() error { return <-done }
}

// waitAll waits for all and returns the first error.
func waitAll(waits []wait) error {
	var first error
	for _, w := range waits {
		if err := w(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// putMetadata stores the value and waits until it is synced.
func (b *Broker) putMetadata(key MetadataKey, value []byte) error { return b.startPut(key, value)() }

// load fills the tables from the store's metadata.
func (b *Broker) load(ctx context.Context) error {
	var exchanges []storedExchange
	var queues []storedQueue
	var bindings []storedBinding
	var logs []storedLog
	delays := make(map[MetadataKey][]byte)
	err := b.store.LoadMetadata(ctx, func(key MetadataKey, value []byte) error {
		var err error
		switch key.Kind {
		case "epoch":
			if len(value) == 8 {
				b.epoch = binary.BigEndian.Uint64(value)
			}
		case "namespace":
			err = b.adoptNamespace(key.Namespace, value)
		case "policy":
			err = b.policies.adopt(value)
		case "parameter":
			b.parameters.of[key.Name] = append(json.RawMessage(nil), value...)
		case "document":
			b.documents.adopt(key, value)
		case "user":
			u := &user{}
			if err = json.Unmarshal(value, u); err == nil {
				err = u.compile()
			}
			b.users[u.Name] = u
		case "exchange":
			exchanges, err = appendJSON(exchanges, value)
		case "queue":
			queues, err = appendJSON(queues, value)
		case "binding":
			if bindings, err = appendJSON(bindings, value); err == nil {
				bindings[len(bindings)-1].id = key.Name
			}
		case "delay":
			delays[key] = append([]byte(nil), value...)
		case "log":
			logs, err = appendJSON(logs, value)
		}
		if err != nil {
			return fmt.Errorf("%s %q in %q: %w", key.Kind, key.Name, key.Namespace, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.adoptAll(exchanges, queues, bindings, logs)
	for key, value := range delays {
		b.adopt(key.Namespace, func(ns *Namespace) error { return ns.adoptDelays(key.Name, value) })
	}
	return nil
}

// adoptAll puts what was loaded into the tables.
func (b *Broker) adoptAll(exchanges []storedExchange, queues []storedQueue, bindings []storedBinding, logs []storedLog) {
	for _, x := range exchanges {
		b.adopt(x.Namespace, func(ns *Namespace) error { return ns.adoptExchange(x) })
	}
	for _, q := range queues {
		b.adopt(q.Namespace, func(ns *Namespace) error { ns.adoptQueue(q); return nil })
	}
	for _, x := range bindings {
		b.adopt(x.Namespace, func(ns *Namespace) error { return ns.adoptBinding(x) })
	}
	for _, ns := range b.namespaces {
		ns.setAlternates()
	}
	for _, l := range logs {
		b.adopt(l.Namespace, func(ns *Namespace) error { ns.adoptLog(l); return nil })
	}
}

// adopt runs f on a loaded namespace. An entry that no longer fits (a binding whose queue's deletion was cut off
// by a crash) is logged and left out; it must not keep the broker from starting.
func (b *Broker) adopt(namespace string, f func(*Namespace) error) {
	err := errors.New("its namespace is gone")
	if ns := b.namespaces[namespace]; ns != nil {
		err = f(ns)
	}
	if err != nil {
		b.log.Warn("metadata entry left out", "ns", namespace, "err", err)
	}
}

func appendJSON[T any](list []T, value []byte) ([]T, error) {
	var v T
	if err := json.Unmarshal(value, &v); err != nil {
		return list, err
	}
	return append(list, v), nil
}

// storageFailed raises the alarm that nothing is stored safely any more.
func (b *Broker) storageFailed() { go b.SetAlarm(AlarmStorage, true) }

// dropOrphans deletes queue logs whose queue is not in the metadata: a crash came between the two deletions.
func (b *Broker) dropOrphans(ctx context.Context) {
	ids, err := b.store.QueueLogs(ctx)
	if err != nil {
		b.log.Error("listing queue logs", "err", err)
		return
	}
	known := make(map[string]bool)
	for _, ns := range b.namespaces {
		for _, q := range ns.queues {
			known[q.id] = true
		}
	}
	for _, id := range ids {
		if known[id] {
			continue
		}
		if err := b.store.DeleteQueueLog(ctx, id); err != nil {
			b.log.Error("deleting an orphaned queue log", "id", id, "err", err)
		}
	}
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newID makes an id that is unique for ever: 22 characters of [0-9A-Za-z], 130 bits.
func newID() string {
	var raw [22]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	for i := range raw {
		raw[i] = idAlphabet[int(raw[i])%len(idAlphabet)]
	}
	return string(raw[:])
}
