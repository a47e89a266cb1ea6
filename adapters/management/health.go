package management

import (
	"net/http"
	"sync/atomic"
)

// Health says whether clients can be served. It is safe for concurrent use;
// the zero value is not ready.
type Health struct{ ready atomic.Bool }

// SetReady says whether clients can be served: true once everything has
// started, false from the moment a stop begins.
func (h *Health) SetReady(ready bool) { h.ready.Store(ready) }

// live answers 200 as long as the process answers at all.
func (s *server) live(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

// ready answers 200 when clients can be served, else 503. An alarm that stops
// publishers does not count: consumers are served, and taking the server out
// of a load balancer would keep them from emptying the queues.
func (s *server) ready(w http.ResponseWriter, _ *http.Request) {
	if !s.opts.Health.ready.Load() {
		answer(w, http.StatusServiceUnavailable, map[string]string{"status": "not ready"})
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}
