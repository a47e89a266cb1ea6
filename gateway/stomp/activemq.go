package stomp

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// activemq is the dialect of ActiveMQ Classic, measured on 5.17.2.
//
// A queue is a durable queue of the same name, a topic a key of the topic exchange: `*` means the same there, `>` is `#`.
// So RabbitMQ's /topic/ destinations, AMQP's amq.topic and ActiveMQ's topics are the same topics. A queue
// Consumer.A.VirtualTopic.X is bound to the topic VirtualTopic.X; a durable subscription is a durable queue, too.
type activemq struct{}

// activeMQServer is the server header of CONNECTED, which clients switch on.
const activeMQServer = "ActiveMQ/5.17.2"

func (activemq) String() string { return string(ActiveMQ) }

func (activemq) product(*Options) string { return activeMQServer }

// heartBeat is exactly as the client says.
func (activemq) heartBeat(header string) (send, receive time.Duration, ok bool) {
	sends, wants, ok := strings.Cut(header, ",")
	receive, okReceive := milliseconds(sends)
	send, okSend := milliseconds(wants)
	return send, receive, ok && okSend && okReceive
}

func milliseconds(text string) (time.Duration, bool) {
	ms, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	return time.Duration(max(ms, 0)) * time.Millisecond, err == nil
}

// anyHost takes a host that is no virtual host: ActiveMQ does not look at it, and libraries put the server's name there.
func (activemq) anyHost() bool { return true }

// admit takes the client's identity, which its durable subscriptions belong to. Nobody else may have it at the time.
func (activemq) admit(c *conn, f *wire.Frame) (session string, err error) {
	c.clientID = value(f, "client-id", "")
	if c.clientID == "" {
		return c.ownID, nil
	}
	if other := c.server.identify(c, c.clientID); other != "" {
		return "", &fault{
			message: "Broker: localhost - Client: " + c.clientID + " already connected from " + other, fatal: true,
		}
	}
	return c.clientID, nil
}

// appendConnected answers what old clients ask for with CONNECT.
func (activemq) appendConnected(buf []byte, f *wire.Frame) []byte {
	if id, ok := f.Get("request-id"); ok {
		buf = wire.AppendHeader(buf, "response-id", id)
	}
	if id, ok := f.Get("receipt"); ok {
		buf = wire.AppendHeader(buf, "receipt-id", id)
	}
	return buf
}

func (activemq) plain(version string) bool { return version != "1.1" && version != "1.2" }

func (activemq) beginAgain(id string) error {
	return activeMQFault("The transaction was already started: " + id)
}

// identify makes the connection the only one of the client's identity in its namespace. It returns the address of the
// one that is already, if there is one.
func (s *Server) identify(c *conn, clientID string) (other string) {
	key := clientKey{c.session.Namespace(), clientID}
	s.mu.Lock()
	defer s.mu.Unlock()
	if had := s.clients[key]; had != nil && had != c {
		return "tcp://" + had.nc.RemoteAddr().String()
	}
	if s.clients == nil {
		s.clients = make(map[clientKey]*conn)
	}
	s.clients[key] = c
	return ""
}

// clientKey is an identity of a client's.
type clientKey struct{ namespace, id string }

// leave gives the connection's identity up.
func (s *Server) leave(c *conn) {
	if c.session == nil || c.clientID == "" {
		return
	}
	key := clientKey{c.session.Namespace(), c.clientID}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[key] == c {
		delete(s.clients, key)
	}
}

// root is a session of the broker's own in the connection's namespace, for what a client causes but needs no right for.
// It belongs to the reader.
func (c *conn) root(ctx context.Context) (*broker.Session, error) {
	if c.rootSession == nil {
		s, err := c.server.broker.OpenSession(ctx, c.server.broker.Root(), c.session.Namespace())
		if err != nil {
			return nil, err
		}
		c.rootSession = s
	}
	return c.rootSession, nil
}

var _ dialect = activemq{}
