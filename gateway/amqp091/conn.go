package amqp091

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

const (
	// closeTimeout is how long a client has to answer connection.close, and to read what it was sent before.
	closeTimeout = 5 * time.Second
	// lingerTimeout is how long a client has to close its side of a connection that has ended.
	lingerTimeout = time.Second
	minFrameMax   = wire.FrameMinSize
	// handshakeFrameMax bounds frames until the tuning, as RabbitMQ's initial_frame_max.
	handshakeFrameMax = 8192
)

// conn is one connection. What stands above mu belongs to the reader.
type conn struct {
	srv      *Server
	nc       net.Conn
	r        *wire.Reader
	log      *slog.Logger
	ctx      context.Context // ends when the server shuts down
	session  *broker.Session
	listed   *broker.Connection
	received broker.Octets
	sent     broker.Octets
	client   property.Table // what the client says of itself
	proof    string         // the mechanism of the login
	cancel   context.CancelFunc
	user     string
	can      capabilities
	frameMax uint32 // fixed by the time deliveries begin
	channels map[uint16]*channel
	// channelMax is how many channels may be open; 0 before the tuning.
	channelMax uint16
	idle       time.Duration // how long the client may be silent; 0: for ever
	acks       []broker.Lease
	done       bool // connection.close was answered

	interrupted atomic.Bool
	disturbed   atomic.Bool            // the reader is to look at overdue
	forced      atomic.Pointer[string] // why the broker ends the connection; nil: it does not, or shuts down
	beat        atomic.Int64           // the heartbeat agreed on, in nanoseconds; 0: none
	wake        chan struct{}
	written     chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	drained *sync.Cond
	out     []byte // what is to be written
	spare   []byte // the other buffer
	awake   bool   // the writer will look at out again before it sleeps
	ending  bool   // nothing more is appended
	dead    bool   // writing has failed
	paused  []*broker.Consumer
	dirty   []*channel
	overdue []overdueChannel
}

// capabilities are what the client says it understands.
type capabilities struct {
	failureClose, cancelNotify, blocked bool
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{
		srv: s, nc: nc, log: s.log.With("conn", nc.RemoteAddr().String()),
		channels: make(map[uint16]*channel), frameMax: handshakeFrameMax,
		wake: make(chan struct{}, 1), written: make(chan struct{}),
	}
	c.drained = sync.NewCond(&c.mu)
	c.r = wire.NewReader(readSide{c}, handshakeFrameMax)
	return c
}

// readSide is where the reader reads from. The reader comes here when it has nothing at hand, so this is the moment to
// settle what was acknowledged.
type readSide struct{ c *conn }

func (s readSide) Read(b []byte) (int, error) {
	c := s.c
	for {
		c.flushAcks()
		deadline := time.Time{}
		if c.idle > 0 {
			deadline = time.Now().Add(c.idle)
		}
		if c.disturbed.Swap(false) || c.idle > 0 {
			if err := c.nc.SetReadDeadline(deadline); err != nil {
				return 0, err
			}
		}
		if err := c.closeOverdue(); err != nil {
			return 0, err
		}
		if c.interrupted.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := c.nc.Read(b)
		c.received.Add(n)
		if n > 0 || !c.disturbed.Load() || c.interrupted.Load() {
			return n, err
		}
	}
}

// interrupt makes the reader notice that the server shuts down. It is called from another goroutine.
func (c *conn) interrupt() {
	c.interrupted.Store(true)
	_ = c.nc.SetReadDeadline(time.Unix(1, 0)) // of a closed connection there is no reader left
	c.mu.Lock()
	c.drained.Broadcast()
	c.mu.Unlock()
}

// evicted ends the connection because what it stands on was deleted.
func (c *conn) evicted(e broker.Eviction) {
	switch e.Type {
	case broker.ResourceNamespace:
		c.force(fmt.Sprintf("vhost '%s' is deleted", e.Name))
	default:
		c.force(fmt.Sprintf("%s '%s' was deleted", e.Type, e.Name))
	}
}

// run is the reader.
func (c *conn) run(ctx context.Context) {
	c.ctx = ctx
	go c.writeLoop()
	if err := c.handshake(); err != nil {
		c.fail(err)
		return
	}
	for !c.done {
		f, err := c.r.ReadFrame()
		if err == nil {
			err = c.handleFrame(f)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// end writes what is left to be written and closes the connection. Whatever the session had is given back first.
func (c *conn) end() {
	c.release()
	c.mu.Lock()
	c.ending = true
	c.wakeWriter()
	c.mu.Unlock()
	_ = c.nc.SetWriteDeadline(time.Now().Add(closeTimeout)) // fails only when the connection is closed already
	if c.ctx != nil {
		<-c.written
	}
	c.linger()
	c.nc.Close()
}

// linger lets the client read what it was sent: closing a socket with unread bytes in it would reset it. It waits for
// the client to close its side too, for a short while.
func (c *conn) linger() {
	half, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || c.nc.SetReadDeadline(time.Now().Add(lingerTimeout)) != nil {
		return
	}
	buf := make([]byte, 4096)
	for {
		if _, err := c.nc.Read(buf); err != nil {
			return
		}
	}
}

// release ends all channels and the session.
func (c *conn) release() {
	c.flushAcks()
	for _, ch := range c.channels {
		ch.release()
	}
	clear(c.channels)
	if c.session != nil {
		c.session.Close()
	}
	c.listed.Unregister()
}

// fail ends the connection because of an error: what came over the network, what the network did, or a fault of
// ours. A client that can still be told is told.
func (c *conn) fail(err error) {
	f := c.frameFault(err)
	switch {
	case f != nil:
	case errors.Is(err, errGoodbye):
		return
	case c.interrupted.Load():
		f = c.forcedFault()
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.log.Info("connection closed: nothing came for too long", "timeout", c.idle)
		return
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isNetwork(err):
		c.log.Info("client closed the connection without saying so", "err", err)
		return
	default:
		var known bool
		if f, known = faultOf(err); !known {
			c.log.Error("connection closed by a fault of the broker", "err", err)
		}
	}
	c.log.Info("closing connection", "code", int(f.code), "text", f.Error())
	c.closeWith(f)
}

func isNetwork(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, net.ErrClosed)
}

// closeWith sends connection.close and waits for the answer for a while. Everything else that comes is thrown away.
func (c *conn) closeWith(f *fault) {
	c.release()
	c.idle = 0
	c.interrupted.Store(false)
	c.sendMethod(0, &wire.ConnectionClose{
		ReplyCode: uint16(f.code), ReplyText: []byte(f.Error()), ClassID: f.id.Class(), MethodID: f.id.Method(),
	})
	if err := c.nc.SetReadDeadline(time.Now().Add(closeTimeout)); err != nil {
		return
	}
	if f.code == wire.FrameError {
		return // what comes cannot be cut into frames any more
	}
	for {
		frame, err := c.r.ReadFrame()
		if err != nil {
			return
		}
		if id, _, ok := wire.SplitMethod(frame.Payload); ok && frame.Type == wire.FrameMethod {
			if id == wire.IDConnectionCloseOk {
				return
			}
			if id == wire.IDConnectionClose {
				c.sendMethod(0, &wire.ConnectionCloseOk{})
				return
			}
		}
	}
}

// handleFrame takes one frame. An error ends the connection.
func (c *conn) handleFrame(f wire.Frame) error {
	if f.Channel == 0 {
		return c.handleFrame0(f)
	}
	var id wire.MethodID
	var arguments []byte
	switch f.Type {
	case wire.FrameMethod:
		var ok bool
		if id, arguments, ok = wire.SplitMethod(f.Payload); !ok {
			return unknownFrame(f)
		}
	case wire.FrameHeader, wire.FrameBody:
	case wire.FrameHeartbeat:
		return unexpectedFrame(f)
	default:
		return unknownFrame(f)
	}
	ch := c.channels[f.Channel]
	if ch == nil {
		return c.openChannel(f, id, arguments)
	}
	if ch.closing {
		ch.handleClosing(id)
		return nil
	}
	var err error
	switch f.Type {
	case wire.FrameMethod:
		err = ch.handleMethod(id, arguments)
	case wire.FrameHeader:
		err = ch.handleHeader(f.Payload)
	default:
		err = ch.handleBody(f.Payload)
	}
	if err == nil {
		return nil
	}
	return ch.handleError(err, id)
}

// handleFrame0 takes a frame of the connection itself.
func (c *conn) handleFrame0(f wire.Frame) error {
	switch f.Type {
	case wire.FrameMethod:
	case wire.FrameHeartbeat:
		if len(f.Payload) > 0 {
			return unknownFrame(f)
		}
		return nil
	case wire.FrameHeader, wire.FrameBody:
		return unexpectedFrame(f)
	default:
		return unknownFrame(f)
	}
	id, arguments, ok := wire.SplitMethod(f.Payload)
	if !ok {
		return unknownFrame(f)
	}
	switch id {
	case wire.IDConnectionClose:
		var m wire.ConnectionClose
		if err := m.ReadFrom(arguments); err != nil {
			return undecodable(id, arguments)
		}
		c.log.Info("client closed the connection", "code", m.ReplyCode)
		c.release()
		c.sendMethod(0, &wire.ConnectionCloseOk{})
		c.done = true
		return nil
	case wire.IDConnectionUpdateSecret:
		var m wire.ConnectionUpdateSecret
		if err := m.ReadFrom(arguments); err != nil {
			return undecodable(id, arguments)
		}
		// Passwords do not expire here, so there is nothing to renew: RabbitMQ's own user database says so too.
		c.sendMethod(0, &wire.ConnectionUpdateSecretOk{})
		return nil
	}
	if wire.NewMethod(id) == nil {
		return unknownMethod(id)
	}
	return &fault{
		scope: connectionScope, code: wire.ChannelError, id: id,
		text: "unexpected method in connection state running",
	}
}
