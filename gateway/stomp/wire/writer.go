package wire

import (
	"bytes"
	"strconv"
)

// A frame is written by AppendCommand, then AppendHeader for each header, then AppendBody, each appending to the same
// bytes. Escapes are the same in every version, as RabbitMQ writes them (measured on 3.10.8: STOMP 1.0 and 1.1 clients
// get \c and \r too).

// AppendCommand begins a frame.
func AppendCommand(dst []byte, command string) []byte {
	dst = append(dst, command...)
	return append(dst, '\n')
}

// AppendHeader adds a header, escaped. A NUL, which no version can carry in a header, becomes U+FFFD.
func AppendHeader[N, V string | []byte](dst []byte, name N, value V) []byte {
	dst = appendEscaped(dst, name)
	dst = append(dst, ':')
	dst = appendEscaped(dst, value)
	return append(dst, '\n')
}

// AppendInt adds a header whose value is a number.
func AppendInt(dst []byte, name string, value int64) []byte {
	dst = appendEscaped(dst, name)
	dst = append(dst, ':')
	dst = strconv.AppendInt(dst, value, 10)
	return append(dst, '\n')
}

// AppendBody ends the frame. A content-length goes before a body that is not empty, as RabbitMQ writes it; a line end
// follows the NUL, which some old clients wait for.
func AppendBody(dst, body []byte) []byte {
	if len(body) > 0 {
		dst = AppendInt(dst, "content-length", int64(len(body)))
	}
	return AppendRest(dst, body)
}

// AppendRest ends the frame without a content-length of its own; without one among the headers, the body must not hold
// a NUL.
func AppendRest(dst, body []byte) []byte {
	dst = append(dst, '\n')
	dst = append(dst, body...)
	return append(dst, 0, '\n')
}

// Plain takes the escapes out of the headers of the frame that begins at from, but for those of line ends, without which
// it would be none: STOMP 1.0 knows no escapes, and CONNECTED has none in any version.
func Plain(dst []byte, from int) []byte {
	frame := dst[from:]
	end := bytes.Index(frame, []byte("\n\n"))
	if end < 0 || bytes.IndexByte(frame[:end], '\\') < 0 {
		return dst
	}
	out := frame[:0]
	for i := 0; i < len(frame); i++ {
		if i+1 < end && frame[i] == '\\' && (frame[i+1] == 'c' || frame[i+1] == '\\') {
			i++
			if frame[i] == 'c' {
				out = append(out, ':')
				continue
			}
		}
		out = append(out, frame[i])
	}
	return dst[:from+len(out)]
}

// special are the bytes that do not go into a header as they are.
const special = "\n\r:\\\x00"

func appendEscaped[T string | []byte](dst []byte, s T) []byte {
	from := len(dst)
	dst = append(dst, s...)
	if !bytes.ContainsAny(dst[from:], special) {
		return dst
	}
	dst = dst[:from]
	for i := range len(s) {
		switch c := s[i]; c {
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case ':':
			dst = append(dst, `\c`...)
		case '\\':
			dst = append(dst, `\\`...)
		case 0:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
