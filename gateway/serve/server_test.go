package serve

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// handlerFunc makes a function a Handler.
type handlerFunc func(ctx context.Context, conn net.Conn)

func (f handlerFunc) ServeConn(ctx context.Context, conn net.Conn) { f(ctx, conn) }

// echo sends back lines and says goodbye when the server closes.
var echo = handlerFunc(func(ctx context.Context, conn net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if ctx.Err() != nil {
				_, _ = io.WriteString(conn, "bye\n")
			}
			return
		}
		if line == "panic\n" {
			panic("asked for")
		}
		if _, err := io.WriteString(conn, line); err != nil {
			return
		}
	}
})

var quiet = slog.New(slog.DiscardHandler)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// start serves the listeners and returns the server with what Serve returns in the end.
func start(t *testing.T, h Handler, opts Options, listeners ...net.Listener) (*Server, <-chan error) {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = quiet
	}
	s := New("test", h, opts)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listeners...) }()
	t.Cleanup(func() { _ = s.Close() })
	return s, done
}

type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, addr net.Addr) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &client{conn, bufio.NewReader(conn)}
}

// say sends a line and returns the answer, or the error as text.
func (c *client) say(line string) string {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return err.Error()
	}
	return c.hear()
}

func (c *client) hear() string {
	line, err := c.r.ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(line, "\n")
}

func TestServesEveryListener(t *testing.T) {
	a, b := listen(t), listen(t)
	s, done := start(t, echo, Options{}, a, b)
	for _, addr := range []net.Addr{a.Addr(), b.Addr()} {
		if got := dial(t, addr).say("hello"); got != "hello" {
			t.Errorf("answer from %v: %q", addr, got)
		}
	}
	if n := len(s.Addrs()); n != 2 {
		t.Errorf("%d addresses, want 2", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if err := s.Serve(listen(t)); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve on a closed server returned %v", err)
	}
}

func TestPanicEndsOneConnection(t *testing.T) {
	l := listen(t)
	s, _ := start(t, echo, Options{}, l)
	other := dial(t, l.Addr())
	if got := other.say("before"); got != "before" {
		t.Fatal(got)
	}
	if got := dial(t, l.Addr()).say("panic"); got != "EOF" {
		t.Errorf("connection after its panic: %q, want EOF", got)
	}
	if got := other.say("after"); got != "after" {
		t.Errorf("other connection: %q", got)
	}
	if n := s.Stats().Panics; n != 1 {
		t.Errorf("%d panics counted", n)
	}
}

func TestConnectionLimit(t *testing.T) {
	l := listen(t)
	s, _ := start(t, echo, Options{MaxConnections: 2}, l)
	first, second := dial(t, l.Addr()), dial(t, l.Addr())
	first.say("x")
	second.say("x")
	third := dial(t, l.Addr())
	if got := third.hear(); got != "EOF" && !strings.Contains(got, "reset") {
		t.Errorf("connection over the limit: %q", got)
	}
	if got := second.say("still"); got != "still" {
		t.Errorf("connection within the limit: %q", got)
	}
	st := s.Stats()
	if st.Open != 2 || st.Accepted != 2 || st.Refused != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestShutdownLetsHandlersSayGoodbye(t *testing.T) {
	l := listen(t)
	s, done := start(t, echo, Options{}, l)
	c := dial(t, l.Addr())
	c.say("x")
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if got := c.hear(); got != "bye" {
		t.Errorf("last words %q", got)
	}
	if got := c.hear(); got != "EOF" {
		t.Errorf("after the last words: %q", got)
	}
	if err := <-done; !errors.Is(err, ErrServerClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		t.Error("still accepting")
	}
}

func TestShutdownClosesWhoStays(t *testing.T) {
	l := listen(t)
	started := make(chan struct{})
	stubborn := handlerFunc(func(_ context.Context, conn net.Conn) {
		close(started)
		_, _ = io.Copy(io.Discard, conn)
	})
	s, _ := start(t, stubborn, Options{}, l)
	c := dial(t, l.Addr())
	<-started
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if got := c.hear(); got != "EOF" && !strings.Contains(got, "reset") {
		t.Errorf("client got %q", got)
	}
	if n := s.Stats().Open; n != 0 {
		t.Errorf("%d connections left", n)
	}
}

func TestListenerFailureEndsServe(t *testing.T) {
	a, b := listen(t), listen(t)
	_, done := start(t, echo, Options{}, a, b)
	dial(t, a.Addr()).say("x")
	a.Close() // behind the server's back
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
	if _, err := net.Dial("tcp", b.Addr().String()); err == nil {
		t.Error("the other listener is still open")
	}
}

// flaky fails once before it accepts.
type flaky struct {
	net.Listener
	err error
}

func (f *flaky) Accept() (net.Conn, error) {
	if err := f.err; err != nil {
		f.err = nil
		return nil, err
	}
	return f.Listener.Accept()
}

func TestAcceptGoesOnAfterExhaustion(t *testing.T) {
	l := listen(t)
	start(t, echo, Options{}, &flaky{l, &net.OpError{Op: "accept", Err: syscall.EMFILE}})
	if got := dial(t, l.Addr()).say("hello"); got != "hello" {
		t.Errorf("answer %q", got)
	}
}
