package awsproto

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// A request of a message or two is decoded by a plan that is made once for its type, in one pass and without the
// reflection of names that encoding/json does each time. The plan takes what SDKs send: members of the very name, each
// once, with a value of the member's type. Whatever else a body holds, encoding/json decodes from the beginning, so
// that its rules and its errors hold.

// jsonPlan says how the structures of a type are filled.
type jsonPlan struct {
	members map[string]jsonMember
}

// jsonMember is one member of a structure.
type jsonMember struct {
	index []int // as of reflect's FieldByIndex
	fill  jsonFill
}

// jsonFill reads one value into v, which is zero; false leaves it to encoding/json.
type jsonFill func(r *jsonReader, v reflect.Value) bool

// jsonPlans are the plans by type, nil for those that have none.
var jsonPlans sync.Map

func planOf(t reflect.Type) *jsonPlan {
	if p, ok := jsonPlans.Load(t); ok {
		return p.(*jsonPlan)
	}
	p := makePlan(t, maxJSONDepth)
	jsonPlans.Store(t, p)
	return p
}

// makePlan gives nil for a type with something that only encoding/json decodes.
func makePlan(t reflect.Type, depth int) *jsonPlan {
	if t.Kind() != reflect.Struct || depth == 0 || decodesItself(t) {
		return nil
	}
	p := &jsonPlan{members: make(map[string]jsonMember)}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Tag.Get("json") == "" && !decodesItself(f.Type) {
			continue // its members follow
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fill := fillOf(f.Type, depth-1)
		if _, twice := p.members[name]; twice || fill == nil || strings.Contains(options, "string") || f.Anonymous {
			return nil
		}
		p.members[name] = jsonMember{f.Index, fill}
	}
	return p
}

// decodesItself tells the types that have a form of their own.
func decodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t == reflect.TypeFor[json.Number]() || p.Implements(reflect.TypeFor[json.Unmarshaler]()) || p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// fillOf gives what reads a value of the type; nil when only encoding/json does.
func fillOf(t reflect.Type, depth int) jsonFill {
	if decodesItself(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		return func(r *jsonReader, v reflect.Value) bool {
			s, ok := r.text()
			v.SetString(s)
			return ok
		}
	case reflect.Bool:
		return func(r *jsonReader, v reflect.Value) bool {
			is, ok := r.bool()
			v.SetBool(is)
			return ok
		}
	case reflect.Int32, reflect.Int64:
		return func(r *jsonReader, v reflect.Value) bool {
			n, ok := r.integer(t.Bits())
			v.SetInt(n)
			return ok
		}
	case reflect.Pointer:
		fill := fillOf(t.Elem(), depth)
		if fill == nil {
			return nil
		}
		return func(r *jsonReader, v reflect.Value) bool {
			p := reflect.New(t.Elem())
			v.Set(p)
			return fill(r, p.Elem())
		}
	case reflect.Slice:
		return fillSlice(t, depth)
	case reflect.Map:
		return fillMap(t, depth)
	case reflect.Struct:
		if p := makePlan(t, depth); p != nil {
			return p.fill
		}
	}
	return nil
}

func fillSlice(t reflect.Type, depth int) jsonFill {
	if t.Elem().Kind() == reflect.Uint8 {
		return func(r *jsonReader, v reflect.Value) bool {
			s, ok := r.text()
			b, err := base64.StdEncoding.DecodeString(s)
			v.SetBytes(b)
			return ok && err == nil
		}
	}
	fill := fillOf(t.Elem(), depth-1)
	if fill == nil {
		return nil
	}
	return func(r *jsonReader, v reflect.Value) bool {
		v.Set(reflect.MakeSlice(t, 0, 0))
		return r.list('[', ']', func() bool {
			n := v.Len()
			if n == v.Cap() {
				v.Grow(max(1, n))
			}
			v.SetLen(n + 1)
			return fill(r, v.Index(n))
		})
	}
}

func fillMap(t reflect.Type, depth int) jsonFill {
	fill := fillOf(t.Elem(), depth-1)
	if fill == nil || t.Key().Kind() != reflect.String || decodesItself(t.Key()) {
		return nil
	}
	return func(r *jsonReader, v reflect.Value) bool {
		v.Set(reflect.MakeMap(t))
		return r.list('{', '}', func() bool {
			key, ok := r.text()
			value := reflect.New(t.Elem()).Elem()
			if !ok || !r.take(':') || !fill(r, value) {
				return false
			}
			v.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), value)
			return true
		})
	}
}

// fill reads a structure.
func (p *jsonPlan) fill(r *jsonReader, v reflect.Value) bool {
	return r.list('{', '}', func() bool {
		name, ok := r.plainText()
		if !ok || !r.take(':') {
			return false
		}
		member, ok := p.members[string(name)]
		if !ok {
			return false
		}
		field := v.FieldByIndex(member.index)
		return field.IsZero() && member.fill(r, field) // a member that comes twice is merged, by encoding/json
	})
}

// jsonReader walks through a body that is valid UTF-8.
type jsonReader struct {
	body   []byte
	at     int
	values int // counted as scanJSON does
}

// fillJSON decodes a body by the plan of in's type. False: it cannot, and in may hold a part.
func fillJSON(body []byte, in any) bool {
	v := reflect.ValueOf(in).Elem()
	p := planOf(v.Type())
	if p == nil {
		return false
	}
	r := &jsonReader{body: body}
	return p.fill(r, v) && r.next() == 0 && r.at == len(body)
}

// next skips white space and gives the byte that follows; 0 at the end.
func (r *jsonReader) next() byte {
	for r.at < len(r.body) {
		switch c := r.body[r.at]; c {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return c
		}
	}
	return 0
}

// take takes the byte, if it is what follows.
func (r *jsonReader) take(c byte) bool {
	if r.next() != c {
		return false
	}
	r.at++
	return true
}

// list reads what stands between two brackets, separated by commas, each by f.
func (r *jsonReader) list(first, last byte, f func() bool) bool {
	if !r.take(first) {
		return false
	}
	r.values++
	if r.take(last) {
		return true
	}
	for {
		if r.values > maxJSONValues || !f() {
			return false
		}
		if !r.take(',') {
			return r.take(last)
		}
		r.values++
	}
}

// plainText reads a string without escapes, in place.
func (r *jsonReader) plainText() ([]byte, bool) {
	if !r.take('"') {
		return nil, false
	}
	from := r.at
	for ; r.at < len(r.body); r.at++ {
		switch c := r.body[r.at]; {
		case c == '"':
			r.at++
			return r.body[from : r.at-1], true
		case c == '\\', c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// text reads a string.
func (r *jsonReader) text() (string, bool) {
	start := r.at
	if plain, ok := r.plainText(); ok {
		return string(plain), true
	}
	if r.at >= len(r.body) || r.body[r.at] != '\\' {
		return "", false
	}
	from := r.at
	r.at = start
	if r.next() != '"' {
		return "", false
	}
	begin := r.at + 1
	end := stringEnd(r.body[begin:])
	if end < 0 {
		return "", false
	}
	out := make([]byte, 0, end)
	out = append(out, r.body[begin:from]...)
	r.at = from
	for stop := begin + end; r.at < stop; {
		switch c := r.body[r.at]; {
		case c == '\\':
			var ok bool
			if out, ok = r.escape(out); !ok {
				return "", false
			}
		case c < ' ':
			return "", false
		default:
			out = append(out, c)
			r.at++
		}
	}
	r.at = begin + end + 1
	return string(out), true
}

// escape appends the character of an escape sequence.
func (r *jsonReader) escape(out []byte) ([]byte, bool) {
	if r.at+1 >= len(r.body) {
		return out, false
	}
	c := r.body[r.at+1]
	r.at += 2
	switch c {
	case '"', '\\', '/':
		return append(out, c), true
	case 'n':
		return append(out, '\n'), true
	case 't':
		return append(out, '\t'), true
	case 'r':
		return append(out, '\r'), true
	case 'b':
		return append(out, '\b'), true
	case 'f':
		return append(out, '\f'), true
	case 'u':
		first, ok := r.unit()
		if !ok || !utf16.IsSurrogate(first) {
			return utf8.AppendRune(out, first), ok
		}
		if r.at+1 >= len(r.body) || r.body[r.at] != '\\' || r.body[r.at+1] != 'u' {
			return out, false
		}
		r.at += 2
		second, ok := r.unit()
		both := utf16.DecodeRune(first, second)
		return utf8.AppendRune(out, both), ok && both != utf8.RuneError
	}
	return out, false
}

// unit reads the four digits of a \u.
func (r *jsonReader) unit() (rune, bool) {
	if r.at+4 > len(r.body) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.body[r.at:r.at+4]), 16, 16)
	r.at += 4
	return rune(n), err == nil
}

// integer reads a whole number of so many bits.
func (r *jsonReader) integer(bits int) (int64, bool) {
	r.next()
	from := r.at
	for r.at < len(r.body) && (r.body[r.at] == '-' || r.body[r.at] >= '0' && r.body[r.at] <= '9') {
		r.at++
	}
	digits := r.body[from:r.at]
	if first := strings.TrimPrefix(string(digits), "-"); len(first) > 1 && first[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseInt(string(digits), 10, bits)
	return n, err == nil // what follows, such as a fraction, is no separator
}

func (r *jsonReader) bool() (is, ok bool) {
	r.next()
	for _, word := range []string{"true", "false"} {
		if strings.HasPrefix(string(r.body[r.at:min(r.at+5, len(r.body))]), word) {
			r.at += len(word)
			return word == "true", true
		}
	}
	return false, false
}
