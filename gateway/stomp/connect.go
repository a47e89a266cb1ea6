package stomp

import (
	"context"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// tolerance is how many heart-beat intervals may pass without a byte from the client.
const tolerance = 2

// connect handles CONNECT and STOMP, which are the same. After a refusal the connection goes on, as RabbitMQ's does:
// the client may try again until its time for logging in is over.
func (c *conn) connect(ctx context.Context, f *wire.Frame) error {
	if c.session != nil {
		return c.dialect.say(connectedAlready, f.Command, "")
	}
	accepted := value(f, "accept-version", "1.0")
	version, ok := negotiate(accepted)
	if !ok {
		return c.dialect.say(noCommonVersion, f.Command, accepted)
	}
	if version == "1.0" {
		f.Trim()
	}
	c.chooseDialect(f)
	beat := value(f, "heart-beat", "0,0")
	send, receive, ok := c.dialect.heartBeat(beat)
	if !ok {
		return c.dialect.say(badHeartBeat, f.Command, beat)
	}
	session, err := c.login(ctx, f)
	if err != nil {
		return err
	}
	c.session, c.version = session, version
	if c.id, err = c.dialect.admit(c, f); err != nil {
		return err
	}
	c.ackName = "message-id"
	if version == "1.2" {
		c.ackName = "id"
	}
	c.in.SetStrict(version != "1.0")
	c.in.SetLimits(c.server.opts.Limits)
	c.live.until, c.live.timeout = time.Time{}, tolerance*receive
	c.out.setBeat(send)
	c.list()
	c.loginName = value(f, "login", "")
	c.server.advisories.connected(c)
	c.log.Info("connected", "user", session.Principal().Name(), "ns", session.Namespace(), "version", version)

	c.out.setPlain(c.dialect.plain(""))
	start := c.out.begin()
	buf := wire.AppendCommand(start, wire.Connected)
	buf = wire.AppendHeader(buf, "server", c.dialect.product(&c.server.opts))
	buf = wire.AppendHeader(buf, "session", c.id)
	buf = wire.AppendHeader(buf, "heart-beat", millis(send)+","+millis(receive))
	buf = wire.AppendHeader(buf, "version", version)
	buf = c.dialect.appendConnected(buf, f)
	c.out.end(c.out.escaped(wire.AppendBody(buf, nil), len(start)))
	c.out.setPlain(c.dialect.plain(version))
	return nil
}

// chooseDialect finds out what the client speaks: what the listener or the virtual host has set, or what marks tell. A
// host that is no virtual host but looks like a machine's name is such a mark: RabbitMQ refuses it, ActiveMQ does not
// look, and libraries put the server's name there.
func (c *conn) chooseDialect(f *wire.Frame) {
	if c.fixed {
		return
	}
	host := value(f, "host", c.server.opts.DefaultNamespace)
	if d := dialects[c.server.opts.NamespaceDialects[host]]; d != nil {
		c.become(d)
		return
	}
	if c.recognise(f); c.fixed {
		return
	}
	if c.server.opts.Authorization != nil {
		c.become(activemq{})
		return
	}
	machine := host == "localhost" || strings.Contains(host, ".") || net.ParseIP(host) != nil
	if machine && !c.server.hasNamespace(host) {
		c.become(activemq{})
	}
}

// login opens a session as the user and in the namespace that the frame names.
func (c *conn) login(ctx context.Context, f *wire.Frame) (*broker.Session, error) {
	p, err := c.authenticate(f)
	if err != nil {
		return nil, err
	}
	namespace := c.namespace(value(f, "host", ""))
	session, err := c.server.broker.Connect(ctx, p, namespace, c.evicted)
	if broker.IsKind(err, broker.KindNotFound) || broker.IsKind(err, broker.KindDenied) || broker.IsKind(err, broker.KindLimit) {
		c.log.Warn("login refused", "user", p.Name(), "ns", namespace, "err", err)
		return nil, c.dialect.say(unknownNamespace, f.Command, namespace)
	}
	if err != nil {
		return nil, err
	}
	session.SetFrontEnd(frontEnd)
	return session, nil
}

// authenticate finds who the client is: by the login header, else by the certificate that it came with, else the user
// that stands in for those who do not say.
// frontEnd names this front end in what is counted.
const frontEnd = "stomp"

func (c *conn) authenticate(f *wire.Frame) (*broker.Principal, error) {
	o := &c.server.opts
	if name := certificateName(c.nc); name != "" && value(f, "login", "") == "" {
		p, err := c.server.broker.PrincipalNamed(name)
		c.server.broker.CountLogin(frontEnd, err == nil)
		if err != nil {
			c.log.Warn("login by certificate refused", "user", name, "err", err)
		}
		return p, err
	}
	user, password := value(f, "login", o.DefaultUser), value(f, "passcode", o.DefaultPassword)
	local := fromLoopback(c.nc)
	p, err := c.server.broker.Authenticate(user, password, local)
	c.server.broker.CountLogin(frontEnd, err == nil)
	if err == nil {
		return p, nil
	}
	c.log.Warn("login refused", "user", user, "err", err)
	if _, remote := c.server.broker.Authenticate(user, password, true); remote == nil && !local {
		return nil, c.dialect.say(notFromHere, f.Command, user)
	}
	return nil, err
}

// certificateName is the user that the client's certificate names, by its distinguished name as RabbitMQ writes it
// [RFC 4514]; "" without one that was verified.
func certificateName(nc net.Conn) string {
	t := secure(nc)
	if t == nil {
		return ""
	}
	state := t.ConnectionState()
	if len(state.VerifiedChains) == 0 {
		return ""
	}
	return state.PeerCertificates[0].Subject.String()
}

// namespace is the one that a host header means.
func (c *conn) namespace(host string) string {
	o := &c.server.opts
	if host == "" || (c.dialect.anyHost() && !c.server.hasNamespace(host)) {
		return o.DefaultNamespace
	}
	return host
}

func (s *Server) hasNamespace(name string) bool {
	_, err := s.broker.NamespaceInfo(name)
	return err == nil
}

func fromLoopback(nc net.Conn) bool {
	address, ok := nc.RemoteAddr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// value is a header as a string, or what stands for it when it is not there.
func value(f *wire.Frame, name, otherwise string) string {
	if v, ok := f.Get(name); ok {
		return string(v)
	}
	return otherwise
}

// negotiate chooses the highest version of the client's that we speak.
func negotiate(accepted string) (string, bool) {
	best := ""
	for version := range strings.SplitSeq(accepted, ",") {
		switch version = strings.TrimSpace(version); version {
		case "1.0", "1.1", "1.2":
			best = max(best, version)
		}
	}
	return best, best != ""
}

func millis(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
