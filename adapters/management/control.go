package management

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
)

// Control stops the broker and starts it again in a process that stays, as rabbitmqctl's stop_app and start_app do.
// Both are idempotent and return when it is done; after a start another handler answers.
type Control struct {
	Start, Stop func(context.Context) error
	// Reset removes everything that a stopped broker has stored; ErrRunning when it is not stopped.
	Reset func(context.Context) error
	// Environment is the configuration in force, by key; secrets are masked.
	Environment func() map[string]string
}

// ErrRunning is returned by Control.Reset.
var ErrRunning = errors.New("the broker is running")

// controlTimeout bounds how long a start or a stop may take.
const controlTimeout = 5 * time.Minute

// worksWithoutBroker tells which requests are answered while the broker is stopped.
func worksWithoutBroker(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/health/") || strings.HasPrefix(r.URL.Path, "/portico/v1/app/")
}

// enter lets a request use the broker until it unlocks s.using; false when the broker is stopped.
func (s *server) enter() bool {
	s.using.RLock()
	if s.stopped {
		s.using.RUnlock()
		return false
	}
	return true
}

// notRunning answers what needs the broker while it is stopped.
func notRunning(w http.ResponseWriter) {
	fail(w, http.StatusServiceUnavailable, "not_running", "the broker is not running; start it with 'rabbitmqctl start_app'")
}

// Stop waits for the requests that use the broker, which may then be closed: whatever needs it is answered that it is
// not running from here on.
func (h *Handler) Stop() {
	h.server.using.Lock()
	h.server.stopped = true
	h.server.using.Unlock()
}

// stopApp stops the broker.
func (s *server) stopApp(w http.ResponseWriter, r *http.Request) {
	s.control(w, r, s.opts.Control.Stop)
}

// startApp starts the broker. The users are those of when it was stopped.
func (s *server) startApp(w http.ResponseWriter, r *http.Request) {
	s.control(w, r, s.opts.Control.Start)
}

// resetApp removes what a stopped broker has stored.
func (s *server) resetApp(w http.ResponseWriter, r *http.Request) {
	s.control(w, r, s.opts.Control.Reset)
}

// environment shows the configuration.
func (s *server) environment(w http.ResponseWriter, _ *http.Request) {
	if s.opts.Control.Environment == nil {
		fail(w, http.StatusNotImplemented, "not_implemented", "the configuration is not known here")
		return
	}
	answer(w, http.StatusOK, object{"settings": s.opts.Control.Environment(), "running": s.opts.Health.ready.Load()})
}

// control carries out a start or a stop, which goes on when the client goes away.
func (s *server) control(w http.ResponseWriter, r *http.Request, do func(context.Context) error) {
	if do == nil {
		fail(w, http.StatusNotImplemented, "not_implemented", "the broker cannot be stopped and started here")
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(controlTimeout)) // a writer without one has none to set
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), controlTimeout)
	defer cancel()
	switch err := do(ctx); {
	case errors.Is(err, ErrRunning):
		fail(w, http.StatusConflict, "running", err.Error())
		return
	case err != nil:
		s.opts.Logger.Error("the broker cannot be stopped or started", "err", err)
		fail(w, http.StatusInternalServerError, "failed", err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// Starting returns what answers the management port until there is a broker: that the process lives.
func Starting() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodGet && r.URL.Path == "/health/live":
			answer(w, http.StatusOK, map[string]string{"status": "ok"})
		case r.Method == http.MethodGet && r.URL.Path == "/health/ready":
			answer(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
		default:
			fail(w, http.StatusServiceUnavailable, "not_running", "the broker is starting")
		}
	})
}
