package filterpolicy

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Fields is what of a message policies look at: values by the property's path. It is made once for a
// message, then read by any number of policies, also at the same time.
type Fields struct {
	few  []field            // searched one by one while there are few
	many map[uint64][]value // by the path's digest
}

type field struct {
	path   uint64
	values []value
}

// maxFew is up to how many fields a search one by one is faster than a map.
const maxFew = 16

// at gives the values of a path, and whether it is there at all.
func (f *Fields) at(path uint64) ([]value, bool) {
	for i := range f.few {
		if f.few[i].path == path {
			return f.few[i].values, true
		}
	}
	values, ok := f.many[path]
	return values, ok
}

// add adds values to a path.
func (f *Fields) add(path uint64, values ...value) {
	for i := range f.few {
		if f.few[i].path == path {
			f.few[i].values = append(f.few[i].values, values...)
			return
		}
	}
	if len(f.few) < maxFew {
		f.few = append(f.few, field{path, values})
		return
	}
	if f.many == nil {
		f.many = make(map[uint64][]value)
	}
	f.many[path] = append(f.many[path], values...)
}

// Paths are compared by a digest, so that a deep body does not cost the length of its paths over
// again at each leaf. FNV-1a of 64 bits: two paths of one message that collide by chance are not to
// be expected, and who makes them collide could have sent the value openly.
const (
	pathStart = 14695981039346656037
	pathPrime = 1099511628211
)

func extend(path uint64, s string) uint64 {
	for i := range len(s) {
		path = (path ^ uint64(s[i])) * pathPrime
	}
	return path
}

// under adds a name to a path. Names of a body are joined by dots: the service does not tell
// {"a.b":1} from {"a":{"b":1}}.
func under(path uint64, name string, depth int) uint64 {
	if depth > 0 {
		path = extend(path, ".")
	}
	return extend(path, name)
}

// Attribute adds a message attribute to the fields. dataType is String, Number, Binary or
// String.Array, with or without a custom part. A Binary is there and has no value to compare.
func (f *Fields) Attribute(name, dataType, text string) {
	f.add(extend(pathStart, name), attributeValues(dataType, text)...)
}

func attributeValues(dataType, text string) []value {
	base, _, _ := strings.Cut(dataType, ".")
	switch {
	case dataType == "String.Array":
		var elements []json.RawMessage
		if json.Unmarshal([]byte(text), &elements) != nil {
			return nil
		}
		values := make([]value, 0, len(elements))
		for _, e := range elements {
			if v, ok := valueOf((&tokens{text: string(e)}).value()); ok {
				values = append(values, v)
			}
		}
		return values
	case base == "String":
		return []value{{kind: kindString, text: text}}
	case base == "Number":
		if n, ok := parseNumber(text); ok {
			return []value{{kind: kindNumber, text: text, number: n}}
		}
	}
	return []value{}
}

// maxDepth bounds how deep a body is looked into, and a policy may nest: the limit on complexity
// allows no deeper one.
const maxDepth = maxCombinations

// Body makes the fields of a message body; ok is false for one that is no JSON object, which no
// policy on bodies lets pass.
func Body(body []byte) (f *Fields, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var object map[string]any
	if decoder.Decode(&object) != nil || object == nil || decoder.More() {
		return nil, false
	}
	f = &Fields{}
	f.object(object, pathStart, 0)
	return f, true
}

func (f *Fields) object(object map[string]any, path uint64, depth int) {
	if depth >= maxDepth {
		return
	}
	for name, v := range object {
		f.any(v, under(path, name, depth), depth+1)
	}
}

// any adds what stands at a path; the elements of an array are all there.
func (f *Fields) any(v any, path uint64, depth int) {
	switch v := v.(type) {
	case map[string]any:
		f.object(v, path, depth)
	case []any:
		for _, e := range v {
			if _, nested := e.([]any); nested && depth >= maxDepth {
				return
			}
			f.any(e, path, depth+1)
		}
	case string:
		f.add(path, value{kind: kindString, text: v})
	case json.Number:
		n, ok := parseNumber(v.String())
		if !ok {
			return
		}
		f.add(path, value{kind: kindNumber, text: v.String(), number: n})
	case bool:
		text := "false"
		if v {
			text = "true"
		}
		f.add(path, value{kind: kindLiteral, text: text})
	case nil:
		f.add(path, value{kind: kindLiteral, text: "null"})
	}
}
