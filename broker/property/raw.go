package property

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"iter"
	"math"
	"strconv"
	"time"
)

// The letters of the types, RabbitMQ's where the specification differs.
const (
	typeBool    = 't'
	typeInt8    = 'b'
	typeUint8   = 'B'
	typeInt16   = 's'
	typeUint16  = 'u'
	typeInt32   = 'I'
	typeUint32  = 'i'
	typeInt64   = 'l'
	typeLong    = 'L' // read as an int64 too, never written
	typeFloat32 = 'f'
	typeFloat64 = 'd'
	typeDecimal = 'D'
	typeString  = 'S'
	typeBytes   = 'x'
	typeArray   = 'A'
	typeTime    = 'T'
	typeTable   = 'F'
	typeVoid    = 'V'
)

// RawTable is an encoded table without its length: names (a byte of length
// each), the letter of a type, a value, and so on. It may be malformed, since
// it may come from a client: its methods never read outside of it and take what
// is malformed as the end. Nil is an empty table.
type RawTable []byte

// Valid checks the whole table, nested ones included. It fails with
// [ErrMalformed] or [ErrDepth] and allocates nothing.
func (t RawTable) Valid() error { return validFields(t, 1) }

// Lookup finds the first field of a name, without allocating. The value is a
// view into the table.
func (t RawTable) Lookup(name string) (RawValue, bool) {
	for body := []byte(t); len(body) > 0; {
		n, v, rest, ok := cutField(body)
		if !ok {
			break
		}
		if string(n) == name {
			return v, true
		}
		body = rest
	}
	return RawValue{}, false
}

// All goes through the fields in their order. Names and values are views into
// the table.
func (t RawTable) All() iter.Seq2[[]byte, RawValue] {
	return func(yield func([]byte, RawValue) bool) {
		for body := []byte(t); len(body) > 0; {
			n, v, rest, ok := cutField(body)
			if !ok || !yield(n, v) {
				return
			}
			body = rest
		}
	}
}

// Decode turns the table into Go values, which keep nothing of it. It fails
// with [ErrMalformed] or [ErrDepth].
func (t RawTable) Decode() (Table, error) { return parseFields(t, 1) }

// RawValue is one encoded value: a view, valid as long as what it was found in.
// The zero RawValue is no value at all: it equals nothing.
type RawValue struct {
	// Type is the letter of its type; 'L' has become 'l'.
	Type byte
	// Data is the value in big-endian order. Strings, byte strings, tables
	// and arrays come without their length.
	Data []byte
}

// Equal compares two values: numbers by value whatever their width, integers
// with floating-point ones too, strings and byte strings by their bytes, as
// RabbitMQ's headers exchange does since 3.12. It allocates nothing.
func (v RawValue) Equal(o RawValue) bool {
	if a, ok := v.Int(); ok {
		if b, ok := o.Int(); ok {
			return a == b
		}
		b, ok := o.Float()
		return ok && float64(a) == b
	}
	if a, ok := v.Float(); ok {
		b, ok := o.Float()
		return ok && a == b
	}
	if a, ok := v.Bytes(); ok {
		b, ok := o.Bytes()
		return ok && bytes.Equal(a, b)
	}
	return v.Type != 0 && v.Type == o.Type && bytes.Equal(v.Data, o.Data)
}

// EqualTo compares with a Go value of those that a [Field] may hold. It
// allocates nothing unless the value is a table or an array.
func (v RawValue) EqualTo(value any) bool {
	switch want := value.(type) {
	case string:
		b, ok := v.Bytes()
		return ok && string(b) == want
	case []byte:
		b, ok := v.Bytes()
		return ok && bytes.Equal(b, want)
	case Table, []any:
		b, err := appendValue(nil, want, 0)
		return err == nil && v.Type == b[0] && bytes.Equal(v.Data, b[5:])
	default:
		var room [16]byte
		b, err := appendScalar(room[:0], value)
		return err == nil && v.Equal(RawValue{Type: b[0], Data: b[1:]})
	}
}

// Int is the value of an integer of any width.
func (v RawValue) Int() (int64, bool) {
	be := binary.BigEndian
	switch {
	case v.Type == typeInt8 && len(v.Data) == 1:
		return int64(int8(v.Data[0])), true
	case v.Type == typeUint8 && len(v.Data) == 1:
		return int64(v.Data[0]), true
	case v.Type == typeInt16 && len(v.Data) == 2:
		return int64(int16(be.Uint16(v.Data))), true
	case v.Type == typeUint16 && len(v.Data) == 2:
		return int64(be.Uint16(v.Data)), true
	case v.Type == typeInt32 && len(v.Data) == 4:
		return int64(int32(be.Uint32(v.Data))), true
	case v.Type == typeUint32 && len(v.Data) == 4:
		return int64(be.Uint32(v.Data)), true
	case v.Type == typeInt64 && len(v.Data) == 8:
		return int64(be.Uint64(v.Data)), true
	default:
		return 0, false
	}
}

// Float is the value of any number, integers included.
func (v RawValue) Float() (float64, bool) {
	switch {
	case v.Type == typeFloat32 && len(v.Data) == 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(v.Data))), true
	case v.Type == typeFloat64 && len(v.Data) == 8:
		return math.Float64frombits(binary.BigEndian.Uint64(v.Data)), true
	default:
		i, ok := v.Int()
		return float64(i), ok
	}
}

// Bool is the value of a boolean.
func (v RawValue) Bool() (value, ok bool) {
	if v.Type != typeBool || len(v.Data) != 1 {
		return false, false
	}
	return v.Data[0] != 0, true
}

// Bytes is the content of a string or a byte string, a view.
func (v RawValue) Bytes() ([]byte, bool) {
	if v.Type != typeString && v.Type != typeBytes {
		return nil, false
	}
	return v.Data, true
}

// IsVoid says that the value is present and empty.
func (v RawValue) IsVoid() bool { return v.Type == typeVoid }

// Table is the content of a nested table, a view.
func (v RawValue) Table() (RawTable, bool) {
	if v.Type != typeTable {
		return nil, false
	}
	return RawTable(v.Data), true
}

// Elements goes through an array in its order. ok says that the value is one.
func (v RawValue) Elements() (all iter.Seq[RawValue], ok bool) {
	return func(yield func(RawValue) bool) {
		if v.Type != typeArray {
			return
		}
		for body := v.Data; len(body) > 0; {
			e, rest, ok := cutValue(body)
			if !ok || !yield(e) {
				return
			}
			body = rest
		}
	}, v.Type == typeArray
}

// Value decodes the value into one of the Go types of a [Field], which keeps
// nothing of the encoding. It fails with [ErrMalformed] or [ErrDepth].
func (v RawValue) Value() (any, error) { return v.decode(0) }

// String shows the value to a reader: strings as they are, byte strings in
// hexadecimal, times in RFC 3339, tables and arrays as fmt prints them.
func (v RawValue) String() string {
	value, err := v.decode(0)
	if err != nil {
		return "malformed"
	}
	switch x := value.(type) {
	case nil:
		return ""
	case string:
		return x
	case []byte:
		return hex.EncodeToString(x)
	case bool:
		return strconv.FormatBool(x)
	case time.Time:
		return x.UTC().Format(time.RFC3339)
	default:
		return fmt.Sprint(x)
	}
}

func (v RawValue) decode(depth int) (any, error) {
	be := binary.BigEndian
	if n := fixedSize(v.Type); n >= 0 && len(v.Data) != n {
		return nil, ErrMalformed
	}
	switch v.Type {
	case typeVoid:
		return nil, nil
	case typeBool:
		return v.Data[0] != 0, nil
	case typeInt8:
		return int8(v.Data[0]), nil
	case typeUint8:
		return v.Data[0], nil
	case typeInt16:
		return int16(be.Uint16(v.Data)), nil
	case typeUint16:
		return be.Uint16(v.Data), nil
	case typeInt32:
		return int32(be.Uint32(v.Data)), nil
	case typeUint32:
		return be.Uint32(v.Data), nil
	case typeInt64:
		return int64(be.Uint64(v.Data)), nil
	case typeFloat32:
		return math.Float32frombits(be.Uint32(v.Data)), nil
	case typeFloat64:
		return math.Float64frombits(be.Uint64(v.Data)), nil
	case typeDecimal:
		return Decimal{Scale: v.Data[0], Value: int32(be.Uint32(v.Data[1:]))}, nil
	case typeString:
		return string(v.Data), nil
	case typeBytes:
		return bytes.Clone(v.Data), nil
	case typeTime:
		return time.Unix(int64(be.Uint64(v.Data)), 0).UTC(), nil
	case typeTable:
		return parseFields(v.Data, depth+1)
	case typeArray:
		return parseArray(v.Data, depth+1)
	default:
		return nil, ErrMalformed
	}
}

func parseArray(body []byte, depth int) ([]any, error) {
	if depth > MaxDepth {
		return nil, ErrDepth
	}
	array := []any{}
	for len(body) > 0 {
		v, rest, ok := cutValue(body)
		if !ok {
			return nil, ErrMalformed
		}
		value, err := v.decode(depth)
		if err != nil {
			return nil, err
		}
		array, body = append(array, value), rest
	}
	return array, nil
}

func validFields(body []byte, depth int) error {
	if depth > MaxDepth {
		return ErrDepth
	}
	for len(body) > 0 {
		_, v, rest, ok := cutField(body)
		if !ok {
			return ErrMalformed
		}
		if err := v.valid(depth); err != nil {
			return err
		}
		body = rest
	}
	return nil
}

func (v RawValue) valid(depth int) error {
	switch v.Type {
	case typeTable:
		return validFields(v.Data, depth+1)
	case typeArray:
		if depth+1 > MaxDepth {
			return ErrDepth
		}
		for body := v.Data; len(body) > 0; {
			e, rest, ok := cutValue(body)
			if !ok {
				return ErrMalformed
			}
			if err := e.valid(depth + 1); err != nil {
				return err
			}
			body = rest
		}
	}
	return nil
}

// cutField takes the first field off a table. It does not look into nested
// tables and arrays, whose bounds it checks.
func cutField(b []byte) (name []byte, v RawValue, rest []byte, ok bool) {
	name, b, ok = cutShort(b)
	if !ok {
		return nil, RawValue{}, nil, false
	}
	v, rest, ok = cutValue(b)
	return name, v, rest, ok
}

// cutValue takes the first value off an array, or off what follows a name.
func cutValue(b []byte) (v RawValue, rest []byte, ok bool) {
	if len(b) == 0 {
		return RawValue{}, nil, false
	}
	letter, b := b[0], b[1:]
	if letter == typeLong {
		letter = typeInt64
	}
	switch n := fixedSize(letter); {
	case n >= 0:
		if len(b) < n {
			return RawValue{}, nil, false
		}
		return RawValue{Type: letter, Data: b[:n:n]}, b[n:], true
	case letter == typeString, letter == typeBytes, letter == typeTable, letter == typeArray:
		data, rest, ok := cutLong(b)
		return RawValue{Type: letter, Data: data}, rest, ok
	default:
		return RawValue{}, nil, false
	}
}

// fixedSize is how many bytes a value of a type has; -1 when that varies or
// the type is unknown.
func fixedSize(letter byte) int {
	switch letter {
	case typeVoid:
		return 0
	case typeBool, typeInt8, typeUint8:
		return 1
	case typeInt16, typeUint16:
		return 2
	case typeInt32, typeUint32, typeFloat32:
		return 4
	case typeDecimal:
		return 5
	case typeInt64, typeFloat64, typeTime:
		return 8
	default:
		return -1
	}
}

// cutShort takes a string with a byte of length off b.
func cutShort(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 || len(b)-1 < int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n:n], b[n:], true
}

// cutLong takes what has four bytes of length off b.
func cutLong(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := uint64(binary.BigEndian.Uint32(b))
	if uint64(len(b)-4) < n {
		return nil, nil, false
	}
	end := 4 + int(n)
	return b[4:end:end], b[end:], true
}
