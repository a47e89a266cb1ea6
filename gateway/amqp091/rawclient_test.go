package amqp091

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// rawClient speaks the protocol frame by frame, to say what no library says.
type rawClient struct {
	t  testing.TB
	nc net.Conn
	r  *wire.Reader
}

// connect opens a TCP connection, and nothing more.
func connect(t testing.TB, s *testServer) *rawClient {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	return &rawClient{t: t, nc: nc, r: wire.NewReader(nc, 1<<20)}
}

// login goes as far as connection.open-ok.
func login(t testing.TB, s *testServer, tune wire.ConnectionTuneOk) *rawClient {
	t.Helper()
	c := connect(t, s)
	c.start("guest", "guest", true)
	c.expect(wire.IDConnectionTune)
	c.send(wire.AppendMethod(wire.AppendMethod(nil, 0, &tune), 0, &wire.ConnectionOpen{VirtualHost: []byte("/")}))
	c.expect(wire.IDConnectionOpenOk)
	return c
}

var usualTune = wire.ConnectionTuneOk{ChannelMax: 2047, FrameMax: 131072}

// start sends the header and the credentials.
func (c *rawClient) start(user, password string, failureClose bool) {
	c.t.Helper()
	c.send(protocolHeader)
	c.expect(wire.IDConnectionStart)
	properties, err := property.Table{{Name: "capabilities", Value: property.Table{
		{Name: "authentication_failure_close", Value: failureClose},
		{Name: "consumer_cancel_notify", Value: true},
		{Name: "connection.blocked", Value: true},
	}}}.Raw()
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(wire.AppendMethod(nil, 0, &wire.ConnectionStartOk{
		ClientProperties: properties, Mechanism: []byte("PLAIN"), Response: []byte("\x00" + user + "\x00" + password), Locale: []byte("en_US"),
	}))
}

// openChannel opens channel 1.
func (c *rawClient) openChannel() *rawClient {
	c.t.Helper()
	c.send(wire.AppendMethod(nil, 1, &wire.ChannelOpen{}))
	c.expect(wire.IDChannelOpenOk)
	return c
}

func (c *rawClient) send(b []byte) {
	c.t.Helper()
	if _, err := c.nc.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// next reads the next method, passing over heartbeats and contents.
func (c *rawClient) next() (wire.Method, error) {
	for {
		f, err := c.r.ReadFrame()
		if err != nil {
			return nil, err
		}
		if f.Type != wire.FrameMethod {
			continue
		}
		id, arguments, _ := wire.SplitMethod(f.Payload)
		m := wire.NewMethod(id)
		return m, m.ReadFrom(append([]byte(nil), arguments...))
	}
}

func (c *rawClient) expect(id wire.MethodID) wire.Method {
	c.t.Helper()
	m, err := c.next()
	if err != nil {
		c.t.Fatalf("waiting for %v: %v", id, err)
	}
	if m.ID() != id {
		c.t.Fatalf("got %v %s, want %v", m.ID(), closeText(m), id)
	}
	return m
}

// expectEnd waits for the end of the stream.
func (c *rawClient) expectEnd() {
	c.t.Helper()
	if m, err := c.next(); !errors.Is(err, io.EOF) {
		c.t.Errorf("instead of the end came %v, %v", m, err)
	}
}

// closeText is the text of a close, "" of anything else.
func closeText(m wire.Method) string {
	switch m := m.(type) {
	case *wire.ConnectionClose:
		return string(m.ReplyText)
	case *wire.ChannelClose:
		return string(m.ReplyText)
	default:
		return ""
	}
}
