package filterpolicy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Recorded from the service in May 2024.
func TestComplaintsOfTheService(t *testing.T) {
	for policy, want := range map[string]string{
		`{"key":[["value"]]}`:                                           "Match value must be String, number, true, false, or null|10",
		`{"key":[{"wrong-operator":true}]}`:                             "Unrecognized match type wrong-operator|31",
		`{"key":[{"suffix":"value","prefix":"value2"}]}`:                "Only one key allowed in match expression|37",
		`{"key":[{"suffix":100}]}`:                                      "suffix match pattern must be a string|22",
		`{"key":[{"suffix":null}]}`:                                     "suffix match pattern must be a string|23",
		`{"key":{"suffix":"value"}}`:                                    `"suffix" must be an object or an array|19`,
		`{"key":[{"suffix":[]}]}`:                                       "suffix match pattern must be a string|20",
		`{"key":[{"suffix":["test","test2"]}]}`:                         "suffix match pattern must be a string|20",
		`{"key":{"suffix":"value","prefix":"value"}}`:                   `"suffix" must be an object or an array|19`,
		`{"key":{"not-an-operator":"value"}}`:                           `"not-an-operator" must be an object or an array|28`,
		`{"key":[{"numeric":[]}]}`:                                      "Invalid member in numeric match: ]|22",
		`{"key":[{"numeric":["operator"]}]}`:                            "Unrecognized numeric range operator: operator|32",
		`{"key":[{"numeric":[1,"<="]}]}`:                                "Invalid member in numeric match: 1|22",
		`{"key":[{"numeric":["=","000"]}]}`:                             "Value of equals must be numeric|26",
		`{"key":[{"numeric":[">="]}]}`:                                  "Value of >= must be numeric|26",
		`{"key":[{"numeric":["<",100,">",10]}]}`:                        "Too many elements in numeric expression|30",
		`{"key":[{"numeric":[">=",1,">",2]}]}`:                          "Bad numeric range operator: >|31",
		`{"key":[{"numeric":[">",3,"<",1]}]}`:                           "Bottom must be less than top|33",
		`{"key":[{"numeric":[">",20,"<="]}]}`:                           "Value of <= must be numeric|33",
		`{"key":[{"numeric":[">",20,30]}]}`:                             "Bad value in numeric range: 30|30",
		`{"key":[{"numeric":[">",20,"test"]}]}`:                         "Bad numeric range operator: test|34",
		`{"key":[{"numeric":[">","20","<","30"]}]}`:                     "Value of > must be numeric|26",
		`{"key":[{"numeric":[">",20,"<","30"]}]}`:                       "Value of < must be numeric|33",
		`{"key":[{"numeric":[">",20,"<",30,"<",50]}]}`:                  "Too many terms in numeric range expression|36",
		`{"key":[{"exists":null}]}`:                                     "exists match pattern must be either true or false.|23",
		`{"key":[{"exists":"no"}]}`:                                     "exists match pattern must be either true or false.|20",
		`{"key_a":"value_one"}`:                                         `"key_a" must be an object or an array|11`,
		`{"a":["1"],"b":["1"],"c":["1"],"d":["1"],"e":["1"],"f":["1"]}`: "Filter policy can not have more than 5 keys",
		`{"a":[` + strings.Repeat(`"x",`, 150) + `"x"]}`:                "Filter policy is too complex",
		`[]`:                              "Filter is not an object|2",
		`{`:                               "failed to parse JSON.",
		`{"key":[]}`:                      "Empty arrays are not allowed|10",
		`{"key":[{"cidr":"10.0.0.0"}]}`:   "Malformed CIDR, one '/' required|18",
		`{"key":[{"cidr":"10.0.0.0/a"}]}`: "Malformed CIDR, mask bits must be an integer|18",
		`{"key":[{"cidr":"x/8"}]}`:        "Nonstandard IP address: x|18",
		`{"key":[{"anything-but":{"nonsense":1}}]}`: "Unsupported anything-but pattern: nonsense|38",
		"{\n \"key\":\n[[]]}":                       "Match value must be String, number, true, false, or null|3:3",
	} {
		_, err := Parse(policy, MessageBody)
		text, column, located := strings.Cut(want, "|")
		if located {
			line := "1"
			if l, c, ok := strings.Cut(column, ":"); ok {
				line, column = l, c
			}
			text += fmt.Sprintf("\n at [Source: (String)\"%s\"; line: %s, column: %s]", policy, line, column)
		}
		var e *Error
		if !errors.As(err, &e) || e.Error() != text {
			t.Errorf("%.80s\n got %v\nwant %s", policy, err, text)
		}
	}
	if _, err := Parse(`{"a":{"b":["c"]}}`, MessageAttributes); !errors.Is(err, ErrNested) {
		t.Errorf("a nested policy on attributes: %v", err)
	}
	long := `{"a":[{"x":"` + strings.Repeat("é", 600) + `"}]}`
	if _, err := Parse(long, MessageBody); err == nil || !strings.Contains(err.Error(), `é"[truncated 116 chars]; line: 1, column: 13]`) {
		t.Errorf("a long policy: %v", err)
	}
}

// The complexity of a nested policy: 3 levels × 4 values × 2 levels × 3 values = 72.
func TestComplexityCountsLevels(t *testing.T) {
	policy := `{"a":{"b":{"c":["1","2","3","4"]}},"d":{"e":["1","2","3"]}%s}`
	for extra, fits := range map[string]bool{``: true, `,"f":["1","2"]`: true, `,"f":["1","2","3"]`: false, `,"$or":[{"f":["1"]},{"g":["2"]}]`: true, `,"$or":[{"f":["1","2"]},{"g":["2"]}]`: false} {
		if _, err := Parse(fmt.Sprintf(policy, extra), MessageBody); (err == nil) != fits {
			t.Errorf("%s: %v", extra, err)
		}
	}
}

type attribute struct{ name, dataType, text string }

func attributes(list ...attribute) *Fields {
	f := &Fields{}
	for _, a := range list {
		f.Attribute(a.name, a.dataType, a.text)
	}
	return f
}

func TestAttributes(t *testing.T) {
	for _, tt := range []struct {
		policy string
		value  attribute
		passes bool
	}{
		{`{"a":["x","y"]}`, attribute{"a", "String", "y"}, true},
		{`{"a":["x","y"]}`, attribute{"a", "String", "z"}, false},
		{`{"a":["x","y"]}`, attribute{"b", "String", "x"}, false},
		{`{}`, attribute{"b", "String", "x"}, true},
		{`{"a":["x"]}`, attribute{"a", "String.custom", "x"}, true},
		{`{"a":["x"]}`, attribute{"a", "String.Array", `["w",["n"],"x"]`}, true},
		{`{"a":["x"]}`, attribute{"a", "String.Array", `not json`}, false},
		{`{"a":[true]}`, attribute{"a", "String.Array", `[true]`}, true},
		{`{"a":["true"]}`, attribute{"a", "String.Array", `[true]`}, false},
		{`{"a":["x"]}`, attribute{"a", "Binary", ""}, false},
		{`{"a":[{"exists":true}]}`, attribute{"a", "Binary", ""}, true},
		{`{"a":[1.5]}`, attribute{"a", "Number", "1.50"}, true},
		{`{"a":[1e2]}`, attribute{"a", "Number", "100"}, true},
		{`{"a":[9007199254740993]}`, attribute{"a", "Number", "9007199254740992"}, false},
		{`{"a":[0.1]}`, attribute{"a", "Number", "0.10000000000000000000"}, true},
		{`{"a":["1"]}`, attribute{"a", "Number", "1"}, false},
		{`{"a":[1]}`, attribute{"a", "String", "1"}, false},
		{`{"a":[null]}`, attribute{"b", "String", "1"}, false},
		{`{"a":[{"exists":false}]}`, attribute{"b", "String", "x"}, true},
		{`{"a":[{"exists":false}]}`, attribute{"a", "String", "x"}, false},
		{`{"a":[{"exists":false},"x"]}`, attribute{"a", "String", "x"}, true},
		{`{"a":[{"prefix":"ab"}]}`, attribute{"a", "String", "abc"}, true},
		{`{"a":[{"prefix":"ab"}]}`, attribute{"a", "String", "cab"}, false},
		{`{"a":[{"prefix":{"equals-ignore-case":"ab"}}]}`, attribute{"a", "String", "ABc"}, true},
		{`{"a":[{"suffix":"bc"}]}`, attribute{"a", "String", "abc"}, true},
		{`{"a":[{"equals-ignore-case":"ABC"}]}`, attribute{"a", "String", "abc"}, true},
		{`{"a":[{"wildcard":"a*c*e"}]}`, attribute{"a", "String", "abcde"}, true},
		{`{"a":[{"wildcard":"a*c*e"}]}`, attribute{"a", "String", "abdef"}, false},
		{`{"a":[{"wildcard":"*"}]}`, attribute{"a", "String", ""}, true},
		{`{"a":[{"wildcard":"a*a"}]}`, attribute{"a", "String", "a"}, false},
		{`{"a":[{"wildcard":"a\\*b"}]}`, attribute{"a", "String", "a*b"}, true},
		{`{"a":[{"wildcard":"a\\*b"}]}`, attribute{"a", "String", "axb"}, false},
		{`{"a":[{"anything-but":"x"}]}`, attribute{"a", "String", "y"}, true},
		{`{"a":[{"anything-but":"x"}]}`, attribute{"a", "String", "x"}, false},
		{`{"a":[{"anything-but":"x"}]}`, attribute{"b", "String", "y"}, false},
		{`{"a":[{"anything-but":0}]}`, attribute{"a", "Number", "0.0"}, false},
		{`{"a":[{"anything-but":[1,2]}]}`, attribute{"a", "Number", "3"}, true},
		{`{"a":[{"anything-but":{"prefix":"x"}}]}`, attribute{"a", "String", "yx"}, true},
		{`{"a":[{"anything-but":{"prefix":"x"}}]}`, attribute{"a", "String", "xy"}, false},
		{`{"a":[{"anything-but":{"suffix":["x","y"]}}]}`, attribute{"a", "String", "xy"}, false},
		{`{"a":[{"anything-but":{"equals-ignore-case":"XY"}}]}`, attribute{"a", "String", "xy"}, false},
		{`{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}`, attribute{"a", "String", "a/lib/b"}, false},
		{`{"a":[{"numeric":["=",2]}]}`, attribute{"a", "Number", "2.0"}, true},
		{`{"a":[{"numeric":[">",0,"<=",100]}]}`, attribute{"a", "Number", "100"}, true},
		{`{"a":[{"numeric":[">",0,"<=",100]}]}`, attribute{"a", "Number", "0"}, false},
		{`{"a":[{"numeric":["<",0]}]}`, attribute{"a", "String", "-1"}, false},
		{`{"a":[{"cidr":"10.0.0.0/24"}]}`, attribute{"a", "String", "10.0.0.255"}, true},
		{`{"a":[{"cidr":"10.0.0.0/24"}]}`, attribute{"a", "String", "10.0.1.0"}, false},
		{`{"a":[{"cidr":"2001:db8::/32"}]}`, attribute{"a", "String", "2001:db8::1"}, true},
		{`{"$or":[{"a":["x"]},{"b":["y"]}]}`, attribute{"b", "String", "y"}, true},
		{`{"$or":[{"a":["x"]},{"b":["y"]}]}`, attribute{"b", "String", "x"}, false},
		{`{"$or":["x"]}`, attribute{"$or", "String", "x"}, true},
		{`{"c":["z"],"$or":[{"a":["x"]},{"b":["y"]}]}`, attribute{"a", "String", "x"}, false},
	} {
		p, err := Parse(tt.policy, MessageAttributes)
		if err != nil {
			t.Errorf("%s: %v", tt.policy, err)
			continue
		}
		if p.Match(attributes(tt.value)) != tt.passes {
			t.Errorf("%s, %v: passes is not %v", tt.policy, tt.value, tt.passes)
		}
	}
}

func TestBodies(t *testing.T) {
	for _, tt := range []struct {
		policy, body string
		passes       bool
	}{
		{`{"a":{"b":["x"]}}`, `{"a":{"b":"x"}}`, true},
		{`{"a":{"b":["x"]}}`, `{"a":{"b":["y","x"]}}`, true},
		{`{"a":{"b":["x"]}}`, `{"a":[{"b":"y"},{"b":"x"}]}`, true},
		{`{"a":{"b":["x"]}}`, `{"a.b":"x"}`, true},
		{`{"a.b":["x"]}`, `{"a":{"b":"x"}}`, true},
		{`{"a":{"b":["x"]}}`, `{"b":"x"}`, false},
		{`{"a":{"b":[{"exists":false}]}}`, `{"a":{"c":1}}`, true},
		{`{"a":[null]}`, `{"a":null}`, true},
		{`{"a":[true,{"numeric":[">",5]}]}`, `{"a":6}`, true},
		{`{"a":["6"]}`, `{"a":6}`, false},
		{`{"a":{"$or":[{"b":["x"]},{"c":[1]}]}}`, `{"a":{"c":1}}`, true},
		{`{"a":["x"]}`, `["a"]`, false},
		{`{"a":["x"]}`, `not json`, false},
		{`{"a":["x"]}`, `{"a":"x"} trailing`, false},
		{`{"a":["x"]}`, strings.Repeat(`{"b":`, 20000), false},
	} {
		p, err := Parse(tt.policy, MessageBody)
		if err != nil {
			t.Errorf("%s: %v", tt.policy, err)
			continue
		}
		f, _ := Body([]byte(tt.body))
		if p.Match(f) != tt.passes {
			t.Errorf("%s, %.80s: passes is not %v", tt.policy, tt.body, tt.passes)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":["x",1,null,{"prefix":"y"}]}`, `{"a":[{"numeric":[">",0,"<=",1e3]}]}`, `{"$or":[{"a":["x"]},{"b":[{"exists":false}]}]}`,
		`{"a":{"b":[{"anything-but":{"suffix":["c","d"]}}]}}`, `{"a":[{"cidr":"10.0.0.0/8"}]}`, `{"a":[{"wildcard":"a*\\*"}]}`, `{"a":["\ud800"]}`,
	} {
		f.Add(seed, `{"a":"x","b":[1,{"c":"é"}]}`)
	}
	f.Fuzz(func(t *testing.T, policy, body string) {
		for _, scope := range []Scope{MessageAttributes, MessageBody} {
			p, err := Parse(policy, scope)
			if err != nil {
				continue
			}
			fields, ok := Body([]byte(body))
			if p.Match(fields) && !ok && len(p.root.leaves)+len(p.root.choices) > 0 {
				t.Errorf("%q lets %q pass", policy, body)
			}
			p.Match(attributes(attribute{"a", "String.Array", body}, attribute{"b", "Number", body}))
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	f := attributes(attribute{"event", "String", "order_placed"}, attribute{"price", "Number", "120.50"}, attribute{"store", "String", "example_corp"})
	policies := make([]*Policy, 10_000)
	for i := range policies {
		var err error
		policies[i], err = Parse(fmt.Sprintf(`{"event":["order_placed",{"prefix":"x%d"}],"price":[{"numeric":[">",%d]}],"store":[{"anything-but":"s%d"}]}`, i, i%200, i), MessageAttributes)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	passed := 0
	for i := range b.N {
		if policies[i%len(policies)].Match(f) {
			passed++
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "filters/s")
	_ = passed
}
