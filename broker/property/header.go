package property

import (
	"encoding/binary"
	"slices"
)

// WithHeader returns the block with one more header, or another value of the one of that name: an int64. The block
// itself stays as it is; one that is malformed is returned. The name has at most 255 bytes.
func (b Block) WithHeader(name string, value int64) Block {
	if _, there := b.Headers().Lookup(name); there {
		return b.withHeaderReplaced(name, value)
	}
	flags := b.Flags()
	switch len(b) {
	case 0:
		b = Block{0, 0}
	case 1:
		return b
	}
	// The headers come after the first two properties.
	rest := []byte(b[2:])
	for _, f := range []Flags{FlagContentType, FlagContentEncoding} {
		ok := true
		if flags&f != 0 {
			_, rest, ok = cutProperty(f, rest)
		}
		if !ok {
			return b
		}
	}
	at := len(b) - len(rest)
	var fields []byte
	if flags&FlagHeaders != 0 {
		var ok bool
		if fields, rest, ok = cutProperty(FlagHeaders, rest); !ok {
			return b
		}
	}
	added := 1 + len(name) + 1 + 8
	out := make(Block, 0, len(b)+4+added)
	out = binary.BigEndian.AppendUint16(out, uint16(flags|FlagHeaders))
	out = append(out, b[2:at]...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(fields)+added))
	out = append(out, fields...)
	out = append(append(out, byte(len(name))), name...)
	out = binary.BigEndian.AppendUint64(append(out, typeInt64), uint64(value))
	return append(out, rest...)
}

func (b Block) withHeaderReplaced(name string, value int64) Block {
	set, err := b.Decode()
	if err != nil {
		return b
	}
	i := slices.IndexFunc(set.Headers, func(f Field) bool { return f.Name == name })
	set.Headers[i].Value = value
	out, err := set.Append(nil)
	if err != nil {
		return b
	}
	return out
}
