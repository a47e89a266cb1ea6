// Package management is the HTTP front end for health and administration, on
// RabbitMQ's management port.
//
// /api is the HTTP API of RabbitMQ 3.13's management plugin; a path of it that
// is not built gets the answer that RabbitMQ gives for one it does not know.
// What is Portico's own is under /portico/v1, for porticoctl.
package management

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/internal/memory"
)

// Options configures the front end.
type Options struct {
	// Health answers /health; it is required.
	Health *Health
	// Memory is the watch over the process's memory; nil when there is none,
	// and its paths answer 501 then.
	Memory *memory.Monitor
	// Version is the version of RabbitMQ that definitions name.
	Version string
	// QueueSpec and ExchangeSpec complete descriptions by the arguments of AMQP; they are required. Their errors have
	// RabbitMQ's words in a method ReplyText.
	QueueSpec    func(vhost string, spec broker.QueueSpec, arguments property.Table) (broker.QueueSpec, error)
	ExchangeSpec func(spec broker.ExchangeSpec, arguments property.Table) (broker.ExchangeSpec, error)
	// Logger gets faults of ours; nil means slog.Default().
	Logger *slog.Logger
}

// server answers requests. It is safe for concurrent use.
type server struct {
	broker *broker.Broker
	opts   Options
	router *router
}

// NewServer returns the HTTP server of the management port, over the broker
// whose users may administrate. Its limits: 10 s for a request's headers, 30 s
// for all of it, 64 KiB of headers, 2 minutes between requests.
func NewServer(b *broker.Broker, opts Options) *http.Server {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	s := &server{broker: b, opts: opts, router: newRouter(resources())}
	return &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(opts.Logger.Handler(), slog.LevelDebug),
	}
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", s.live)
	mux.HandleFunc("GET /health/ready", s.ready)
	mux.HandleFunc("GET /portico/v1/memory", s.administrator(s.getMemory))
	mux.HandleFunc("PUT /portico/v1/memory/limit", s.administrator(s.setMemoryLimit))
	mux.HandleFunc("/", notFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Names may be empty and hold slashes: these paths must not be cleaned.
		if strings.HasPrefix(r.URL.Path, "/api/") {
			s.serveAPI(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// resources are all that is below /api.
func resources() []resource {
	return slices.Concat(
		identityResources(),
		vhostResources(),
		userResources(),
		permissionResources(),
		limitResources(),
		policyResources(),
		parameterResources(),
		definitionResources(),
	)
}

// notFound answers as RabbitMQ 3.13's management plugin does.
func notFound(w http.ResponseWriter, _ *http.Request) {
	fail(w, http.StatusNotFound, "Object Not Found", "Not Found")
}

// fail answers with an error in the shape of RabbitMQ's management plugin.
func fail(w http.ResponseWriter, status int, name, reason string) {
	answer(w, status, map[string]string{"error": name, "reason": reason})
}

// answer writes v as JSON. A client that went away is no error of ours.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
