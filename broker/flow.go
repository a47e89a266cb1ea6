package broker

import (
	"cmp"
	"slices"
	"sync"
)

// Flow is what was counted of the clients of one front end, and of queues of one type.
type Flow struct {
	// FrontEnd is what [Session.SetFrontEnd] said; "" for sessions that nobody named.
	FrontEnd string
	// QueueType is what Options.QueueType says of the queues; "" for what concerns no queue: publications and confirms.
	QueueType string
	Counts    Counts
}

type flowKey struct{ frontEnd, queueType string }

// flows counts by front end and type of queue. It is safe for concurrent use.
type flows struct {
	mu sync.RWMutex
	of map[flowKey]*Traffic
}

// find returns the counters of a key; they stay the same ones.
func (f *flows) find(key flowKey) *Traffic {
	f.mu.RLock()
	t := f.of[key]
	f.mu.RUnlock()
	if t != nil {
		return t
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if t = f.of[key]; t == nil {
		if f.of == nil {
			f.of = make(map[flowKey]*Traffic)
		}
		t = &Traffic{}
		f.of[key] = t
	}
	return t
}

// addTo adds what was counted to sums.
func (f *flows) addTo(sums map[flowKey]Counts) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for key, t := range f.of {
		sums[key] = sums[key].Plus(t.Counts())
	}
}

// sum is all that was counted.
func (f *flows) sum() (all Counts) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, t := range f.of {
		all = all.Plus(t.Counts())
	}
	return all
}

// Flows is what was counted since the start in all namespaces, those that are deleted too, in a fixed order.
func (b *Broker) Flows() []Flow {
	sums := make(map[flowKey]Counts)
	b.mu.RLock()
	for key, counts := range b.pastFlows {
		sums[key] = counts
	}
	for _, ns := range b.namespaces {
		ns.flows.addTo(sums)
	}
	b.mu.RUnlock()
	list := make([]Flow, 0, len(sums))
	for key, counts := range sums {
		list = append(list, Flow{key.frontEnd, key.queueType, counts})
	}
	slices.SortFunc(list, func(a, b Flow) int {
		return cmp.Or(cmp.Compare(a.FrontEnd, b.FrontEnd), cmp.Compare(a.QueueType, b.QueueType))
	})
	return list
}

// keepFlows keeps what was counted in a namespace that goes. The caller holds b.mu.
func (b *Broker) keepFlows(ns *Namespace) {
	if b.pastFlows == nil {
		b.pastFlows = make(map[flowKey]Counts)
	}
	ns.flows.addTo(b.pastFlows)
}

// SetFrontEnd names the front end that the session's client came through, for what is counted. It must be called
// before the session is used.
func (s *Session) SetFrontEnd(name string) {
	s.frontEnd = name
	s.flow = s.ns.flows.find(flowKey{frontEnd: name})
}

// queueFlow is a front end's counters for a queue.
type queueFlow struct {
	frontEnd string
	traffic  *Traffic
}

// flow returns the counters for what a front end's clients do with the queue. The caller holds q.mu. There are few
// front ends: a walk through them is quicker than a map.
func (q *Queue) flow(frontEnd string) *Traffic {
	for i := range q.flows {
		if q.flows[i].frontEnd == frontEnd {
			return q.flows[i].traffic
		}
	}
	t := q.ns.flows.find(flowKey{frontEnd, q.kind()})
	q.flows = append(q.flows, queueFlow{frontEnd, t})
	return t
}

// kind is the type of the queue, for what is counted.
func (q *Queue) kind() string {
	if q.ns.b.opts.QueueType == nil {
		return ""
	}
	return q.ns.b.opts.QueueType(&q.spec)
}
