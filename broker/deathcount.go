package broker

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// Fate says what becomes of the messages that a queue gets rid of.
type Fate uint8

// The fates.
const (
	GoneForGood      Fate = iota // the queue has no dead letter exchange
	DeadLettered                 // they are dead-lettered, and one that reaches no queue is gone
	DeadLetteredTill             // they are dead-lettered until a queue has them
	fateCount        = iota
	deathReasonCount = int(DiedOfDeliveries) + 1
)

// Deaths is how many messages queues of one type got rid of, for one reason.
type Deaths struct {
	QueueType string // what Options.QueueType says of the queues
	Fate      Fate
	Reason    DeathReason
	Count     uint64
	// Stored is how many of them are known to be in another queue; it is told for DeadLetteredTill only.
	Stored uint64
}

// deathCounts counts the deaths in queues of one type. It is safe for concurrent use.
type deathCounts struct {
	died, stored [fateCount][deathReasonCount]atomic.Uint64
}

// deathRegistry holds the counts by type of queue.
type deathRegistry struct {
	mu sync.Mutex
	of map[string]*deathCounts
}

func (r *deathRegistry) find(queueType string) *deathCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.of[queueType]
	if c == nil {
		if r.of == nil {
			r.of = make(map[string]*deathCounts)
		}
		c = &deathCounts{}
		r.of[queueType] = c
	}
	return c
}

// Deaths is what was counted since the start, what happened at least once, in a fixed order.
func (b *Broker) Deaths() []Deaths {
	b.deaths.mu.Lock()
	defer b.deaths.mu.Unlock()
	var list []Deaths
	for queueType, c := range b.deaths.of {
		for fate := range c.died {
			for reason := range c.died[fate] {
				if n := c.died[fate][reason].Load(); n > 0 {
					list = append(list, Deaths{queueType, Fate(fate), DeathReason(reason), n, c.stored[fate][reason].Load()})
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b Deaths) int {
		return cmp.Or(cmp.Compare(a.QueueType, b.QueueType), cmp.Compare(a.Fate, b.Fate), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// noteDeath counts a message that the queue gets rid of. The caller holds q.mu.
func (q *Queue) noteDeath(reason DeathReason) {
	if q.deaths == nil {
		q.deaths = q.ns.b.deaths.find(q.kind())
	}
	q.deaths.died[q.fate()][reason].Add(1)
}

// noteBurial counts a dead letter that reached a queue. The caller holds q.mu.
func (q *Queue) noteBurial(reason DeathReason) {
	if fate := q.fate(); fate == DeadLetteredTill && q.deaths != nil {
		q.deaths.stored[fate][reason].Add(1)
	}
}

// fate is what becomes of messages that the queue gets rid of now. The caller holds q.mu.
func (q *Queue) fate() Fate {
	l := q.limiter.limits
	switch {
	case l == nil || !l.HasDeadLetter:
		return GoneForGood
	case l.KeepUndelivered && l.Overflow == RejectNew:
		return DeadLetteredTill
	default:
		return DeadLettered
	}
}
