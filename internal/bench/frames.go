package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// framesClient is the client that is no library: a connection is one goroutine
// that reads what has come and answers it with one write. It keeps to the
// protocol in every message: each publish has a confirm, each delivery an ack of
// its own.
type framesClient struct{}

func (framesClient) name() string { return FramesClient }

// framesOut is how many bytes are gathered before they are written.
const framesOut = 64 << 10

// framesConn is a connection after its handshake. It is for one goroutine, but
// for close.
type framesConn struct {
	net.Conn
	in  *wire.Reader
	out []byte
}

func dialFrames(ctx context.Context, rawURL string) (*framesConn, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("the broker's address: %w", err)
	}
	if u.Scheme != "amqp" {
		return nil, fmt.Errorf("the client %s speaks amqp, not %s", FramesClient, u.Scheme)
	}
	addr := u.Host
	if u.Port() == "" {
		addr += ":5672"
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	c := &framesConn{Conn: conn, in: wire.NewReader(conn, frameMax)}
	if err := c.handshake(u); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return c, nil
}

func (c *framesConn) handshake(u *url.URL) error {
	vhost := "/"
	if path := strings.TrimPrefix(u.Path, "/"); path != "" {
		vhost = path
	}
	password, _ := u.User.Password()
	c.out = append(c.out, "AMQP\x00\x00\x09\x01"...)
	if err := c.expect(0, wire.IDConnectionStart); err != nil {
		return err
	}
	c.send(0, &wire.ConnectionStartOk{
		Mechanism: []byte("PLAIN"), Response: []byte("\x00" + u.User.Username() + "\x00" + password), Locale: []byte("en_US"),
	})
	if err := c.expect(0, wire.IDConnectionTune); err != nil {
		return err
	}
	c.send(0, &wire.ConnectionTuneOk{ChannelMax: 2047, FrameMax: frameMax})
	c.send(0, &wire.ConnectionOpen{VirtualHost: []byte(vhost)})
	return c.expect(0, wire.IDConnectionOpenOk)
}

func (c *framesConn) send(channel uint16, m wire.Method) {
	c.out = wire.AppendMethod(c.out, channel, m)
}

// call sends a method and waits for its answer.
func (c *framesConn) call(channel uint16, m wire.Method, answer wire.MethodID) error {
	c.send(channel, m)
	return c.expect(channel, answer)
}

// expect writes what is to be sent and reads one method.
func (c *framesConn) expect(channel uint16, want wire.MethodID) error {
	if err := c.flush(); err != nil {
		return err
	}
	f, err := c.in.ReadFrame()
	if err != nil {
		return err
	}
	if id, _, ok := wire.SplitMethod(f.Payload); !ok || f.Channel != channel || id != want {
		return c.unexpected(f)
	}
	return nil
}

// flush writes what is to be sent.
func (c *framesConn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

var errUnexpected = errors.New("the broker sent what was not asked for")

// unexpected says what a frame is that should be another one: a broker that
// closes the connection or a channel tells why.
func (c *framesConn) unexpected(f wire.Frame) error {
	id, arguments, ok := wire.SplitMethod(f.Payload)
	if f.Type != wire.FrameMethod || !ok {
		return fmt.Errorf("%w: a frame of type %d", errUnexpected, f.Type)
	}
	switch id {
	case wire.IDConnectionClose:
		var m wire.ConnectionClose
		if m.ReadFrom(arguments) == nil {
			return fmt.Errorf("%w: %s %d %s", errUnexpected, id, m.ReplyCode, m.ReplyText)
		}
	case wire.IDChannelClose:
		var m wire.ChannelClose
		if m.ReadFrom(arguments) == nil {
			return fmt.Errorf("%w: %s %d %s", errUnexpected, id, m.ReplyCode, m.ReplyText)
		}
	}
	return fmt.Errorf("%w: %s", errUnexpected, id)
}
