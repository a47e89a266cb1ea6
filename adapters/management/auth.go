package management

import (
	"net"
	"net/http"
	"net/netip"
)

// administrator lets a request through whose user carries the tag
// "administrator". Others get RabbitMQ's answers: 401 with its realm, which
// makes a browser ask.
func (s *server) administrator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name, password, ok := r.BasicAuth()
		if !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="RabbitMQ Management"`)
			fail(w, http.StatusUnauthorized, "not_authorized", "Login failed")
			return
		}
		p, err := s.broker.Authenticate(name, password, fromLoopback(r.RemoteAddr))
		if err != nil {
			fail(w, http.StatusUnauthorized, "not_authorized", "Login failed")
			return
		}
		if !p.HasTag("administrator") {
			fail(w, http.StatusUnauthorized, "not_authorized", "Not administrator user")
			return
		}
		next(w, r)
	}
}

// fromLoopback says whether an address, host:port, is of this machine.
func fromLoopback(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
