package routing

import (
	"fmt"
	"testing"

	"github.com/portico-mq/portico/broker/property"
)

// load is a router with many bindings and messages that match some of them.
type load struct {
	name     string
	kind     Kind
	bindings func(i int) (key string, arguments property.Table)
	keys     []string
	headers  property.Table
}

var loads = []load{
	{
		name:     "direct",
		kind:     Direct,
		bindings: func(i int) (string, property.Table) { return fmt.Sprintf("orders.%d", i), nil },
		keys:     []string{"orders.17", "orders.4711", "orders.9999"},
	},
	{
		name: "topic",
		kind: Topic,
		bindings: func(i int) (string, property.Table) {
			pattern := []string{"orders.%d.created", "*.%d.*", "orders.%d.#", "#.item%d", "*.*.x%d.#", "#.%d.#.done", "a.*.c.%d"}[i%7]
			return fmt.Sprintf(pattern, i), nil
		},
		keys: []string{"orders.0.created", "orders.4713.paid.by.card", "eu.west.shop.item10", "orders.12.a.b.done", "a.b.c.13"},
	},
	{
		name: "headers",
		kind: Headers,
		bindings: func(i int) (string, property.Table) {
			return "", property.Table{{Name: "kind", Value: "order"}, {Name: "shard", Value: int32(i)}}
		},
		keys: []string{""},
		headers: property.Table{
			{Name: "id", Value: "0123456789abcdef"}, {Name: "kind", Value: "order"}, {Name: "shard", Value: int64(42)},
		},
	},
	{
		name:     "fanout",
		kind:     Fanout,
		bindings: func(int) (string, property.Table) { return "", nil },
		keys:     []string{""},
	},
}

func (l *load) router(tb testing.TB, size int) (*Router[*int, *int], property.RawTable) {
	tb.Helper()
	r := New[*int, *int](l.kind)
	accept := func(*int) bool { return true }
	for i := range size {
		key, arguments := l.bindings(i)
		b := Binding[*int, *int]{Destination: new(int), Key: key, Arguments: arguments}
		if i%2 == 0 {
			b.Predicate = accept
		}
		if added, err := r.Add(b); err != nil || !added {
			tb.Fatal(added, err)
		}
	}
	raw, err := l.headers.Raw()
	if err != nil {
		tb.Fatal(err)
	}
	return r, raw
}

func TestMatchAllocatesNothing(t *testing.T) {
	for _, l := range loads {
		r, raw := l.router(t, 10_000)
		var m Matches[*int]
		for _, key := range l.keys {
			if n := testing.AllocsPerRun(20, func() {
				m.Reset()
				r.Match(key, raw, nil, &m)
			}); n != 0 {
				t.Errorf("%s: %v allocations for the key %q", l.name, n, key)
			}
			if len(m.All()) == 0 {
				t.Errorf("%s: the key %q matches nothing", l.name, key)
			}
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, l := range loads {
		for _, size := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", l.name, size), func(b *testing.B) {
				r, raw := l.router(b, size)
				var m Matches[*int]
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					m.Reset()
					r.Match(l.keys[i%len(l.keys)], raw, nil, &m)
				}
			})
		}
	}
}

// The longest key against patterns that can divide it in most ways.
func BenchmarkMatchWorst(b *testing.B) {
	r := New[int, *int](Topic)
	pattern, key := "#", "a"
	for i := range 60 {
		if _, err := r.Add(Binding[int, *int]{Destination: i, Key: pattern}); err != nil {
			b.Fatal(err)
		}
		pattern += ".a.#"
	}
	for len(key) < 254 {
		key += ".a"
	}
	var m Matches[int]
	for b.Loop() {
		m.Reset()
		r.Match(key, nil, nil, &m)
	}
}

// One operation adds 10,000 bindings and removes them.
func BenchmarkAddRemove(b *testing.B) {
	for _, l := range loads {
		b.Run(l.name, func(b *testing.B) {
			for b.Loop() {
				r, _ := l.router(b, 10_000)
				for binding := range r.All() {
					r.Remove(binding)
				}
			}
		})
	}
}
