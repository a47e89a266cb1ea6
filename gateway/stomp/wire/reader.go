package wire

import (
	"bytes"
	"errors"
	"io"
	"strconv"
)

// Limits bounds a frame. Every field must be set.
type Limits struct {
	Command     int // bytes of the command
	Header      int // bytes of one header line
	Headers     int // header lines
	HeaderBytes int // bytes of all header lines together
	Body        int // bytes of the body
}

const (
	startBuffer = 16 << 10
	// keepBuffer is up to what size a buffer that one large frame needed is kept for the next frames.
	keepBuffer = 64 << 10
)

// Reader reads frames. It is not safe for concurrent use.
type Reader struct {
	src    io.Reader
	limits Limits
	strict bool

	buf        []byte
	start, end int // what has arrived and does not belong to an earlier frame
	taken      int // bytes from start that belong to the frame last returned
	lines      []line
	frame      Frame
}

// line is where a header line is, relative to the frame's start.
type line struct{ from, to int }

// NewReader makes a reader of src, which escapes in the way of STOMP 1.0; see [Reader.SetStrict].
func NewReader(src io.Reader, limits Limits) *Reader { return &Reader{src: src, limits: limits} }

// SetLimits changes the limits for the next frames.
func (r *Reader) SetLimits(limits Limits) { r.limits = limits }

// SetStrict says what an undefined escape is: an error in STOMP 1.1 and 1.2, where the specifications demand that, and
// literal text in STOMP 1.0 and in the first frame of a connection, which know no escapes. The defined ones mean the
// same in all versions and all frames, CONNECT included, as RabbitMQ reads them: clients escape that frame too.
func (r *Reader) SetStrict(strict bool) { r.strict = strict }

// Read returns the next frame, after as many reads of the source as it takes. What is between frames is skipped. The
// frame is valid until the next call. [io.EOF] is the end between frames, [io.ErrUnexpectedEOF] within one; bytes that
// are not a frame are a [*SyntaxError]; other errors are the source's.
func (r *Reader) Read() (*Frame, error) {
	r.start += r.taken
	r.taken = 0
	if err := r.skip(); err != nil {
		return nil, err
	}
	commandEnd, at, err := r.line(0, r.limits.Command, CommandTooLong)
	if err == nil {
		at, err = r.headers(at)
	}
	if err == nil {
		err = r.body(at, commandEnd)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, err
	}
	return &r.frame, nil
}

// skip passes over line ends and NULs.
func (r *Reader) skip() error {
	for {
		for r.start < r.end {
			switch r.buf[r.start] {
			case '\n', '\r', 0:
				r.start++
			default:
				return nil
			}
		}
		if err := r.fill(); err != nil {
			return err
		}
	}
}

// fill reads more, into a larger buffer when this one is full.
func (r *Reader) fill() error {
	switch {
	case r.start == r.end:
		r.start, r.end = 0, 0
		if len(r.buf) == 0 || len(r.buf) > keepBuffer {
			r.buf = make([]byte, startBuffer)
		}
	case r.end < len(r.buf):
	case r.start > 0:
		r.move(r.buf)
	default:
		r.move(make([]byte, r.grown()))
	}
	n, err := r.src.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil // an error that came with bytes comes again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// grown is the size of the next buffer: memory follows what has arrived, not what was announced.
func (r *Reader) grown() int {
	most := r.limits.Command + r.limits.HeaderBytes + r.limits.Body + startBuffer
	return max(min(2*len(r.buf), most), len(r.buf)+startBuffer)
}

func (r *Reader) move(to []byte) {
	r.end = copy(to, r.buf[r.start:r.end])
	r.start, r.buf = 0, to
}

// line finds the line that begins at from: where its text ends, and where the next one begins.
func (r *Reader) line(from, limit int, tooLong Reason) (to, next int, err error) {
	for at := from; ; {
		i := bytes.IndexByte(r.buf[r.start+at:r.end], '\n')
		if i >= 0 {
			to = at + i
		} else {
			to = r.end - r.start
		}
		if to-from > limit+1 || (to-from > limit && r.buf[r.start+to-1] != '\r') {
			return 0, 0, &SyntaxError{Reason: tooLong, Limit: limit}
		}
		if i >= 0 {
			next = to + 1
			if to > from && r.buf[r.start+to-1] == '\r' {
				to--
			}
			return to, next, nil
		}
		at = to
		if err := r.fill(); err != nil {
			return 0, 0, err
		}
	}
}

// headers finds the header lines from at on, and returns where the body begins.
func (r *Reader) headers(at int) (int, error) {
	r.lines = r.lines[:0]
	begin := at
	for {
		limit, reason := r.limits.Header, HeaderTooLong
		if left := r.limits.HeaderBytes - (at - begin); left < limit {
			limit, reason = max(left, 0), HeadersTooLong
		}
		to, next, err := r.line(at, limit, reason)
		if err != nil {
			return 0, err
		}
		if to == at {
			return next, nil
		}
		if len(r.lines) == r.limits.Headers {
			return 0, &SyntaxError{Reason: TooManyHeaders, Limit: r.limits.Headers}
		}
		r.lines = append(r.lines, line{at, to})
		at = next
	}
}

// body waits for the body that begins at the offset, and completes the frame.
func (r *Reader) body(at, commandEnd int) error {
	length, known, err := r.contentLength()
	if err != nil {
		return err
	}
	if known {
		if length > r.limits.Body {
			return &SyntaxError{Reason: BodyTooLong, Limit: r.limits.Body}
		}
		for r.end-r.start <= at+length {
			if err := r.fill(); err != nil {
				return err
			}
		}
		if r.buf[r.start+at+length] != 0 {
			return &SyntaxError{Reason: BodyNotEnded}
		}
	} else if length, err = r.untilNUL(at); err != nil {
		return err
	}
	r.taken = at + length + 1
	f := r.buf[r.start : r.start+r.taken]
	r.frame.Command = command(f[:commandEnd])
	r.frame.Body = f[at : at+length : at+length]
	return r.cut(f)
}

// untilNUL returns how many bytes there are from at to the first NUL.
func (r *Reader) untilNUL(at int) (int, error) {
	for scanned := at; ; {
		i := bytes.IndexByte(r.buf[r.start+scanned:r.end], 0)
		length := r.end - r.start - at
		if i >= 0 {
			length = scanned + i - at
		}
		if length > r.limits.Body {
			return 0, &SyntaxError{Reason: BodyTooLong, Limit: r.limits.Body}
		}
		if i >= 0 {
			return length, nil
		}
		scanned = r.end - r.start
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
}

var contentLength = []byte("content-length:")

// contentLength looks for the first such header, which counts in every frame [STOMP 1.2 Header content-length].
func (r *Reader) contentLength() (length int, known bool, err error) {
	for _, l := range r.lines {
		text := r.buf[r.start+l.from : r.start+l.to]
		if !bytes.HasPrefix(text, contentLength) {
			continue
		}
		value := bytes.TrimSpace(text[len(contentLength):])
		n, err := strconv.ParseUint(string(value), 10, 62)
		if errors.Is(err, strconv.ErrRange) {
			return 0, false, &SyntaxError{Reason: BodyTooLong, Limit: r.limits.Body}
		}
		if err != nil {
			return 0, false, &SyntaxError{Reason: BadContentLength}
		}
		return int(n), true, nil
	}
	return 0, false, nil
}

// cut takes the header lines of the frame f apart, in place.
func (r *Reader) cut(f []byte) error {
	headers := r.frame.Headers[:0]
	for _, l := range r.lines {
		text := f[l.from:l.to]
		colon := bytes.IndexByte(text, ':')
		if colon < 0 || bytes.IndexByte(text, 0) >= 0 || bytes.IndexByte(text, '\r') >= 0 {
			return &SyntaxError{Reason: BadHeader}
		}
		name, okName := r.unescape(text[:colon:colon])
		value, okValue := r.unescape(text[colon+1:])
		if !okName || !okValue {
			return &SyntaxError{Reason: BadEscape}
		}
		if !contains(headers, name) {
			headers = append(headers, Header{name, value})
		}
	}
	r.frame.Headers = headers
	return nil
}

func contains(headers []Header, name []byte) bool {
	for i := range headers {
		if bytes.Equal(headers[i].Name, name) {
			return true
		}
	}
	return false
}

// unescape replaces escapes in place. It reports false for an undefined one that must not be.
func (r *Reader) unescape(b []byte) ([]byte, bool) {
	i := bytes.IndexByte(b, '\\')
	if i < 0 {
		return b, true
	}
	out := b[:i]
	for ; i < len(b); i++ {
		c := b[i]
		if c == '\\' {
			var escaped byte
			if i+1 < len(b) {
				escaped = meaning(b[i+1])
			}
			switch {
			case escaped != 0:
				c = escaped
				i++
			case r.strict:
				return nil, false
			}
		}
		out = append(out, c)
	}
	return out, true
}

// meaning is what a backslash and c stand for; 0 if nothing.
func meaning(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'c':
		return ':'
	case 'r':
		return '\r'
	case '\\':
		return '\\'
	default:
		return 0
	}
}
