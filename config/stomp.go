package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// STOMP is the listener of STOMP, with what counts for all of STOMP's listeners.
type STOMP struct {
	Listen Addresses `key:"listen"`
	// Dialect is the one that clients of this listener speak.
	Dialect string `key:"dialect" oneof:"auto,rabbitmq,activemq,artemis"`
	// VirtualHosts are the dialects of virtual hosts, for listeners whose dialect is DialectAuto.
	VirtualHosts Dialects `key:"virtual_hosts"`
	// ActiveMQ says what a broker.xml would say.
	ActiveMQ ActiveMQ `key:"activemq"`
	// LoginTimeout is how long a client may take to log in.
	LoginTimeout time.Duration `key:"login_timeout"`
	// MaxHeaders is how many headers a frame may have, MaxHeaderSize how long one may be, MaxHeadersSize all of them.
	MaxHeaders     int  `key:"max_headers"`
	MaxHeaderSize  Size `key:"max_header_size"`
	MaxHeadersSize Size `key:"max_headers_size"`
	// MaxBodySize is the largest body of a frame; the broker takes at most max_message_size.
	MaxBodySize Size `key:"max_body_size"`
}

// STOMPListener says where STOMP is served in another way.
type STOMPListener struct {
	Listen Addresses `key:"listen"`
	// Dialect is the one that clients of this listener speak.
	Dialect string `key:"dialect" oneof:"auto,rabbitmq,activemq,artemis"`
}

// MQ is what Amazon MQ serves on ports of its own.
type MQ struct {
	// WSS is STOMP over WebSocket under any path, over TLS.
	WSS STOMPListener `key:"wss"`
}

// DialectAuto is RabbitMQ's dialect until a client shows that it speaks another.
const DialectAuto = "auto"

// dialects are the values of a virtual host's dialect.
var dialects = []string{"rabbitmq", "activemq", "artemis"}

// Dialects has the dialects of virtual hosts, by name.
type Dialects map[string]string

// UnmarshalText reads NAME=DIALECT entries separated by commas.
func (d *Dialects) UnmarshalText(text []byte) error {
	var out Dialects
	for item := range strings.SplitSeq(string(text), ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		at := strings.LastIndexByte(item, '=')
		if at <= 0 || !slices.Contains(dialects, item[at+1:]) {
			return fmt.Errorf("%q is not NAME=DIALECT with a dialect of %s", item, strings.Join(dialects, ", "))
		}
		if out == nil {
			out = make(Dialects)
		}
		out[item[:at]] = item[at+1:]
	}
	*d = out
	return nil
}

// MarshalText writes what UnmarshalText reads.
func (d Dialects) MarshalText() ([]byte, error) {
	items := make([]string, 0, len(d))
	for name, dialect := range d {
		items = append(items, name+"="+dialect)
	}
	slices.Sort(items)
	return []byte(strings.Join(items, ",")), nil
}
