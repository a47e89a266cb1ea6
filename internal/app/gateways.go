package app

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/gateway/amqp091"
	"github.com/portico-mq/portico/gateway/serve"
	"github.com/portico-mq/portico/gateway/stomp"
)

func (a *application) startAMQP(ctx context.Context) error {
	s, err := amqp091.New(a.broker, amqp091.Options{
		Logger: a.log, Version: a.config.RabbitMQ.Version, MaxMessageSize: int(a.config.MaxMessageSize),
	})
	if err != nil {
		return err
	}
	a.closes = append(a.closes, func() error { s.Close(); return nil })
	return a.serveGateway(ctx, "amqp", s, a.config.AMQP, "amqps", a.config.AMQPS)
}

func (a *application) startSTOMP(ctx context.Context) error {
	// A client without login is guest, as in RabbitMQ, whatever user the configuration makes: to stand in with that
	// one's password would let everybody in.
	c := &a.config.STOMP
	dialects := make(map[string]stomp.Dialect, len(c.VirtualHosts))
	for name, dialect := range c.VirtualHosts {
		dialects[name] = stomp.Dialect(dialect)
	}
	s := stomp.New(a.broker, stomp.Options{
		Logger: a.log, DefaultNamespace: defaultNamespace, ServerHeader: "RabbitMQ/" + a.config.RabbitMQ.Version,
		NamespaceDialects: dialects, DeclareQueue: amqp091.DeclareQueue,
		Destinations: a.destinations, Authorization: authorization(&c.ActiveMQ), LoginTimeout: c.LoginTimeout,
		Limits: stomp.Limits{
			Headers: c.MaxHeaders, Header: int(c.MaxHeaderSize), HeaderBytes: int(c.MaxHeadersSize), Body: int(c.MaxBodySize),
		},
	})
	a.closes = append(a.closes, func() error { s.Close(); return nil })
	speaking := func(dialect string) serve.Handler { return s.Speaking(stomp.Dialect(dialect)) }
	web := func(dialect string) serve.Handler { return stomp.WebSocket(speaking(dialect), stomp.WebSocketPaths...) }
	for _, l := range []struct {
		name    string
		handler serve.Handler
		listen  config.Addresses
		secure  bool
	}{
		{"stomp", speaking(c.Dialect), c.Listen, false},
		{"stomps", speaking(a.config.STOMPS.Dialect), a.config.STOMPS.Listen, true},
		{"ws", web(a.config.WS.Dialect), a.config.WS.Listen, false},
		{"wss", web(a.config.WSS.Dialect), a.config.WSS.Listen, true},
		{"mq.wss", stomp.WebSocket(speaking(a.config.MQ.WSS.Dialect)), a.config.MQ.WSS.Listen, true},
	} {
		if err := a.serveListener(ctx, l.name, l.handler, l.listen, l.secure); err != nil {
			return err
		}
	}
	return nil
}

// serveListener serves a protocol on the addresses of one listener.
func (a *application) serveListener(
	ctx context.Context, name string, handler serve.Handler, addresses config.Addresses, secure bool,
) error {
	listen := a.listen
	if secure {
		listen = a.listenTLS
	}
	b, err := listen(ctx, name, addresses)
	if err != nil {
		return err
	}
	a.serve(name, handler, b.listeners)
	return nil
}

// serve serves a protocol on listeners that are open.
func (a *application) serve(name string, handler serve.Handler, listeners []net.Listener) {
	server := serve.New(name, handler, serve.Options{Logger: a.log})
	a.servers = append(a.servers, server)
	if len(listeners) == 0 {
		return
	}
	go func() {
		if err := server.Serve(listeners...); !errors.Is(err, serve.ErrServerClosed) {
			a.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
}

// serveGateway serves a protocol on its plain and its TLS listeners.
func (a *application) serveGateway(
	ctx context.Context, name string, handler serve.Handler, plain config.Listener, secureName string, secure config.Listener,
) error {
	p, err := a.listen(ctx, name, plain.Listen)
	if err != nil {
		return err
	}
	t, err := a.listenTLS(ctx, secureName, secure.Listen)
	if err != nil {
		return err
	}
	a.serve(name, handler, append(p.listeners, t.listeners...))
	return nil
}
