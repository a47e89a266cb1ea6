package awsproto

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// The limits that keep one client from holding more than its share. There is none on the whole of a request, since a
// long poll may wait; the endpoint limits how long a body takes.
const (
	headTime   = 10 * time.Second // for a request's headers
	idleTime   = 2 * time.Minute  // between requests
	answerTime = 2 * time.Minute  // within which an answer must be taken, from the request's headers on
	maxHead    = 64 << 10         // bytes of a request's headers
)

// Server serves an endpoint over HTTP. Connections without TLS are served by a loop of its own as long as their requests
// are what SDKs send (see connection); all others, and what comes behind another request, by net/http.
type Server struct {
	endpoint *Endpoint
	http     *http.Server
	log      *slog.Logger

	mu          sync.Mutex
	closing     bool
	connections map[*connection]struct{}
	running     sync.WaitGroup // the connections of the loop
}

// NewServer makes a server for the endpoint.
func NewServer(e *Endpoint, log *slog.Logger) *Server {
	return &Server{
		endpoint: e, log: log, connections: make(map[*connection]struct{}),
		http: &http.Server{
			Handler:           e,
			ReadHeaderTimeout: headTime,
			WriteTimeout:      answerTime,
			IdleTimeout:       idleTime,
			MaxHeaderBytes:    maxHead,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		},
	}
}

// Serve accepts connections until the server is shut down or closed, and returns http.ErrServerClosed then. It can be
// called for several listeners.
func (s *Server) Serve(l net.Listener) error {
	rest := &handedOver{Listener: l, connections: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{})}
	go s.accept(rest)
	return s.http.Serve(rest)
}

// accept begins to serve what comes.
func (s *Server) accept(l *handedOver) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			select {
			case l.failed <- err: // net/http decides whether to go on, and calls Accept again then
			case <-l.closed:
			}
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		if _, encrypted := conn.(*tls.Conn); encrypted {
			l.take(conn)
			continue
		}
		if c := s.add(conn); c != nil {
			go c.serve(l)
		}
	}
}

// add makes the connection one of the loop's; nil when the server stops.
func (s *Server) add(conn net.Conn) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		_ = conn.Close() // nothing was asked on it
		return nil
	}
	c := newConnection(s, conn)
	s.connections[c] = struct{}{}
	s.running.Add(1)
	return c
}

// remove is told when the loop is done with a connection.
func (s *Server) remove(c *connection) {
	s.mu.Lock()
	delete(s.connections, c)
	s.mu.Unlock()
	s.running.Done()
}

// stop tells whoever waits for a request that none is taken any more; net/http closes the listeners.
func (s *Server) stop() {
	s.endpoint.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for c := range s.connections {
		c.close()
	}
}

// Shutdown lets requests end, long polls at once, and returns then or when ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	err := s.http.Shutdown(ctx)
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, ctx.Err())
	}
	return err
}

// Close cuts off what is under way.
func (s *Server) Close() error {
	s.stop()
	s.mu.Lock()
	for c := range s.connections {
		c.cancel()
		_ = c.conn.Close() // which ends what waits for it
	}
	s.mu.Unlock()
	return s.http.Close()
}

// handedOver is the listener from which net/http gets the connections that it serves.
type handedOver struct {
	net.Listener
	connections chan net.Conn
	failed      chan error
	closed      chan struct{}
	once        sync.Once
}

// take gives a connection to net/http.
func (l *handedOver) take(conn net.Conn) {
	select {
	case l.connections <- conn:
	case <-l.closed:
		_ = conn.Close() // nothing was answered on it
	}
}

// Accept implements net.Listener.
func (l *handedOver) Accept() (net.Conn, error) {
	select {
	case conn := <-l.connections:
		return conn, nil
	case err := <-l.failed:
		return nil, err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *handedOver) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}
