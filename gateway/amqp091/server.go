package amqp091

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// Options configures the front end. The zero value of each field is usable.
type Options struct {
	// Logger gets the events of connections; nil means slog.Default().
	Logger *slog.Logger
	// Version is the version of RabbitMQ to show: clients switch on it. "" means 3.13.7.
	Version string
	// ClusterName is shown to clients; "" means rabbit@ and the name of the host, as a RabbitMQ there would.
	ClusterName string
	// FrameMax is the largest frame to agree on, in bytes, at least 4096; 0 means 131072.
	FrameMax uint32
	// ChannelMax is how many channels a connection may have open; 0 means 2047.
	ChannelMax uint16
	// Heartbeat is proposed to clients, in whole seconds; 0 means 60 s, negative proposes none.
	Heartbeat time.Duration
	// HandshakeTimeout bounds the time until connection.open-ok; 0 means 10 s.
	HandshakeTimeout time.Duration
	// RefusalDelay is how long a client whose login is refused, and who does not want to be told, waits for the end of
	// the connection; 0 means 3 s, as in RabbitMQ.
	RefusalDelay time.Duration
	// CertificateLogin says what of a client's certificate is the name of the user under the mechanism EXTERNAL:
	// "distinguished_name" or "common_name". "" means the first, as RabbitMQ's ssl_cert_login_from.
	CertificateLogin string
	// MaxMessageSize is the largest body, in bytes; 0 means [broker.MaxMessageSize]. It should be the broker's own.
	MaxMessageSize int
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Version == "" {
		o.Version = "3.13.7"
	}
	if o.ClusterName == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost"
		}
		o.ClusterName = "rabbit@" + host
	}
	if o.FrameMax == 0 {
		o.FrameMax = 131072
	}
	if o.ChannelMax == 0 {
		o.ChannelMax = 2047
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 60 * time.Second
	}
	if o.HandshakeTimeout == 0 {
		o.HandshakeTimeout = 10 * time.Second
	}
	if o.RefusalDelay == 0 {
		o.RefusalDelay = 3 * time.Second
	}
	if o.CertificateLogin == "" {
		o.CertificateLogin = "distinguished_name"
	}
	if o.MaxMessageSize == 0 {
		o.MaxMessageSize = broker.MaxMessageSize
	}
	return o
}

// Server speaks AMQP 0-9-1 for a broker. It is the handler that gateway/serve gives connections to, and safe for
// concurrent use.
type Server struct {
	broker *broker.Broker
	opts   Options
	log    *slog.Logger
	alarm  atomic.Pointer[alarmState]
	stop   func()
	reply  replies
}

// alarmState is which alarms are on, and how to wait for that to change.
type alarmState struct {
	reason  string // "" when none is on
	changed chan struct{}
}

// New makes a front end of the broker. Close it when its connections have ended.
func New(b *broker.Broker, opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if opts.FrameMax < minFrameMax {
		return nil, errors.New("amqp091: the largest frame is below 4096 bytes")
	}
	if opts.CertificateLogin != "distinguished_name" && opts.CertificateLogin != "common_name" {
		return nil, errors.New("amqp091: CertificateLogin is neither distinguished_name nor common_name")
	}
	s := &Server{broker: b, opts: opts, log: opts.Logger.With("proto", "amqp091")}
	s.alarm.Store(&alarmState{changed: make(chan struct{})})
	s.stop = b.WatchAlarms(s.setAlarms)
	s.setAlarms(b.Alarms())
	return s, nil
}

// Close stops following the broker's alarms.
func (s *Server) Close() { s.stop() }

// setAlarms tells the connections which alarms are on; those that publish stop until none is.
func (s *Server) setAlarms(on []broker.Alarm) {
	next := &alarmState{changed: make(chan struct{})}
	for _, a := range on {
		switch {
		case next.reason == "":
			next.reason = "low on "
		default:
			next.reason += " & "
		}
		next.reason += string(a)
	}
	close(s.alarm.Swap(next).changed)
}

// ServeConn speaks with one client until the connection ends. When ctx ends, the client is told that the connection
// is closed (320), and has a few seconds to answer. It implements serve.Handler.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) {
	c := newConn(s, nc)
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	defer c.end()
	stop := context.AfterFunc(ctx, c.interrupt)
	defer stop()
	c.run(ctx)
}

// serverProperties are those of a RabbitMQ, since clients switch on product and version; what is said about the
// authors and the licence is Portico's.
func (s *Server) serverProperties() (property.RawTable, error) {
	capabilities := property.Table{}
	for _, name := range []string{
		"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked",
		"consumer_priorities", "authentication_failure_close", "per_consumer_qos", "direct_reply_to",
	} {
		capabilities = append(capabilities, property.Field{Name: name, Value: true})
	}
	return property.Table{
		{Name: "capabilities", Value: capabilities},
		{Name: "cluster_name", Value: s.opts.ClusterName},
		{Name: "copyright", Value: "Copyright 2026 The Portico authors"},
		{Name: "information", Value: "Portico, which speaks as RabbitMQ. Licensed under the Apache License, Version 2.0."},
		{Name: "platform", Value: "Erlang/OTP 26.2.5"},
		{Name: "product", Value: "RabbitMQ"},
		{Name: "version", Value: s.opts.Version},
	}.Raw()
}
