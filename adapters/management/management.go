// Package management is the HTTP front end for health and administration, on
// RabbitMQ's management port.
//
// RabbitMQ's /api is an issue of its own; a path under it gets the answer that
// RabbitMQ 3.13 gives for a path it does not know.
package management

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Timeouts of the HTTP server that runs the handler.
const (
	// ReadHeaderTimeout is how long a client may take to send a request's headers.
	ReadHeaderTimeout = 10 * time.Second
	// IdleTimeout is how long an idle connection is kept.
	IdleTimeout = 2 * time.Minute
)

// Health says whether the process serves. It is safe for concurrent use.
type Health struct{ ready atomic.Bool }

// NewHealth returns a Health that is not ready yet.
func NewHealth() *Health { return new(Health) }

// SetReady says whether clients can be served: true once everything has
// started, false from the moment a stop begins.
func (h *Health) SetReady(ready bool) { h.ready.Store(ready) }

// New returns the handler of the management port.
func New(h *Health) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) {
		writeStatus(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /health/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !h.ready.Load() {
			writeStatus(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		writeStatus(w, http.StatusOK, "ok")
	})
	mux.HandleFunc("/", notFound)
	return mux
}

// notFound answers as RabbitMQ 3.13's management plugin does.
func notFound(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusNotFound, `{"error":"Object Not Found","reason":"Not Found"}`)
}

func writeStatus(w http.ResponseWriter, code int, status string) {
	writeJSON(w, code, `{"status":"`+status+`"}`)
}

// writeJSON answers with a body that is JSON already. A client that went away
// is no error of ours.
func writeJSON(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(body))
}
