package broker

import "container/heap"

// offer is an entry that somebody may have. It holds as long as the entry is ready and was not handed out since: an entry
// can stand in several lines of offers, and leaves them when it is found in them.
type offer struct {
	e     *entry
	stamp uint32
}

func (o offer) holds() bool { return o.e.stamp == o.stamp && o.e.waits() && !o.e.delayed }

// offers is a heap of offers in the order in which they go out.
type offers []offer

func (h offers) Len() int           { return len(h) }
func (h offers) Less(i, j int) bool { return h[i].e.before(h[j].e) }
func (h offers) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *offers) Push(x any)        { *h = append(*h, x.(offer)) }
func (h *offers) Pop() any {
	last := len(*h) - 1
	o := (*h)[last]
	(*h)[last] = offer{}
	*h = (*h)[:last]
	return o
}

func (h *offers) pop() { heap.Pop(h) }

// spareOffers is how many offers that do not hold any more a line may keep besides as many as there are ready entries.
const spareOffers = 1024

// add adds an entry. ready is how many ready entries there are.
func (h *offers) add(e *entry, ready int) {
	if len(*h) > 2*ready+spareOffers {
		kept := (*h)[:0]
		for _, o := range *h {
			if o.holds() {
				kept = append(kept, o)
			}
		}
		clear((*h)[len(kept):])
		*h = kept
		heap.Init(h)
	}
	heap.Push(h, offer{e, e.stamp})
}

// first is the first entry that holds; nil if there is none.
func (h *offers) first() *entry {
	for len(*h) > 0 {
		if (*h)[0].holds() {
			return (*h)[0].e
		}
		heap.Pop(h)
	}
	return nil
}

// reloadFirst has the messages of some of the first entries read again.
func (h offers) reloadFirst(reload func(*entry)) {
	for i := range min(len(h), reloadAtOnce) {
		if h[i].holds() {
			reload(h[i].e)
		}
	}
}
