package broker

import (
	"container/heap"
	"slices"
)

// groups is the order of a queue whose messages go out in order within their group, see [QueueSpec.Ordered]. Each group
// has its own line, and those whose first entry may go out stand in a heap by their turns: in the order in which they
// came, but one that gave an entry is behind all others then [observed: SQS]. An entry may go out when no earlier one of
// its group is out. So what a locked group holds is in nobody's way, and choosing costs the same however many groups
// there are.
//
// In a fair queue, see [QueueSpec.Fair], no group is ever locked; those that have fewer entries out come first.
type groups struct {
	fair   bool
	turns  uint64 // turns that were given
	of     map[string]*group
	open   groupHeap
	reload func(*entry) // reads the message of an entry again
}

// group is one group that has entries that are ready or out.
type group struct {
	name   string
	ready  line
	out    []*entry // under a lease, in order of sequence; few; of an ordered queue
	load   int      // how many are under a lease, of a fair one
	turn   uint64   // its place among the groups of an ordered queue
	heapAt int      // its place in open; -1 when it is not there
}

func newGroups(reload func(*entry), fair bool) *groups {
	return &groups{fair: fair, of: make(map[string]*group), reload: reload}
}

// beFair puts what is ready into groups. Nothing of it has a group: the first message that has one comes now. What is
// under a lease counts for nobody.
func (q *Queue) beFair() {
	q.groups = newGroups(q.reload, true)
	before := q.line
	q.line = line{}
	none := &group{heapAt: -1}
	for i := range before.fresh.len() {
		e := before.fresh.at(i)
		e.group = none
		q.groups.add(e, true)
	}
	for _, e := range before.returned {
		e.group = none
		q.groups.add(e, false)
	}
}

// add adds a ready entry: one that was just taken, or one that comes back.
func (gs *groups) add(e *entry, fresh bool) {
	var name string
	if e.group != nil {
		name = e.group.name
	} else {
		name = e.msg.Group()
	}
	g := gs.of[name]
	if g == nil { // a group that had nothing left is made anew
		g = &group{name: name, heapAt: -1}
		gs.of[name] = g
		gs.queueUp(g)
	}
	e.group = g
	if fresh {
		e.group.ready.fresh.pushBack(e)
	} else {
		e.group.ready.returned.push(e)
	}
	gs.arrange(e.group)
}

// queueUp puts a group of an ordered queue behind all others.
func (gs *groups) queueUp(g *group) {
	if !gs.fair {
		gs.turns++
		g.turn = gs.turns
	}
}

// lock notes that e, which is not ready any more, is out.
func (gs *groups) lock(e *entry) {
	g := e.group
	gs.of[g.name] = g // it was forgotten if e was the last that was ready
	if gs.fair {
		g.load++
		gs.arrange(g)
		return
	}
	at, _ := slices.BinarySearchFunc(g.out, e.seq, func(o *entry, seq uint64) int {
		if o.seq < seq {
			return -1
		}
		return 1
	})
	g.out = slices.Insert(g.out, at, e)
	gs.queueUp(g)
	gs.arrange(g)
}

// unlock notes that e is not out any more.
func (gs *groups) unlock(e *entry) {
	if gs.fair {
		e.group.load--
		gs.arrange(e.group)
		return
	}
	if at := slices.Index(e.group.out, e); at >= 0 {
		e.group.out = slices.Delete(e.group.out, at, at+1)
		gs.arrange(e.group)
	}
}

// arrange puts the group into its place after a change, and forgets it when it has nothing left.
func (gs *groups) arrange(g *group) {
	open := g.ready.len() > 0 && g.ready.front().seq < g.barrier()
	if open && g.ready.front().msg == nil {
		open = false
		gs.reloadFirst(g)
	}
	switch {
	case open && g.heapAt < 0:
		heap.Push(&gs.open, g)
	case open:
		heap.Fix(&gs.open, g.heapAt)
	case g.heapAt >= 0:
		heap.Remove(&gs.open, g.heapAt)
	}
	if g.ready.len() == 0 && len(g.out) == 0 && g.load == 0 {
		delete(gs.of, g.name)
	}
}

// reloadFirst reads the first messages of a group again.
func (gs *groups) reloadFirst(g *group) {
	gs.reload(g.ready.front())
	for i := range min(g.ready.fresh.len(), reloadAtOnce) {
		gs.reload(g.ready.fresh.at(i))
	}
}

// barrier is the sequence from which on the group's entries wait: that of its first entry that is out.
func (g *group) barrier() uint64 {
	if len(g.out) == 0 {
		return ^uint64(0)
	}
	return g.out[0].seq
}

// popFront takes the first entry of the first group.
func (gs *groups) popFront() *entry {
	g := gs.open[0]
	e := g.ready.popFront()
	gs.arrange(g)
	return e
}

// remove takes a ready entry out and reports whether it was there.
func (gs *groups) remove(e *entry) bool {
	if e.group == nil || !e.group.ready.remove(e) {
		return false
	}
	gs.arrange(e.group)
	return true
}

// clear forgets all that is ready.
func (gs *groups) clear() {
	for _, g := range gs.of {
		g.ready, g.heapAt = line{}, -1
		if len(g.out) == 0 && g.load == 0 {
			delete(gs.of, g.name)
		}
	}
	gs.open = nil
}

// batch is what one Get takes: as much as it can of a group, then of the next. barrier is what the group's was before.
type batch struct {
	group   *group
	barrier uint64
}

// next is the entry that the batch would take next, nil if there is none.
func (gs *groups) next(b *batch) *entry {
	if g := b.group; g != nil && !gs.fair && g.ready.len() > 0 && g.ready.front().seq < b.barrier {
		if g.ready.front().msg != nil {
			return g.ready.front()
		}
		gs.reloadFirst(g)
	}
	if len(gs.open) == 0 {
		return nil
	}
	b.group, b.barrier = gs.open[0], gs.open[0].barrier()
	return b.group.ready.front()
}

// groupHeap orders groups by how many of their entries are out and by their first one that is ready, or by their turns.
type groupHeap []*group

func (h groupHeap) Len() int { return len(h) }

func (h groupHeap) Less(i, j int) bool {
	if h[i].load != h[j].load {
		return h[i].load < h[j].load
	}
	if h[i].turn != h[j].turn {
		return h[i].turn < h[j].turn
	}
	return h[i].ready.front().seq < h[j].ready.front().seq
}

func (h groupHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].heapAt, h[j].heapAt = i, j
}

func (h *groupHeap) Push(x any) {
	g := x.(*group)
	g.heapAt = len(*h)
	*h = append(*h, g)
}

func (h *groupHeap) Pop() any {
	last := len(*h) - 1
	g := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	g.heapAt = -1
	return g
}
