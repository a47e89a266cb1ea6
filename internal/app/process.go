package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/portico-mq/portico/adapters/management"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/config"
)

// process is what stays when an operator stops the broker in it, as RabbitMQ's runtime does: the management port,
// over which the broker is started again.
type process struct {
	config *config.Config
	log    *slog.Logger
	// commands are what operators ask for.
	commands chan command
	failed   chan error
	drained  sync.Once
	ended    chan struct{} // closed when no command is taken any more

	listening *application // holds the listeners of the management port
	server    *http.Server
	handler   atomic.Pointer[http.Handler] // of the broker that runs, or ran last
	// addresses are those that were bound at the first start: a broker that is started again is found where it was.
	addresses map[string]config.Addresses
}

// order is what an operator wants of the broker.
type order uint8

const (
	startIt order = iota
	stopIt
	resetIt
)

// command is an order that is answered on done.
type command struct {
	what order
	done chan error
}

// Run starts everything that c asks for and serves until ctx ends. Then it stops accepting, lets clients finish for at
// most c.Shutdown.Timeout, closes what is left and returns nil. An operator can stop and start the broker meanwhile. An
// error means that something could not start at first, or failed while it ran; everything is closed then too.
func Run(ctx context.Context, c *config.Config, log *slog.Logger) error {
	p := &process{
		config: c, log: log, commands: make(chan command), failed: make(chan error, 1), ended: make(chan struct{}),
		addresses: make(map[string]config.Addresses),
	}
	defer p.close()
	if err := p.listen(ctx); err != nil {
		return err
	}
	a, err := p.startApplication(ctx)
	if err != nil {
		return err
	}
	log.Info("started", a.startLine()...)
	p.addresses = a.addresses()
	defer func() {
		go p.drain() // on this port, too, nobody is accepted from here on
		a.stop(ctx)
	}()
	for {
		select {
		case err := <-a.failed:
			return err
		case err := <-p.failed:
			return err
		case <-ctx.Done():
			return nil
		case cmd := <-p.commands:
			a, err = p.obey(ctx, cmd.what, a)
			cmd.done <- err
		}
	}
}

// obey carries an order out, and returns the broker that there is then.
func (p *process) obey(ctx context.Context, what order, a *application) (*application, error) {
	switch {
	case what == stopIt:
		a.stop(ctx)
	case what == startIt && a.stopped:
		next, err := p.startApplication(ctx)
		if err != nil {
			return a, err
		}
		return next, nil
	case what == resetIt && !a.stopped:
		return a, management.ErrRunning
	case what == resetIt:
		return a, errors.Join(jetstream.Remove(p.config.DataDir), removeSecrets(p.config.DataDir))
	}
	return a, nil
}

// listen opens the management port. Until a broker runs, it tells that there is none.
func (p *process) listen(ctx context.Context) error {
	p.listening = &application{config: p.config, log: p.log}
	a := p.listening
	plain, err := a.listen(ctx, "management", p.config.Management.Listen)
	if err != nil {
		return err
	}
	secure, err := a.listenTLS(ctx, "management.tls", p.config.Management.TLS.Listen)
	if err != nil {
		return err
	}
	starting := management.Starting()
	p.handler.Store(&starting)
	p.server = management.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		(*p.handler.Load()).ServeHTTP(w, r)
	}), p.log)
	for _, b := range []*bound{plain, secure} {
		for _, l := range b.listeners {
			go func() {
				if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					p.failed <- fmt.Errorf("management: %w", err)
				}
			}()
		}
	}
	return nil
}

// startApplication starts the broker and everything that stands on it.
func (p *process) startApplication(ctx context.Context) (*application, error) {
	a := &application{
		config: p.config, log: p.log, health: new(management.Health), addressesBefore: p.addresses,
		failed: make(chan error, 1), storeFailed: make(chan struct{}), bound: p.listening.bound,
		control: management.Control{
			Start: p.ask(startIt), Stop: p.ask(stopIt), Reset: p.ask(resetIt),
			Environment: func() map[string]string { return config.Values(p.config) },
		},
	}
	ctx, a.cancel = context.WithCancel(ctx)
	if err := a.start(ctx); err != nil {
		a.close()
		return nil, err
	}
	var answering http.Handler = a.management
	p.handler.Store(&answering)
	a.health.SetReady(true)
	return a, nil
}

// ask returns what gives an order and waits until it is carried out.
func (p *process) ask(what order) func(context.Context) error {
	return func(ctx context.Context) error {
		cmd := command{what, make(chan error, 1)}
		select {
		case p.commands <- cmd:
		case <-p.ended:
			return errors.New("the process is stopping")
		case <-ctx.Done():
			return ctx.Err()
		}
		return <-cmd.done
	}
}

// drain stops accepting on the management port, and returns when its clients have finished, whoever called it first.
func (p *process) drain() {
	p.drained.Do(func() {
		close(p.ended)
		if p.server == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), p.config.Shutdown.Timeout)
		defer cancel()
		if err := p.server.Shutdown(ctx); err != nil {
			p.log.Warn("clients did not finish in time", "err", err)
			_ = p.server.Close() // what it says of its listeners it has said in Shutdown
		}
	})
}

// close ends the management port.
func (p *process) close() {
	p.drain()
	if p.listening != nil {
		p.listening.runCloses()
	}
	p.log.Info("stopped")
}
