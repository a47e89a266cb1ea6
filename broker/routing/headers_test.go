package routing

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker/property"
)

func fields(nameValue ...any) property.Table {
	var t property.Table
	for i := 0; i < len(nameValue); i += 2 {
		t = append(t, property.Field{Name: nameValue[i].(string), Value: nameValue[i+1]})
	}
	return t
}

func TestHeadersMatchModes(t *testing.T) {
	for _, tt := range []struct {
		name               string
		arguments, headers property.Table
		want               bool
	}{
		{"no mode is all", fields("a", "1", "b", "2"), fields("b", "2", "c", "3", "a", "1"), true},
		{"no mode is all, one missing", fields("a", "1", "b", "2"), fields("a", "1"), false},
		{"all", fields("x-match", "all", "a", "1", "b", "2"), fields("a", "1", "b", "2"), true},
		{"all, one differs", fields("x-match", "all", "a", "1", "b", "2"), fields("a", "1", "b", "3"), false},
		{"all, no headers", fields("x-match", "all", "a", "1"), nil, false},
		{"all of none", fields("x-match", "all"), fields("a", "1"), true},
		{"all of none, no headers", nil, nil, true},
		{"any, one there", fields("x-match", "any", "a", "1", "b", "2"), fields("b", "2"), true},
		{"any, the other differs", fields("x-match", "any", "a", "1", "b", "2"), fields("a", "3", "b", "2"), true},
		{"any, all differ", fields("x-match", "any", "a", "1", "b", "2"), fields("a", "2", "b", "1"), false},
		{"any, no headers", fields("x-match", "any", "a", "1"), nil, false},
		{"any of none", fields("x-match", "any"), fields("a", "1"), false},

		{"all skips x-", fields("x-match", "all", "a", "1", "x-b", "2"), fields("a", "1"), true},
		{"all of nothing but x-", fields("x-match", "all", "x-b", "2"), nil, true},
		{"any skips x-", fields("x-match", "any", "a", "1", "x-b", "2"), fields("x-b", "2"), false},
		{"no mode skips x-", fields("x-b", "2", "a", "1"), fields("a", "1"), true},
		{"all-with-x", fields("x-match", "all-with-x", "a", "1", "x-b", "2"), fields("a", "1", "x-b", "2"), true},
		{"all-with-x, x- missing", fields("x-match", "all-with-x", "a", "1", "x-b", "2"), fields("a", "1"), false},
		{"all-with-x of none", fields("x-match", "all-with-x"), nil, true},
		{"any-with-x", fields("x-match", "any-with-x", "a", "1", "x-b", "2"), fields("x-b", "2"), true},
		{"any-with-x, all differ", fields("x-match", "any-with-x", "a", "1", "x-b", "2"), fields("x-b", "1"), false},
		{"any-with-x of none", fields("x-match", "any-with-x"), fields("x-match", "any-with-x"), false},
		{"the mode is no header", fields("x-match", "all-with-x"), fields("x-match", "other"), true},
		{"X- is not x-", fields("x-match", "all", "X-b", "2"), nil, false},

		{"void: any value", fields("a", nil), fields("a", "1"), true},
		{"void: void", fields("a", nil), fields("a", nil), true},
		{"void: missing", fields("a", nil), fields("b", "1"), false},
		{"any, void", fields("x-match", "any", "a", nil, "b", "2"), fields("a", property.Table{}), true},
		{"a value is not void", fields("a", ""), fields("a", nil), false},
		{"names are compared byte for byte", fields("A", "1"), fields("a", "1"), false},
	} {
		r := newRouter(t, Headers, binding{Destination: "q", Key: "ignored", Arguments: tt.arguments})
		if got := matched(t, r, "", tt.headers, "") == "q"; got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

// What RabbitMQ 3.13 makes of two types, in both directions.
func TestHeadersCompareValues(t *testing.T) {
	at := time.Unix(1700000000, 0)
	for _, tt := range []struct {
		a, b any
		want bool
	}{
		{"x", "x", true},
		{"x", "X", false},
		{"x", []byte("x"), true},
		{strings.Repeat("x", 1000), strings.Repeat("x", 1000), true},
		{strings.Repeat("x", 1000), strings.Repeat("x", 999) + "y", false},
		{int8(5), int64(5), true},
		{uint8(200), int16(200), true},
		{uint32(1 << 31), int64(1 << 31), true},
		{int32(-1), uint32(1<<32 - 1), false},
		{int64(1<<53 + 1), int64(1 << 53), false},
		{int32(5), "5", false},
		{int32(1), true, false},
		{float32(1.5), float64(1.5), true},
		{0.0, math.Copysign(0, -1), true},
		{math.NaN(), math.NaN(), false},
		{float32(0.1), float64(0.1), false},
		{int32(1), float64(1), false}, // true up to 3.12
		{true, true, true},
		{true, false, false},
		{"true", true, false},
		{at, at, true},
		{at, at.Add(time.Second), false},
		{property.Decimal{Scale: 1, Value: 10}, property.Decimal{Scale: 1, Value: 10}, true},
		{property.Decimal{Scale: 1, Value: 10}, property.Decimal{Scale: 0, Value: 1}, false},
		{fields("n", int32(1)), fields("n", int32(1)), true},
		{fields("n", int32(1)), fields("n", int32(2)), false},
		{[]any{"a", int32(1)}, []any{"a", int32(1)}, true},
		{[]any{"a"}, []any{"a", "a"}, false},
	} {
		for range 2 {
			r := newRouter(t, Headers, binding{Destination: "q", Arguments: fields("a", tt.a)})
			if got := matched(t, r, "", fields("a", tt.b), "") == "q"; got != tt.want {
				t.Errorf("binding %T %v, header %T %v: got %v", tt.a, tt.a, tt.b, tt.b, got)
			}
			tt.a, tt.b = tt.b, tt.a
		}
	}
}

func TestHeadersRefuseAnUnknownMode(t *testing.T) {
	r := New[string, string](Headers)
	for _, mode := range []any{"zz", "", "ALL", int32(1), true, nil, []byte("all"), property.Table{}, []any{"all"}} {
		added, err := r.Add(binding{Destination: "q", Arguments: fields("x-match", mode)})
		var refused *MatchModeError
		if added || !errors.As(err, &refused) || r.Len() != 0 {
			t.Errorf("%v: Add = %v, %v", mode, added, err)
			continue
		}
		if _, ok := mode.(string); ok && refused.Value != mode {
			t.Errorf("%v: the error holds %v", mode, refused.Value)
		}
		if text := err.Error(); !strings.Contains(text, "x-match") {
			t.Errorf("%v: %s", mode, text)
		}
	}
	if got := matched(t, r, "", nil, ""); got != "" {
		t.Errorf("a refused binding matches: %q", got)
	}
}

// Removing one binding leaves the others with their own conditions.
func TestHeadersRemoveKeepsTheOthers(t *testing.T) {
	of := func(q string) binding { return binding{Destination: q, Arguments: fields("name", q)} }
	r := newRouter(t, Headers, of("p"), of("q"), of("r"), of("s"))
	for _, gone := range []string{"p", "s", "r"} {
		if !r.Remove(of(gone)) {
			t.Fatalf("%s was not there", gone)
		}
		for _, q := range []string{"p", "q", "r", "s"} {
			want := ""
			for b := range r.All() {
				if b.Destination == q {
					want = q
				}
			}
			if got := matched(t, r, "", fields("name", q), ""); got != want {
				t.Errorf("without %s, %s goes to %q, want %q", gone, q, got, want)
			}
		}
	}
}

// A table that ends too early counts up to there, and nothing is read beyond.
func TestHeadersReadAMalformedTableAsFarAsItGoes(t *testing.T) {
	raw, err := fields("a", "1", "b", "2").Raw()
	if err != nil {
		t.Fatal(err)
	}
	r := newRouter(t, Headers,
		binding{Destination: "a", Arguments: fields("a", "1")},
		binding{Destination: "b", Arguments: fields("b", "2")},
	)
	for n := range len(raw) {
		var m Matches[string]
		r.Match("", raw[:n:n], "", &m)
		want := ""
		if n >= len(raw)/2 {
			want = "a"
		}
		if got := strings.Join(m.All(), " "); got != want {
			t.Errorf("the first %d bytes: got %q, want %q", n, got, want)
		}
	}
}

// randomTable draws up to four fields; the names may repeat.
func randomTable(random *rand.Rand, names []string) property.Table {
	values := []any{nil, "1", []byte("1"), int8(1), int64(1), uint32(2), 1.0, float32(2), true, strings.Repeat("a", 70), strings.Repeat("a", 71)}
	var table property.Table
	for range random.IntN(5) {
		table = append(table, property.Field{Name: names[random.IntN(len(names))], Value: values[random.IntN(len(values))]})
	}
	return table
}

func TestHeadersAgreeWithTheReference(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	names := []string{"a", "b", "c", "x-d"}
	for range 200 {
		r := New[string, string](Headers)
		in := map[string]property.Table{} // arguments by destination
		for i := range 60 {
			if b := (binding{Destination: fmt.Sprint(i)}); random.IntN(3) > 0 {
				b.Arguments = randomTable(random, names)
				if mode := random.IntN(5); mode < 4 {
					b.Arguments = append(b.Arguments, property.Field{Name: "x-match", Value: []string{"all", "any", "all-with-x", "any-with-x"}[mode]})
				}
				if added, err := r.Add(b); err != nil || !added {
					t.Fatalf("Add(%v) = %v, %v", b, added, err)
				}
				in[b.Destination] = b.Arguments
			} else {
				for destination, arguments := range in {
					if !r.Remove(binding{Destination: destination, Arguments: arguments}) {
						t.Fatalf("Remove(%v) failed", arguments)
					}
					delete(in, destination)
					break
				}
			}
			table := randomTable(random, names)
			var want []string
			for destination, arguments := range in {
				if matchesHeaders(arguments, table) {
					want = append(want, destination)
				}
			}
			slices.Sort(want)
			if got := matched(t, r, "", table, ""); got != strings.Join(want, " ") {
				t.Fatalf("headers %v among %v: got %s, want %s", table, in, got, want)
			}
		}
		for destination, arguments := range in {
			r.Remove(binding{Destination: destination, Arguments: arguments})
		}
		if x := r.index.(*headers[string, string]); len(x.rules)+len(x.always)+len(x.names) != 0 {
			t.Fatalf("something is left: %+v", x)
		}
	}
}

// A binding is found by the condition that it shares with the fewest others, so
// that what all have in common costs nothing.
func TestHeadersFindABindingByItsRarestCondition(t *testing.T) {
	r := New[string, string](Headers)
	for i := range 100 {
		b := binding{Destination: fmt.Sprint(i), Arguments: fields("kind", "order", "shard", int32(i), "eu", nil)}
		if added, err := r.Add(b); err != nil || !added {
			t.Fatal(added, err)
		}
	}
	for _, n := range r.index.(*headers[string, string]).names {
		if len(n.present) > 1 {
			t.Errorf("%d bindings are found by any %s", len(n.present), n.name)
		}
		for value, rules := range n.values {
			if len(rules) > 1 {
				t.Errorf("%d bindings are found by %s = %q", len(rules), n.name, value)
			}
		}
	}
}
