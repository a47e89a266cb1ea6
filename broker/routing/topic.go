package routing

import (
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

const (
	oneWord  = "*"
	anyWords = "#"
)

// topic is a trie of patterns, word by word. Nodes are numbered, so that what a
// match remembers of them is small and outlives the trie without keeping it.
type topic[D comparable, M any] struct {
	nodes []node[D, M] // the first is the root: the pattern of no word
	free  []int32      // numbers of nodes that were removed
}

// node stands for the words from the root down to it. Zero means no child, since
// the root is nobody's.
type node[D comparable, M any] struct {
	words    map[string]int32 // children for words that stand for themselves
	one, any int32            // children for * and #
	parent   int32
	word     string     // under which the parent has it
	bindings list[D, M] // whose pattern ends here
}

// walk is what a match remembers on its way through a trie.
type walk struct {
	// current are the nodes, but for those of a #, where the words so far lead;
	// next are those where one more word leads.
	current, next []int32
	// open are the nodes of a # that were reached and have children. A # takes
	// any further word, so they stay.
	open []int32
	// reached are all nodes of a # that were reached, and marks has their bits.
	// Without it a pattern of many #, whose node can be reached in as many ways
	// as the words can be divided among them, would take that many steps.
	reached []int32
	marks   []uint64
}

func newTopic[D comparable, M any]() *topic[D, M] {
	return &topic[D, M]{nodes: make([]node[D, M], 1)}
}

func (t *topic[D, M]) add(e *entry[D, M]) error {
	at := int32(0)
	for rest, more := e.Key, e.Key != ""; more; {
		var word string
		word, rest, more = strings.Cut(rest, ".")
		if word == anyWords && t.nodes[at].word == anyWords {
			continue // a # after a # adds nothing
		}
		at = t.child(at, word)
	}
	t.nodes[at].bindings.add(e)
	return nil
}

// child finds the child for a word, or makes it.
func (t *topic[D, M]) child(parent int32, word string) int32 {
	if n := t.find(parent, word); n != 0 {
		return n
	}
	child := node[D, M]{parent: parent, word: word}
	var n int32
	if last := len(t.free) - 1; last >= 0 {
		n, t.free = t.free[last], t.free[:last]
		t.nodes[n] = child
	} else {
		n = int32(len(t.nodes))
		t.nodes = append(t.nodes, child)
	}
	t.link(parent, word, n)
	return n
}

func (t *topic[D, M]) find(parent int32, word string) int32 {
	p := &t.nodes[parent]
	switch word {
	case oneWord:
		return p.one
	case anyWords:
		return p.any
	default:
		return p.words[word]
	}
}

// link makes n the parent's child for a word; 0 leaves it none.
func (t *topic[D, M]) link(parent int32, word string, n int32) {
	p := &t.nodes[parent]
	switch {
	case word == oneWord:
		p.one = n
	case word == anyWords:
		p.any = n
	case n == 0:
		delete(p.words, word)
	default:
		if p.words == nil {
			p.words = make(map[string]int32)
		}
		p.words[word] = n
	}
}

func (t *topic[D, M]) remove(e *entry[D, M]) {
	at := int32(0)
	for rest, more := e.Key, e.Key != ""; more; {
		var word string
		word, rest, more = strings.Cut(rest, ".")
		if word == anyWords && t.nodes[at].word == anyWords {
			continue
		}
		at = t.find(at, word)
	}
	t.nodes[at].bindings.remove(e)
	for at != 0 && t.nodes[at].idle() {
		n := t.nodes[at]
		t.link(n.parent, n.word, 0)
		t.nodes[at] = node[D, M]{}
		t.free = append(t.free, at)
		at = n.parent
	}
}

func (n *node[D, M]) idle() bool { return len(n.bindings) == 0 && !n.hasChildren() }

func (n *node[D, M]) hasChildren() bool { return len(n.words) > 0 || n.one != 0 || n.any != 0 }

// match follows all patterns at once, a word at a time. A node is looked at once
// a word at most, so the work is bounded by the words times the nodes.
func (t *topic[D, M]) match(key string, _ property.RawTable, message M, into *Matches[D]) {
	w := &into.walk
	w.current, w.next, w.open = w.current[:0], w.next[:0], w.open[:0]
	w.unmark()
	if n := (len(t.nodes) + 63) / 64; n > len(w.marks) {
		w.marks = make([]uint64, n)
	}
	t.arrive(0, message, into)
	w.current, w.next = w.next, w.current
	for rest, more := key, key != ""; more && len(w.current)+len(w.open) > 0; {
		var word string
		word, rest, more = strings.Cut(rest, ".")
		w.next = w.next[:0]
		open := len(w.open) // those that this word opens do not take it
		for _, n := range w.current {
			t.step(n, word, message, into)
		}
		for i := range open {
			t.step(w.open[i], word, message, into)
		}
		w.current, w.next = w.next, w.current
	}
	for _, n := range w.current {
		t.nodes[n].bindings.match(message, into)
	}
}

// step goes from a node to its children for a word of the key.
func (t *topic[D, M]) step(at int32, word string, message M, into *Matches[D]) {
	n := &t.nodes[at]
	if n.one != 0 {
		t.arrive(n.one, message, into)
	}
	if len(n.words) > 0 {
		if child := n.words[word]; child != 0 {
			t.arrive(child, message, into)
		}
	}
}

// arrive notes a node to go on from, and opens the # below it, which may stand
// for no word. There is no # below a #, so one is enough.
func (t *topic[D, M]) arrive(at int32, message M, into *Matches[D]) {
	w := &into.walk
	w.next = append(w.next, at)
	child := t.nodes[at].any
	if child == 0 || !w.mark(child) {
		return
	}
	// It takes all words to come: what ends here matches.
	n := &t.nodes[child]
	n.bindings.match(message, into)
	if n.hasChildren() {
		w.open = append(w.open, child)
	}
}

// mark notes that a node of a # was reached, and reports whether for the first
// time.
func (w *walk) mark(n int32) bool {
	word, bit := &w.marks[n/64], uint64(1)<<(n%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	w.reached = append(w.reached, n)
	return true
}

// unmark clears what the match before has marked, perhaps in another trie.
func (w *walk) unmark() {
	for _, n := range w.reached {
		w.marks[n/64] = 0
	}
	w.reached = w.reached[:0]
}
