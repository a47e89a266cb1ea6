// Package metrics is the HTTP front end for Prometheus, on the port and under the names of RabbitMQ's
// rabbitmq_prometheus plugin.
//
//	/metrics             what there is, summed up
//	/metrics/per-object  each queue, channel and connection by itself
//	/metrics/detailed    the families and virtual hosts that ?family= and ?vhost= name
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/internal/disk"
)

// Options configures the front end.
type Options struct {
	// Broker is what is measured; it is required.
	Broker *broker.Broker
	// Version is the version of RabbitMQ to show, Node the node's name.
	Version, Node string
	// Memory tells how many bytes the process uses and may use; nil where that cannot be told.
	Memory func() (used, limit int64)
	// Disk watches the room where messages are stored; nil where that cannot be told.
	Disk *disk.Monitor
	// Syncs tells how often the disk was synced, and how long all of it took; nil where nothing is stored.
	Syncs func() (n uint64, took time.Duration)
	// Started is when the broker started.
	Started time.Time
	// Logger gets faults of ours; nil means slog.Default().
	Logger *slog.Logger
}

// NewServer returns the HTTP server. It asks for no login, as RabbitMQ's does not.
func NewServer(opts Options) *http.Server {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	logger := slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn)
	serve := func(s scope) http.Handler {
		r := prometheus.NewRegistry()
		r.MustRegister(&collector{opts: &opts, scope: s})
		return promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorLog: logger, MaxRequestsInFlight: 4})
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", serve(scope{prefix: "rabbitmq_"}))
	mux.Handle("GET /metrics/per-object", serve(scope{prefix: "rabbitmq_", perQueue: true}))
	mux.HandleFunc("GET /metrics/detailed", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		s := scope{prefix: "rabbitmq_detailed_", perQueue: true, families: set(query["family"])}
		if vhosts := query["vhost"]; len(vhosts) > 0 {
			s.vhosts = set(vhosts)
		}
		serve(s).ServeHTTP(w, r)
	})
	return &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10, ErrorLog: logger,
	}
}

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, name := range names {
		m[name] = true
	}
	return m
}
