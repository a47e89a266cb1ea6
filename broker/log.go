package broker

import (
	"context"
	"encoding/json"
	"sync"
	"time"
)

// LogSpec describes a log.
type LogSpec struct {
	Name       string
	Shards     int // at least 1
	Attributes Attributes
}

// LogInfo is what a look at a log tells.
type LogInfo struct {
	Spec    LogSpec
	ID      string // differs for a log of the same name made again after a delete
	Created time.Time
}

// LogRecord is one record of a log: a message whose key is the record's key, at its sequence within the shard
// (ascending from 1).
type LogRecord struct {
	Sequence uint64
	Message  *Message
}

// Log is a durable sequence of records in shards. Readers read from where they want, as often as they want; nothing
// is settled. It is safe for concurrent use.
type Log struct {
	ns   *Namespace
	info LogInfo

	mu     sync.Mutex
	shards []RecordLog // opened at first use
	closed bool
}

type storedLog struct {
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	ID         string            `json:"id"`
	Shards     int               `json:"shards"`
	Created    time.Time         `json:"created"`
	Attributes map[string][]byte `json:"attributes,omitempty"`
}

func (ns *Namespace) logRecord(l *Log) (MetadataKey, []byte, error) {
	attributes, err := encodeAttributes(l.info.Spec.Attributes)
	if err != nil {
		return MetadataKey{}, nil, err
	}
	value, err := json.Marshal(storedLog{
		Namespace: ns.name, Name: l.info.Spec.Name, ID: l.info.ID, Shards: l.info.Spec.Shards,
		Created: l.info.Created, Attributes: attributes,
	})
	return MetadataKey{Kind: "log", Namespace: ns.name, Name: l.info.Spec.Name}, value, err
}

func (ns *Namespace) adoptLog(stored storedLog) {
	attributes, err := decodeAttributes(stored.Attributes)
	if err != nil { // the records matter more than a front end's attributes
		ns.b.log.Error("log attributes are unreadable", "ns", ns.name, "log", stored.Name, "err", err)
	}
	spec := LogSpec{Name: stored.Name, Shards: stored.Shards, Attributes: attributes}
	ns.logs[stored.Name] = newLog(ns, LogInfo{Spec: spec, ID: stored.ID, Created: stored.Created})
}

func newLog(ns *Namespace, info LogInfo) *Log {
	return &Log{ns: ns, info: info, shards: make([]RecordLog, info.Spec.Shards)}
}

// shardID names the record log of a shard.
func (l *Log) shardID(shard int) string {
	return l.info.ID + "S" + string(idAlphabet[shard/len(idAlphabet)%len(idAlphabet)]) +
		string(idAlphabet[shard%len(idAlphabet)])
}

// MaxShards is the largest number of shards of a log.
const MaxShards = len(idAlphabet) * len(idAlphabet)

// CreateLog makes a log, and returns when that is synced. KindInUse when one of the name exists.
func (s *Session) CreateLog(ctx context.Context, spec LogSpec) (LogInfo, error) {
	if spec.Name == "" || !validName(spec.Name) || spec.Shards < 1 || spec.Shards > MaxShards {
		return LogInfo{}, &Error{Kind: KindInvalid, Type: ResourceLog, Namespace: s.ns.name, Name: spec.Name}
	}
	if err := s.check(AccessConfigure, ResourceLog, spec.Name); err != nil {
		return LogInfo{}, err
	}
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("log " + spec.Name)
	defer func() { release(); ns.mu.Unlock() }()
	if ns.deleted {
		return LogInfo{}, &Error{Kind: KindNotFound, Type: ResourceNamespace, Name: ns.name}
	}
	if ns.logs[spec.Name] != nil {
		return LogInfo{}, &Error{Kind: KindInUse, Type: ResourceLog, Namespace: ns.name, Name: spec.Name}
	}
	l := newLog(ns, LogInfo{Spec: spec, ID: newID(), Created: time.Now().UTC().Truncate(time.Millisecond)})
	ns.mu.Unlock()
	err := l.create(ctx)
	ns.mu.Lock()
	if err != nil {
		return LogInfo{}, err
	}
	ns.logs[spec.Name] = l
	return l.info, nil
}

func (l *Log) create(ctx context.Context) error {
	for i := range l.shards {
		shard, err := l.ns.b.store.CreateRecordLog(ctx, l.shardID(i))
		if err != nil {
			return err
		}
		l.shards[i] = shard
	}
	return l.ns.startRecord(l.ns.logRecord(l))()
}

// Log finds a log; KindNotFound when there is none, KindDenied without read or write access to it.
func (s *Session) Log(name string, a Access) (*Log, error) {
	if err := s.check(a, ResourceLog, name); err != nil {
		return nil, err
	}
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	if l := s.ns.logs[name]; l != nil {
		return l, nil
	}
	return nil, &Error{Kind: KindNotFound, Type: ResourceLog, Namespace: s.ns.name, Name: name}
}

// LogNames lists the namespace's logs, in no order.
func (s *Session) LogNames() []string {
	s.ns.mu.RLock()
	defer s.ns.mu.RUnlock()
	names := make([]string, 0, len(s.ns.logs))
	for name := range s.ns.logs {
		names = append(names, name)
	}
	return names
}

// DeleteLog removes a log and its records, and returns when that is synced.
func (s *Session) DeleteLog(ctx context.Context, name string) error {
	l, err := s.Log(name, AccessConfigure)
	if err != nil {
		return err
	}
	ns := s.ns
	ns.mu.Lock()
	release := ns.reserve("log " + name)
	defer func() { release(); ns.mu.Unlock() }()
	if ns.logs[name] != l {
		return &Error{Kind: KindNotFound, Type: ResourceLog, Namespace: ns.name, Name: name}
	}
	delete(ns.logs, name)
	err = ns.unlocked(ns.b.startDelete(MetadataKey{Kind: "log", Namespace: ns.name, Name: name}))
	if err != nil {
		return err
	}
	l.close()
	ns.mu.Unlock()
	defer ns.mu.Lock()
	for i := range l.shards {
		if err := ns.b.store.DeleteRecordLog(ctx, l.shardID(i)); err != nil {
			return err
		}
	}
	return nil
}

func (l *Log) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for i, shard := range l.shards {
		if shard != nil {
			shard.Close()
			l.shards[i] = nil
		}
	}
}

// Info describes the log.
func (l *Log) Info() LogInfo { return l.info }

// shard opens a shard's record log.
func (l *Log) shard(ctx context.Context, n int) (RecordLog, error) {
	if n < 0 || n >= len(l.shards) {
		return nil, &Error{Kind: KindNotFound, Type: ResourceLog, Namespace: l.ns.name, Name: l.info.Spec.Name}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if l.shards[n] == nil {
		shard, err := l.ns.b.store.OpenRecordLog(ctx, l.shardID(n))
		if IsKind(err, KindNotFound) { // as with a queue's log: see Queue.makeUp
			l.ns.b.log.Error("a log lacks a shard; it is made anew", "ns", l.ns.name, "log", l.info.Spec.Name, "shard", n)
			shard, err = l.ns.b.store.CreateRecordLog(ctx, l.shardID(n))
		}
		if err != nil {
			return nil, err
		}
		l.shards[n] = shard
	}
	return l.shards[n], nil
}

// Append adds a record and returns its sequence once it is stored and synced. Records of one caller keep their order.
// Many can wait at once; load makes the batches.
func (l *Log) Append(ctx context.Context, shard int, m *Message) (uint64, error) {
	wait, err := l.StartAppend(ctx, shard, m)
	if err != nil {
		return 0, err
	}
	return wait(ctx)
}

// StartAppend starts an Append; wait returns what Append does, and is called once. Records that one goroutine starts
// keep their order within a shard.
func (l *Log) StartAppend(ctx context.Context, shard int, m *Message) (wait func(context.Context) (uint64, error), err error) {
	r, err := l.shard(ctx, shard)
	if err != nil {
		return nil, err
	}
	a := &recordAppend{store: l.ns.b.store, done: make(chan error, 1)}
	r.Append(m.raw, a)
	return func(ctx context.Context) (uint64, error) {
		select {
		case err := <-a.done:
			return a.seq, err
		case <-ctx.Done():
			return 0, &Error{Kind: KindUncertain, Type: ResourceLog, Namespace: l.ns.name, Name: l.info.Spec.Name, Err: ctx.Err()}
		}
	}, nil
}

type recordAppend struct {
	store Store
	done  chan error
	seq   uint64
}

// Stored is told the record's sequence.
func (a *recordAppend) Stored(seq uint64, err error) {
	if err != nil {
		a.done <- err
		return
	}
	a.seq = seq
	a.store.Sync(a)
}

// Done is told that the record is synced.
func (a *recordAppend) Done(err error) { a.done <- err }

// Read returns up to maxRecords records of a shard and about maxBytes, from sequence from on, in order; none when
// there is nothing there yet.
func (l *Log) Read(ctx context.Context, shard int, from uint64, maxRecords, maxBytes int) ([]LogRecord, error) {
	r, err := l.shard(ctx, shard)
	if err != nil {
		return nil, err
	}
	entries, err := r.Read(ctx, from, maxRecords, maxBytes)
	if err != nil {
		return nil, err
	}
	records := make([]LogRecord, 0, len(entries))
	for _, e := range entries {
		m, err := decodeMessage(e.Payload)
		if err != nil {
			return nil, &Error{Kind: KindInternal, Type: ResourceLog, Namespace: l.ns.name, Name: l.info.Spec.Name, Err: err}
		}
		records = append(records, LogRecord{Sequence: e.Sequence, Message: m})
	}
	return records, nil
}

// Trim removes the records of a shard below a sequence.
func (l *Log) Trim(ctx context.Context, shard int, below uint64) error {
	r, err := l.shard(ctx, shard)
	if err != nil {
		return err
	}
	return r.Purge(ctx, below)
}

// Last is the sequence of a shard's newest record, 0 if it has none.
func (l *Log) Last(ctx context.Context, shard int) (uint64, error) {
	r, err := l.shard(ctx, shard)
	if err != nil {
		return 0, err
	}
	return r.Last(ctx)
}
