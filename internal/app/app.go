// Package app puts Portico together: it is the only package that knows every
// other one.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/portico-mq/portico/adapters/management"
	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/internal/version"
)

// Run starts everything that c asks for and serves until ctx ends. Then it
// stops accepting, lets clients finish for at most c.Shutdown.Timeout, closes
// what is left and returns nil. An error means that something could not start,
// or failed while it ran; everything is closed then too.
func Run(ctx context.Context, c *config.Config, log *slog.Logger) error {
	a := &application{config: c, log: log, failed: make(chan error, 1)}
	defer a.close()
	if err := a.start(ctx); err != nil {
		return err
	}
	args := []any{"version", version.Number(), "data_dir", c.DataDir, "durability", c.Durability}
	for _, b := range a.bound {
		args = append(args, b.name, b.String())
	}
	log.Info("started", args...)
	a.health.SetReady(true)
	select {
	case err := <-a.failed:
		return err
	case <-ctx.Done():
	}
	a.health.SetReady(false)
	// The stop must not be cut short by the context that asked for it.
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Shutdown.Timeout)
	defer cancel()
	a.drain(stopCtx)
	log.Info("stopped")
	return nil
}

// application is what runs. Its fields belong to the goroutine of Run.
type application struct {
	config *config.Config
	log    *slog.Logger
	health *management.Health
	bound  []*bound
	drains []func(context.Context) error // in the order of starting; run in the reverse one
	closes []func() error                // the same
	failed chan error                    // the first failure of a server that runs
}

func (a *application) start(ctx context.Context) error {
	return a.startManagement(ctx)
}

func (a *application) startManagement(ctx context.Context) error {
	a.health = management.NewHealth()
	handler := management.New(a.health)
	b, err := a.listen(ctx, "management", a.config.Management.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: management.ReadHeaderTimeout,
		IdleTimeout:       management.IdleTimeout,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	a.drains = append(a.drains, server.Shutdown)
	a.closes = append(a.closes, server.Close)
	for _, l := range b.listeners {
		go func() {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				a.fail(fmt.Errorf("management: %w", err))
			}
		}()
	}
	return nil
}

// fail ends Run with err, unless something else failed first.
func (a *application) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

// drain lets clients finish, the front ends that started last first.
func (a *application) drain(ctx context.Context) {
	for i := len(a.drains) - 1; i >= 0; i-- {
		if err := a.drains[i](ctx); err != nil {
			a.log.Warn("not everything finished in time", "err", err)
		}
	}
}

func (a *application) close() {
	for i := len(a.closes) - 1; i >= 0; i-- {
		if err := a.closes[i](); err != nil {
			a.log.Error("closing failed", "err", err)
		}
	}
}
