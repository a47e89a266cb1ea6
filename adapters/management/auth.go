package management

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/portico-mq/portico/broker"
)

const realm = `Basic realm="RabbitMQ Management"`

// access says who gets to a resource. Each level asks for one of the tags that make a management user, too.
type access uint8

const (
	// anyUser lets every management user in.
	anyUser access = iota
	// visible lets in who may see the virtual host {vhost}: its users, and those who monitor.
	visible
	// inVhost lets in who may use the virtual host {vhost}, and administrators.
	inVhost
	// monitors lets in who monitors.
	monitors
	// policymakers lets in who may make policies in {vhost}.
	policymakers
	// globalPolicymakers lets in who may make policies anywhere.
	globalPolicymakers
	// administrators lets administrators in.
	administrators
)

// refusals are the words for who is not let in (rabbit_web_dispatch_access_control.erl, 3.13).
var refusals = map[access]string{
	visible: "User not authorised to access virtual host", inVhost: "User not authorised to access virtual host",
	monitors: "Not monitor user", policymakers: "User not authorised to access object",
	globalPolicymakers: "User not authorised to access object", administrators: "Not administrator user",
}

func isAdministrator(p *broker.Principal) bool { return p.HasTag("administrator") }

func isMonitor(p *broker.Principal) bool { return isAdministrator(p) || p.HasTag("monitoring") }

func isPolicymaker(p *broker.Principal) bool { return isAdministrator(p) || p.HasTag("policymaker") }

func isManager(p *broker.Principal) bool {
	return isMonitor(p) || isPolicymaker(p) || p.HasTag("management")
}

// authenticate finds the user of the request; false when it was answered already.
func (c *call) authenticate() bool {
	name, password, ok := c.r.BasicAuth()
	if !ok {
		c.w.Header().Set("WWW-Authenticate", realm)
		c.w.WriteHeader(http.StatusUnauthorized)
		return false
	}
	local := fromLoopback(c.r.RemoteAddr)
	p, err := c.server.broker.Authenticate(name, password, local)
	c.server.broker.CountLogin("http", err == nil)
	if err != nil {
		if _, remote := c.server.broker.Authenticate(name, password, true); remote == nil && !local {
			c.refuse("User can only log in via localhost")
			return false
		}
		c.w.Header().Set("WWW-Authenticate", realm)
		c.fail(http.StatusUnauthorized, "not_authorized", "Not_Authorized")
		return false
	}
	c.user = p
	if !isManager(p) {
		c.refuse("Not management user")
		return false
	}
	return true
}

// authorize reports whether the user gets in; false when it was answered already. A virtual host that does not exist
// is for the handler to answer.
func (c *call) authorize(a access) bool {
	allowed := true
	switch a {
	case anyUser:
	case visible:
		allowed = isMonitor(c.user) || c.mayEnter()
	case inVhost:
		allowed = isAdministrator(c.user) || c.mayEnter()
	case monitors:
		allowed = isMonitor(c.user)
	case policymakers:
		allowed = isAdministrator(c.user) || (isPolicymaker(c.user) && c.mayEnter())
	case globalPolicymakers:
		allowed = isPolicymaker(c.user)
	case administrators:
		allowed = isAdministrator(c.user)
	}
	if !allowed {
		c.refuse(refusals[a])
	}
	return allowed
}

// refuse answers who is known and not let in.
func (c *call) refuse(reason string) { c.fail(http.StatusUnauthorized, "not_authorised", reason) }

// mayEnter reports whether the user has a permission in {vhost}, or that does not exist or is not named.
func (c *call) mayEnter() bool {
	name, ok := c.vars["vhost"]
	if !ok {
		return true
	}
	_, err := c.server.broker.OpenSession(c.r.Context(), c.user, name)
	return !broker.IsKind(err, broker.KindDenied)
}

// visibleVhosts lists, in order, the virtual hosts that the user may see.
func (c *call) visibleVhosts() []string {
	names := c.server.broker.Namespaces()
	if !isMonitor(c.user) {
		names = slices.DeleteFunc(names, func(name string) bool { return !c.server.mayEnter(c.r.Context(), c.user, name) })
	}
	slices.Sort(names)
	return names
}

func (s *server) mayEnter(ctx context.Context, p *broker.Principal, vhost string) bool {
	_, err := s.broker.OpenSession(ctx, p, vhost)
	return err == nil
}

// administrator lets a request to a path of Portico's own through when its user is an administrator.
func (s *server) administrator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{server: s, w: w, r: r}
		if c.authenticate() && c.authorize(administrators) {
			next(w, r)
		}
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
