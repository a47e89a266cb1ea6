package wire

import (
	"encoding/binary"

	"github.com/portico-mq/portico/broker/property"
)

// contentHead is the fixed part of a content header:
//
//	0       2        4           12
//	+-------+--------+-----------+-------------------+
//	| class | weight | body size | flags, properties |
//	+-------+--------+-----------+-------------------+
//	  short   short    longlong    a property.Block
const contentHead = 12

// ContentHeader is what comes between a method with content and the body.
type ContentHeader struct {
	Class      uint16
	BodySize   uint64
	Properties property.Block // a view into the frame
}

// ParseContentHeader decodes the payload of a header frame, whose properties it
// checks. It fails with property.ErrMalformed or property.ErrDepth; the class
// and the size are right even then, when the payload was long enough.
func ParseContentHeader(payload []byte) (ContentHeader, error) {
	if len(payload) < contentHead+2 {
		return ContentHeader{}, property.ErrMalformed
	}
	h := ContentHeader{
		Class:      binary.BigEndian.Uint16(payload),
		BodySize:   binary.BigEndian.Uint64(payload[4:]),
		Properties: property.Block(payload[contentHead:]),
	}
	return h, h.Properties.Valid()
}

// AppendContent appends the header frame and the body frames of a content. The
// body is split so that no frame is larger than frameMax, which is above
// FrameOverhead. Nil properties are none.
func AppendContent(dst []byte, channel, class uint16, properties property.Block, body []byte, frameMax uint32) []byte {
	dst, at := BeginFrame(dst, FrameHeader, channel)
	dst = binary.BigEndian.AppendUint16(dst, class)
	dst = binary.BigEndian.AppendUint16(dst, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(len(body)))
	if len(properties) == 0 {
		dst = append(dst, 0, 0)
	}
	dst = EndFrame(append(dst, properties...), at)
	for piece := int(frameMax - FrameOverhead); len(body) > 0; {
		n := min(piece, len(body))
		dst, at = BeginFrame(dst, FrameBody, channel)
		dst = EndFrame(append(dst, body[:n]...), at)
		body = body[n:]
	}
	return dst
}
