package broker

import "slices"

// blockEntries is how many entries share the runs that were made of them.
const blockEntries = 512

// block is a part of a list of entries. A queue's state holds its unsettled messages as runs, and is written for each
// settlement that somebody waits for; a long backlog is not walked through each time, only those blocks in which
// something has changed since.
type block struct {
	first *entry // nil when there is none left
	n     int
	taken int // how many it was given
	stale bool
	after uint64 // the message in the log before the first run's; 0 if unknown
	runs  []run
}

// addToBlock makes e, which is at the list's end, part of its last block.
func (l *entryList) addToBlock(e *entry) {
	var last *block
	if n := len(l.blocks); n > 0 {
		last = l.blocks[n-1]
	}
	if last == nil || last.taken == blockEntries {
		last = &block{}
		l.blocks = append(l.blocks, last)
	}
	if last.n == 0 {
		last.first = e
		if last.taken > 0 {
			l.empty--
		}
	}
	last.n++
	last.taken++
	last.stale, e.block = true, last
}

// insertIntoBlock makes e, which has come into the list before its end, part of the block of the entry before it.
func (l *entryList) insertIntoBlock(e *entry) {
	var b *block
	if e.prev != nil {
		b = e.prev.block
	} else {
		b = e.next.block
		b.first = e
	}
	b.n++
	b.stale, e.block = true, b
}

// removeFromBlock takes e out of its block, while it is still in the list.
func (l *entryList) removeFromBlock(e *entry) {
	b := e.block
	b.stale, e.block = true, nil
	if b.first == e {
		b.first = e.next
	}
	if b.n--; b.n > 0 {
		return
	}
	b.first, b.runs = nil, nil
	if l.empty++; l.empty > 16 && l.empty > len(l.blocks)/2 {
		l.dropEmpty()
	}
}

// dropEmpty forgets the blocks that have no entries left.
func (l *entryList) dropEmpty() {
	l.blocks = slices.DeleteFunc(l.blocks, func(b *block) bool { return b.n == 0 })
	l.empty = 0
}

// changed notes that the state says something else of the entry now.
func (e *entry) changed() {
	if e.block != nil {
		e.block.stale = true
	}
}

// setLimbo notes whether the entry is in nobody's hands for now.
func (e *entry) setLimbo(limbo bool) {
	e.limbo = limbo
	e.changed()
}

// setMoving notes whether the entry's copy is on the way into the log.
func (e *entry) setMoving(moving bool) {
	e.moving = moving
	e.changed()
}

// appendRuns appends the runs of the entries that do not move, in order.
func (l *entryList) appendRuns(runs []run) []run {
	if l.empty > 0 {
		l.dropEmpty()
	}
	for _, b := range l.blocks {
		if b.stale {
			b.count()
		}
		rest := b.runs
		if n := len(runs); n > 0 && len(rest) > 0 && runs[n-1].to == b.after && runs[n-1].count == rest[0].count {
			runs[n-1].to = rest[0].to
			runs[n-1].messages += rest[0].messages
			rest = rest[1:]
		}
		runs = append(runs, rest...)
	}
	return runs
}

// count makes the block's runs anew.
func (b *block) count() {
	st := state{runs: b.runs[:0]}
	b.after = 0
	e := b.first
	for range b.n {
		if !e.moving {
			if len(st.runs) == 0 {
				b.after = e.after
			}
			st.addEntry(e)
		}
		e = e.next
	}
	b.runs, b.stale = st.runs, false
}
