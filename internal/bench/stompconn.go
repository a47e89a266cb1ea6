package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
)

// stompConn is a connection over STOMP 1.2 that costs little: it reads what has come into one buffer, takes frames apart
// in it, and writes what was gathered at once. It is for one goroutine, but for Close.
type stompConn struct {
	net.Conn
	in         []byte
	start, end int // what has come of it and was not taken
	out        []byte
}

// stompFrame is a frame that the broker sent, until the next one is asked for.
type stompFrame struct {
	command []byte
	head    []byte // the header lines, each with its line end
	body    []byte
}

// header is the value of a header as it stands in the frame; nil if there is none.
func (f stompFrame) header(name string) []byte {
	for rest := f.head; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		rest = after
		if len(line) > len(name) && line[len(name)] == ':' && string(line[:len(name)]) == name {
			return line[len(name)+1:]
		}
	}
	return nil
}

// stompIn is how much a connection reads at first.
const stompIn = 16 << 10

// dialSTOMP connects and logs in. id, if it is not empty, is ActiveMQ's client-id, which makes a broker that speaks
// several dialects speak that one.
func dialSTOMP(ctx context.Context, rawURL, id string, in int) (*stompConn, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "stomp" || u.Host == "" {
		return nil, fmt.Errorf("%q is not stomp://user:password@host:port", rawURL)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	c := &stompConn{Conn: conn, in: make([]byte, in)}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	password, _ := u.User.Password()
	c.out = fmt.Appendf(c.out, "CONNECT\naccept-version:1.2\nhost:/\nlogin:%s\npasscode:%s\n", u.User.Username(), password)
	if id != "" {
		c.out = fmt.Appendf(c.out, "client-id:%s\n", id)
	}
	c.out = append(c.out, "\n\x00"...)
	f, err := c.answer()
	if err == nil && string(f.command) != "CONNECTED" {
		err = f.unexpected()
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	return c, nil
}

// answer writes what is to be sent and returns the next frame.
func (c *stompConn) answer() (stompFrame, error) {
	if err := c.flush(); err != nil {
		return stompFrame{}, err
	}
	return c.read()
}

// call sends a frame without a body, with a receipt, and waits for that. What comes before it is passed over.
func (c *stompConn) call(command, headers string) error {
	c.out = fmt.Appendf(c.out, "%s\n%sreceipt:call\n\n\x00", command, headers)
	for {
		f, err := c.answer()
		switch {
		case err != nil:
			return err
		case string(f.command) == "RECEIPT" && string(f.header("receipt-id")) == "call":
			return nil
		case string(f.command) == "ERROR":
			return f.unexpected()
		}
	}
}

// flush writes what is to be sent.
func (c *stompConn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.Write(c.out)
	c.out = c.out[:0]
	return err
}

// read returns the next frame, and waits for it if it must.
func (c *stompConn) read() (stompFrame, error) {
	for {
		f, ok, err := c.next()
		if ok || err != nil {
			return f, err
		}
		if err := c.fill(); err != nil {
			return f, err
		}
	}
}

// fill reads once.
func (c *stompConn) fill() error {
	if c.start > 0 {
		c.end = copy(c.in, c.in[c.start:c.end])
		c.start = 0
	}
	if c.end == len(c.in) {
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	n, err := c.Read(c.in[c.end:])
	c.end += n
	return err
}

var errNoFrame = errors.New("the broker sent what is no frame")

// next takes a frame out of what has come; false if there is no whole one.
func (c *stompConn) next() (f stompFrame, ok bool, err error) {
	for c.start < c.end && (c.in[c.start] == '\n' || c.in[c.start] == '\r') {
		c.start++
	}
	all := c.in[c.start:c.end]
	headEnd := bytes.Index(all, []byte("\n\n"))
	if headEnd < 0 {
		return f, false, nil
	}
	line := bytes.IndexByte(all, '\n')
	f.command, f.head = all[:line], all[line+1:headEnd+1]
	body := all[headEnd+2:]
	var length int
	if text := f.header("content-length"); text != nil {
		if length, err = strconv.Atoi(string(text)); err != nil || length < 0 {
			return f, false, errNoFrame
		}
		if len(body) <= length {
			return f, false, nil
		}
		if body[length] != 0 {
			return f, false, errNoFrame
		}
	} else if length = bytes.IndexByte(body, 0); length < 0 {
		return f, false, nil
	}
	f.body = body[:length]
	c.start += headEnd + 2 + length + 1
	return f, true, nil
}

// unexpected says what came instead of what was wanted; an ERROR tells why.
func (f stompFrame) unexpected() error {
	return fmt.Errorf("%w: %s, %s: %.300s", errUnexpected, f.command, f.header("message"), f.body)
}
