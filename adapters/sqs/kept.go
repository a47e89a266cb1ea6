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

// change replaces what is kept with the queue by what f makes of it, and returns when that is synced.
func (a *adapter) change(ctx context.Context, c *awsproto.Call, queueURL string, f func(q *queue, k *kept) error) error {
	q, err := a.find(ctx, c, queueURL)
	if err != nil {
		return err
	}
	defer q.session.Close()
	defer a.changes.lock(q.info.ID)()
	spec, err := q.session.QueueSpec(q.name)
	if err != nil {
		return absent(c, err)
	}
	k := readKept(&spec, q.info.Created)
	if err := f(q, &k); err != nil {
		return err
	}
	return absent(c, q.session.SetQueueAttributes(ctx, q.name, frontEnd, k.table()))
}
