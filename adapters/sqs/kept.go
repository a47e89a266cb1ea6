package sqs

import (
	"context"
	"hash/maphash"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// frontEnd is the name under which what is kept stands with the queue.
const frontEnd = "sqs"

// The fields beside the attributes.
const (
	keptModified = "modified" // the time of the last change
	keptTags     = "tags"     // keys and values in turn, since a key may be longer than a field's name
)

// kept is what this front end keeps with a queue: the attributes as the client wrote them, and the tags.
type kept struct {
	attributes map[string]string
	tags       map[string]string
	modified   time.Time
}

// table is the form in which it stands with the queue.
func (k *kept) table() property.Table {
	table := property.Table{{Name: keptModified, Value: k.modified}}
	for _, name := range slices.Sorted(maps.Keys(k.attributes)) {
		table = append(table, property.Field{Name: name, Value: k.attributes[name]})
	}
	if len(k.tags) > 0 {
		list := make([]any, 0, 2*len(k.tags))
		for _, key := range slices.Sorted(maps.Keys(k.tags)) {
			list = append(list, key, k.tags[key])
		}
		table = append(table, property.Field{Name: keptTags, Value: list})
	}
	return table
}

// readKept reads what is kept with a queue; one that another front end declared has nothing.
func readKept(spec *broker.QueueSpec, created time.Time) kept {
	k := kept{attributes: make(map[string]string), tags: make(map[string]string), modified: created}
	for _, field := range spec.Attributes[frontEnd] {
		switch value := field.Value.(type) {
		case string:
			k.attributes[field.Name] = value
		case time.Time:
			k.modified = value
		case []any:
			for i := 0; i+1 < len(value); i += 2 {
				key, _ := value[i].(string)
				k.tags[key], _ = value[i+1].(string)
			}
		}
	}
	return k
}

// queueLocks put the changes of one queue after each other. Queues may share a lock.
type queueLocks struct {
	seed  maphash.Seed
	locks [64]sync.Mutex
}

func newQueueLocks() *queueLocks { return &queueLocks{seed: maphash.MakeSeed()} }

func (l *queueLocks) lock(id string) (unlock func()) {
	m := &l.locks[maphash.String(l.seed, id)%uint64(len(l.locks))]
	m.Lock()
	return m.Unlock
}

// change replaces what is kept with the queue by what f makes of it, puts it in force, and returns
// when that is synced.
func (a *adapter) change(ctx context.Context, c *awsproto.Call, queueURL string, f func(q *queue, k *kept) error) error {
	q, err := a.find(ctx, c, queueURL)
	if err != nil {
		return err
	}
	defer q.session.Close()
	defer a.changes.lock(q.identity.ID)()
	spec, err := q.session.QueueSpec(q.name)
	if err != nil {
		return absent(c, err)
	}
	k := readKept(&spec, q.identity.Created)
	before := readKept(&spec, q.identity.Created)
	if err := f(q, &k); err != nil {
		return err
	}
	limits := before.replaceLimits(spec.Limits, &k)
	if err := q.session.ConfigureQueue(ctx, q.name, frontEnd, k.table(), limits); err != nil {
		return absent(c, err)
	}
	a.policyChanged(awsproto.Namespace(q.account, q.region, c.Home), q.name)
	return nil
}

// replaceLimits gives the queue's limits with those that k had in them replaced by those of now. What
// others set stays.
func (k *kept) replaceLimits(limits *broker.QueueLimits, now *kept) *broker.QueueLimits {
	var l broker.QueueLimits
	if limits != nil {
		l = *limits
	}
	if _, ok := k.redrive(); ok {
		l.HasDeliveryLimit, l.DeliveryLimit = false, 0
		l.HasDeadLetter, l.DeadLetter, l.HasDeadLetterKey, l.DeadLetterKey = false, "", false, ""
		l.KeepUndelivered = false
	}
	if p, ok := now.redrive(); ok {
		target, _ := parseARN(p.target)
		// After as many receives the message is one of the dead when it would be visible again.
		l.HasDeliveryLimit, l.DeliveryLimit = true, int64(p.maxReceive)-1
		l.HasDeadLetter, l.DeadLetter, l.HasDeadLetterKey, l.DeadLetterKey = true, "", true, target.name
		if l.Overflow == "" && !l.HasMaxLength && !l.HasMaxBytes { // a dead-letter queue that is gone takes nothing, and loses nothing
			l.Overflow, l.KeepUndelivered = broker.RejectNew, true
		}
	}
	l.Deduplicate = now.deduplication()
	l.Delay = time.Duration(now.number(attrDelay)) * time.Second
	l.Retention = 0
	if _, set := now.attributes[attrRetention]; set { // a queue that another front end declared keeps its messages
		l.Retention = time.Duration(now.number(attrRetention)) * time.Second
	}
	if l == (broker.QueueLimits{}) {
		return nil
	}
	return &l
}

// deduplication is how the queue deduplicates.
func (k *kept) deduplication() broker.Deduplication {
	switch {
	case k.attributes[attrFIFO] != "true":
		return broker.NoDeduplication
	case k.value(attrDedupScope) == "messageGroup":
		return broker.DeduplicateInGroup
	}
	return broker.DeduplicateInQueue
}
