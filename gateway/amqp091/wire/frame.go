package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A frame:
//
//	0      1         3             7              7+size 8+size
//	+------+---------+-------------+--------------+------+
//	| type | channel | size        | payload      | 0xCE |
//	+------+---------+-------------+--------------+------+
//	  octet  short     long          size octets    octet
//
// A frame-max counts all of it: the payload has at most frame-max minus 8 bytes.
const (
	headSize      = 7
	FrameOverhead = headSize + 1
)

// Frame is one frame. Payload is a view into the buffer of the [Reader].
type Frame struct {
	Type    uint8
	Channel uint16
	Payload []byte
}

var (
	// ErrFrameTooLarge says that a frame announced more than the frame-max.
	ErrFrameTooLarge = errors.New("amqp: frame too large")
	// ErrFrameEnd says that a frame did not end with the octet 0xCE.
	ErrFrameEnd = errors.New("amqp: invalid frame end")
)

// BadFrameError says which frame was wrong. After it the stream cannot be read on.
type BadFrameError struct {
	Frame // Payload is nil when the frame is too large: it was not read
	Size  uint32
	Max   uint32 // the largest payload allowed
	End   uint8  // the octet found instead of 0xCE
	Err   error  // ErrFrameTooLarge or ErrFrameEnd
}

// Error says what was wrong.
func (e *BadFrameError) Error() string {
	return fmt.Sprintf("%v: type %d, channel %d, size %d", e.Err, e.Type, e.Channel, e.Size)
}

// Unwrap is ErrFrameTooLarge or ErrFrameEnd.
func (e *BadFrameError) Unwrap() error { return e.Err }

// The buffer of a Reader begins small, since most connections are idle, and
// doubles up to maxBuffer whenever one read fills it. A larger frame makes it as
// large as that frame.
const (
	minBuffer = 4 << 10
	maxBuffer = 256 << 10
)

// Reader cuts a stream into frames, in place. It is for one goroutine.
type Reader struct {
	src        io.Reader
	buf        []byte
	start, end int // the bytes that were read and not handed out yet
	max        uint32
}

// NewReader reads from src frames of at most frameMax bytes, overhead included.
func NewReader(src io.Reader, frameMax uint32) *Reader {
	return &Reader{src: src, buf: make([]byte, minBuffer), max: frameMax}
}

// SetFrameMax changes the limit of the frames to come.
func (r *Reader) SetFrameMax(frameMax uint32) { r.max = frameMax }

// Buffered is how many bytes were read and not handed out yet.
func (r *Reader) Buffered() int { return r.end - r.start }

// ReadProtocolHeader reads the eight bytes with which a client begins, or as
// many as came before the end of the stream.
func (r *Reader) ReadProtocolHeader() ([]byte, error) {
	err := r.fill(8)
	b := r.buf[r.start:min(r.end, r.start+8)]
	r.start += len(b)
	return b, err
}

// ReadFrame reads the next frame, valid until the next call. The size that it
// announces is compared with the limit before anything is made room for. It
// fails with a *BadFrameError or with the error of the stream: io.EOF between two
// frames, io.ErrUnexpectedEOF within one.
func (r *Reader) ReadFrame() (Frame, error) {
	if err := r.fill(headSize); err != nil {
		return Frame{}, err
	}
	h := r.buf[r.start:]
	f := Frame{Type: h[0], Channel: binary.BigEndian.Uint16(h[1:])}
	size := binary.BigEndian.Uint32(h[3:])
	if limit := r.max - FrameOverhead; size > limit {
		return f, &BadFrameError{Frame: f, Size: size, Max: limit, Err: ErrFrameTooLarge}
	}
	n := int(size)
	if err := r.fill(headSize + n + 1); err != nil {
		return f, err
	}
	h = r.buf[r.start:]
	f.Payload = h[headSize : headSize+n : headSize+n]
	r.start += n + FrameOverhead
	if end := h[headSize+n]; end != FrameEnd {
		return f, &BadFrameError{Frame: f, Size: size, Max: r.max - FrameOverhead, End: end, Err: ErrFrameEnd}
	}
	return f, nil
}

// fill reads until n bytes are at hand.
func (r *Reader) fill(n int) error {
	if r.end-r.start >= n {
		return nil
	}
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	if n > len(r.buf)-r.start {
		r.makeRoom(n)
	}
	for r.end-r.start < n {
		free := r.buf[r.end:]
		k, err := r.src.Read(free)
		r.end += k
		switch {
		case r.end-r.start >= n: // an error comes again with the next read
		case errors.Is(err, io.EOF) && r.end > r.start:
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		if k == len(free) && len(r.buf) < maxBuffer {
			r.grow(2 * len(r.buf))
		}
	}
	return nil
}

// makeRoom moves what is at hand to the front, into a larger buffer if n bytes
// need one.
func (r *Reader) makeRoom(n int) {
	if n > len(r.buf) {
		r.grow(n)
		return
	}
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
}

func (r *Reader) grow(size int) {
	b := make([]byte, size)
	r.end = copy(b, r.buf[r.start:r.end])
	r.start, r.buf = 0, b
}

// BeginFrame appends the head of a frame whose size is not known yet. EndFrame
// takes the returned position.
func BeginFrame(dst []byte, kind uint8, channel uint16) (out []byte, at int) {
	return append(dst, kind, byte(channel>>8), byte(channel), 0, 0, 0, 0), len(dst)
}

// EndFrame completes the frame begun at a position.
func EndFrame(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at+3:], uint32(len(dst)-at-headSize))
	return append(dst, FrameEnd)
}

// BeginMethod appends the head of a method frame; the arguments and EndFrame
// follow. It is [AppendMethod] for those who want no method on the heap.
func BeginMethod(dst []byte, channel uint16, id MethodID) (out []byte, at int) {
	dst, at = BeginFrame(dst, FrameMethod, channel)
	return binary.BigEndian.AppendUint32(dst, uint32(id)), at
}

// AppendMethod appends the frame of a method.
func AppendMethod(dst []byte, channel uint16, m Method) []byte {
	dst, at := BeginMethod(dst, channel, m.ID())
	return EndFrame(m.AppendTo(dst), at)
}

// AppendHeartbeat appends a heartbeat.
func AppendHeartbeat(dst []byte) []byte {
	dst, at := BeginFrame(dst, FrameHeartbeat, 0)
	return EndFrame(dst, at)
}
