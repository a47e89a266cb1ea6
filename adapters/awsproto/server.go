package awsproto

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer makes an HTTP server for the endpoint with the limits that keep one client from holding
// more than its share: 10 s for a request's headers, 64 KiB of them, 2 minutes between requests.
// There is no limit on the whole of a request, since a long poll may wait; the endpoint limits how
// long a body takes. Answers must be taken within 2 minutes of the request's headers.
// Its Shutdown closes the endpoint, so that long polls end.
func NewServer(e *Endpoint, log *slog.Logger) *http.Server {
	server := &http.Server{
		Handler:           e,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(e.Close)
	return server
}
