package xstream

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
)

// aliases are other names of classes.
var aliases = map[string]string{
	"java.lang.String": "string", "java.lang.Integer": "int", "java.lang.Long": "long", "java.lang.Short": "short",
	"java.lang.Byte": "byte", "java.lang.Float": "float", "java.lang.Double": "double", "java.lang.Boolean": "boolean",
	"java.lang.Character": "char", "tree-map": "map", "linked-hash-map": "map", "java.util.HashMap": "map",
	"java.util.TreeMap": "map", "java.util.LinkedHashMap": "map", "linked-list": "list", "java.util.ArrayList": "list",
	"java.util.LinkedList": "list",
}

// classes are the names in Java of those classes that errors name.
var classes = map[string]string{
	"string": "java.lang.String", "int": "java.lang.Integer", "long": "java.lang.Long", "short": "java.lang.Short",
	"byte": "java.lang.Byte", "float": "java.lang.Float", "double": "java.lang.Double", "boolean": "java.lang.Boolean",
	"char": "java.lang.Character", "list": "java.util.ArrayList", "map": "java.util.HashMap",
	// These ActiveMQ knows and forbids.
	"byte-array": "[B", "date": "java.util.Date", "big-int": "java.math.BigInteger", "big-decimal": "java.math.BigDecimal",
}

// Map is the content of a map message, with its values as Java would write them. Its keys are strings, and the last one
// of several of the same name counts. An error has the words of ActiveMQ's transformation-error header, which may be
// none.
func Map(e Element) (Element, error) {
	m, err := Object(e)
	if err != nil {
		return Element{}, err
	}
	if m.Name != "map" {
		return Element{}, wrongClass(m.Name, "java.util.Map")
	}
	at := make(map[string]int, len(m.Children))
	entries := m.Children[:0]
	for _, entry := range m.Children {
		key := entry.Children[0]
		if key.Name != "string" {
			return Element{}, wrongClass(key.Name, "java.lang.String")
		}
		if key.Text == "" {
			return Element{}, errors.New("The name of the property cannot be an emprty string.")
		}
		if i, ok := at[key.Text]; ok {
			entries[i] = entry
			continue
		}
		at[key.Text] = len(entries)
		entries = append(entries, entry)
	}
	m.Children = entries
	return m, nil
}

// wrongClass says that a value is of another class than it must be, as Java does.
func wrongClass(is, must string) error {
	class := classes[is]
	if class == "" {
		class = is
	}
	return fmt.Errorf("class %s cannot be cast to class %s (%[1]s and %[2]s are in module java.base of loader 'bootstrap')", class, must)
}

// Object is a value as Java would write it. An error has the words of ActiveMQ's transformation-error header, but for
// those where XStream prints what it was doing.
func Object(e Element) (Element, error) {
	if alias, ok := aliases[e.Name]; ok {
		e.Name = alias
	}
	switch e.Name {
	case "map":
		return mapOf(e)
	case "list":
		return listOf(e)
	case "null":
		return Element{Name: "null"}, nil
	}
	text, err := scalar(e.Name, e.Text)
	return Element{Name: e.Name, Text: text}, err
}

func mapOf(e Element) (Element, error) {
	m := Element{Name: "map", Children: make([]Element, 0, len(e.Children))}
	for _, entry := range e.Children {
		if len(entry.Children) < 2 {
			return Element{}, errors.New("an entry of a map has a key and a value")
		}
		key, err := Object(entry.Children[0])
		if err != nil {
			return Element{}, err
		}
		value, err := Object(entry.Children[1])
		if err != nil {
			return Element{}, err
		}
		m.Children = append(m.Children, Element{Name: "entry", Children: []Element{key, value}})
	}
	return m, nil
}

func listOf(e Element) (Element, error) {
	list := Element{Name: "list", Children: make([]Element, 0, len(e.Children))}
	for _, child := range e.Children {
		value, err := Object(child)
		if err != nil {
			return Element{}, err
		}
		list.Children = append(list.Children, value)
	}
	return list, nil
}

// scalar reads a value that is a text and writes it as Java does.
func scalar(class, text string) (string, error) {
	switch class {
	case "string":
		return text, nil
	case "char":
		if units := len(utf16.Encode([]rune(text))); units != 1 {
			return "", fmt.Errorf("%q is not one character", text)
		}
		return text, nil
	case "boolean":
		return strconv.FormatBool(strings.EqualFold(text, "true")), nil
	case "byte":
		return integer(text, 8)
	case "short":
		return integer(text, 16)
	case "int":
		return integer(text, 32)
	case "long":
		return integer(text, 64)
	case "float":
		return float(text, 32)
	case "double":
		return float(text, 64)
	}
	if name, ok := classes[class]; ok {
		return "", errors.New(name)
	}
	return "", errors.New(class)
}

func notNumber(text string) error { return fmt.Errorf("For input string: %q", text) }

// integer reads what Java's Integer.decode takes: decimal, 0x, # or a leading 0 for octal.
func integer(text string, bits int) (string, error) {
	digits, sign := text, ""
	if strings.HasPrefix(text, "-") || strings.HasPrefix(text, "+") {
		sign, digits = text[:1], text[1:]
	}
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"), strings.HasPrefix(digits, "0X"):
		base, digits = 16, digits[2:]
	case strings.HasPrefix(digits, "#"):
		base, digits = 16, digits[1:]
	case strings.HasPrefix(digits, "0") && len(digits) > 1:
		base, digits = 8, digits[1:]
	}
	if strings.HasPrefix(digits, "-") || strings.HasPrefix(digits, "+") {
		return "", notNumber(text)
	}
	n, err := strconv.ParseInt(sign+digits, base, bits)
	if err != nil {
		return "", notNumber(text)
	}
	return strconv.FormatInt(n, 10), nil
}

func float(text string, bits int) (string, error) {
	trimmed := strings.TrimSpace(text)
	if n := len(trimmed); n > 1 && strings.ContainsAny(trimmed[n-1:], "dDfF") && !strings.ContainsAny(trimmed, "xX") {
		trimmed = trimmed[:n-1]
	}
	switch trimmed {
	case "NaN", "Infinity", "-Infinity":
		return trimmed, nil
	case "+Infinity":
		return "Infinity", nil
	}
	f, err := strconv.ParseFloat(trimmed, bits)
	if err != nil && !errors.Is(err, strconv.ErrRange) || trimmed == "" || strings.ContainsAny(trimmed, "_iInN") {
		return "", notNumber(text)
	}
	return formatFloat(f, bits), nil
}

// formatFloat writes a number as Java's Double.toString does.
func formatFloat(f float64, bits int) string {
	size := math.Abs(f)
	switch {
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0 || size >= 1e-3 && size < 1e7:
		text := strconv.FormatFloat(f, 'f', -1, bits)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(f, 'e', -1, bits), "e")
	if !strings.Contains(digits, ".") {
		digits += ".0"
	}
	n, _ := strconv.Atoi(exponent) // it was just written
	return digits + "E" + strconv.Itoa(n)
}
