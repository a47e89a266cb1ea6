package stomp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/gateway/serve"
)

// connectAs logs in as guest with each version.
const (
	connect10 = "CONNECT\nlogin:guest\npasscode:guest\n\n\x00"
	connect11 = "CONNECT\naccept-version:1.1\nhost:/\n\n\x00"
	connect12 = "CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\x00"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

// gateway is a server over a broker in memory.
type gateway struct {
	*testing.T
	broker  *broker.Broker
	store   broker.Store
	handler *Server
	server  *serve.Server
	addr    string
	ended   chan struct{} // gets a value for each connection that has ended
}

// noting tells when a connection has ended and all that it held has gone back.
type noting struct {
	*Server
	ended chan struct{}
}

func (n noting) ServeConn(ctx context.Context, nc net.Conn) {
	n.Server.ServeConn(ctx, nc)
	n.ended <- struct{}{}
}

func start(t *testing.T) *gateway { return startWith(t, memory.NewStore(), Options{}) }

func startWith(t *testing.T, store broker.Store, opts Options) *gateway {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	if opts.Destinations == nil {
		opts.Destinations = NewDestinations(DestinationOptions{})
	}
	b, err := broker.Open(t.Context(), store, broker.Options{
		Logger: quiet, ReservedPrefix: "amq.", MarkDeath: opts.Destinations.MarkDeath,
		SystemExchanges: []broker.ExchangeSpec{
			{Name: "amq.topic", Kind: broker.Topic, Durable: true},
			{Name: "amq.direct", Kind: broker.Direct, Durable: true},
			{Name: "amq.fanout", Kind: broker.Fanout, Durable: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"guest", "outside"} {
		if err := b.PutUser(user, user, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.SetPermission("guest", "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}); err != nil {
		t.Fatal(err)
	}
	opts.Logger = quiet
	handler := New(b, opts)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{}, 1000)
	server := serve.New("stomp", noting{handler, ended}, serve.Options{Logger: quiet})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		must(t, server.Close())
		if err := <-served; !errors.Is(err, serve.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		if n := server.Stats().Panics; n != 0 {
			t.Errorf("%d connections panicked", n)
		}
		handler.Close()
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return &gateway{T: t, broker: b, store: store, handler: handler, server: server, addr: l.Addr().String(), ended: ended}
}

// session is a session on the broker itself, to look behind the protocol.
func (g *gateway) session() *broker.Session {
	g.Helper()
	s, err := g.broker.OpenSession(g.Context(), g.broker.Root(), "/")
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(s.Close)
	return s
}

// waitEnd waits until one more connection has ended.
func (g *gateway) waitEnd() {
	g.Helper()
	select {
	case <-g.ended:
	case <-time.After(patience):
		g.Fatal("no connection ends")
	}
}

// info describes a queue; ok is false when there is none.
func (g *gateway) info(name string) (broker.QueueInfo, bool) {
	g.Helper()
	info, err := g.session().Queue(context.Background(), name)
	if broker.IsKind(err, broker.KindNotFound) {
		return info, false
	}
	if err != nil && !broker.IsKind(err, broker.KindLocked) {
		g.Fatal(err)
	}
	return info, true
}

// peer is a client that speaks bytes.
type peer struct {
	*gateway
	nc      net.Conn
	r       *bufio.Reader
	session string
}

func (g *gateway) dial() *peer {
	g.Helper()
	nc, err := net.Dial("tcp", g.addr)
	if err != nil {
		g.Fatal(err)
	}
	g.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		g.Fatal(err)
	}
	return &peer{gateway: g, nc: nc, r: bufio.NewReader(nc)}
}

// login connects with a CONNECT frame that must be accepted.
func (g *gateway) login(connect string) *peer {
	g.Helper()
	p := g.dial()
	p.send(connect)
	f := p.next()
	if !strings.HasPrefix(f, "CONNECTED\n") {
		g.Fatalf("CONNECT answered by %q", f)
	}
	_, rest, _ := strings.Cut(f, "session:")
	p.session, _, _ = strings.Cut(rest, "\n")
	return p
}

func (p *peer) send(frames ...string) {
	p.Helper()
	if _, err := io.WriteString(p.nc, strings.Join(frames, "")); err != nil {
		p.Fatal(err)
	}
}

// next reads a frame without the NUL and line end after it, with the session's name replaced by SESSION; "closed" when
// the connection has ended. No body in these tests has a NUL but by content-length, which is honoured.
func (p *peer) next() string {
	p.Helper()
	var text strings.Builder
	length := -1
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			if text.Len() == 0 && (line == "" || line == "\n") && !isTimeout(err) {
				return "closed"
			}
			p.Fatalf("after %q: %v", text.String()+line, err)
		}
		if text.Len() == 0 && line == "\n" {
			continue // a heart-beat, or the line end after a frame
		}
		text.WriteString(line)
		if v, ok := strings.CutPrefix(line, "content-length:"); ok {
			length = 0
			for _, c := range strings.TrimSpace(v) {
				length = 10*length + int(c-'0')
			}
		}
		if line == "\n" {
			break
		}
	}
	var body []byte
	var err error
	if length >= 0 {
		body = make([]byte, length+1)
		_, err = io.ReadFull(p.r, body)
	} else {
		body, err = p.r.ReadBytes(0)
	}
	if err != nil {
		p.Fatalf("in the body of %q: %v", text.String(), err)
	}
	text.Write(body[:len(body)-1])
	if p.session == "" {
		return text.String()
	}
	return strings.ReplaceAll(text.String(), p.session, "SESSION")
}

func isTimeout(err error) bool {
	n, ok := errors.AsType[net.Error](err)
	return ok && n.Timeout()
}

// want reads frames and compares.
func (p *peer) want(frames ...string) {
	p.Helper()
	for _, f := range frames {
		if got := p.next(); got != f {
			p.Fatalf("got  %q\nwant %q", got, f)
		}
	}
}

// sync makes sure that everything sent so far was handled, and that nothing but its receipt is there.
func (p *peer) sync() {
	p.Helper()
	p.send("BEGIN\ntransaction:sync\nreceipt:sync\n\n\x00ABORT\ntransaction:sync\n\n\x00")
	p.want(receipt("sync"))
}

func receipt(id string) string { return "RECEIPT\nreceipt-id:" + id + "\n\n" }

// refusal is an ERROR frame.
func refusal(message, body string) string {
	f := &fault{message: message, body: body}
	return strings.TrimSuffix(string(rabbitmq{}.appendFault(nil, f, "")), "\x00\n")
}

// message is a MESSAGE of a body of one byte from /queue/q, as subscription 1 of STOMP 1.2 gets it in a client mode.
func message(tag, body, redelivered string) string {
	return "MESSAGE\nsubscription:1\ndestination:/queue/q\nmessage-id:T_1@@SESSION@@" + tag + "\nredelivered:" + redelivered +
		"\nack:T_1@@SESSION@@" + tag + "\ncontent-length:1\n\n" + body
}

// fill puts messages of one byte into /queue/q and waits until they are stored.
func (p *peer) fill(bodies string) {
	p.Helper()
	for _, b := range bodies {
		p.send("SEND\ndestination:/queue/q\n\n" + string(b) + "\x00")
	}
	p.sync()
}

// sendAll sends a frame that the server may refuse before it has read all of it.
func (p *peer) sendAll(frame string) {
	_, _ = io.WriteString(p.nc, frame)
}

// wantClosed checks that the connection has ended, orderly or not: what the client had still on its way resets it.
func (p *peer) wantClosed() {
	p.Helper()
	if _, err := p.r.Peek(2); err == nil {
		p.Fatalf("not closed; got %q", p.next())
	} else if isTimeout(err) {
		p.Fatal("not closed")
	}
}
