package awsproto

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

// budget bounds the memory of request bodies over all connections.
type budget struct {
	free atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.free.Add(-n) >= 0 {
		return true
	}
	b.free.Add(n)
	return false
}

func (b *budget) give(n int64) { b.free.Add(n) }

const (
	// smallBody is what a request may buffer without counting against the budget: the number of
	// connections bounds it.
	smallBody = 32 << 10
	// bodyTime is how long a client may take to send its body.
	bodyTime = 30 * time.Second
	// defaultMaxBody is for requests whose service is not known before the body is read.
	defaultMaxBody = 8 << 20
)

// readBody reads the request's body, up to the service's limit. What is buffered grows with what has
// arrived, never with what Content-Length promises. The function it returns gives the memory back to
// the budget; it is never nil.
func (e *Endpoint) readBody(x *exchange) ([]byte, func(), *Error) {
	limit := int64(defaultMaxBody)
	if x.service != nil {
		limit = x.service.MaxBody
	}
	if enc := x.r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, func() {}, Errorf("UnsupportedMediaTypeException", 415, "The content encoding %q is not supported.", clip(enc))
	}
	if x.r.ContentLength > limit {
		return nil, func() {}, tooLarge()
	}
	if x.plain != nil {
		return x.plain.body.bytes, func() {}, nil
	}
	start := int64(1024)
	if n := x.r.ContentLength; n >= 0 && n < smallBody {
		start = n + 1 // one more, so that the end is seen without growing
	}
	return e.readAll(http.MaxBytesReader(x.w, x.r.Body, limit), make([]byte, 0, start))
}

func (e *Endpoint) readAll(r io.Reader, buf []byte) ([]byte, func(), *Error) {
	var taken int64
	release := func() { e.budget.give(taken) }
	for {
		if len(buf) == cap(buf) {
			grow := int64(max(cap(buf), 1024))
			if int64(cap(buf))+grow > smallBody {
				if !e.budget.take(grow) {
					return nil, release, Errorf("ThrottlingException", 503, "Too many large requests are under way; try again.")
				}
				taken += grow
			}
			larger := make([]byte, len(buf), int64(cap(buf))+grow)
			copy(larger, buf)
			buf = larger
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == nil {
			continue
		}
		var over *http.MaxBytesError
		switch {
		case errors.Is(err, io.EOF):
			return buf, release, nil
		case errors.As(err, &over):
			return nil, release, tooLarge()
		default:
			return nil, release, Errorf("RequestTimeout", 408, "The request's body did not arrive whole in time.")
		}
	}
}

func tooLarge() *Error {
	return Errorf("RequestEntityTooLargeException", 413, "The request's body is larger than this service takes.")
}
