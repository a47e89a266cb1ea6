package awsproto

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds on a query request. The widest legal one is a batch of ten entries with ten attributes of
// four parameters each.
const (
	maxParameters = 2048
	maxKeyParts   = 12
)

// Form is a decoded query request: parameters by name, and the tree that their dotted names make.
type Form struct {
	root node
}

type node struct {
	value    string
	has      bool
	children map[string]*node
}

// ParseForm reads an application/x-www-form-urlencoded body or query string. The first value of a
// parameter given twice counts.
func ParseForm(body string) (*Form, *Error) {
	f := &Form{}
	return f, f.add(body)
}

func (f *Form) add(body string) *Error {
	count := 0
	for body != "" {
		var pair string
		pair, body, _ = strings.Cut(body, "&")
		if pair == "" {
			continue
		}
		if count++; count > maxParameters {
			return malformed("The request has too many parameters.")
		}
		rawKey, rawValue, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(rawKey)
		if err != nil {
			return malformed("A parameter name is not URL-encoded.")
		}
		value, err := url.QueryUnescape(rawValue)
		if err != nil || !utf8.ValidString(value) {
			return malformed("The value of parameter %q is not URL-encoded UTF-8.", clip(key))
		}
		if err := f.set(key, value); err != nil {
			return err
		}
	}
	return nil
}

func (f *Form) set(key, value string) *Error {
	n := &f.root
	if strings.Count(key, ".") >= maxKeyParts {
		return malformed("The parameter name %q nests too deep.", clip(key))
	}
	for part := range strings.SplitSeq(key, ".") {
		child := n.children[part]
		if child == nil {
			child = &node{}
			if n.children == nil {
				n.children = make(map[string]*node)
			}
			n.children[part] = child
		}
		n = child
	}
	if !n.has {
		n.value, n.has = value, true
	}
	return nil
}

// Get gives the value of a parameter without dots in its name.
func (f *Form) Get(name string) string {
	if n := f.root.children[name]; n != nil {
		return n.value
	}
	return ""
}

func malformed(format string, args ...any) *Error {
	return Errorf("MalformedQueryString", 400, format, args...)
}

// The query tag of an input field says how the query protocol spells it:
//
//	query:"NAME"                              another name than the field's
//	query:"NAME,flat"                         a list or map without the level "member" or "entry"
//	query:"NAME,flat,key=Name,value=Value"    the names within a map's entry (default key, value)
//	query:"NAME,keep"                         written even when it is an empty string
type queryTag struct {
	name, key, value string
	flat, keep       bool
}

func tagOf(field reflect.StructField) queryTag {
	t := queryTag{name: field.Name, key: "key", value: "value"}
	for i, part := range strings.Split(field.Tag.Get("query"), ",") {
		key, value, _ := strings.Cut(part, "=")
		switch {
		case i == 0:
			if part != "" {
				t.name = part
			}
		case part == "flat":
			t.flat = true
		case part == "keep":
			t.keep = true
		case key == "key":
			t.key = value
		case key == "value":
			t.value = value
		}
	}
	return t
}

// Decode fills the input structure that in points to. Parameters that in does not have are passed
// over.
func (f *Form) Decode(in any) *Error {
	return decodeStruct(&f.root, reflect.ValueOf(in).Elem())
}

func decodeStruct(n *node, v reflect.Value) *Error {
	t := v.Type()
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous { // its members are this structure's
			if err := decodeStruct(n, v.Field(i)); err != nil {
				return err
			}
			continue
		}
		tag := tagOf(field)
		if child := n.children[tag.name]; child != nil {
			if err := decodeValue(child, tag, v.Field(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func decodeValue(n *node, tag queryTag, v reflect.Value) *Error {
	kind := v.Kind()
	switch {
	case kind == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return decodeValue(n, tag, v.Elem())
	case kind == reflect.Struct:
		return decodeStruct(n, v)
	case kind == reflect.Map:
		return decodeMap(n, tag, v)
	case kind == reflect.Slice && v.Type().Elem().Kind() != reflect.Uint8:
		return decodeList(n, tag, v)
	}
	return decodeScalar(n, tag, v)
}

func decodeScalar(n *node, tag queryTag, v reflect.Value) *Error {
	if !n.has {
		return nil
	}
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.value)
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(n.value); err == nil {
			v.SetBool(b)
		}
	case reflect.Int32, reflect.Int64:
		var i int64
		if i, err = strconv.ParseInt(n.value, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
		}
	case reflect.Slice:
		var b []byte
		if b, err = base64.StdEncoding.DecodeString(n.value); err == nil {
			v.SetBytes(b)
		}
	default:
		panic(fmt.Sprintf("awsproto: input field %s has type %s, which the query protocol does not have here", tag.name, v.Type()))
	}
	if err != nil {
		return Errorf("MalformedInput", 400, "Value %q for parameter %s is not of its type.", clip(n.value), tag.name)
	}
	return nil
}

// indexed gives the children that are numbered, in order. Gaps are allowed.
func indexed(n *node) []*node {
	type numbered struct {
		at int
		n  *node
	}
	var all []numbered
	for name, child := range n.children {
		if at, err := strconv.Atoi(name); err == nil && at >= 0 {
			all = append(all, numbered{at, child})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].at < all[j].at })
	out := make([]*node, len(all))
	for i := range all {
		out[i] = all[i].n
	}
	return out
}

func decodeList(n *node, tag queryTag, v reflect.Value) *Error {
	if !tag.flat {
		if n.children["member"] == nil {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // "NAME=" is an empty list
			return nil
		}
		n = n.children["member"]
	}
	items := indexed(n)
	list := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if err := decodeValue(item, queryTag{name: tag.name}, list.Index(i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func decodeMap(n *node, tag queryTag, v reflect.Value) *Error {
	if !tag.flat {
		if n = n.children["entry"]; n == nil {
			return nil
		}
	}
	m := reflect.MakeMap(v.Type())
	for _, entry := range indexed(n) {
		key, value := entry.children[tag.key], entry.children[tag.value]
		if key == nil {
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if value != nil {
			if err := decodeValue(value, queryTag{name: tag.name}, element); err != nil {
				return err
			}
		}
		m.SetMapIndex(reflect.ValueOf(key.value), element)
	}
	v.Set(m)
	return nil
}
