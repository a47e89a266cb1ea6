package xstream

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// ParseJSON reads the first member of an object as the element of its name; arrays are several elements of one name.
// Attributes (names that begin with @) and what follows do not count.
func ParseJSON(text []byte) (Element, error) {
	if len(text) > MaxSize {
		return Element{}, errTooLarge
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		return Element{}, errMalformed
	}
	r := jsonReader{d: d}
	var root Element
	if err := r.members(&root, 0); err != nil {
		return Element{}, err
	}
	if len(root.Children) == 0 {
		return Element{}, errNoElement
	}
	return root.Children[0], nil
}

// jsonReader reads elements from tokens.
type jsonReader struct {
	d     *json.Decoder
	count int
}

// members reads the members of an object, whose brace was read, into an element.
func (r *jsonReader) members(e *Element, depth int) error {
	for {
		token, err := r.d.Token()
		if err != nil {
			return errMalformed
		}
		name, ok := token.(string)
		if !ok {
			return nil // the closing brace
		}
		if err := r.value(e, name, depth, false); err != nil {
			return err
		}
	}
}

// value reads the value of a member as elements of its name.
func (r *jsonReader) value(parent *Element, name string, depth int, inArray bool) error {
	token, err := r.d.Token()
	if err != nil {
		return errMalformed
	}
	if r.count++; r.count > maxElements {
		return errTooMany
	}
	if depth == maxDepth {
		return errTooDeep
	}
	child := Element{Name: name}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' && !inArray {
			return r.array(parent, name, depth)
		}
		if token == '[' {
			return errMalformed // Jettison has no arrays of arrays
		}
		if err := r.members(&child, depth+1); err != nil {
			return err
		}
	case string:
		child.Text = token
	case json.Number:
		child.Text = token.String()
	case bool:
		child.Text = strconv.FormatBool(token)
	}
	switch {
	case name == "$":
		parent.Text = child.Text
	case !strings.HasPrefix(name, "@"):
		parent.Children = append(parent.Children, child)
	}
	return nil
}

func (r *jsonReader) array(parent *Element, name string, depth int) error {
	for r.d.More() {
		if err := r.value(parent, name, depth, true); err != nil {
			return err
		}
	}
	if _, err := r.d.Token(); err != nil {
		return errMalformed
	}
	return nil
}

// AppendJSON appends a value as Jettison writes it in its mapped convention: elements of one name share an array, and a
// text that looks like a number or a boolean is one.
func AppendJSON(dst []byte, e Element) []byte {
	return appendMembers(dst, []Element{e})
}

func appendMembers(dst []byte, elements []Element) []byte {
	dst = append(dst, '{')
	byName, names := make(map[string][]int), []string(nil)
	for i := range elements {
		name := elements[i].Name
		if byName[name] == nil {
			names = append(names, name)
		}
		byName[name] = append(byName[name], i)
	}
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, name), ':')
		same := byName[name]
		if len(same) == 1 {
			dst = appendValue(dst, &elements[same[0]])
			continue
		}
		dst = append(dst, '[')
		for j, at := range same {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, &elements[at])
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

func appendValue(dst []byte, e *Element) []byte {
	if len(e.Children) > 0 {
		return appendMembers(dst, e.Children)
	}
	if text, ok := primitive(e.Text); ok {
		return append(dst, text...)
	}
	return appendQuoted(dst, e.Text)
}

// primitive is the number or boolean that a text is, if Java would write it so.
func primitive(text string) (string, bool) {
	if text == "true" || text == "false" {
		return text, true
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return text, strconv.FormatInt(n, 10) == text
	}
	written, err := float(text, 64)
	if err != nil || written != text || strings.ContainsAny(text, "Ny") { // NaN, Infinity
		return "", false
	}
	if !strings.Contains(text, "E") {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return text, true
}

// appendQuoted quotes a text as Jettison does, which escapes slashes.
func appendQuoted(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\' || c == '/':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\b':
			dst = append(dst, `\b`...)
		case c == '\f':
			dst = append(dst, `\f`...)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
