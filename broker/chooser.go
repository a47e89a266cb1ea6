package broker

import (
	"slices"
)

// chooser says which consumer may have which message, in a queue that has a consumer with a filter or one that keeps
// groups together. Every ready entry stands in a line of all, for those who ask without a filter, and in that of each
// selection whose filter takes it; an entry is looked at once for each selection, not at each dispatch. What nobody here
// wants stays where it is in the order, and in nobody's way: its message need not be in memory. A new selection looks at
// all that is ready; what is not in memory is read again for it, and it gets nothing from behind what it has not seen.
type chooser struct {
	q          *Queue
	all        offers
	selections []*selection
	numbered   uint32               // selections so far
	owners     map[string]*Consumer // of groups, see ConsumeOptions.KeepGroups
}

// selection is what consumers of one filter can have.
type selection struct {
	name      string
	number    uint32
	filter    Filter // nil: everything
	consumers int
	offers    offers
	unseen    []*entry // without a message in memory, and not looked at; in order
}

// maxOwners bounds the groups that are remembered to be a consumer's; of more, some are forgotten.
const maxOwners = 1 << 16

// choosy reports whether a consumer with these options needs a chooser.
func (o *ConsumeOptions) choosy() bool { return o.Filter != nil || o.KeepGroups }

// noteChoice keeps the chooser, which is there only as long as it is needed, when a consumer came or went.
func (q *Queue) noteChoice(c *Consumer) {
	if q.stream != nil {
		return // its readers filter for themselves
	}
	needed := slices.ContainsFunc(q.consumers, func(c *Consumer) bool { return c.opts.choosy() }) ||
		(q.chooser != nil && q.dropped > 0) // what is not in memory can be in no other line
	switch {
	case needed && q.chooser == nil:
		ch := &chooser{q: q, owners: make(map[string]*Consumer)}
		q.chooser = ch
		for _, c := range q.consumers {
			ch.join(c)
		}
		ready := slices.Concat([]*entry(q.returned), q.fresh.all())
		q.line = line{}
		for _, e := range ready {
			ch.insert(e)
		}
	case needed && c.stopped:
		q.chooser.leave(c)
	case needed:
		q.chooser.join(c)
	case q.chooser != nil:
		ready := q.chooser.all
		q.chooser = nil
		for _, o := range ready {
			if o.holds() {
				q.returned.push(o.e)
			}
		}
	}
}

// join adds a consumer, and with it perhaps a selection.
func (ch *chooser) join(c *Consumer) {
	name := ""
	if c.opts.Filter != nil {
		name = c.opts.Filter.String()
	}
	at := slices.IndexFunc(ch.selections, func(s *selection) bool { return s.name == name })
	if at >= 0 {
		c.selection = ch.selections[at]
		c.selection.consumers++
		return
	}
	ch.numbered++
	s := &selection{name: name, number: ch.numbered, filter: c.opts.Filter, consumers: 1}
	c.selection = s
	ch.selections = append(ch.selections, s)
	for _, o := range ch.all {
		switch {
		case !o.holds():
		case o.e.msg == nil && s.filter != nil:
			s.unseen = append(s.unseen, o.e)
		case s.filter == nil || s.filter.Match(o.e.msg):
			s.offers.add(o.e, ch.q.waiting)
		}
	}
	slices.SortFunc(s.unseen, func(a, b *entry) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
}

// leave takes a consumer out. What was kept for it is anybody's again.
func (ch *chooser) leave(c *Consumer) {
	if c.selection == nil {
		return
	}
	if c.selection.consumers--; c.selection.consumers == 0 {
		ch.selections = slices.Delete(ch.selections, slices.Index(ch.selections, c.selection), slices.Index(ch.selections, c.selection)+1)
	}
	for group, owner := range ch.owners {
		if owner == c {
			delete(ch.owners, group)
		}
	}
	own := c.own
	c.own = nil
	for _, o := range own {
		if o.holds() && o.e.owner == c {
			ch.place(o.e)
		}
	}
}

// insert adds a ready entry.
func (ch *chooser) insert(e *entry) {
	e.stamp++
	ch.all.add(e, ch.q.waiting)
	ch.place(e)
	e.seen = ch.numbered
	ch.spare(e)
}

// place offers an entry to those who may have it: the consumer that its group is kept at, or each selection that takes
// it.
func (ch *chooser) place(e *entry) {
	if e.owner = ch.ownerOf(e); e.owner != nil {
		e.owner.own.add(e, ch.q.waiting)
		return
	}
	for _, s := range ch.selections {
		if s.takes(e) {
			s.offers.add(e, ch.q.waiting)
		}
	}
}

func (s *selection) takes(e *entry) bool {
	return s.filter == nil || (e.msg != nil && s.filter.Match(e.msg))
}

// look offers an entry whose message is there again to the selections that have not looked at it.
func (ch *chooser) look(e *entry) {
	if !e.waits() || e.delayed {
		return
	}
	for _, s := range ch.selections {
		if s.number > e.seen && s.filter != nil && s.takes(e) {
			s.offers.add(e, ch.q.waiting)
		}
	}
	e.seen = ch.numbered
	ch.spare(e)
}

// spare drops an entry's message when there are enough in memory and nobody can have it now. That of the first entry
// stays, for who asks without a filter.
func (ch *chooser) spare(e *entry) {
	if ch.q.crowded() && ch.all.first() != e && !ch.wanted(e) {
		ch.q.drop(e)
	}
}

// wanted reports whether a consumer that has room may have the entry.
func (ch *chooser) wanted(e *entry) bool {
	for _, c := range ch.q.consumers {
		if c.hasRoom() && (e.owner == nil || e.owner == c) && c.selection.takes(e) {
			return true
		}
	}
	return false
}

// ownerOf is the consumer that the entry's group is kept at; nil if there is none that wants it.
func (ch *chooser) ownerOf(e *entry) *Consumer {
	if len(ch.owners) == 0 || e.msg == nil {
		return nil
	}
	if c := ch.owners[e.msg.Group()]; c != nil && c.selection.takes(e) {
		return c
	}
	return nil
}

// first is the entry that the consumer gets next; nil if there is none that it can have now.
func (ch *chooser) first(c *Consumer) *entry {
	own := c.own.first()
	e := ch.firstOf(c.selection, c)
	if own != nil && (e == nil || own.before(e)) {
		if own.msg == nil {
			c.own.reloadFirst(ch.q.reload)
			return nil
		}
		return own
	}
	return e
}

// firstOf is the first entry of a selection that its consumer c can have now.
func (ch *chooser) firstOf(s *selection, c *Consumer) *entry {
	for len(s.unseen) > 0 && (!s.unseen[0].waits() || s.unseen[0].seen >= s.number) {
		s.unseen = s.unseen[1:]
	}
	for {
		e := s.offers.first()
		if len(s.unseen) > 0 && (e == nil || s.unseen[0].before(e)) {
			for _, u := range s.unseen[:min(len(s.unseen), reloadAtOnce)] {
				ch.q.reload(u)
			}
			return nil
		}
		if e == nil {
			return nil
		}
		if e.msg == nil {
			s.offers.reloadFirst(ch.q.reload)
			return nil
		}
		owner := ch.ownerOf(e)
		if owner == nil || owner == c {
			return e
		}
		s.offers.pop()
		if e.owner != owner {
			e.owner = owner
			owner.own.add(e, ch.q.waiting)
		}
	}
}

// next chooses a consumer and the entry that it gets, and claims its credit; nil if there is none. Consumers of higher
// priority come first, equals in turn.
func (ch *chooser) next() (*Consumer, *entry) {
	q := ch.q
	n := len(q.consumers)
	for {
		best := -1
		var e *entry
		for k := range n {
			i := (q.turn + k) % n
			c := q.consumers[i]
			if !c.hasRoom() || (best >= 0 && c.opts.Priority <= q.consumers[best].opts.Priority) {
				continue
			}
			found := ch.first(c)
			if found == nil {
				continue
			}
			best, e = i, found
			if !q.priorities {
				break
			}
		}
		if best < 0 {
			return nil, nil
		}
		if !q.covered(e) {
			q.wantMark(e.seq, q.room())
			return nil, nil
		}
		if c := q.consumers[best]; c.take() {
			q.turn = best + 1
			return c, e
		}
	}
}

// dispatch hands out what consumers can have.
func (ch *chooser) dispatch() {
	q := ch.q
	for len(q.consumers) > 0 {
		c, e := ch.next()
		if c == nil {
			return
		}
		q.takeBack(e)
		if q.isTooOld(e.msg) {
			for _, credit := range c.opts.Credits {
				credit.release(1)
			}
			q.retire(e, DiedOfAge, nil)
			continue
		}
		e.opens = ch.keepGroup(e, c)
		q.handOut(e, c)
		e.opens = false
	}
}

// keepGroup notes whose the entry's group is from now on, and reports whether that is new.
func (ch *chooser) keepGroup(e *entry, c *Consumer) bool {
	if !c.opts.KeepGroups {
		return false
	}
	group := e.msg.Group()
	if group == "" {
		return false
	}
	fresh := ch.owners[group] != c
	if e.msg.endsGroup() {
		delete(ch.owners, group)
		return fresh
	}
	if len(ch.owners) >= maxOwners && fresh {
		for other := range ch.owners {
			delete(ch.owners, other)
			break
		}
	}
	ch.owners[group] = c
	return fresh
}

// hungry reports whether a consumer could take more than there is.
func (ch *chooser) hungry() bool { return slices.ContainsFunc(ch.q.consumers, (*Consumer).hasRoom) }

// clear forgets all that is ready.
func (ch *chooser) clear() {
	ch.all = nil
	for _, s := range ch.selections {
		s.offers, s.unseen = nil, nil
	}
	for _, c := range ch.q.consumers {
		c.own = nil
	}
}
