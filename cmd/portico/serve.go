package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/internal/app"
)

type serveCommand struct {
	configFlags
}

func (c *serveCommand) Run() error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	log := newLogger(cfg.Log)
	return app.Run(stopSignals(log), cfg, log)
}

// stopSignals returns a context that ends at the first SIGTERM or SIGINT. At
// the second one the process ends at once: what was confirmed is durable
// without a stop in good order.
func stopSignals(log *slog.Logger) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		s := <-signals
		log.Info("stopping", "signal", s.String())
		cancel()
		s = <-signals
		log.Warn("stopping at once", "signal", s.String())
		os.Exit(1)
	}()
	return ctx
}

// newLogger returns the logger that the configuration asks for. It writes to
// standard error, a line a record.
func newLogger(c config.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		panic(err) // the configuration takes slog's own names only
	}
	opt := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, opt))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, opt))
}
