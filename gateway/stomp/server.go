package stomp

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/serve"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// Options configures a server. The zero value of each field is usable.
type Options struct {
	// Logger gets the server's events; nil means slog.Default().
	Logger *slog.Logger
	// DefaultUser and DefaultPassword stand in for the login and passcode headers that a client does not send; ""
	// means guest, as in RabbitMQ (stomp.default_user).
	DefaultUser, DefaultPassword string
	// DefaultNamespace is where a client goes that sends no host header; "" means "/".
	DefaultNamespace string
	// ServerHeader is the server header of CONNECTED, which clients switch on; "" means "RabbitMQ/3.13.7".
	ServerHeader string
	// TopicExchange is the exchange that /topic/ destinations mean; "" means "amq.topic".
	TopicExchange string
	// Dialect is the one that is spoken; "" means [Automatic]. Any other than Automatic is spoken whatever marks frames bear.
	Dialect Dialect
	// NamespaceDialects are those of single namespaces, where Dialect is Automatic.
	NamespaceDialects map[string]Dialect
	// Limits bounds frames after login; the zero value of a field means the default: RabbitMQ's 100 KiB for a header,
	// 1,000 headers of 512 KiB together, and a body of [broker.MaxMessageSize].
	Limits Limits
	// DeclareQueue declares a queue whose arguments are in its AMQP attributes: the arguments that RabbitMQ's clients send
	// as headers are AMQP's, and checked where that is spoken. Its errors are the broker's, or have a method ReplyText
	// with RabbitMQ's words. nil: no queue has arguments.
	DeclareQueue func(ctx context.Context, s *broker.Session, spec broker.QueueSpec) error
	// Destinations are what ActiveMQ's configuration says of destinations; nil: nothing.
	Destinations *Destinations
	// Authorization is what groups of users may do at ActiveMQ's destinations; nil: the broker's permissions alone count.
	// Where it is not nil, a client whose dialect nobody has set speaks ActiveMQ's, since it does not count in RabbitMQ's.
	Authorization *Authorization
	// LoginTimeout is how long a client may take to log in; 0 means 10 s, as in RabbitMQ.
	LoginTimeout time.Duration
}

// Limits bounds frames.
type Limits = wire.Limits

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	for option, value := range map[*string]string{
		&o.DefaultUser: "guest", &o.DefaultPassword: "guest", &o.DefaultNamespace: "/",
		&o.ServerHeader: "RabbitMQ/3.13.7", &o.TopicExchange: "amq.topic",
	} {
		if *option == "" {
			*option = value
		}
	}
	if o.Destinations == nil {
		o.Destinations = NewDestinations(DestinationOptions{})
	}
	if o.LoginTimeout == 0 {
		o.LoginTimeout = 10 * time.Second
	}
	for limit, value := range map[*int]int{
		&o.Limits.Command: 1 << 10, &o.Limits.Header: 100 << 10, &o.Limits.Headers: 1000, &o.Limits.HeaderBytes: 512 << 10,
		&o.Limits.Body: broker.MaxMessageSize,
	} {
		if *limit == 0 {
			*limit = value
		}
	}
	return o
}

// loginLimits bounds frames before login to about 64 KiB, as RabbitMQ does (DEFAULT_MAX_FRAME_SIZE unauthenticated).
var loginLimits = wire.Limits{Command: 1 << 10, Header: 32 << 10, Headers: 100, HeaderBytes: 32 << 10, Body: 32 << 10}

// Server serves STOMP connections. It is safe for concurrent use.
type Server struct {
	broker *broker.Broker
	opts   Options
	log    *slog.Logger
	stop   func()

	advisories *advisories

	mu       sync.Mutex
	blocked  chan struct{}              // closed when the broker's last alarm ends; nil without alarm
	clients  map[clientKey]*conn        // ActiveMQ: who is here
	watching map[*subscription]struct{} // those to patterns of queues

	scheduler *scheduler
}

// New makes a server on the broker, to be handed to [serve.New]. Close it when it is no longer used.
func New(b *broker.Broker, opts Options) *Server {
	opts = opts.withDefaults()
	s := &Server{
		broker: b, opts: opts, log: opts.Logger.With("proto", "stomp"), advisories: newAdvisories(b, opts.TopicExchange),
	}
	opts.Destinations.advisories.Store(s.advisories)
	stopAlarms, stopQueues := b.WatchAlarms(s.alarm), b.WatchQueues(s.queueMade)
	s.scheduler = newScheduler(s)
	s.stop = func() { s.scheduler.close(); stopAlarms(); stopQueues() }
	s.alarm(b.Alarms())
	return s
}

// Close ends the server's interest in the broker. Connections must have ended before.
func (s *Server) Close() {
	s.stop()
	s.advisories.close()
}

// alarm takes note of the alarms that are on: meanwhile no connection's SEND is handled, nor what follows it.
func (s *Server) alarm(on []broker.Alarm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(on) > 0 && s.blocked == nil:
		s.blocked = make(chan struct{})
	case len(on) == 0 && s.blocked != nil:
		close(s.blocked)
		s.blocked = nil
	}
}

// waitAlarm returns when no alarm is on, or when ctx ends.
func (s *Server) waitAlarm(ctx context.Context) {
	s.mu.Lock()
	blocked := s.blocked
	s.mu.Unlock()
	if blocked == nil {
		return
	}
	select {
	case <-blocked:
	case <-ctx.Done():
	}
}

// Speaking is a handler on the same server whose connections speak the dialect, where ServeConn's speak that of the
// options.
func (s *Server) Speaking(d Dialect) serve.Handler { return speaking{s, d} }

// speaking is a listener's handler.
type speaking struct {
	*Server
	dialect Dialect
}

// ServeConn serves one connection; see [serve.Handler].
func (s speaking) ServeConn(ctx context.Context, nc net.Conn) { s.serve(ctx, nc, s.dialect) }

// ServeConn serves one connection; see [serve.Handler].
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	s.serve(ctx, nc, s.opts.Dialect)
}

func (s *Server) serve(ctx context.Context, nc net.Conn, d Dialect) {
	c := newConn(s, nc)
	if set := dialects[d]; set != nil {
		c.dialect, c.fixed = set, true
		c.out.setPlain(set.plain(""))
	}
	defer c.end()
	c.serve(ctx)
}

var _ serve.Handler = (*Server)(nil)
