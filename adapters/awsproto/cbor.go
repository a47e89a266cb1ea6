package awsproto

import "encoding/binary"

// errorCBOR is an error as a CBOR map of two texts [RFC 8949], for clients that sent CBOR: they read
// nothing else. It is all the CBOR there is here.
func errorCBOR(e *Error) []byte {
	kind := e.Shape
	if e.Namespace != "" {
		kind = e.Namespace + "#" + e.Shape
	}
	b := []byte{0xa2}
	for _, text := range []string{"__type", kind, "message", e.Message} {
		b = append(b, 0x79) // a text with a length of two bytes
		b = binary.BigEndian.AppendUint16(b, uint16(min(len(text), 0xffff)))
		b = append(b, text[:min(len(text), 0xffff)]...)
	}
	return b
}
