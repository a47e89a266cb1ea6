package app

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/portico-mq/portico/config"
)

// listenBoth opens the addresses of a listener that takes TLS and plain
// connections on one port. Without a certificate it takes plain ones only.
func (a *application) listenBoth(ctx context.Context, name string, addresses config.Addresses) (*bound, error) {
	c, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	b, err := a.listen(ctx, name, addresses)
	if err != nil || c == nil {
		return b, err
	}
	for i, l := range b.listeners {
		b.listeners[i] = newTLSOrPlain(l, c)
	}
	return b, nil
}

// firstByteTimeout is how long a client may keep silent before it is known
// whether it speaks TLS; HTTP clients speak first.
const firstByteTimeout = 10 * time.Second

// tlsRecord is the first byte of a TLS connection: the content type "handshake"
// [RFC 8446 5.1]. No HTTP request begins with it.
const tlsRecord = 0x16

// tlsOrPlain is a listener that looks at the first byte of each connection and
// gives it out as a *tls.Conn or as it is. It is safe for concurrent use.
type tlsOrPlain struct {
	net.Listener
	config *tls.Config
	ready  chan net.Conn
	failed chan error
	closed chan struct{}
	once   sync.Once
}

func newTLSOrPlain(l net.Listener, c *tls.Config) *tlsOrPlain {
	t := &tlsOrPlain{
		Listener: l, config: c,
		ready: make(chan net.Conn), failed: make(chan error), closed: make(chan struct{}),
	}
	go t.accept()
	return t
}

// Accept returns the next connection whose first byte has come.
func (t *tlsOrPlain) Accept() (net.Conn, error) {
	select {
	case c := <-t.ready:
		return c, nil
	case err := <-t.failed:
		return nil, err
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

// Close stops accepting; a connection that is still silent is closed when it
// speaks, or when its time is over.
func (t *tlsOrPlain) Close() error {
	t.once.Do(func() { close(t.closed) })
	return t.Listener.Close()
}

func (t *tlsOrPlain) accept() {
	for {
		c, err := t.Listener.Accept()
		if err == nil {
			go t.look(c)
			continue
		}
		select {
		case t.failed <- err: // the server decides whether it goes on, and calls Accept again then
		case <-t.closed:
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

// look waits for the first byte, in a goroutine of the connection's own.
func (t *tlsOrPlain) look(c net.Conn) {
	timer := time.AfterFunc(firstByteTimeout, func() { c.Close() })
	p := &peeked{Conn: c, buffered: bufio.NewReaderSize(c, 16)}
	first, err := p.buffered.Peek(1)
	if !timer.Stop() || err != nil {
		c.Close()
		return
	}
	var out net.Conn = p
	if first[0] == tlsRecord {
		out = tls.Server(p, t.config)
	}
	select {
	case t.ready <- out:
	case <-t.closed:
		c.Close()
	}
}

// peeked is a connection whose first bytes have been read already. Reads take
// them from the buffer first; everything else is the connection's.
type peeked struct {
	net.Conn
	buffered *bufio.Reader
}

func (p *peeked) Read(b []byte) (int, error) { return p.buffered.Read(b) }
