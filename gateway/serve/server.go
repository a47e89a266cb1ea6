// Package serve is the accept loop that the connection-oriented front ends
// share: listeners with and without TLS, limits, a guard against panics for
// each connection, and an orderly end.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrServerClosed is what [Server.Serve] returns after [Server.Shutdown] or [Server.Close].
var ErrServerClosed = errors.New("serve: server closed")

// Handler speaks a protocol on one connection.
type Handler interface {
	// ServeConn serves the connection and returns when it has ended; the server closes conn afterwards. When the
	// server is shut down ctx ends: the handler is to say goodbye in its protocol's words and return. When that takes
	// too long, conn is closed under it. A connection that came over TLS is a *tls.Conn whose handshake is done.
	// ServeConn is called concurrently, in a goroutine for each connection.
	ServeConn(ctx context.Context, conn net.Conn)
}

// Options configures a server. The zero value of each field is usable.
type Options struct {
	// Logger gets the server's events; nil means slog.Default().
	Logger *slog.Logger
	// MaxConnections is how many connections may be open at once; further ones are accepted and closed at once,
	// as RabbitMQ does with connection_max. 0 means no limit.
	MaxConnections int
	// KeepAlive is the time between TCP keep-alive probes; 0 means 30 s, negative switches them off.
	KeepAlive time.Duration
	// HandshakeTimeout bounds the TLS handshake; 0 means 10 s.
	HandshakeTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 30 * time.Second
	}
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = 10 * time.Second
	}
	return o
}

// Stats counts what a server has seen since it was made.
type Stats struct {
	Open     int    // connections open now, those in their TLS handshake included
	Accepted uint64 // connections that got a handler, or a handshake
	Refused  uint64 // connections closed because of MaxConnections
	Panics   uint64 // handlers that panicked
}

// Server accepts connections and hands them to a handler. It is safe for concurrent use.
type Server struct {
	proto   string
	handler Handler
	opts    Options
	log     *slog.Logger
	ctx     context.Context // ends when the server begins to close
	cancel  context.CancelFunc
	running sync.WaitGroup // connections

	accepted, refused, panics atomic.Uint64

	mu        sync.Mutex
	closing   bool
	listeners map[net.Listener]struct{}
	conns     map[net.Conn]struct{}
}

// New makes a server of the protocol, whose name is for the log.
func New(proto string, handler Handler, opts Options) *Server {
	opts = opts.withDefaults()
	s := &Server{
		proto: proto, handler: handler, opts: opts, log: opts.Logger.With("proto", proto),
		listeners: make(map[net.Listener]struct{}), conns: make(map[net.Conn]struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve accepts connections from all the listeners until the server is closed, and returns [ErrServerClosed] then.
// One made by [tls.NewListener] serves TLS. If accepting fails for good on one of them, all of them are closed and that
// error is returned; connections go on. It may be called several times. The listeners belong to the server afterwards.
func (s *Server) Serve(listeners ...net.Listener) error {
	if !s.add(listeners) {
		return ErrServerClosed
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { failed <- s.accept(l) }()
	}
	var first error
	for range listeners {
		err := <-failed
		if first == nil {
			first = err
			s.remove(listeners)
		}
	}
	return first
}

func (s *Server) add(listeners []net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range listeners {
		if s.closing {
			l.Close()
			continue
		}
		s.listeners[l] = struct{}{}
	}
	return !s.closing
}

func (s *Server) remove(listeners []net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range listeners {
		l.Close()
		delete(s.listeners, l)
	}
}

// Addrs lists the addresses the server is listening on, in no order.
func (s *Server) Addrs() []net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	addrs := make([]net.Addr, 0, len(s.listeners))
	for l := range s.listeners {
		addrs = append(addrs, l.Addr())
	}
	return addrs
}

// accept runs until the listener fails for good.
func (s *Server) accept(l net.Listener) error {
	var pause time.Duration
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.start(conn)
		case s.ctx.Err() != nil:
			return ErrServerClosed
		case temporary(err):
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Error("cannot accept connections now", "err", err, "retry_in", pause)
			select {
			case <-time.After(pause):
			case <-s.ctx.Done():
				return ErrServerClosed
			}
		default:
			return err
		}
	}
}

// temporary reports errors of accept that say nothing about the listener: file descriptors or memory have run out, or
// the client was gone already.
func temporary(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// start gives the connection its goroutine, unless it is one too many.
func (s *Server) start(conn net.Conn) {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		conn.Close()
		return
	}
	if limit := s.opts.MaxConnections; limit > 0 && len(s.conns) >= limit {
		s.mu.Unlock()
		if n := s.refused.Add(1); n&(n-1) == 0 { // a flood of connections must not become a flood of lines
			s.log.Warn("connection limit reached", "limit", limit, "refused", n)
		}
		conn.Close()
		return
	}
	s.conns[conn] = struct{}{}
	s.running.Add(1)
	s.accepted.Add(1)
	s.mu.Unlock()
	go s.serve(conn)
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		if p := recover(); p != nil {
			s.panics.Add(1)
			s.log.Error("connection handler panicked", "conn", conn.RemoteAddr(), "panic", p, "stack", string(debug.Stack()))
		}
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		s.running.Done()
	}()
	s.tune(conn)
	if secure, ok := conn.(*tls.Conn); ok {
		ctx, cancel := context.WithTimeout(s.ctx, s.opts.HandshakeTimeout)
		err := secure.HandshakeContext(ctx)
		cancel()
		if err != nil {
			s.log.Info("TLS handshake failed", "conn", conn.RemoteAddr(), "err", err)
			return
		}
	}
	s.handler.ServeConn(s.ctx, conn)
}

// tune sets the socket options. They are hints: a connection without them still works.
func (s *Server) tune(conn net.Conn) {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	socket, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	_ = socket.SetNoDelay(true)
	_ = socket.SetKeepAliveConfig(net.KeepAliveConfig{
		Enable: s.opts.KeepAlive > 0, Idle: s.opts.KeepAlive, Interval: s.opts.KeepAlive / 2,
	})
}

// Shutdown stops accepting, tells the handlers through their context, and waits until they have returned. When ctx
// ends before, the connections that are left are closed, waited for, and ctx's error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.closeConns()
		<-done
		return ctx.Err()
	}
}

// Close stops accepting and closes all connections without ado; it waits until the handlers have returned.
func (s *Server) Close() error {
	s.stop()
	s.closeConns()
	s.running.Wait()
	return nil
}

func (s *Server) stop() {
	s.mu.Lock()
	s.closing = true
	s.cancel()
	for l := range s.listeners {
		l.Close()
	}
	clear(s.listeners)
	s.mu.Unlock()
}

func (s *Server) closeConns() {
	s.mu.Lock()
	conns := make([]net.Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		if secure, ok := c.(*tls.Conn); ok {
			c = secure.NetConn() // a TLS connection's own Close waits for a writer that is stuck
		}
		c.Close()
	}
}

// Stats returns the counts as they are now.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	return Stats{Open: open, Accepted: s.accepted.Load(), Refused: s.refused.Load(), Panics: s.panics.Load()}
}
