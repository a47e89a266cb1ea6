package differential

import (
	"fmt"
	"hash/crc32"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

var generated = regexp.MustCompile(`(amq\.gen-|amq\.ctag-|amq\.rabbitmq\.reply-to\.)[-_+/=.A-Za-z0-9]+`)

// normalise takes out of a line what is different in every run: generated names.
func normalise(s string) string { return generated.ReplaceAllString(s, "${1}*") }

// showMethod is a method with the arguments that are not zero.
func showMethod(m wire.Method) string {
	var b strings.Builder
	b.WriteString(m.ID().String())
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		if v.Field(i).IsZero() || v.Field(i).Kind() == reflect.Slice && v.Field(i).Len() == 0 {
			continue
		}
		fmt.Fprintf(&b, " %s", fieldKey(v.Type().Field(i).Name))
		switch x := v.Field(i).Interface().(type) {
		case bool:
		case property.RawTable:
			b.WriteString("=" + showTable(x))
		case []byte:
			b.WriteString("=" + showText(string(x)))
		default:
			fmt.Fprintf(&b, "=%d", x)
		}
	}
	return b.String()
}

func showText(s string) string {
	if s == "" || strings.ContainsAny(s, " \"\n\r\x00") {
		return strconv.Quote(s)
	}
	return s
}

func showTable(t property.RawTable) string {
	var fields []string
	for name, value := range t.All() {
		text := showValue(value)
		if string(name) == "time" && value.Type == 'T' {
			text = "T*"
		}
		fields = append(fields, string(name)+":"+text)
	}
	sort.Strings(fields)
	return "{" + strings.Join(fields, ",") + "}"
}

func showValue(v property.RawValue) string {
	if t, ok := v.Table(); ok {
		return "F" + showTable(t)
	}
	if elements, ok := v.Elements(); ok {
		var all []string
		for e := range elements {
			all = append(all, showValue(e))
		}
		return "A[" + strings.Join(all, ",") + "]"
	}
	return string(v.Type) + showText(v.String())
}

// showContent is the properties and the body of a message.
func showContent(p property.Block, body []byte) string {
	var b strings.Builder
	set, err := p.Decode()
	if err != nil {
		return " properties malformed"
	}
	v := reflect.ValueOf(set)
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).IsZero() || name == "Flags" {
			continue
		}
		switch x := v.Field(i).Interface().(type) {
		case property.Table:
			b.WriteString(" headers=" + showTable(p.Headers()))
		case time.Time:
			fmt.Fprintf(&b, " timestamp=%d", x.Unix())
		case string:
			b.WriteString(" " + fieldKey(name) + "=" + showText(x))
		default:
			fmt.Fprintf(&b, " %s=%d", fieldKey(name), x)
		}
	}
	if len(body) > 100 {
		fmt.Fprintf(&b, " body of %d bytes, crc32 %08x", len(body), crc32.ChecksumIEEE(body))
	} else {
		b.WriteString(" body=" + showText(string(body)))
	}
	return b.String()
}
