package stomp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/portico-mq/portico/gateway/serve"
)

// STOMP over WebSocket. What the client sends is one stream of bytes, however it is cut into messages, of text or binary.
// What it gets is a message for each frame, of the type it used last; a frame that is no valid text goes as binary,
// since a browser would end the connection.

// subProtocols are offered in the order of preference; "stomp" is what ActiveMQ's clients of old say.
var subProtocols = []string{"v12.stomp", "v11.stomp", "v10.stomp", "stomp"}

// WebSocketPaths are where RabbitMQ's and others' clients look for STOMP.
var WebSocketPaths = []string{"/ws", "/stomp", "/"}

// handshakeTimeout is how long a client may take for the request that opens a WebSocket.
const handshakeTimeout = 10 * time.Second

// maxRequest bounds that request's head, in bytes.
const maxRequest = 16 << 10

// webSocketHandler opens a WebSocket on each connection and serves STOMP on it.
type webSocketHandler struct {
	stomp serve.Handler
	paths []string // nil for any
}

// WebSocket is a handler of HTTP connections that serves STOMP on the WebSockets opened under the paths, any path if
// there are none. Pages of any origin may open one, as in RabbitMQ: a client has to log in.
func WebSocket(stomp serve.Handler, paths ...string) serve.Handler {
	return &webSocketHandler{stomp: stomp, paths: paths}
}

// ServeConn serves one connection; see [serve.Handler].
func (h *webSocketHandler) ServeConn(ctx context.Context, nc net.Conn) {
	if err := nc.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { nc.Close() })
	ws, err := h.open(nc)
	if !stop() || err != nil {
		return
	}
	if err := nc.SetDeadline(time.Time{}); err != nil {
		return
	}
	stream := &webSocket{Conn: ws}
	stream.text.Store(true)
	h.stomp.ServeConn(ctx, stream)
}

// open reads the request and answers it; an error was answered too, where HTTP has an answer.
func (h *webSocketHandler) open(nc net.Conn) (*websocket.Conn, error) {
	limited := &io.LimitedReader{R: nc, N: maxRequest}
	in := bufio.NewReader(limited)
	r, err := http.ReadRequest(in)
	if err != nil {
		return nil, err
	}
	limited.N = 1 << 62 // what follows is no request any more
	w := &hijacked{nc: nc, buffered: bufio.NewReadWriter(in, bufio.NewWriter(nc)), header: make(http.Header)}
	if h.paths != nil && !slices.Contains(h.paths, r.URL.Path) {
		http.NotFound(w, r)
		return nil, errors.New("stomp: no WebSocket under this path")
	}
	upgrader := websocket.Upgrader{Subprotocols: subProtocols, CheckOrigin: func(*http.Request) bool { return true }}
	return upgrader.Upgrade(w, r, nil)
}

// hijacked is a response to the only request of a connection.
type hijacked struct {
	nc       net.Conn
	buffered *bufio.ReadWriter
	header   http.Header
	written  bool
}

// Header, WriteHeader and Write are of [http.ResponseWriter]: they answer a request that opens nothing.
func (w *hijacked) Header() http.Header { return w.header }

// WriteHeader writes the head of the answer.
func (w *hijacked) WriteHeader(status int) {
	if w.written {
		return
	}
	w.written = true
	w.header.Set("Connection", "close")
	_, _ = w.buffered.WriteString("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n")
	_ = w.header.Write(w.buffered)
	_, _ = w.buffered.WriteString("\r\n")
	_ = w.buffered.Flush()
}

// Write writes a piece of the body, which the end of the connection ends.
func (w *hijacked) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.nc.Write(p)
}

// Hijack gives the connection to the WebSocket.
func (w *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.nc, w.buffered, nil }

// webSocket is a WebSocket as a stream of bytes to read from.
type webSocket struct {
	*websocket.Conn
	message io.Reader                 // what is left of the message being read
	text    atomic.Bool               // the client's last message was text
	until   atomic.Pointer[time.Time] // the deadline of writing; nil for none
}

// Read reads from the current message, or from the next.
func (w *webSocket) Read(p []byte) (int, error) {
	for {
		if w.message == nil {
			kind, message, err := w.NextReader()
			if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived) {
				return 0, io.EOF
			}
			if err != nil {
				return 0, err
			}
			w.message = message
			w.text.Store(kind == websocket.TextMessage)
		}
		n, err := w.message.Read(p)
		if errors.Is(err, io.EOF) {
			w.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// Write sends p as one message.
func (w *webSocket) Write(p []byte) (int, error) {
	kind := websocket.BinaryMessage
	if w.text.Load() && utf8.Valid(p) {
		kind = websocket.TextMessage
	}
	if until := w.until.Load(); until != nil {
		if err := w.Conn.SetWriteDeadline(*until); err != nil {
			return 0, err
		}
	}
	if err := w.WriteMessage(kind, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close says goodbye, if that can be said at once, and closes the connection.
func (w *webSocket) Close() error {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = w.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second))
	return w.Conn.Close()
}

// SetWriteDeadline bounds a write that is under way, and those that follow. Unlike the library's it may be called while
// another goroutine writes.
func (w *webSocket) SetWriteDeadline(t time.Time) error {
	w.until.Store(&t)
	return w.NetConn().SetWriteDeadline(t)
}

// SetDeadline bounds reading and writing.
func (w *webSocket) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// secure is the TLS connection under a connection, WebSocket or not; nil for a plain one.
func secure(nc net.Conn) *tls.Conn {
	if ws, ok := nc.(*webSocket); ok {
		nc = ws.NetConn()
	}
	t, _ := nc.(*tls.Conn)
	return t
}

var _ net.Conn = (*webSocket)(nil)
