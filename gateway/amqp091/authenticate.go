package amqp091

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

var (
	errUnknownMechanism  = errors.New("amqp091: unknown authentication mechanism")
	errMalformedResponse = errors.New("amqp091: malformed authentication response")
)

// mechanisms are those that this client can use: EXTERNAL needs a certificate that was verified.
func (c *conn) mechanisms() []string {
	list := []string{"PLAIN", "AMQPLAIN"}
	if c.certificateName() != "" {
		list = append(list, "EXTERNAL")
	}
	return list
}

// authenticate finds the user that a response of a mechanism proves.
func (c *conn) authenticate(mechanism string, response []byte) (*broker.Principal, error) {
	switch mechanism {
	case "PLAIN":
		// [RFC 4616] authorization identity NUL user NUL password; RabbitMQ does not look at the first.
		parts := bytes.SplitN(response, []byte{0}, 3)
		if len(parts) != 3 {
			return nil, errMalformedResponse
		}
		return c.password(string(parts[1]), string(parts[2]))
	case "AMQPLAIN":
		table := property.RawTable(response)
		if table.Valid() != nil {
			return nil, errMalformedResponse
		}
		user, hasUser := table.Lookup("LOGIN")
		password, hasPassword := table.Lookup("PASSWORD")
		if !hasUser || !hasPassword {
			return nil, errMalformedResponse
		}
		return c.password(user.String(), password.String())
	case "EXTERNAL":
		if name := c.certificateName(); name != "" {
			p, err := c.srv.broker.PrincipalNamed(name)
			c.srv.broker.CountLogin(frontEnd, err == nil)
			return p, err
		}
	}
	return nil, errUnknownMechanism
}

// frontEnd names this front end in what is counted.
const frontEnd = "amqp091"

func (c *conn) password(user, password string) (*broker.Principal, error) {
	p, err := c.srv.broker.Authenticate(user, password, c.fromLoopback())
	c.srv.broker.CountLogin(frontEnd, err == nil)
	return p, err
}

func (c *conn) fromLoopback() bool {
	addr, ok := c.nc.RemoteAddr().(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

// certificateName is the user that the client's certificate names; "" without one that was verified. Names are
// written as RabbitMQ writes them [RFC 4514]: the most specific part first.
func (c *conn) certificateName() string {
	secure, ok := c.nc.(*tls.Conn)
	if !ok {
		return ""
	}
	state := secure.ConnectionState()
	if len(state.VerifiedChains) == 0 {
		return ""
	}
	subject := state.PeerCertificates[0].Subject
	if c.srv.opts.CertificateLogin == "common_name" {
		return subject.CommonName
	}
	return subject.String()
}
