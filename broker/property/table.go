package property

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
)

// MaxDepth is how deep tables and arrays may be nested in each other, the
// outermost table included. RabbitMQ has no such limit; its clients use two or
// three levels (the x-death header is an array of tables with an array inside).
const MaxDepth = 64

// MaxName is the longest name of a field, in bytes.
const MaxName = 255

var (
	// ErrMalformed says that bytes are not an encoding of what they should be:
	// they end early, a length reaches outside, or a type is unknown.
	ErrMalformed = errors.New("property: malformed encoding")
	// ErrDepth says that tables or arrays are nested deeper than [MaxDepth].
	ErrDepth = errors.New("property: nested too deep")
	// ErrUnencodable says that a Go value has no encoding: its type is not one
	// of those of [Field], or a name or short string has more than 255 bytes.
	ErrUnencodable = errors.New("property: value cannot be encoded")
)

// Table is an ordered list of named values. Names may repeat; [Table.Get] finds
// the first, as RabbitMQ does.
type Table []Field

// Field is one named value of a [Table]. Value is one of nil, bool, int8,
// uint8, int16, uint16, int32, uint32, int64, float32, float64, [Decimal],
// string, []byte, [time.Time] (whole seconds), [Table] and []any (of the same).
type Field struct {
	Name  string // at most MaxName bytes
	Value any
}

// Decimal is Value divided by ten to the power of Scale.
type Decimal struct {
	Scale uint8
	Value int32
}

// Get finds the first field of a name.
func (t Table) Get(name string) (any, bool) {
	for i := range t {
		if t[i].Name == name {
			return t[i].Value, true
		}
	}
	return nil, false
}

// Raw encodes the table. It fails with [ErrUnencodable] or [ErrDepth].
func (t Table) Raw() (RawTable, error) {
	if len(t) == 0 {
		return nil, nil
	}
	return appendFields(nil, t, 1)
}

// AppendTable appends the encoding of a table to dst, its length (four bytes)
// first. On failure dst is returned as it was, with [ErrUnencodable] or
// [ErrDepth].
func AppendTable(dst []byte, t Table) ([]byte, error) {
	return appendTable(dst, t, 1)
}

func appendTable(dst []byte, t Table, depth int) ([]byte, error) {
	start := len(dst)
	out, err := appendFields(append(dst, 0, 0, 0, 0), t, depth)
	if err != nil {
		return dst, err
	}
	return backpatch(out, start), nil
}

func appendFields(dst []byte, t Table, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, ErrDepth
	}
	start, err := len(dst), error(nil)
	for i := range t {
		if len(t[i].Name) > MaxName {
			return dst[:start], fmt.Errorf("%w: a name of %d bytes", ErrUnencodable, len(t[i].Name))
		}
		dst = append(dst, byte(len(t[i].Name)))
		dst = append(dst, t[i].Name...)
		if dst, err = appendValue(dst, t[i].Value, depth); err != nil {
			return dst[:start], err
		}
	}
	return dst, nil
}

// backpatch writes the length of what follows the four bytes at start.
func backpatch(b []byte, start int) []byte {
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	return b
}

func appendValue(dst []byte, value any, depth int) ([]byte, error) {
	be := binary.BigEndian
	switch v := value.(type) {
	case string:
		return append(be.AppendUint32(append(dst, typeString), uint32(len(v))), v...), nil
	case []byte:
		return append(be.AppendUint32(append(dst, typeBytes), uint32(len(v))), v...), nil
	case Table:
		return appendTable(append(dst, typeTable), v, depth+1)
	case []any:
		return appendArray(append(dst, typeArray), v, depth+1)
	default:
		return appendScalar(dst, value)
	}
}

// appendScalar encodes a value that has a fixed size, at most nine bytes.
func appendScalar(dst []byte, value any) ([]byte, error) {
	be := binary.BigEndian
	switch v := value.(type) {
	case nil:
		return append(dst, typeVoid), nil
	case bool:
		if v {
			return append(dst, typeBool, 1), nil
		}
		return append(dst, typeBool, 0), nil
	case int8:
		return append(dst, typeInt8, byte(v)), nil
	case uint8:
		return append(dst, typeUint8, v), nil
	case int16:
		return be.AppendUint16(append(dst, typeInt16), uint16(v)), nil
	case uint16:
		return be.AppendUint16(append(dst, typeUint16), v), nil
	case int32:
		return be.AppendUint32(append(dst, typeInt32), uint32(v)), nil
	case uint32:
		return be.AppendUint32(append(dst, typeUint32), v), nil
	case int64:
		return be.AppendUint64(append(dst, typeInt64), uint64(v)), nil
	case float32:
		return be.AppendUint32(append(dst, typeFloat32), math.Float32bits(v)), nil
	case float64:
		return be.AppendUint64(append(dst, typeFloat64), math.Float64bits(v)), nil
	case Decimal:
		return be.AppendUint32(append(dst, typeDecimal, v.Scale), uint32(v.Value)), nil
	case time.Time:
		return be.AppendUint64(append(dst, typeTime), uint64(v.Unix())), nil
	default:
		return dst, fmt.Errorf("%w: a value of type %T", ErrUnencodable, value)
	}
}

func appendArray(dst []byte, array []any, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return dst, ErrDepth
	}
	start, err := len(dst), error(nil)
	dst = append(dst, 0, 0, 0, 0)
	for _, v := range array {
		if dst, err = appendValue(dst, v, depth); err != nil {
			return dst[:start], err
		}
	}
	return backpatch(dst, start), nil
}

// ParseTable decodes the table at the start of b, its length (four bytes)
// first, and returns what follows it. The table keeps nothing of b. It fails
// with [ErrMalformed] or [ErrDepth].
func ParseTable(b []byte) (t Table, rest []byte, err error) {
	body, rest, ok := cutLong(b)
	if !ok {
		return nil, b, ErrMalformed
	}
	if t, err = parseFields(body, 1); err != nil {
		return nil, b, err
	}
	return t, rest, nil
}

func parseFields(body []byte, depth int) (Table, error) {
	if depth > MaxDepth {
		return nil, ErrDepth
	}
	var t Table
	for len(body) > 0 {
		name, v, rest, ok := cutField(body)
		if !ok {
			return nil, ErrMalformed
		}
		value, err := v.decode(depth)
		if err != nil {
			return nil, err
		}
		t = append(t, Field{Name: string(name), Value: value})
		body = rest
	}
	return t, nil
}
