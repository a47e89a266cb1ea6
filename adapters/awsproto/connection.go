package awsproto

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// connection serves the plain requests of one connection, one after the other, in one goroutine: what net/http does for
// every request beside (a goroutine that waits for the client to go away, deadlines, maps, readers and writers) costs
// more than a message does. The first request that is not plain, or is larger than smallBody, goes to net/http, and so
// does everything behind it. The handler sees the same either way.
type connection struct {
	server *Server
	conn   net.Conn
	ctx    context.Context // of its requests; ends with the connection
	cancel context.CancelFunc

	in        []byte // what was read and not served yet
	head      plainHead
	request   *http.Request // used again: no handler of plain requests keeps it
	answer    answerWriter
	body      plainBody
	closing   atomic.Bool
	readUntil time.Time // the deadlines, which are set anew only when they have become wrong by much
	sendUntil time.Time
	watch     *watch // nil while nobody waits
}

const (
	startingBuffer = 4 << 10
	// keptBuffer is how much a connection keeps for its next request: a batch of ten small messages.
	keptBuffer = 16 << 10
	// deadlineSlack is by how much a deadline may be too early, so that it need not be set for each request.
	deadlineSlack = 5 * time.Second
)

func newConnection(s *Server, conn net.Conn) *connection {
	c := &connection{server: s, conn: conn, in: make([]byte, 0, startingBuffer)}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.head.header, c.head.values = make(http.Header), make([]string, 0, 16)
	c.answer.c, c.answer.header = c, make(http.Header)
	c.request = (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: "/"}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, RequestURI: "/",
		RemoteAddr: conn.RemoteAddr().String(), Header: c.head.header, Body: &c.body,
	}).WithContext(c.ctx)
	return c
}

// serve serves requests until the client or the server ends, or net/http takes over.
func (c *connection) serve(rest *handedOver) {
	defer c.server.remove(c)
	defer c.cancel()
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				c.server.log.Error("serving an aws request failed", "err", panicError(p))
			}
			_ = c.conn.Close() // the client sees that there is no answer
		}
	}()
	for {
		end, ok := c.readHead()
		if !ok {
			_ = c.conn.Close() // nothing is asked on it
			return
		}
		if end < 0 || !c.head.read(string(c.in[:end])) || c.head.length > smallBody {
			_ = c.conn.SetDeadline(time.Time{}) // net/http sets its own; where that fails, so does the next read
			rest.take(&replayed{Conn: c.conn, first: c.in})
			return
		}
		if !c.serveOne(end + len(headEnd)) {
			_ = c.conn.Close() // the answer is on its way, or cannot be
			return
		}
	}
}

var headEnd = []byte("\r\n\r\n")

// readHead reads until there is a request's head, and tells where it ends; -1 when it is none of an acceptable length.
// It is false when there will be none.
func (c *connection) readHead() (end int, ok bool) {
	var until time.Time
	for from := 0; ; {
		if end := bytes.Index(c.in[from:], headEnd); end >= 0 {
			return from + end, true
		}
		if len(c.in) >= len("POST / ") && !bytes.HasPrefix(c.in, []byte("POST / ")) || len(c.in) > smallBody {
			return -1, true
		}
		switch {
		case len(c.in) == 0:
			until = time.Now().Add(idleTime)
		case until.IsZero() || from == 0:
			until = time.Now().Add(headTime)
		}
		from = max(0, len(c.in)-len(headEnd)+1)
		if !c.read(until) {
			return 0, false
		}
	}
}

// read reads what there is, until then.
func (c *connection) read(until time.Time) bool {
	if c.readUntil.After(until) || until.Sub(c.readUntil) > deadlineSlack {
		if c.conn.SetReadDeadline(until.Add(deadlineSlack)) != nil {
			return false
		}
		c.readUntil = until
	}
	if c.closing.Load() {
		return false
	}
	if len(c.in) == cap(c.in) {
		c.in = append(make([]byte, 0, 2*cap(c.in)), c.in...)
	}
	n, err := c.conn.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	return n > 0 || err == nil
}

// close tells the connection that no further request is served.
func (c *connection) close() {
	c.closing.Store(true)
	_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // ends the wait for one
}

// serveOne serves the request whose body begins at in[from], and reports whether there may be another one.
func (c *connection) serveOne(from int) bool {
	end := from + int(c.head.length)
	for until := time.Now().Add(bodyTime); len(c.in) < end; {
		if !c.read(until) {
			return false
		}
	}
	c.body.bytes = c.in[from:end]
	c.body.Reset(c.body.bytes)
	c.request.Host, c.request.ContentLength = c.head.host, c.head.length
	clear(c.answer.header)
	c.answer.status, c.answer.body = http.StatusOK, nil
	c.server.endpoint.ServeHTTP(&c.answer, c.request)
	alive := c.endWatch()
	rest := copy(c.in, c.in[end:])
	c.in = c.in[:rest]
	if cap(c.in) > keptBuffer { // what a large request needed
		c.in = append(make([]byte, 0, max(startingBuffer, rest)), c.in...)
	}
	return alive && c.write() && !c.closing.Load()
}

// write sends the answer.
func (c *connection) write() bool {
	buffer := answers.Get().(*[]byte)
	out := append((*buffer)[:0], "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(c.answer.status), 10)
	out = append(append(append(out, ' '), http.StatusText(c.answer.status)...), "\r\n"...)
	for name, values := range c.answer.header {
		for _, value := range values {
			out = append(append(append(append(out, name...), ": "...), oneLine(value)...), "\r\n"...)
		}
	}
	out = append(append(append(out, "Date: "...), httpDate()...), "\r\n"...)
	if c.closing.Load() {
		out = append(out, "Connection: close\r\n"...)
	}
	out = append(append(out, "\r\n"...), c.answer.body...)
	if until := time.Now().Add(answerTime); until.Sub(c.sendUntil) > deadlineSlack {
		if c.conn.SetWriteDeadline(until.Add(deadlineSlack)) != nil {
			return false
		}
		c.sendUntil = until
	}
	_, err := c.conn.Write(out)
	if cap(out) <= smallBody {
		*buffer = out
		answers.Put(buffer)
	}
	return err == nil
}

// answers are buffers for them.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// oneLine keeps a header's value from being more than one.
func oneLine(value string) string {
	if strings.ContainsAny(value, "\r\n") {
		return strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return value
}

// dated is the time as answers tell it, made once a second.
type dated struct {
	second int64
	text   string
}

var date atomic.Pointer[dated]

func httpDate() string {
	now := time.Now()
	if d := date.Load(); d != nil && d.second == now.Unix() {
		return d.text
	}
	d := &dated{now.Unix(), now.UTC().Format(http.TimeFormat)}
	date.Store(d)
	return d.text
}

// answerWriter keeps an answer until it is whole. It belongs to one request at a time.
type answerWriter struct {
	c      *connection
	header http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (a *answerWriter) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answerWriter) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter. It keeps b, which its caller does not change any more.
func (a *answerWriter) Write(b []byte) (int, error) {
	if a.body == nil {
		a.body = b
	} else {
		a.body = append(a.body[:len(a.body):len(a.body)], b...)
	}
	return len(b), nil
}

// plainBody is a body that was read already.
type plainBody struct {
	bytes.Reader
	bytes []byte // valid until the request is answered
}

// Close implements io.Closer.
func (*plainBody) Close() error { return nil }

// replayed is a connection of which something was read already.
type replayed struct {
	net.Conn
	first []byte
}

// Read implements io.Reader.
func (r *replayed) Read(b []byte) (int, error) {
	if len(r.first) > 0 {
		n := copy(b, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}

// watch reads on while a request waits, to see the client go away.
type watch struct {
	stopped sync.WaitGroup
	read    [1]byte
	n       int
	gone    bool
}

// beginWatch ends the connection's context when the client goes away before the request is answered. It is called by
// the request's goroutine.
func (c *connection) beginWatch() {
	if c.watch != nil {
		return
	}
	w := &watch{}
	c.watch = w
	if c.conn.SetReadDeadline(time.Time{}) != nil || c.closing.Load() {
		return
	}
	w.stopped.Go(func() {
		var err error
		if w.n, err = c.conn.Read(w.read[:]); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			w.gone = true
			c.cancel()
		}
	})
}

// endWatch ends the watch, if there is one, and reports whether the client is still there.
func (c *connection) endWatch() bool {
	w := c.watch
	if w == nil {
		return true
	}
	_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // a read that is under way ends
	w.stopped.Wait()
	c.watch, c.readUntil = nil, time.Time{} // the next read sets the deadline anew
	c.in = append(c.in, w.read[:w.n]...)
	return !w.gone
}

var (
	_ http.ResponseWriter = (*answerWriter)(nil)
	_ io.ReadCloser       = (*plainBody)(nil)
)
