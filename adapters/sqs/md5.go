package sqs

import (
	"crypto/md5" // the protocol's checksum, not a protection
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
)

// bodyMD5 is MD5OfMessageBody and MD5OfBody.
func bodyMD5(body string) string {
	sum := md5.Sum([]byte(body))
	return hex.EncodeToString(sum[:])
}

// Transport types in the attributes' MD5.
const (
	transportString = 1 // String and Number
	transportBinary = 2
)

// attributesMD5 is MD5OfMessageAttributes, as every SDK computes it for itself: over the attributes
// sorted by name, the name, the whole data type with its custom part, and the value, each with its
// length before it as four bytes [developer guide, "Calculating the MD5 message digest for message
// attributes"]. No attributes give no digest.
func attributesMD5(attributes map[string]attributeValue) string {
	if len(attributes) == 0 {
		return ""
	}
	h := md5.New()
	part := func(s string) {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		part(name)
		part(value.DataType)
		if value.Kind() == "Binary" {
			h.Write([]byte{transportBinary})
			part(string(value.BinaryValue))
			continue
		}
		h.Write([]byte{transportString})
		part(value.Text())
	}
	return hex.EncodeToString(h.Sum(nil))
}
