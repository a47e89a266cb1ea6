package differential

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// methodIDs is every method of the protocol by its name.
var methodIDs = func() map[string]wire.MethodID {
	ids := map[string]wire.MethodID{}
	for class := range uint32(100) {
		for method := range uint32(130) {
			if id := wire.MethodID(class<<16 | method); wire.NewMethod(id) != nil {
				ids[id.String()] = id
			}
		}
	}
	return ids
}()

// fieldKey spells the name of a Go field as a script does: NoWait is no-wait.
func fieldKey(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ReplaceAll(strings.ToLower(b.String()), "i-d", "id")
}

// method makes the method that a step names. Arguments that are no fields of it
// (those of a content) are left to the caller.
func (s *step) method() (wire.Method, error) {
	id, ok := methodIDs[s.verb]
	if !ok {
		return nil, fmt.Errorf("no method %q", s.verb)
	}
	m := wire.NewMethod(id)
	v := reflect.ValueOf(m).Elem()
	known := map[string]bool{"body": true, "size": true, "properties": true}
	for i := range v.NumField() {
		key := fieldKey(v.Type().Field(i).Name)
		known[key] = true
		for _, a := range s.args {
			if a.key == key {
				if err := setField(v.Field(i), a.value); err != nil {
					return nil, fmt.Errorf("%s: %w", key, err)
				}
			}
		}
	}
	for _, a := range s.args {
		if !known[a.key] {
			return nil, fmt.Errorf("%s has no %q", s.verb, a.key)
		}
	}
	return m, nil
}

func setField(f reflect.Value, value string) error {
	switch f.Interface().(type) {
	case property.RawTable:
		raw, err := table(value)
		f.SetBytes(raw)
		return err
	case []byte:
		f.SetBytes([]byte(unquote(value)))
		return nil
	case bool:
		f.SetBool(true)
		return nil
	default:
		n, err := strconv.ParseUint(value, 10, 64)
		f.SetUint(n)
		return err
	}
}

func unquote(s string) string {
	if s, err := strconv.Unquote(s); err == nil {
		return s
	}
	return s
}

// table encodes {name:Ivalue,...}; the letter is the type on the wire.
func table(text string) (property.RawTable, error) {
	var out []byte
	for _, field := range splitQuoted(strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}"), ',') {
		if field == "" {
			continue
		}
		name, value, _ := strings.Cut(field, ":")
		out = append(append(out, byte(len(name))), name...)
		var err error
		if out, err = appendTyped(out, value); err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
	}
	return out, nil
}

// appendTyped encodes one value: its type's letter, then the value.
func appendTyped(out []byte, text string) ([]byte, error) {
	if text == "" {
		return nil, fmt.Errorf("no type")
	}
	letter, value := text[0], unquote(text[1:])
	out = append(out, letter)
	number, _ := strconv.ParseInt(value, 10, 64)
	switch letter {
	case 't':
		if value == "true" {
			number = 1
		}
		return append(out, byte(number)), nil
	case 'b', 'B':
		return append(out, byte(number)), nil
	case 's', 'u':
		return binary.BigEndian.AppendUint16(out, uint16(number)), nil
	case 'I', 'i':
		return binary.BigEndian.AppendUint32(out, uint32(number)), nil
	case 'l', 'T':
		return binary.BigEndian.AppendUint64(out, uint64(number)), nil
	case 'f', 'd':
		x, err := strconv.ParseFloat(value, 64)
		if letter == 'f' {
			return binary.BigEndian.AppendUint32(out, math.Float32bits(float32(x))), err
		}
		return binary.BigEndian.AppendUint64(out, math.Float64bits(x)), err
	case 'D':
		return binary.BigEndian.AppendUint32(append(out, 2), uint32(number)), nil
	case 'V':
		return out, nil
	case 'S', 'x':
		return append(binary.BigEndian.AppendUint32(out, uint32(len(value))), value...), nil
	case 'F':
		inner, err := table(text[1:])
		return append(binary.BigEndian.AppendUint32(out, uint32(len(inner))), inner...), err
	case 'A':
		var inner []byte
		for _, e := range splitQuoted(strings.TrimSuffix(strings.TrimPrefix(text[1:], "["), "]"), ',') {
			if e == "" {
				continue
			}
			var err error
			if inner, err = appendTyped(inner, e); err != nil {
				return nil, err
			}
		}
		return append(binary.BigEndian.AppendUint32(out, uint32(len(inner))), inner...), nil
	default:
		return nil, fmt.Errorf("no type %q", letter)
	}
}

// properties encodes {delivery-mode=2 headers={...} ...} as a block.
func properties(text string) (property.Block, error) {
	var set property.Set
	var headers property.RawTable
	for _, word := range splitQuoted(strings.TrimSuffix(strings.TrimPrefix(text, "{"), "}"), ' ') {
		key, value, _ := strings.Cut(word, "=")
		value = unquote(value)
		strings := map[string]*string{
			"content-type": &set.ContentType, "content-encoding": &set.ContentEncoding,
			"correlation-id": &set.CorrelationID, "reply-to": &set.ReplyTo, "expiration": &set.Expiration,
			"message-id": &set.MessageID, "type": &set.Type, "user-id": &set.UserID,
			"app-id": &set.AppID, "cluster-id": &set.ClusterID,
		}
		number, _ := strconv.Atoi(value)
		switch {
		case key == "":
		case key == "headers":
			var err error
			if headers, err = table(value); err != nil {
				return nil, err
			}
			if set.Headers, err = headers.Decode(); err != nil {
				return nil, err
			}
		case key == "delivery-mode":
			set.DeliveryMode = uint8(number)
		case key == "priority":
			set.Priority = uint8(number)
		case key == "timestamp":
			set.Timestamp = time.Unix(int64(number), 0)
		case strings[key] != nil:
			*strings[key] = value
		default:
			return nil, fmt.Errorf("no property %q", key)
		}
	}
	return set.Append(nil)
}

// message makes the frames of a publication.
func (s *step) message(m wire.Method, frameMax uint32) ([]byte, error) {
	p, err := properties(s.get("properties", ""))
	if err != nil {
		return nil, err
	}
	body := []byte(unquote(s.get("body", "")))
	if size := s.get("size", ""); size != "" {
		n, err := strconv.Atoi(size)
		if err != nil {
			return nil, err
		}
		body = make([]byte, n)
		for i := range body {
			body[i] = byte(i % 251)
		}
	}
	out := wire.AppendMethod(nil, s.channel, m)
	return wire.AppendContent(out, s.channel, 60, p, body, frameMax), nil
}

// rawFrames makes what "raw" sends: hex=..., or frames of given parts.
func (s *step) rawFrames() ([]byte, error) {
	if text := s.get("hex", ""); text != "" {
		return hex.DecodeString(text)
	}
	var kind, end int
	if _, err := fmt.Sscan(s.get("type", "1"), &kind); err != nil {
		return nil, err
	}
	if _, err := fmt.Sscan(s.get("end", "206"), &end); err != nil {
		return nil, err
	}
	payload, err := hex.DecodeString(s.get("payload", ""))
	if err != nil {
		return nil, err
	}
	out, at := wire.BeginFrame(nil, uint8(kind), s.channel)
	out = wire.EndFrame(append(out, payload...), at)
	out[len(out)-1] = byte(end)
	return out, nil
}
