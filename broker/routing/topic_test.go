package routing

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// The examples of the AMQP 0-9-1 specification (3.1.3.3), of RabbitMQ's fifth
// tutorial, and what RabbitMQ does where both are silent: a trailing or doubled
// dot makes an empty word, the empty key has no word.
func TestTopicPatterns(t *testing.T) {
	for pattern, keys := range map[string]struct{ yes, no []string }{
		"*.stock.#":  {yes: []string{"usd.stock", "eur.stock.db"}, no: []string{"stock.nasdaq", "stock", "a.b.stock"}},
		"*.orange.*": {yes: []string{"quick.orange.rabbit", "lazy.orange.elephant"}, no: []string{"orange", "quick.orange.new.rabbit", "quick.brown.fox", "orange.rabbit"}},
		"*.*.rabbit": {yes: []string{"quick.orange.rabbit", "lazy.pink.rabbit"}, no: []string{"quick.orange.fox", "rabbit", "a.b.c.rabbit"}},
		"lazy.#":     {yes: []string{"lazy", "lazy.pink.rabbit", "lazy.orange.new.rabbit", "lazy."}, no: []string{"", "lazier.x", "x.lazy"}},
		"#":          {yes: []string{"", ".", "a", "a.b.c", "#", "*"}},
		"#.#":        {yes: []string{"", "a", "a.b"}},
		"*":          {yes: []string{"a", "*", "#"}, no: []string{"", ".", "a.", "a.b"}},
		"*.*":        {yes: []string{".", "a.", ".b", "a.b"}, no: []string{"", "a", "a.b.c", ".."}},
		"":           {yes: []string{""}, no: []string{".", "a"}},
		".":          {yes: []string{"."}, no: []string{"", "a.", "..", ".a"}},
		"a..b":       {yes: []string{"a..b"}, no: []string{"a.b", "a.x.b"}},
		"a.*.b":      {yes: []string{"a..b", "a.x.b"}, no: []string{"a.b", "a...b"}},
		"a.#.b":      {yes: []string{"a.b", "a..b", "a.x.y.b", "a.b.b"}, no: []string{"a", "b", "a.b.c", "x.a.b"}},
		"#.b":        {yes: []string{"b", "a.b", "b.b", ".b"}, no: []string{"", "a.b.", "a.b.c", "ab"}},
		"#.a.#":      {yes: []string{"a", "a.b", "b.a", "a.a", ".a."}, no: []string{"", "b", "aa"}},
		"#.*":        {yes: []string{"a", "a.b", ".", "#"}, no: []string{""}},
		"*.#":        {yes: []string{"a", "a.b.c", "."}, no: []string{""}},
		"#.*.#.*.#":  {yes: []string{"a.b", "a.b.c", "."}, no: []string{"", "a"}},
		"a.#.#.b.#":  {yes: []string{"a.b", "a.x.b.y", "a.b.b"}, no: []string{"a", "b.a"}},
		// Wildcards are whole words, and words of a key are never wildcards.
		"a*":   {yes: []string{"a*"}, no: []string{"a", "ab", "a.b"}},
		"a.b#": {yes: []string{"a.b#"}, no: []string{"a.b", "a.bc"}},
		"a.b":  {yes: []string{"a.b"}, no: []string{"a.*", "a.#", "#", "A.b"}},
	} {
		r := newRouter(t, Topic, binding{Destination: "q", Key: pattern})
		for want, keys := range map[string][]string{"q": keys.yes, "": keys.no} {
			for _, key := range keys {
				if got := matched(t, r, key, nil, ""); got != want {
					t.Errorf("pattern %q, key %q: got %q, want %q", pattern, key, got, want)
				}
				if reference := matchesPattern(words(pattern), words(key)); reference != (want == "q") {
					t.Errorf("pattern %q, key %q: the reference says %v", pattern, key, reference)
				}
			}
		}
	}
}

// randomKey joins up to six words of a small vocabulary.
func randomKey(random *rand.Rand, vocabulary []string) string {
	w := make([]string, random.IntN(7))
	for i := range w {
		w[i] = vocabulary[random.IntN(len(vocabulary))]
	}
	return strings.Join(w, ".")
}

// checkTopic compares a router with the reference: every binding's destination
// is its own pattern.
func checkTopic(t *testing.T, r *Router[string, string], m *Matches[string], patterns map[string]bool, key string) {
	t.Helper()
	var want []string
	for pattern := range patterns {
		if matchesPattern(words(pattern), words(key)) {
			want = append(want, pattern)
		}
	}
	slices.Sort(want)
	m.Reset()
	r.Match(key, nil, "", m)
	if got := slices.Sorted(slices.Values(m.All())); !slices.Equal(got, want) {
		t.Fatalf("key %q among %q: got %q, want %q", key, slices.Sorted(maps.Keys(patterns)), got, want)
	}
}

// checkEmptyTopic checks that the trie of a router without bindings has shrunk
// to its root.
func checkEmptyTopic(t *testing.T, r *Router[string, string]) {
	t.Helper()
	x := r.index.(*topic[string, string])
	if r.Len() != 0 || len(x.free) != len(x.nodes)-1 || !x.nodes[0].idle() {
		t.Errorf("%d bindings, %d nodes of which %d free, root %+v", r.Len(), len(x.nodes), len(x.free), x.nodes[0])
	}
}

func TestTopicAgreesWithTheReference(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var m Matches[string]
	for range 200 {
		r := New[string, string](Topic)
		patterns := map[string]bool{}
		for range 60 {
			pattern := randomKey(random, []string{"a", "b", "", "*", "#", "#"})
			b := binding{Destination: pattern, Key: pattern}
			if random.IntN(3) == 0 {
				if got := r.Remove(b); got != patterns[pattern] {
					t.Fatalf("Remove(%q) = %v", pattern, got)
				}
				delete(patterns, pattern)
			} else {
				if added, err := r.Add(b); err != nil || added == patterns[pattern] {
					t.Fatalf("Add(%q) = %v, %v", pattern, added, err)
				}
				patterns[pattern] = true
			}
			checkTopic(t, r, &m, patterns, randomKey(random, []string{"a", "b", "c", "", "#", "*"}))
		}
		for pattern := range patterns {
			r.Remove(binding{Destination: pattern, Key: pattern})
		}
		checkEmptyTopic(t, r)
	}
}

// The words of a key can be divided among many # in more ways than there is time
// to try: this ends because no node is looked at twice for a word.
func TestTopicOfManyWildcardsEnds(t *testing.T) {
	longest := strings.Repeat(".", 255)
	var patterns []string
	for n := range 60 {
		patterns = append(patterns, strings.Repeat("#.a.", n)+"#", strings.Repeat("#..", n)+"x", strings.Repeat("#.*.", n)+"x")
	}
	r := New[string, string](Topic)
	for _, p := range patterns {
		if _, err := r.Add(binding{Destination: p, Key: p}); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range map[string]int{
		strings.Repeat("a.", 127):       60,      // those of a
		strings.Repeat("a.", 127) + "x": 60 + 59, // and those of * but for "x" alone
		longest:                         1,       // #
		longest + "x":                   1 + 59 + 59,
	} {
		var m Matches[string]
		r.Match(key, nil, "", &m)
		if got := len(m.All()); got != want {
			t.Errorf("key of %d words that ends in %q: %d patterns, want %d", len(words(key)), key[len(key)-1:], got, want)
		}
		if w := m.walk; len(w.reached) > len(patterns)*60 {
			t.Errorf("%d nodes reached", len(w.reached))
		}
	}
}

// FuzzTopic adds the patterns of some lines, matches, removes every second one,
// matches again, and compares with the reference.
func FuzzTopic(f *testing.F) {
	f.Add("a.b\na.*\n#\n*.#.b", "a.b")
	f.Add("#.a.#.a.#\n#.#\n\n..\n#..#", "a..a")
	f.Add("*\n*.*\n#.*\na.#.#.b", "")
	f.Fuzz(func(t *testing.T, lines, key string) {
		list := strings.Split(lines, "\n")
		// The reference is no match for longer ones.
		if len(list) > 20 || len(words(key)) > 10 {
			t.Skip()
		}
		r, patterns := New[string, string](Topic), map[string]bool{}
		for _, p := range list {
			if len(words(p)) > 10 {
				t.Skip()
			}
			if added, err := r.Add(binding{Destination: p, Key: p}); err != nil || added == patterns[p] {
				t.Fatalf("Add(%q) = %v, %v", p, added, err)
			}
			patterns[p] = true
		}
		var m Matches[string]
		checkTopic(t, r, &m, patterns, key)
		for i := 0; i < len(list); i += 2 {
			if r.Remove(binding{Destination: list[i], Key: list[i]}) != patterns[list[i]] {
				t.Fatalf("Remove(%q) failed", list[i])
			}
			delete(patterns, list[i])
		}
		checkTopic(t, r, &m, patterns, key)
		for p := range patterns {
			r.Remove(binding{Destination: p, Key: p})
		}
		checkEmptyTopic(t, r)
	})
}

func TestTopicReusesTheRoomOfRemovedPatterns(t *testing.T) {
	r := New[string, string](Topic)
	for round := range 100 {
		for i := range 20 {
			b := binding{Destination: "q", Key: fmt.Sprintf("a.w%d-%d.#", round, i)}
			if added, err := r.Add(b); err != nil || !added {
				t.Fatal(added, err)
			}
			if i >= 10 {
				r.Remove(b)
			}
		}
		for b := range r.All() {
			r.Remove(b)
		}
	}
	if n := len(r.index.(*topic[string, string]).nodes); n > 100 {
		t.Errorf("%d nodes for at most ten patterns at once", n)
	}
}
