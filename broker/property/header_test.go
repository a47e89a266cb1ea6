package property

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func TestWithHeader(t *testing.T) {
	for _, set := range []Set{
		{},
		{ContentType: "text/plain"},
		{ContentEncoding: "utf-8", DeliveryMode: 2},
		{Headers: Table{{Name: "a", Value: "b"}}},
		{Headers: Table{{Name: "a", Value: "b"}, {Name: "n", Value: "text"}, {Name: "c", Value: int32(1)}}, ClusterID: "x"},
		{
			ContentType: "t", ContentEncoding: "e", Headers: Table{{Name: "a", Value: Table{{Name: "n", Value: "inner"}}}},
			DeliveryMode: 1, Priority: 3, Timestamp: time.Unix(1_700_000_000, 0).UTC(), MessageID: "m", AppID: "app",
		},
	} {
		block, err := set.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(block)
		out := Block(block).WithHeader("n", -7)
		if !bytes.Equal(before, block) {
			t.Errorf("%+v was changed", set)
		}
		got, err := out.Decode()
		if err != nil {
			t.Errorf("%+v: %v", set, err)
			continue
		}
		replaced := false
		want := Table{}
		for _, f := range set.Headers {
			if f.Name == "n" {
				f.Value, replaced = int64(-7), true
			}
			want = append(want, f)
		}
		if !replaced {
			want = append(want, Field{Name: "n", Value: int64(-7)})
		}
		set.Headers, got.Flags = want, 0
		if !reflect.DeepEqual(got, set) {
			t.Errorf("got %+v, want %+v", got, set)
		}
	}
	if v, ok := Block(nil).WithHeader("n", 1).Headers().Lookup("n"); !ok || !v.EqualTo(int64(1)) {
		t.Error("no header in a block that was empty")
	}
	for _, bad := range []Block{{0}, {0x80, 0, 9}, {0x20, 0, 0, 0, 0, 9}} {
		if out := bad.WithHeader("n", 1); !bytes.Equal(out, bad) {
			t.Errorf("%v became %v", bad, out)
		}
	}
}
