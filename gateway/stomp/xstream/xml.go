package xstream

import (
	"bytes"
	"encoding/xml"
	"io"
	"strconv"
	"unicode"
)

// ParseXML reads the first element of a text. Attributes, comments and what follows do not count. Entities are those
// of XML alone.
func ParseXML(text []byte) (Element, error) {
	if len(text) > MaxSize {
		return Element{}, errTooLarge
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // a STOMP body of text is UTF-8
	var open []openElement
	for count := 0; ; {
		token, err := d.Token()
		if err != nil {
			return Element{}, errMalformed
		}
		switch token := token.(type) {
		case xml.StartElement:
			if count++; count > maxElements {
				return Element{}, errTooMany
			}
			if len(open) == maxDepth {
				return Element{}, errTooDeep
			}
			open = append(open, openElement{Element: Element{Name: token.Name.Local}})
		case xml.CharData:
			if len(open) > 0 {
				last := &open[len(open)-1]
				last.text = append(last.text, token...)
			}
		case xml.EndElement:
			last := open[len(open)-1]
			open = open[:len(open)-1]
			if len(last.Children) == 0 { // else what stands between them is indentation
				last.Text = string(last.text)
			}
			if len(open) == 0 {
				return last.Element, nil
			}
			parent := &open[len(open)-1]
			parent.Children = append(parent.Children, last.Element)
		}
	}
}

// openElement is one whose end was not read yet.
type openElement struct {
	Element
	text []byte
}

// AppendXML appends a value as XStream's PrettyPrintWriter writes it, without a line end.
func AppendXML(dst []byte, e Element) []byte { return appendXML(dst, &e, 0) }

func appendXML(dst []byte, e *Element, depth int) []byte {
	dst = append(append(dst, '<'), e.Name...)
	switch {
	case single(e.Name):
		dst = appendEscaped(append(dst, '>'), e.Text)
	case len(e.Children) == 0:
		return append(dst, "/>"...)
	default:
		dst = append(dst, '>')
		for i := range e.Children {
			dst = appendXML(indent(dst, depth+1), &e.Children[i], depth+1)
		}
		dst = indent(dst, depth)
	}
	return append(append(append(dst, "</"...), e.Name...), '>')
}

func indent(dst []byte, depth int) []byte {
	dst = append(dst, '\n')
	for range depth {
		dst = append(dst, "  "...)
	}
	return dst
}

func appendEscaped(dst []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '&':
			dst = append(dst, "&amp;"...)
		case r == '<':
			dst = append(dst, "&lt;"...)
		case r == '>':
			dst = append(dst, "&gt;"...)
		case r == '"':
			dst = append(dst, "&quot;"...)
		case r == '\'':
			dst = append(dst, "&apos;"...)
		case r == '\n' || r == '\t' || !unicode.IsControl(r):
			dst = append(dst, string(r)...)
		default:
			dst = strconv.AppendInt(append(dst, "&#x"...), int64(r), 16)
			dst = append(dst, ';')
		}
	}
	return dst
}
