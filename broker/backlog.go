package broker

import (
	"encoding/binary"
	"slices"
)

// backlog says which messages of a queue with priorities wait in the log, beyond the window: for each page of the log how
// many there are of each priority. Those of one priority are taken in the order of the log, so that one sequence for each
// of them tells what was taken; a page is read once for each priority that is in it. So the highest comes first however
// much waits, for some bytes of memory a page. It is a part of the queue's state, so that a start reads only what came
// after that. All fields are under the queue's mu.
type backlog struct {
	pages     []*backlogPage // in order; something waits in each
	taken     []uint64       // by priority: what stands below this in a page does not wait any more
	waiting   []int          // by priority: how many messages wait
	n         int            // how many do
	top       int            // the highest priority of which some do; -1: none does
	size      int64          // bytes of those messages
	pageBytes int64          // when another page begins
	unwritten int64          // bytes that came in since the last state
}

// backlogPage is a range of the log. What does not wait, since it went through the window at once, takes no count.
type backlogPage struct {
	from, to uint64      // first and last sequence
	offset   int64       // of its first message: see entry
	size     int64       // bytes of the messages that wait
	bodies   int64       // and of their bodies
	ranks    []rankCount // of those that wait, in no order
}

type rankCount struct {
	rank uint8
	n    uint32
}

const (
	// backlogPageBytes is about how much of the log is a page, as long as there are few of them.
	backlogPageBytes = 512 << 10
	// maxBacklogPages bounds them: with more, adjacent ones are joined.
	maxBacklogPages = 4096
	// backlogUnwritten is how many bytes may come in before a state is written that tells of them.
	backlogUnwritten = 16 << 20
)

func newBacklog(priorities uint8) *backlog {
	return &backlog{
		taken: make([]uint64, int(priorities)+1), waiting: make([]int, int(priorities)+1), top: -1, pageBytes: backlogPageBytes,
	}
}

// len is how many messages wait in it; 0 of a nil backlog.
func (b *backlog) len() int {
	if b == nil {
		return 0
	}
	return b.n
}

// bytes is how many bytes those have.
func (b *backlog) bytes() int64 {
	if b == nil {
		return 0
	}
	return b.size
}

// add notes that the message at seq waits, which is the newest.
func (b *backlog) add(seq uint64, rank uint8, m *Message, offset int64) {
	if n := len(b.pages); n == 0 || offset-b.pages[n-1].offset >= b.pageBytes {
		if n >= maxBacklogPages {
			b.joinPages()
		}
		b.pages = append(b.pages, &backlogPage{from: seq, offset: offset})
	}
	p := b.pages[len(b.pages)-1]
	p.to = seq
	b.count(p, rank, 1, int64(m.Size()), int64(len(m.Body())))
	b.unwritten += int64(m.Size())
}

// count adds n messages (or takes them away) of so many bytes.
func (b *backlog) count(p *backlogPage, rank uint8, n int, size, bodies int64) {
	p.add(rank, n)
	p.size += size
	p.bodies += bodies
	b.n += n
	b.size += size
	b.waiting[rank] += n
	if n > 0 {
		b.top = max(b.top, int(rank))
	}
	for b.top >= 0 && b.waiting[b.top] == 0 {
		b.top--
	}
	if len(p.ranks) > 0 {
		return
	}
	b.size -= p.size // of what was counted and not found
	if i := slices.Index(b.pages, p); i >= 0 {
		b.pages = slices.Delete(b.pages, i, i+1)
	}
}

func (p *backlogPage) add(rank uint8, n int) {
	i := slices.IndexFunc(p.ranks, func(c rankCount) bool { return c.rank == rank })
	if i < 0 {
		i = len(p.ranks)
		p.ranks = append(p.ranks, rankCount{rank: rank})
	}
	p.ranks[i].n = uint32(int(p.ranks[i].n) + n)
	if p.ranks[i].n == 0 {
		p.ranks = slices.Delete(p.ranks, i, i+1)
	}
}

// waits is how many messages of a priority wait in the page.
func (p *backlogPage) waits(rank uint8) int {
	for _, c := range p.ranks {
		if c.rank == rank {
			return int(c.n)
		}
	}
	return 0
}

// joinPages makes one page of every two.
func (b *backlog) joinPages() {
	joined := b.pages[:0]
	for i := 0; i < len(b.pages); i += 2 {
		p := b.pages[i]
		if i+1 < len(b.pages) {
			next := b.pages[i+1]
			p.to = next.to
			p.size += next.size
			p.bodies += next.bodies
			for _, c := range next.ranks {
				p.add(c.rank, int(c.n))
			}
		}
		joined = append(joined, p)
	}
	clear(b.pages[len(joined):])
	b.pages = joined
	b.pageBytes *= 2
}

// pageOf is the page with the first messages of a priority, of which there must be some, and the priorities whose first
// messages are in it.
func (b *backlog) pageOf(rank uint8) (page *backlogPage, firsts [256]bool) {
	var before [256]bool
	for _, p := range b.pages {
		if p.waits(rank) == 0 {
			for _, c := range p.ranks {
				before[c.rank] = true
			}
			continue
		}
		for _, c := range p.ranks {
			firsts[c.rank] = !before[c.rank]
		}
		return p, firsts
	}
	return nil, firsts
}

// clear drops all that waits.
func (b *backlog) clear() {
	if b == nil {
		return
	}
	for _, p := range b.pages {
		p.ranks = nil // it may be being read
	}
	b.pages, b.n, b.size, b.top = nil, 0, 0, -1
	clear(b.waiting)
}

// snapshot is what a state tells of the backlog; nil if nothing waits in it.
func (b *backlog) snapshot() *backlogState {
	if b.len() == 0 {
		return nil
	}
	b.unwritten = 0
	return &backlogState{taken: b.taken, pages: b.pages}
}

// backlogState is a backlog as a state tells of it: n, n x (what was taken), by priority; n, n x page, of which each is
// the gap from the end of the one before, last - first sequence, the bytes of messages and of bodies, and n, n x (priority,
// messages).
type backlogState struct {
	taken []uint64
	pages []*backlogPage
}

func (s *backlogState) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s.taken)))
	for _, seq := range s.taken {
		dst = binary.AppendUvarint(dst, seq)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.pages)))
	at := uint64(0)
	for _, p := range s.pages {
		dst = binary.AppendUvarint(dst, p.from-at)
		dst = binary.AppendUvarint(dst, p.to-p.from)
		dst = binary.AppendUvarint(dst, uint64(p.size))
		dst = binary.AppendUvarint(dst, uint64(p.bodies))
		dst = binary.AppendUvarint(dst, uint64(len(p.ranks)))
		for _, c := range p.ranks {
			dst = binary.AppendUvarint(dst, uint64(c.rank))
			dst = binary.AppendUvarint(dst, uint64(c.n))
		}
		at = p.to
	}
	return dst
}

func (d *varints) backlog() *backlogState {
	s := &backlogState{}
	for range d.length(1) {
		s.taken = append(s.taken, d.next())
	}
	at := uint64(0)
	for range d.length(7) {
		p := &backlogPage{from: at + d.next()}
		p.to = p.from + d.next()
		p.size, p.bodies = int64(d.next()), int64(d.next())
		at = p.to
		for range d.length(2) {
			rank, n := d.next(), d.next()
			d.bad = d.bad || rank >= uint64(len(s.taken)) || rank > 255 || n == 0 || n > 1<<31 || p.waits(uint8(rank)) > 0
			p.ranks = append(p.ranks, rankCount{rank: uint8(rank), n: uint32(n)})
		}
		d.bad = d.bad || len(p.ranks) == 0 || p.size < 0 || p.bodies < 0
		s.pages = append(s.pages, p)
	}
	return s
}
