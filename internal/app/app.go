// Package app puts Portico together: it is the only package that knows every
// other one.
package app

import (
	"context"
	"crypto/tls"
	"log/slog"
	"sync"

	"github.com/portico-mq/portico/adapters/management"
	"github.com/portico-mq/portico/adapters/sns"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/jetstream"
	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/gateway/stomp"
	"github.com/portico-mq/portico/internal/disk"
	"github.com/portico-mq/portico/internal/memory"
	"github.com/portico-mq/portico/internal/version"
)

// application is the broker with all that serves it, from a start to a stop. Its fields belong to the goroutine of Run.
type application struct {
	config       *config.Config
	log          *slog.Logger
	health       *management.Health
	store        *jetstream.Store
	broker       *broker.Broker
	rules        *sns.Rules
	destinations *stomp.Destinations
	disk         *disk.Monitor   // nil where the room on disk cannot be told
	memory       *memory.Monitor // nil where the memory of a process cannot be told
	tls          *tls.Config     // nil until used, and without a certificate
	bound        []*bound
	servers      []server       // the front ends, drained before anything else
	closes       []func() error // run in reverse order at the end
	failed       chan error     // the first failure of something that runs
	// encrypted says that the store encrypts what it holds.
	encrypted bool
	// storeFailed is closed when the store takes nothing more.
	storeFailed chan struct{}

	management      *management.Handler // answers the management port
	control         management.Control  // stops and starts it
	addressesBefore map[string]config.Addresses
	cancel          context.CancelFunc // ends what watches
	stopped         bool
}

// server is a front end with its connections.
type server interface {
	// Shutdown stops accepting and waits until the clients have finished.
	Shutdown(ctx context.Context) error
	// Close ends every connection at once.
	Close() error
}

// start starts everything in order: what is stored, then who is served.
func (a *application) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		a.startStore,
		a.startBroker,
		a.startMemory,
		a.startDisk,
		a.startAMQP,
		a.startSTOMP,
		a.startAWS,
		a.startMetrics,
		a.startManagement,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// startLine says what runs where: every address actually bound.
func (a *application) startLine() []any {
	args := []any{"version", version.Number(), "data_dir", a.config.DataDir, "durability", a.config.Durability}
	for _, b := range a.bound {
		args = append(args, b.name, b.String())
	}
	return args
}

// fail ends Run with err, unless something else failed first.
func (a *application) fail(err error) {
	select {
	case a.failed <- err:
	default:
	}
}

// drain lets the clients of all front ends finish at the same time. Who does
// not finish before ctx ends is cut off by close.
func (a *application) drain(ctx context.Context) {
	var running sync.WaitGroup
	for _, s := range a.servers {
		running.Go(func() {
			if err := s.Shutdown(ctx); err != nil {
				a.log.Warn("clients did not finish in time", "err", err)
			}
		})
	}
	running.Wait()
}

// close ends the front ends, then what they stand on.
func (a *application) close() {
	for _, s := range a.servers {
		if err := s.Close(); err != nil {
			a.log.Error("closing a front end failed", "err", err)
		}
	}
	a.runCloses()
	if a.cancel != nil {
		a.cancel()
	}
}

// runCloses closes what is open, the last first.
func (a *application) runCloses() {
	for i := len(a.closes) - 1; i >= 0; i-- {
		if err := a.closes[i](); err != nil {
			a.log.Error("closing failed", "err", err)
		}
	}
	a.closes = nil
}

// stop stops accepting, lets clients finish for a while, and closes what is left. It is idempotent.
func (a *application) stop(ctx context.Context) {
	if a.stopped {
		return
	}
	a.stopped = true
	a.health.SetReady(false)
	// The stop must not be cut short by the context that asked for it.
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.config.Shutdown.Timeout)
	defer cancel()
	a.drain(stopCtx)
	a.management.Stop()
	a.close()
}

// addresses are those on which it listens, by the names of the listeners.
func (a *application) addresses() map[string]config.Addresses {
	all := make(map[string]config.Addresses)
	for _, b := range a.bound {
		for _, l := range b.listeners {
			all[b.name] = append(all[b.name], l.Addr().String())
		}
	}
	return all
}
