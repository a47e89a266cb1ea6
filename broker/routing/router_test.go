package routing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/portico-mq/portico/broker/property"
)

// binding shortens the tests: destinations and messages are strings.
type binding = Binding[string, string]

var kinds = map[string]Kind{"direct": Direct, "fanout": Fanout, "topic": Topic, "headers": Headers}

func newRouter(t testing.TB, kind Kind, bindings ...binding) *Router[string, string] {
	t.Helper()
	r := New[string, string](kind)
	for _, b := range bindings {
		if added, err := r.Add(b); err != nil || !added {
			t.Fatalf("Add(%v) = %v, %v", b, added, err)
		}
	}
	return r
}

// matched are the destinations of one message, sorted. One of them that comes
// twice shows.
func matched(t testing.TB, r *Router[string, string], key string, headers property.Table, message string) string {
	t.Helper()
	raw, err := headers.Raw()
	if err != nil {
		t.Fatal(err)
	}
	var m Matches[string]
	r.Match(key, raw, message, &m)
	all := slices.Clone(m.All())
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestDirectMatchesTheSameKey(t *testing.T) {
	r := newRouter(t, Direct,
		binding{Destination: "q1", Key: "orange"},
		binding{Destination: "q2", Key: "black"},
		binding{Destination: "q2", Key: "green"},
		binding{Destination: "q3", Key: "black"},
		binding{Destination: "q4", Key: ""},
		binding{Destination: "q5", Key: "#"},
	)
	for key, want := range map[string]string{
		"orange": "q1", "black": "q2 q3", "green": "q2", "": "q4", "#": "q5", "Orange": "", "orange ": "",
	} {
		if got := matched(t, r, key, nil, ""); got != want {
			t.Errorf("%q goes to %q, want %q", key, got, want)
		}
	}
}

func TestFanoutMatchesAll(t *testing.T) {
	r := newRouter(t, Fanout,
		binding{Destination: "q1"}, binding{Destination: "q2", Key: "a"}, binding{Destination: "q2", Key: "b"},
		binding{Destination: "q3", Arguments: property.Table{{Name: "x-match", Value: "no kind but headers cares"}}},
	)
	for _, key := range []string{"", "a", "x.y"} {
		if got := matched(t, r, key, nil, ""); got != "q1 q2 q3" {
			t.Errorf("%q goes to %q", key, got)
		}
	}
}

// A destination comes once, whether by the searched or by the mapped set.
func TestMatchFindsADestinationOnce(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			r := New[int, string](kind)
			const destinations = 3 * few
			for i := range destinations {
				for twice := range 2 {
					if _, err := r.Add(Binding[int, string]{
						Destination: i, Key: "k", Arguments: property.Table{{Name: "x-n", Value: int64(twice)}},
					}); err != nil {
						t.Fatal(err)
					}
				}
			}
			var m Matches[int]
			for range 3 { // rounds
				for range 2 { // further keys of the message
					r.Match("k", nil, "", &m)
				}
				all := slices.Sorted(slices.Values(m.All()))
				for i := range destinations {
					if len(all) != destinations || all[i] != i {
						t.Fatalf("got %v", all)
					}
				}
				m.Reset()
				if len(m.All()) != 0 {
					t.Fatalf("after Reset: %v", m.All())
				}
			}
		})
	}
}

func TestAddAndRemoveKnowABindingByDestinationKeyAndArguments(t *testing.T) {
	one, two := property.Table{{Name: "a", Value: int32(1)}, {Name: "b", Value: "x"}}, property.Table{{Name: "a", Value: int32(2)}}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t, kind,
				binding{Destination: "q", Key: "k"},
				binding{Destination: "q", Key: "k.*"},
				binding{Destination: "q", Key: "k", Arguments: one},
				binding{Destination: "q", Key: "k", Arguments: two},
				binding{Destination: "p", Key: "k", Arguments: two},
			)
			for _, b := range []binding{
				{Destination: "q", Key: "k"},
				{Destination: "q", Key: "k", Arguments: property.Table{}},
				{Destination: "q", Key: "k", Arguments: property.Table{one[1], one[0]}},
				{Destination: "q", Key: "k", Arguments: two, Predicate: func(string) bool { return false }},
			} {
				if added, err := r.Add(b); added || err != nil {
					t.Errorf("Add(%v) again = %v, %v", b, added, err)
				}
			}
			unsorted := property.Table{one[1], one[0]}
			if _, err := r.Add(binding{Destination: "q", Key: "k", Arguments: unsorted}); err != nil || unsorted[0].Name != "b" {
				t.Error("Add sorted its caller's arguments")
			}
			for _, b := range []binding{
				{Destination: "o", Key: "k"},
				{Destination: "q", Key: "K"},
				{Destination: "q", Key: "k", Arguments: one[:1]},
				{Destination: "q", Key: "k", Arguments: property.Table{{Name: "a", Value: int64(2)}}},
				{Destination: "q", Key: "k", Arguments: property.Table{{Name: "a", Value: make(chan int)}}},
			} {
				if r.Remove(b) {
					t.Errorf("Remove(%v) found one", b)
				}
			}
			if r.Len() != 5 {
				t.Fatalf("Len() = %d", r.Len())
			}
			var all []binding
			for b := range r.All() {
				all = append(all, b)
			}
			for i, b := range all {
				if !r.Remove(b) || r.Remove(b) || r.Len() != len(all)-1-i {
					t.Fatalf("Remove(%v) failed, or worked twice; Len() = %d", b, r.Len())
				}
			}
			if got := matched(t, r, "k", one, ""); len(all) != 5 || got != "" {
				t.Errorf("of %d bindings none is left, yet %q matches", len(all), got)
			}
		})
	}
}

func TestAllStopsWhenAsked(t *testing.T) {
	r := newRouter(t, Direct, binding{Destination: "a"}, binding{Destination: "b"})
	n := 0
	for range r.All() {
		n++
		break
	}
	if n != 1 {
		t.Errorf("went on %d times", n)
	}
}

func TestAddRefusesArgumentsThatCannotBeEncoded(t *testing.T) {
	for name, kind := range kinds {
		r := New[string, string](kind)
		b := binding{Destination: "q", Arguments: property.Table{{Name: "a", Value: make(chan int)}}}
		if added, err := r.Add(b); added || !errors.Is(err, property.ErrUnencodable) || r.Len() != 0 {
			t.Errorf("%s: Add = %v, %v; Len() = %d", name, added, err, r.Len())
		}
	}
}

func TestNewPanicsForAKindThatIsNone(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it did not")
		}
	}()
	New[string, string](ConsistentHash)
}

func TestPredicateDecidesOnTopOfTheKind(t *testing.T) {
	is := func(want string) func(string) bool { return func(m string) bool { return m == want } }
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t, kind,
				binding{Destination: "all", Key: "k"},
				binding{Destination: "red", Key: "k", Predicate: is("red")},
				// One of two bindings is enough.
				binding{Destination: "two", Key: "k", Predicate: is("red")},
				binding{Destination: "two", Key: "k", Arguments: property.Table{{Name: "x-n", Value: "2"}}, Predicate: is("blue")},
			)
			for message, want := range map[string]string{"red": "all red two", "blue": "all two", "": "all"} {
				if got := matched(t, r, "k", nil, message); got != want {
					t.Errorf("%q goes to %q, want %q", message, got, want)
				}
			}
		})
	}
}

// A predicate that panics leaves nothing behind that would spoil what comes.
func TestMatchesSurviveAPredicateThatPanics(t *testing.T) {
	r := newRouter(t, Topic,
		binding{Destination: "q", Key: "#.b"},
		binding{Destination: "p", Key: "#", Predicate: func(m string) bool { return m != "" || fmt.Sprint(0/len(m)) == "" }},
	)
	var m Matches[string]
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it did not panic")
			}
		}()
		r.Match("a.b", nil, "", &m)
	}()
	m.Reset()
	r.Match("a.b", nil, "fine", &m)
	if got := m.All(); !slices.Equal(got, []string{"p", "q"}) {
		t.Errorf("got %v", got)
	}
}

// One Matches goes from router to router, as along bindings between exchanges.
func TestMatchesCollectOverRouters(t *testing.T) {
	small := newRouter(t, Topic, binding{Destination: "s", Key: "#.a"}, binding{Destination: "both", Key: "#"})
	large := newRouter(t, Topic, binding{Destination: "both", Key: "a"})
	for i := range 500 {
		if _, err := large.Add(binding{Destination: fmt.Sprint(i), Key: fmt.Sprintf("#.w%d.#", i)}); err != nil {
			t.Fatal(err)
		}
	}
	var m Matches[string]
	for range 3 {
		m.Reset()
		small.Match("a", nil, "", &m)
		large.Match("x.w7.w400", nil, "", &m)
		small.Match("b.a", nil, "", &m)
		if got := slices.Sorted(slices.Values(m.All())); !slices.Equal(got, []string{"400", "7", "both", "s"}) {
			t.Fatalf("got %v", got)
		}
	}
}

// Readers side by side, for the race detector.
func TestMatchBesideMatch(t *testing.T) {
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t, kind, binding{Destination: "q", Key: "a.b"}, binding{Destination: "p", Key: "a.b"})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					var m Matches[string]
					for range 1000 {
						m.Reset()
						r.Match("a.b", nil, "", &m)
						if len(m.All()) != 2 {
							t.Errorf("got %v", m.All())
							return
						}
					}
				})
			}
			wg.Wait()
		})
	}
}
