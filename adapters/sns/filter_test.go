package sns

import (
	"strings"
	"testing"

	"github.com/portico-mq/portico/adapters/awsmessage"
)

func attr(dataType, s string) awsmessage.Value {
	return awsmessage.Value{DataType: dataType, StringValue: &s}
}

func TestFilterMatch(t *testing.T) {
	attributes := map[string]awsmessage.Value{
		"colour": attr("String", "red"),
		"price":  attr("Number", "1.50"),
		"tags":   attr("String.Array", `["a", 2, true, null, ["x"], {"y":1}]`),
		"broken": attr("String.Array", `["a"`),
		"text":   attr("String", "true"),
		"blob":   {DataType: "Binary", BinaryValue: []byte("red")},
	}
	for _, tt := range []struct {
		policy string
		want   bool
	}{
		{`{"colour":["red"]}`, true},
		{`{"colour":["blue","red"]}`, true},
		{`{"colour":["Red"]}`, false},
		{`{"colour":["red"],"price":[1.5]}`, true},
		{`{"colour":["red"],"price":[2]}`, false},
		{`{"price":[15e-1]}`, true},
		{`{"price":["1.50"]}`, false}, // a number in quotes is a text
		{`{"missing":["x"]}`, false},
		{`{"tags":["a"]}`, true},
		{`{"tags":[2.0]}`, true},
		{`{"tags":[true]}`, true},
		{`{"tags":[null]}`, true},
		{`{"tags":["x"]}`, false},
		{`{"broken":["a"]}`, false},
		{`{"text":[true]}`, false},
		{`{"text":["true"]}`, true},
		{`{"blob":["red"]}`, false},
	} {
		f, err := parseFilter(tt.policy)
		if err != nil {
			t.Errorf("%s: %v", tt.policy, err)
			continue
		}
		if got := f.match(attributes); got != tt.want {
			t.Errorf("%s: %v", tt.policy, got)
		}
	}
}

func TestFilterRefuses(t *testing.T) {
	wide := `"` + strings.Repeat(`a","`, 13) + `a"`
	for policy, want := range map[string]string{
		`[`:                      "failed to parse JSON",
		`null`:                   "failed to parse JSON",
		`["a"]`:                  "failed to parse JSON",
		`{"a":"b"}`:              "must be an object or an array",
		`{"a":null}`:             "must be an object or an array",
		`{"a":[]}`:               "Empty arrays",
		`{"a":[["b"]]}`:          "Match value must be",
		`{"a":[{"prefix":"b"}]}`: "prefix is not supported yet",
		`{"a":[{"x":1,"y":2}]}`:  "Only one key",
		`{"$or":[{"a":["b"]}]}`:  "$or is not supported yet",
		`{"a":{"b":["c"]}}`:      "must be an object or an array",
		`{"a":[1e999999999]}`:    "Match value must be",
		`{"1":["a"],"2":["a"],"3":["a"],"4":["a"],"5":["a"],"6":["a"]}`: "more than 5 keys",
		`{"1":[` + wide + `],"2":[` + wide + `]}`:                       "too complex",
		`{"a":["` + strings.Repeat("x", 300<<10) + `"]}`:                "too long",
	} {
		if _, err := parseFilter(policy); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %s", policy, err, want)
		}
	}
}

func FuzzFilter(f *testing.F) {
	f.Add(`{"colour":["red",1,true,null]}`, "red")
	f.Add(`{"a":[{"prefix":"b"}],"$or":[]}`, `["a"]`)
	f.Fuzz(func(t *testing.T, policy, value string) {
		p, err := parseFilter(policy)
		if err != nil {
			if len(err.Error()) > 1024 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		for _, dataType := range []string{"String", "Number", "String.Array"} {
			p.match(map[string]awsmessage.Value{"colour": attr(dataType, value)})
		}
	})
}
