package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/gateway/amqp091"
	"github.com/portico-mq/portico/gateway/serve"
	"github.com/portico-mq/portico/gateway/stomp"
)

func (a *application) startAMQP(ctx context.Context) error {
	s, err := amqp091.New(a.broker, amqp091.Options{Logger: a.log, Version: a.config.RabbitMQ.Version})
	if err != nil {
		return err
	}
	a.closes = append(a.closes, func() error { s.Close(); return nil })
	return a.serveGateway(ctx, "amqp", s, a.config.AMQP, "amqps", a.config.AMQPS)
}

func (a *application) startSTOMP(ctx context.Context) error {
	// A client without login is guest, as in RabbitMQ, whatever user the configuration makes: to stand in with that
	// one's password would let everybody in.
	s := stomp.New(a.broker, stomp.Options{
		Logger: a.log, DefaultNamespace: defaultNamespace, ServerHeader: "RabbitMQ/" + a.config.RabbitMQ.Version,
	})
	a.closes = append(a.closes, func() error { s.Close(); return nil })
	return a.serveGateway(ctx, "stomp", s, a.config.STOMP, "stomps", a.config.STOMPS)
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
	server := serve.New(name, handler, serve.Options{Logger: a.log})
	a.servers = append(a.servers, server)
	listeners := append(p.listeners, t.listeners...)
	if len(listeners) == 0 {
		return nil
	}
	go func() {
		if err := server.Serve(listeners...); !errors.Is(err, serve.ErrServerClosed) {
			a.fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	return nil
}
