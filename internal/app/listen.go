package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"

	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/gateway/serve"
)

// bound are the open listeners of one name.
type bound struct {
	name      string
	listeners []net.Listener
}

// String returns the addresses actually bound, separated by commas, or "off".
func (b *bound) String() string {
	if len(b.listeners) == 0 {
		return "off"
	}
	addresses := make([]string, len(b.listeners))
	for i, l := range b.listeners {
		addresses[i] = l.Addr().String()
	}
	return strings.Join(addresses, ",")
}

// listen opens every address of one listener and remembers it for the start
// line and the end. No address opens nothing.
func (a *application) listen(ctx context.Context, name string, addresses config.Addresses) (*bound, error) {
	if before := a.addressesBefore[name]; len(before) > 0 {
		addresses = before
	}
	b := &bound{name: name}
	a.bound = append(a.bound, b)
	for _, address := range addresses {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		b.listeners = append(b.listeners, l)
		a.closes = append(a.closes, func() error {
			_ = l.Close() // the server that uses it has closed it already, unless the start failed
			return nil
		})
	}
	return b, nil
}

// listenTLS opens the addresses of a TLS listener; without a certificate it
// opens none.
func (a *application) listenTLS(ctx context.Context, name string, addresses config.Addresses) (*bound, error) {
	c, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	if c == nil {
		return a.listen(ctx, name, nil)
	}
	b, err := a.listen(ctx, name, addresses)
	if err != nil {
		return nil, err
	}
	for i, l := range b.listeners {
		b.listeners[i] = tls.NewListener(l, c)
	}
	return b, nil
}

// tlsConfig returns the configuration of every TLS listener, which follows its
// files, or nil without a certificate.
func (a *application) tlsConfig() (*tls.Config, error) {
	files := a.config.TLS
	if files.Certificate == "" || a.tls != nil {
		return a.tls, nil
	}
	c, err := serve.NewTLS(serve.TLSFiles{
		Certificate: files.Certificate, Key: files.Key, ClientCA: files.ClientCA,
	}, a.log)
	a.tls = c
	return c, err
}
