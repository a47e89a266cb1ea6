// Package management is the HTTP front end for health and administration, on
// RabbitMQ's management port.
//
// /api is the HTTP API of RabbitMQ 3.13's management plugin; a path of it that
// is not built gets the answer that RabbitMQ gives for one it does not know.
// What is Portico's own is under /portico/v1, for porticoctl.
package management

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/internal/disk"
	"github.com/portico-mq/portico/internal/memory"
)

// Options configures the front end.
type Options struct {
	// Health answers /health; it is required.
	Health *Health
	// Memory is the watch over the process's memory; nil when there is none,
	// and its paths answer 501 then.
	Memory *memory.Monitor
	// QueueSpec and ExchangeSpec complete descriptions by the arguments of AMQP; they are required. Their errors have
	// RabbitMQ's words in a method ReplyText.
	QueueSpec    func(vhost string, spec broker.QueueSpec, arguments property.Table) (broker.QueueSpec, error)
	ExchangeSpec func(spec broker.ExchangeSpec, arguments property.Table) (broker.ExchangeSpec, error)
	// Version is the version of RabbitMQ to show; "" means 3.13.7.
	Version string
	// DataDir is where messages are stored, to be shown.
	DataDir string
	// Disk watches the room where messages are stored; nil where that cannot be told.
	Disk *disk.Monitor
	// CertificateEnds tells when the certificate of the TLS listeners ends; the zero time without one. nil: there is none.
	CertificateEnds func() (time.Time, error)
	// Listeners lists where clients are served; nil for nowhere.
	Listeners func() []Listener
	// Syncs tells how often the disk was synced, and how long all of it took; nil where nothing is stored.
	Syncs func() (n uint64, took time.Duration)
	// Rates tells how fast counts grow; nil: every rate is 0.
	Rates *Rates
	// Declare makes queues, exchanges and bindings under the rules of AMQP; it is required.
	Declare Declarations
	// Control stops and starts the broker; without its functions that is answered with 501.
	Control Control
	// Logger gets faults of ours; nil means slog.Default().
	Logger *slog.Logger
}

// Declarations make queues, exchanges and bindings under the rules of AMQP, as RabbitMQ's plugin does. Arguments are
// in the attributes under "amqp". An error is one of the broker's, or has a method ReplyText() string for the client.
type Declarations struct {
	Queue    func(ctx context.Context, s *broker.Session, spec broker.QueueSpec) error
	Exchange func(ctx context.Context, s *broker.Session, spec broker.ExchangeSpec) error
	Bind     func(ctx context.Context, s *broker.Session, b broker.Binding) error
	// Prepare checks the properties of a publication, and returns them as they are to be stored with its further keys.
	Prepare func(property.Block) (property.Block, []string, error)
}

// server answers requests. It is safe for concurrent use.
type server struct {
	broker *broker.Broker
	opts   Options
	router *router

	using   sync.RWMutex // held by requests that use the broker, and by a stop
	stopped bool         // under using
}

// Handler answers the management port. It is safe for concurrent use.
type Handler struct {
	http.Handler
	server *server
}

// New returns what answers the management port, over the broker whose users may administrate.
func New(b *broker.Broker, opts Options) *Handler {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Version == "" {
		opts.Version = "3.13.7"
	}
	s := &server{broker: b, opts: opts, router: newRouter(resources())}
	if opts.Rates != nil {
		opts.Rates.measure(s.nodeNumbers)
	}
	return &Handler{s.routes(), s}
}

// NewServer returns the HTTP server of the management port. Its limits: 10 s for a request's headers, 30 s for all of
// it, 64 KiB of headers, 2 minutes between requests.
func NewServer(h http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", s.live)
	mux.HandleFunc("GET /health/ready", s.ready)
	mux.HandleFunc("POST /portico/v1/app/stop", s.administrator(s.stopApp))
	mux.HandleFunc("POST /portico/v1/app/start", s.administrator(s.startApp))
	mux.HandleFunc("POST /portico/v1/app/reset", s.administrator(s.resetApp))
	mux.HandleFunc("GET /portico/v1/app/environment", s.administrator(s.environment))
	mux.HandleFunc("GET /portico/v1/memory", s.administrator(s.getMemory))
	mux.HandleFunc("PUT /portico/v1/disk/limit", s.administrator(s.setDiskLimit))
	mux.HandleFunc("PUT /portico/v1/memory/limit", s.administrator(s.setMemoryLimit))
	mux.HandleFunc("/", notFound)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if worksWithoutBroker(r) {
			mux.ServeHTTP(w, r)
			return
		}
		if !s.enter() {
			notRunning(w)
			return
		}
		defer s.using.RUnlock()
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
		overviewResources(),
		nodeResources(),
		featureResources(),
		connectionResources(),
		exchangeResources(),
		queueResources(),
		bindingResources(),
		healthResources(),
		authAttemptResources(),
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
