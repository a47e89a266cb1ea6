package awspolicy

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// set is how an operator treats a key of many values.
type set uint8

const (
	single set = iota
	forAll
	forAny
)

// condition is one operator on one key.
type condition struct {
	operator *operator
	set      set
	ifExists bool
	key      string // in lower case
	values   []value
}

// value is one of a condition's, compiled for its operator.
type value struct {
	pattern  pattern
	segments []pattern // of an ARN
	number   float64
	time     time.Time
	network  netip.Prefix
	bytes    []byte
	truth    bool
}

// operator compares what a request has with one value of a condition. What cannot be read of a request fits nothing.
type operator struct {
	negated bool
	compile func(text string, variables bool) (value, bool)
	match   func(v *value, got string, context Context) bool
}

// operators are the condition operators by name; not is added for the negated ones.
var operators = makeOperators()

func makeOperators() map[string]*operator {
	all := make(map[string]*operator)
	add := func(name, negated string, compile func(string, bool) (value, bool), match func(*value, string, Context) bool) {
		all[name] = &operator{compile: compile, match: match}
		if negated != "" {
			all[negated] = &operator{negated: true, compile: compile, match: match}
		}
	}
	add("StringEquals", "StringNotEquals", compileString, matchPattern)
	add("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", compileFolded, matchFolded)
	add("StringLike", "StringNotLike", compileLike, matchPattern)
	add("ArnEquals", "ArnNotEquals", compileARN, matchARN)
	add("ArnLike", "ArnNotLike", compileARN, matchARN)
	add("NumericEquals", "NumericNotEquals", compileNumber, matchNumber(func(d int) bool { return d == 0 }))
	add("NumericLessThan", "", compileNumber, matchNumber(func(d int) bool { return d < 0 }))
	add("NumericLessThanEquals", "", compileNumber, matchNumber(func(d int) bool { return d <= 0 }))
	add("NumericGreaterThan", "", compileNumber, matchNumber(func(d int) bool { return d > 0 }))
	add("NumericGreaterThanEquals", "", compileNumber, matchNumber(func(d int) bool { return d >= 0 }))
	add("DateEquals", "DateNotEquals", compileDate, matchDate(func(d int) bool { return d == 0 }))
	add("DateLessThan", "", compileDate, matchDate(func(d int) bool { return d < 0 }))
	add("DateLessThanEquals", "", compileDate, matchDate(func(d int) bool { return d <= 0 }))
	add("DateGreaterThan", "", compileDate, matchDate(func(d int) bool { return d > 0 }))
	add("DateGreaterThanEquals", "", compileDate, matchDate(func(d int) bool { return d >= 0 }))
	add("Bool", "", compileBool, matchBool)
	add("BinaryEquals", "", compileBinary, matchBinary)
	add("IpAddress", "NotIpAddress", compileNetwork, matchNetwork)
	add("Null", "", compileBool, nil) // see holds
	return all
}

// compileConditions compiles the Condition element.
func compileConditions(raw map[string]map[string]json.RawMessage, variables bool) ([]condition, error) {
	var all []condition
	for name, keys := range raw {
		c, ok := parseOperator(name)
		if !ok {
			return nil, syntaxError("Invalid Condition type : %.128s", name)
		}
		for key, list := range keys {
			one := c
			one.key = strings.ToLower(key)
			if !strings.Contains(key, ":") {
				return nil, syntaxError("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
			values, ok := scalars(list)
			if !ok {
				return nil, syntaxError("Syntax errors in policy.")
			}
			for _, text := range values {
				v, ok := c.operator.compile(text, variables)
				if !ok {
					return nil, syntaxError("Syntax errors in policy.")
				}
				one.values = append(one.values, v)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// parseOperator reads [ForAllValues:|ForAnyValue:]OPERATOR[IfExists].
func parseOperator(name string) (condition, bool) {
	var c condition
	for prefix, kind := range map[string]set{"ForAllValues:": forAll, "ForAnyValue:": forAny} {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			name, c.set = rest, kind
		}
	}
	name, c.ifExists = strings.CutSuffix(name, "IfExists")
	c.operator = operators[name]
	return c, c.operator != nil && !(name == "Null" && c.ifExists)
}

// scalars reads a string, number or truth value, or a list of them, as texts.
func scalars(raw json.RawMessage) ([]string, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return nil, false
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		switch item := item.(type) {
		case string:
			out = append(out, item)
		case json.Number:
			out = append(out, item.String())
		case bool:
			out = append(out, strconv.FormatBool(item))
		default:
			return nil, false
		}
	}
	return out, true
}

// holds says whether the condition is met.
func (c *condition) holds(context Context) bool {
	got := context[c.key]
	if c.operator.match == nil { // Null: true means that the key must be absent
		return slices.ContainsFunc(c.values, func(v value) bool { return v.truth == (len(got) == 0) })
	}
	if len(got) == 0 {
		switch {
		case c.set == forAny:
			return false
		case c.set == forAll, c.ifExists:
			return true
		}
		return c.operator.negated
	}
	switch c.set {
	case forAll:
		return !slices.ContainsFunc(got, func(s string) bool { return !c.fits(s, context) })
	case forAny:
		return slices.ContainsFunc(got, func(s string) bool { return c.fits(s, context) })
	case single:
	}
	if c.operator.negated {
		return !slices.ContainsFunc(got, func(s string) bool { return !c.fits(s, context) })
	}
	return slices.ContainsFunc(got, func(s string) bool { return c.fits(s, context) })
}

// fits says whether one value of the request meets the condition: a negated operator is met when none of the
// condition's values matches.
func (c *condition) fits(got string, context Context) bool {
	for i := range c.values {
		if c.operator.match(&c.values[i], got, context) {
			return !c.operator.negated
		}
	}
	return c.operator.negated
}

func compileString(text string, variables bool) (value, bool) {
	return value{pattern: compileText(text, variables)}, true
}

func compileLike(text string, variables bool) (value, bool) {
	return value{pattern: compilePattern(text, variables)}, true
}

func matchPattern(v *value, got string, context Context) bool { return v.pattern.match(got, context) }

func compileFolded(text string, variables bool) (value, bool) {
	return value{pattern: compileText(strings.ToLower(text), variables)}, true
}

func matchFolded(v *value, got string, context Context) bool {
	folded := make(Context, 1)
	for i := range v.pattern.parts {
		if p := &v.pattern.parts[i]; p.kind == variable {
			for _, value := range context[p.text] {
				folded[p.text] = append(folded[p.text], strings.ToLower(value))
			}
		}
	}
	return v.pattern.match(strings.ToLower(got), folded)
}

// arnParts splits an ARN into its six parts, of which the last may hold colons.
func arnParts(text string) []string { return strings.SplitN(text, ":", 6) }

// compileARN compiles an ARN part by part: a wildcard does not reach over a colon but in the last. One of fewer parts
// fits no ARN, unless it is a wildcard or a variable for the whole.
func compileARN(text string, variables bool) (value, bool) {
	var v value
	from, inside := 0, false
	for i := 0; i < len(text) && len(v.segments) < 5; i++ {
		switch c := text[i]; {
		case c == '{' && i > 0 && text[i-1] == '$':
			inside = true // the colon of a variable's key splits nothing
		case c == '}':
			inside = false
		case c == ':' && !inside:
			v.segments = append(v.segments, compilePattern(text[from:i], variables))
			from = i + 1
		}
	}
	v.segments = append(v.segments, compilePattern(text[from:], variables))
	return v, true
}

func matchARN(v *value, got string, context Context) bool {
	if len(v.segments) == 1 {
		return v.segments[0].match(got, context)
	}
	parts := arnParts(got)
	if len(parts) != len(v.segments) {
		return false
	}
	for i := range parts {
		if !v.segments[i].match(parts[i], context) {
			return false
		}
	}
	return true
}

func compileNumber(text string, _ bool) (value, bool) {
	n, err := strconv.ParseFloat(text, 64)
	return value{number: n}, err == nil
}

// matchNumber compares the request's number with the condition's.
func matchNumber(ok func(int) bool) func(*value, string, Context) bool {
	return func(v *value, got string, _ Context) bool {
		n, err := strconv.ParseFloat(got, 64)
		if err != nil {
			return false
		}
		switch {
		case n < v.number:
			return ok(-1)
		case n > v.number:
			return ok(1)
		}
		return ok(0)
	}
}

// parseTime reads the forms of ISO 8601 that W3C's profile has, and seconds since 1970.
func parseTime(text string) (time.Time, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) > 4 {
		return time.Unix(n, 0).UTC(), true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func epoch(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

func compileDate(text string, _ bool) (value, bool) {
	t, ok := parseTime(text)
	return value{time: t}, ok
}

func matchDate(ok func(int) bool) func(*value, string, Context) bool {
	return func(v *value, got string, _ Context) bool {
		t, known := parseTime(got)
		return known && ok(t.Compare(v.time))
	}
}

func compileBool(text string, _ bool) (value, bool) {
	switch strings.ToLower(text) {
	case "true":
		return value{truth: true}, true
	case "false":
		return value{}, true
	}
	return value{}, false
}

func matchBool(v *value, got string, _ Context) bool {
	return strings.EqualFold(got, strconv.FormatBool(v.truth))
}

func compileBinary(text string, _ bool) (value, bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	return value{bytes: b}, err == nil
}

func matchBinary(v *value, got string, _ Context) bool {
	b, err := base64.StdEncoding.DecodeString(got)
	return err == nil && bytes.Equal(b, v.bytes)
}

func compileNetwork(text string, _ bool) (value, bool) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return value{network: network.Masked()}, true
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return value{}, false
	}
	return value{network: netip.PrefixFrom(ip, ip.BitLen())}, true
}

func matchNetwork(v *value, got string, _ Context) bool {
	ip, err := netip.ParseAddr(got)
	return err == nil && v.network.Contains(ip.Unmap())
}
