package property

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// everything has a field of each type, with the bytes RabbitMQ writes for it.
var everything = []struct {
	value any
	bytes string
}{
	{nil, "56"},
	{true, "7401"},
	{false, "7400"},
	{int8(-2), "62fe"},
	{uint8(200), "42c8"},
	{int16(-3), "73fffd"},
	{uint16(65535), "75ffff"},
	{int32(-4), "49fffffffc"},
	{uint32(4294967295), "69ffffffff"},
	{int64(-5), "6cfffffffffffffffb"},
	{float32(1.5), "663fc00000"},
	{float64(-2.5), "64c004000000000000"},
	{Decimal{Scale: 2, Value: 314}, "44020000013a"},
	{"text", "530000000474657874"},
	{[]byte{0, 1}, "78000000020001"},
	{time.Unix(1700000000, 0).UTC(), "54000000006553f100"},
	{Table{{"k", "v"}}, "4600000008016b530000000176"},
	{[]any{int32(1), "a"}, "410000000b4900000001530000000161"},
}

func TestValuesBothWays(t *testing.T) {
	for _, tt := range everything {
		table := Table{{"n", tt.value}}
		got, err := AppendTable(nil, table)
		if err != nil {
			t.Fatalf("%T: %v", tt.value, err)
		}
		want, _ := hex.DecodeString("016e" + tt.bytes)
		if !bytes.Equal(got[4:], want) {
			t.Errorf("%T: encoded as %x, want %x", tt.value, got[4:], want)
		}
		back, rest, err := ParseTable(append(got, "rest"...))
		if err != nil || string(rest) != "rest" || !reflect.DeepEqual(back, table) {
			t.Errorf("%T: decoded as %#v, rest %q, %v", tt.value, back, rest, err)
		}
		raw := RawTable(got[4:])
		if err := raw.Valid(); err != nil {
			t.Errorf("%T: %v", tt.value, err)
		}
		v, ok := raw.Lookup("n")
		if !ok || !v.EqualTo(tt.value) || !v.Equal(v) {
			t.Errorf("%T: found %v (%v), which does not equal what it was made from", tt.value, v, ok)
		}
		for n := range want {
			if err := RawTable(want[:n]).Valid(); n > 0 && !errors.Is(err, ErrMalformed) {
				t.Errorf("%T cut to %d bytes: %v", tt.value, n, err)
			}
		}
	}
}

func TestUnknownTypeAndLong(t *testing.T) {
	if err := RawTable("\x01nZ").Valid(); !errors.Is(err, ErrMalformed) {
		t.Errorf("unknown type: %v", err)
	}
	got, err := RawTable("\x01nL\x00\x00\x00\x00\x00\x00\x00\x07").Decode()
	if err != nil || !reflect.DeepEqual(got, Table{{"n", int64(7)}}) {
		t.Errorf("L: %v, %v", got, err)
	}
	if _, err := AppendTable(nil, Table{{"n", 7}}); !errors.Is(err, ErrUnencodable) {
		t.Errorf("int: %v", err)
	}
	if _, err := AppendTable(nil, Table{{strings.Repeat("n", 256), nil}}); !errors.Is(err, ErrUnencodable) {
		t.Errorf("long name: %v", err)
	}
	if _, _, err := ParseTable([]byte{255, 255, 255, 255, 1}); !errors.Is(err, ErrMalformed) {
		t.Errorf("length outside: %v", err)
	}
}

func TestDepth(t *testing.T) {
	for _, wrap := range []func(any) any{
		func(v any) any { return Table{{"n", v}} },
		func(v any) any { return []any{v} },
	} {
		var v any = int32(1)
		for range MaxDepth - 1 {
			v = wrap(v)
		}
		b, err := AppendTable(nil, Table{{"n", v}})
		if err != nil {
			t.Fatal(err)
		}
		if err := RawTable(b[4:]).Valid(); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ParseTable(b); err != nil {
			t.Fatal(err)
		}
		if _, err := AppendTable(nil, Table{{"n", wrap(v)}}); !errors.Is(err, ErrDepth) {
			t.Errorf("one more level encoded: %v", err)
		}
		deeper := append([]byte{1, 'n', 'F', byte(len(b) >> 24), byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b) - 4)}, b[4:]...)
		deeper[5], deeper[6] = byte((len(b)-4)>>8), byte(len(b)-4)
		if err := RawTable(deeper).Valid(); !errors.Is(err, ErrDepth) {
			t.Errorf("one more level valid: %v", err)
		}
		if _, err := RawTable(deeper).Decode(); !errors.Is(err, ErrDepth) {
			t.Errorf("one more level decoded: %v", err)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, tt := range []struct {
		a, b any
		want bool
	}{
		{int32(1), int64(1), true},
		{uint8(1), int16(1), true},
		{int8(-1), uint8(255), false},
		{int32(1), float64(1), true},
		{float32(1.5), float64(1.5), true},
		{int32(1), "1", false},
		{"a", []byte("a"), true},
		{"a", "b", false},
		{true, true, true},
		{true, uint8(1), false},
		{nil, nil, true},
		{nil, "", false},
		{[]any{int32(1)}, []any{int32(1)}, true},
		{Table{{"a", nil}}, Table{{"b", nil}}, false},
		{time.Unix(5, 0), time.Unix(5, 0), true},
		{time.Unix(5, 0), int64(5), false},
	} {
		raw, err := Table{{"a", tt.a}, {"b", tt.b}}.Raw()
		if err != nil {
			t.Fatal(err)
		}
		a, _ := raw.Lookup("a")
		b, _ := raw.Lookup("b")
		if a.Equal(b) != tt.want || b.Equal(a) != tt.want || a.EqualTo(tt.b) != tt.want {
			t.Errorf("%T %v and %T %v: equal should be %v", tt.a, tt.a, tt.b, tt.b, tt.want)
		}
	}
	if (RawValue{}).Equal(RawValue{}) {
		t.Error("no value equals no value")
	}
}

func TestString(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{"text", "text"},
		{int64(-5), "-5"},
		{true, "true"},
		{nil, ""},
		{[]byte{10}, "0a"},
		{time.Unix(0, 0), "1970-01-01T00:00:00Z"},
		{[]any{int32(1), "a"}, "[1 a]"},
	} {
		raw, _ := Table{{"n", tt.value}}.Raw()
		v, _ := raw.Lookup("n")
		if v.String() != tt.want {
			t.Errorf("%v: %q, want %q", tt.value, v.String(), tt.want)
		}
	}
}

func TestIteration(t *testing.T) {
	raw, err := Table{{"a", int32(1)}, {"list", []any{"x", "y"}}, {"a", int32(2)}}.Raw()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for n := range raw.All() {
		names = append(names, string(n))
	}
	if !slices.Equal(names, []string{"a", "list", "a"}) {
		t.Errorf("names %q", names)
	}
	first, _ := raw.Lookup("a")
	if !first.EqualTo(int32(1)) {
		t.Errorf("the first a is %v", first)
	}
	list, _ := raw.Lookup("list")
	var got []string
	elements, ok := list.Elements()
	for e := range elements {
		got = append(got, e.String())
	}
	if !ok || !slices.Equal(got, []string{"x", "y"}) {
		t.Errorf("elements %q, %v", got, ok)
	}
	if _, ok := first.Elements(); ok {
		t.Error("a number has elements")
	}
}

var fullSet = Set{
	ContentType: "text/plain", ContentEncoding: "gzip", Headers: Table{{"n", int32(1)}, {"s", "v"}},
	DeliveryMode: Persistent, Priority: 7, CorrelationID: "c", ReplyTo: "r", Expiration: "1000", MessageID: "m",
	Timestamp: time.Unix(1700000000, 0).UTC(), Type: "t", UserID: "u", AppID: "a", ClusterID: "k",
}

func TestBlock(t *testing.T) {
	b, err := fullSet.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	block := Block(b)
	if err := block.Valid(); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]func() ([]byte, bool){
		"text/plain": block.ContentType, "gzip": block.ContentEncoding, "c": block.CorrelationID, "r": block.ReplyTo,
		"1000": block.Expiration, "m": block.MessageID, "t": block.Type, "u": block.UserID, "a": block.AppID, "k": block.ClusterID,
	} {
		if v, ok := got(); !ok || string(v) != name {
			t.Errorf("%q, %v, want %q", v, ok, name)
		}
	}
	if p, ok := block.Priority(); !ok || p != 7 || !block.Persistent() {
		t.Errorf("priority %d, %v, persistent %v", p, ok, block.Persistent())
	}
	if ts, ok := block.Timestamp(); !ok || !ts.Equal(fullSet.Timestamp) {
		t.Errorf("timestamp %v, %v", ts, ok)
	}
	if v, ok := block.Headers().Lookup("s"); !ok || !v.EqualTo("v") {
		t.Errorf("header s is %v", v)
	}
	back, err := block.Decode()
	want := fullSet
	want.Flags = 0xfffc
	if err != nil || !reflect.DeepEqual(back, want) {
		t.Errorf("decoded %+v, %v", back, err)
	}
	for n := 1; n < len(b); n++ {
		if err := block[:n].Valid(); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if err := append(block[:len(b):len(b)], 0).Valid(); !errors.Is(err, ErrMalformed) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestBlockWithout(t *testing.T) {
	for _, b := range []Block{nil, {0, 0}} {
		if err := b.Valid(); err != nil {
			t.Error(err)
		}
		if _, ok := b.ContentType(); ok || b.Persistent() || b.Headers() != nil {
			t.Errorf("%v has properties", b)
		}
		if s, err := b.Decode(); err != nil || s.Present() != 0 {
			t.Errorf("%v: %v, %v", b, s, err)
		}
	}
	for _, b := range []Block{{0}, {0, 1}, {0, 2}, {0, 3}} {
		if err := b.Valid(); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %v", b, err)
		}
	}
	// Present with the zero value: it stays so.
	b := Block{0x98, 0, 0, 0, 0}
	s, err := b.Decode()
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := s.Append(nil); !bytes.Equal(again, b) {
		t.Errorf("%x became %x", b, again)
	}
}

func TestReadingAllocatesNothing(t *testing.T) {
	b, _ := fullSet.Append(nil)
	block := Block(b)
	want := RawValue{Type: typeInt64, Data: []byte{0, 0, 0, 0, 0, 0, 0, 1}}
	fields := 0
	if n := testing.AllocsPerRun(100, func() {
		v, ok := block.Headers().Lookup("n")
		id, _ := block.MessageID()
		if !ok || !v.Equal(want) || !v.EqualTo(int64(1)) || string(id) != "m" || block.Valid() != nil || !block.Persistent() {
			t.Fatal("not found")
		}
		for range block.Headers().All() {
			fields++
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
