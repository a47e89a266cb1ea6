package amqp091

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/gateway/serve"
)

// testServer is a gateway over a broker in memory.
type testServer struct {
	broker *broker.Broker
	server *Server
	loop   *serve.Server
	addr   string
}

var everything = broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}

// startServer starts one, with the users guest/guest, who may do everything, and limited/limited, who may use names
// that begin with ok.
func startServer(t testing.TB, opts Options) *testServer {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	opts.RefusalDelay = time.Millisecond
	b, err := broker.Open(context.Background(), memory.NewStore(), broker.Options{
		Logger: opts.Logger, SystemExchanges: SystemExchanges(), ReservedPrefix: ReservedPrefix,
		MarkDeath: MarkDeath, ForgetsHistory: ForgetsHistory, Delay: Delay, MarkDelayed: MarkDelayed,
		LoopbackUsers: []string{"guest"},
	})
	if err != nil {
		t.Fatal(err)
	}
	some := broker.Permission{Configure: "^ok", Write: "^ok", Read: "^ok"}
	for _, err := range []error{
		b.PutUser("guest", "guest", []string{"administrator"}), b.SetPermission("guest", "/", everything),
		b.PutUser("limited", "limited", nil), b.SetPermission("limited", "/", some),
		b.PutUser("nobody", "nobody", nil),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	server, err := New(b, opts)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	loop := serve.New("amqp091", server, serve.Options{Logger: opts.Logger})
	done := make(chan error, 1)
	go func() { done <- loop.Serve(l) }()
	t.Cleanup(func() {
		loop.Close()
		if err := <-done; !errors.Is(err, serve.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if n := loop.Stats().Panics; n > 0 {
			t.Errorf("%d connections panicked", n)
		}
		server.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testServer{broker: b, server: server, loop: loop, addr: l.Addr().String()}
}

func (s *testServer) url() string { return "amqp://guest:guest@" + s.addr + "/" }

// dial opens a connection of the client library.
func (s *testServer) dial(t testing.TB) *amqp.Connection {
	t.Helper()
	conn, err := amqp.DialConfig(s.url(), amqp.Config{Heartbeat: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// channel opens a channel of a connection of its own.
func (s *testServer) channel(t testing.TB) *amqp.Channel {
	t.Helper()
	return openChannel(t, s.dial(t))
}

func openChannel(t testing.TB, conn *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// receive waits for the next value, and fails the test when none comes.
func receive[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-from:
		if !ok {
			t.Fatalf("%s: the channel is closed", what)
		}
		return v
	case <-time.After(time.Minute):
		t.Fatalf("%s did not come", what)
	}
	panic("unreachable")
}
