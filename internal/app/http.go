package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/portico-mq/portico/adapters/management"
	"github.com/portico-mq/portico/gateway/amqp091"
)

func (a *application) startManagement(ctx context.Context) error {
	plain, err := a.listen(ctx, "management", a.config.Management.Listen)
	if err != nil {
		return err
	}
	secure, err := a.listenTLS(ctx, "management.tls", a.config.Management.TLS.Listen)
	if err != nil {
		return err
	}
	a.serveHTTP("management", management.NewServer(a.broker, management.Options{
		Health: a.health, Memory: a.memory, Logger: a.log,
		Version: a.config.RabbitMQ.Version, QueueSpec: amqp091.QueueSpec, ExchangeSpec: amqp091.ExchangeSpec,
	}), plain, secure)
	return nil
}

// serveHTTP runs the server on every listener. A TLS listener is made by
// tls.NewListener, so that the server sees its connections' state.
func (a *application) serveHTTP(name string, server *http.Server, on ...*bound) {
	a.servers = append(a.servers, server)
	for _, b := range on {
		for _, l := range b.listeners {
			go func() {
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					a.fail(fmt.Errorf("%s: %w", name, err))
				}
			}()
		}
	}
}
