package awsmessage

import (
	"reflect"
	"strings"
	"testing"

	"github.com/portico-mq/portico/broker/property"
)

func TestContentComesBack(t *testing.T) {
	want := Content{
		ID: "id", Sender: "000000000000", Trace: "Root=1", Subject: "news",
		Attributes: map[string]Value{
			"text": text("String", "värde"), "custom": text("String.x", "v"), "array": text("String.Array", `["a"]`),
			"integer": text("Number", "-42"), "zeros": text("Number", "007"), "fraction": text("Number", "1.50"),
			"large": text("Number", "99999999999999999999"), "byte": text("Number.byte", "7"),
			"binary": {DataType: "Binary", BinaryValue: []byte{0, 0xff}}, "png": {DataType: "Binary.png", BinaryValue: []byte("text")},
		},
	}
	block, err := want.Block()
	if err != nil {
		t.Fatal(err)
	}
	if err := block.Valid(); err != nil {
		t.Fatal(err)
	}
	if got := Read(block); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	for name, want := range map[string]any{"integer": int64(-42), "byte": int64(7), "text": "värde", "binary": []byte{0, 0xff}, "fraction": "1.50"} {
		headers, err := block.Headers().Decode()
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := headers.Get(name); !reflect.DeepEqual(got, want) {
			t.Errorf("the header %s is %v, want %v", name, got, want)
		}
	}
}

func TestKeptTypesThatCannotBe(t *testing.T) {
	set := property.Set{Headers: property.Table{
		{Name: "a", Value: "text"},
		{Name: "b", Value: "text"},
		{Name: "c", Value: "text"},
		{Name: headerTypes, Value: property.Table{{Name: "a", Value: "Binary"}, {Name: "b", Value: "Nonsense"}, {Name: "c", Value: int32(1)}}},
	}}
	block, err := set.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range Read(block).Attributes {
		if v.DataType != "String" || v.Text() != "text" {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestValidName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "A-b_c.d9": true, "awsx": true, strings.Repeat("a", 255): true, "": false, ".a": false, "a.": false, "a..b": false,
		"a b": false, "ä": true, "§": false, "AWS.x": false, "Amazon.x": false, "amazon.X": false, "aws:types": false, strings.Repeat("a", 256): false,
	} {
		if ValidName(name) != want {
			t.Errorf("%q: want %v", name, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	c := Content{ID: "id", Attributes: map[string]Value{"a": text("Number", "1.50"), "b": {DataType: "Binary", BinaryValue: []byte{1}}}}
	block, err := c.Block()
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(block))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got := Read(property.Block(raw))
		for name, v := range got.Attributes {
			if !ValidName(name) || (v.Kind() == "Binary") == (v.StringValue != nil) || !ValidText(v.Text()) {
				t.Errorf("%q: %+v", name, v)
			}
		}
		if len(got.ID) > property.MaxName || len(got.Sender) > property.MaxName {
			return
		}
		again, err := got.Block()
		if err != nil {
			t.Fatal(err)
		}
		if second := Read(again); !reflect.DeepEqual(second.Attributes, got.Attributes) {
			t.Errorf("%+v became %+v", got.Attributes, second.Attributes)
		}
	})
}
