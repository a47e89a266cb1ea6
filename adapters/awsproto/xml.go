package awsproto

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"strings"
)

// encodeXML is a query answer: <ActionResponse><ActionResult>...</ActionResult>..., the result left
// out when the output has no members at all.
func encodeXML(s *Service, c *Call, out any) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?>` + "\n")
	fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, c.Action, s.XMLNamespace)
	v := reflect.ValueOf(out).Elem()
	if v.NumField() > 0 {
		fmt.Fprintf(&b, `<%sResult>`, c.Action)
		xmlStruct(&b, v)
		fmt.Fprintf(&b, `</%sResult>`, c.Action)
	}
	fmt.Fprintf(&b, `<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></%sResponse>`, c.ID, c.Action)
	return []byte(b.String())
}

// errorXML is a query error.
func errorXML(s *Service, id string, e *Error) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?>` + "\n")
	namespace := "http://webservices.amazon.com/AWSFault/2005-15-09"
	if s != nil && s.XMLNamespace != "" {
		namespace = s.XMLNamespace
	}
	fmt.Fprintf(&b, `<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>`, namespace, e.fault())
	xmlText(&b, e.queryCode())
	b.WriteString(`</Code><Message>`)
	xmlText(&b, e.Message)
	b.WriteString(`</Message>`)
	if s != nil && s.ErrorDetail {
		b.WriteString(`<Detail/>`)
	}
	fmt.Fprintf(&b, `</Error><RequestId>%s</RequestId></ErrorResponse>`, id)
	return []byte(b.String())
}

func xmlStruct(b *strings.Builder, v reflect.Value) {
	t := v.Type()
	for i := range t.NumField() {
		if t.Field(i).Anonymous { // its members are this structure's
			xmlStruct(b, v.Field(i))
			continue
		}
		xmlField(b, tagOf(t.Field(i)), v.Field(i))
	}
}

// xmlField writes a member; nil pointers, lists and maps are left out, as are empty strings, which
// stand for absent members in the outputs here.
func xmlField(b *strings.Builder, tag queryTag, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			xmlField(b, tag, v.Elem())
		}
	case reflect.String:
		if v.Len() > 0 || tag.keep {
			xmlElement(b, tag.name, func() { xmlText(b, v.String()) })
		}
	case reflect.Bool:
		xmlElement(b, tag.name, func() { b.WriteString(strconv.FormatBool(v.Bool())) })
	case reflect.Int32, reflect.Int64:
		xmlElement(b, tag.name, func() { b.WriteString(strconv.FormatInt(v.Int(), 10)) })
	case reflect.Struct:
		xmlElement(b, tag.name, func() { xmlStruct(b, v) })
	case reflect.Slice:
		xmlList(b, tag, v)
	case reflect.Map:
		xmlMap(b, tag, v)
	default:
		panic(fmt.Sprintf("awsproto: output field %s has type %s, which the query protocol does not have here", tag.name, v.Type()))
	}
}

func xmlElement(b *strings.Builder, name string, content func()) {
	b.WriteString("<" + name + ">")
	content()
	b.WriteString("</" + name + ">")
}

func xmlList(b *strings.Builder, tag queryTag, v reflect.Value) {
	if v.IsNil() {
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		xmlElement(b, tag.name, func() { b.WriteString(base64.StdEncoding.EncodeToString(v.Bytes())) })
		return
	}
	item := queryTag{name: "member"}
	if tag.flat {
		item.name = tag.name
	}
	items := func() {
		for i := range v.Len() {
			xmlField(b, item, v.Index(i))
		}
	}
	if tag.flat {
		items()
		return
	}
	xmlElement(b, tag.name, items)
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	return keys
}

func xmlMap(b *strings.Builder, tag queryTag, v reflect.Value) {
	if v.IsNil() {
		return
	}
	keys := sortedKeys(v)
	entry := "entry"
	if tag.flat {
		entry = tag.name
	}
	entries := func() {
		for _, key := range keys {
			xmlElement(b, entry, func() {
				xmlElement(b, tag.key, func() { xmlText(b, key.String()) })
				value := v.MapIndex(key)
				if value.Kind() == reflect.String { // an empty value is still a value
					xmlElement(b, tag.value, func() { xmlText(b, value.String()) })
					return
				}
				xmlField(b, queryTag{name: tag.value}, value)
			})
		}
	}
	if tag.flat {
		entries()
		return
	}
	xmlElement(b, tag.name, entries)
}

// xmlEscapes are the escapes AWS writes; a bare carriage return would come back as a line feed, and
// change the MD5 of what it stands in.
var xmlEscapes = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#xD;")

// xmlText writes text. Characters that XML cannot hold are replaced: outputs that could carry them
// (a message's body) are checked by the service before they come here.
func xmlText(b *strings.Builder, s string) {
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || (r >= 0x20 && r != 0xFFFE && r != 0xFFFF) {
			return r
		}
		return 0xFFFD
	}, s)
	_, _ = xmlEscapes.WriteString(b, s) // a strings.Builder never fails
}
