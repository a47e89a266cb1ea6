package awsproto

import (
	"crypto/rand"
	"encoding/hex"
)

// NewID makes a random UUID (version 4), the form of AWS's request and message ids.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails: crypto/rand stops the program instead
	return FormatID(b)
}

// FormatID writes 16 bytes as a UUID of version 4: the bits that say so are overwritten.
func FormatID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	text := make([]byte, 0, 36)
	for i, part := range [][]byte{b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, part)
	}
	return string(text)
}
