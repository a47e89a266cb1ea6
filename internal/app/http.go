package app

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/management"
	"github.com/portico-mq/portico/adapters/metrics"
)

func (a *application) startManagement(ctx context.Context) error {
	rates := management.NewRates(a.broker)
	ratesCtx, cancel := context.WithCancel(ctx)
	go rates.Run(ratesCtx)
	a.closes = append(a.closes, func() error { cancel(); return nil })
	opts := a.managementOptions()
	opts.Memory, opts.Rates, opts.Control, opts.Listeners = a.memory, rates, a.control, a.listeners()
	opts.DataDir, opts.Disk = a.config.DataDir, a.disk
	opts.CertificateEnds, opts.Syncs = a.certificateEnds, a.store.Rounds
	a.management = management.New(a.broker, opts)
	return nil
}

func (a *application) startMetrics(ctx context.Context) error {
	plain, err := a.listen(ctx, "metrics", a.config.Metrics.Listen)
	if err != nil {
		return err
	}
	opts := metrics.Options{
		Broker: a.broker, Version: a.config.RabbitMQ.Version, Node: nodeName(), Logger: a.log,
		Disk: a.disk, Syncs: a.store.Rounds, Started: time.Now(),
	}
	if a.memory != nil {
		opts.Memory = func() (used, limit int64) {
			st := a.memory.Status()
			return st.Used, st.Limit
		}
	}
	a.serveHTTP("metrics", metrics.NewServer(opts), plain)
	return nil
}

// certificateEnds tells when the certificate in use ends.
func (a *application) certificateEnds() (time.Time, error) {
	if a.tls == nil {
		return time.Time{}, nil
	}
	current, err := a.tls.GetConfigForClient(nil) // what the next handshake gets
	if err != nil {
		return time.Time{}, err
	}
	leaf, err := x509.ParseCertificate(current.Certificates[0].Certificate[0])
	if err != nil {
		return time.Time{}, err
	}
	return leaf.NotAfter, nil
}

// nodeName is what RabbitMQ would call a node of its own here.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	short, _, _ := strings.Cut(host, ".")
	return "rabbit@" + short
}

// protocols are RabbitMQ's names of what listeners serve, by the listeners' own.
var protocols = map[string]string{
	"amqp": "amqp", "amqps": "amqp/ssl", "stomp": "stomp", "stomps": "stomp/ssl",
	"management": "http", "management.tls": "https", "metrics": "http/prometheus",
}

// listeners tells which listeners are open. All of them are by the time they are asked for.
func (a *application) listeners() func() []management.Listener {
	return sync.OnceValue(func() []management.Listener {
		var list []management.Listener
		for _, b := range a.bound {
			protocol, ok := protocols[b.name]
			if !ok {
				continue
			}
			for _, l := range b.listeners {
				if tcp, ok := l.Addr().(*net.TCPAddr); ok {
					list = append(list, management.Listener{Protocol: protocol, Address: tcp.IP.String(), Port: tcp.Port})
				}
			}
		}
		return list
	})
}

// httpServer is what serves HTTP on listeners.
type httpServer interface {
	server
	// Serve returns http.ErrServerClosed after Shutdown or Close.
	Serve(l net.Listener) error
}

// serveHTTP runs the server on every listener. A TLS listener is made by
// tls.NewListener, so that the server sees its connections' state.
func (a *application) serveHTTP(name string, server httpServer, on ...*bound) {
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
