package amqp091

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// The way from the first byte to connection.open-ok.
//
//	client                          server
//	"AMQP" 0 0 9 1
//	                                start     properties, mechanisms
//	start-ok  mechanism, response
//	                                tune      what the server would have
//	tune-ok   what the client takes
//	open      virtual host
//	                                open-ok

var protocolHeader = []byte("AMQP\x00\x00\x09\x01")

// errGoodbye ends a connection that has been told everything already.
var errGoodbye = errors.New("amqp091: handshake refused")

// handshake returns nil when the connection is open.
func (c *conn) handshake() error {
	if err := c.nc.SetReadDeadline(time.Now().Add(c.srv.opts.HandshakeTimeout)); err != nil {
		return err
	}
	header, err := c.r.ReadProtocolHeader()
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	if !bytes.Equal(header, protocolHeader) {
		// [AMQP 4.2.2] An unknown protocol is told the one that is spoken, and the connection closed. An AMQP 1.0
		// client gets the same, as from a RabbitMQ 3.13 without its plugin.
		c.send(func(dst []byte) []byte { return append(dst, protocolHeader...) })
		c.log.Info("client speaks another protocol", "header", erlangBinary(header, true))
		return errGoodbye
	}
	principal, err := c.login()
	if err != nil {
		return err
	}
	if err := c.tune(); err != nil {
		return err
	}
	if err := c.open(principal); err != nil {
		return err
	}
	return c.nc.SetReadDeadline(time.Time{})
}

// expect reads the next method, which must be of m's kind.
func (c *conn) expect(m wire.Method, state string) error {
	for {
		f, err := c.r.ReadFrame()
		if err != nil {
			return err
		}
		if f.Type == wire.FrameHeartbeat && f.Channel == 0 {
			continue
		}
		id, arguments, ok := wire.SplitMethod(f.Payload)
		switch {
		case f.Type != wire.FrameMethod || !ok:
			return unexpectedFrame(f)
		case f.Channel != 0 || id != m.ID():
			return &fault{
				scope: connectionScope, code: wire.ChannelError, id: id,
				text: "unexpected method in connection state " + state,
			}
		}
		if err := m.ReadFrom(arguments); err != nil {
			return undecodable(id, arguments)
		}
		return nil
	}
}

// login offers the mechanisms and checks who comes.
func (c *conn) login() (*broker.Principal, error) {
	properties, err := c.srv.serverProperties()
	if err != nil {
		return nil, err
	}
	c.sendMethod(0, &wire.ConnectionStart{
		VersionMajor: 0, VersionMinor: 9, ServerProperties: properties,
		Mechanisms: []byte(strings.Join(c.mechanisms(), " ")), Locales: []byte("en_US"),
	})
	var ok wire.ConnectionStartOk
	if err := c.expect(&ok, "starting"); err != nil {
		return nil, err
	}
	c.can = readCapabilities(ok.ClientProperties)
	v, _ := ok.ClientProperties.Lookup("connection_name")
	name, _ := v.Bytes()
	mechanism := string(ok.Mechanism)
	if c.client, err = ok.ClientProperties.Decode(); err != nil {
		return nil, err
	}
	c.proof = mechanism
	principal, err := c.authenticate(mechanism, ok.Response)
	switch {
	case err == nil:
		c.user = principal.Name()
		c.log = c.log.With("user", c.user)
		c.log.Info("client logged in", "mechanism", mechanism, "name", string(name))
		return principal, nil
	case errors.Is(err, errUnknownMechanism):
		return nil, connectionFault(wire.CommandInvalid, "unknown authentication mechanism '%s'", mechanism)
	case errors.Is(err, errMalformedResponse):
		return nil, connectionFault(wire.SyntaxError, "invalid response to authentication mechanism %s", mechanism)
	case !broker.IsKind(err, broker.KindUnauthenticated):
		return nil, err
	}
	c.log.Warn("login refused", "mechanism", mechanism, "err", err)
	if !c.can.failureClose {
		select {
		case <-time.After(c.srv.opts.RefusalDelay):
		case <-c.ctx.Done():
		}
		return nil, errGoodbye
	}
	return nil, connectionFault(wire.AccessRefused,
		"Login was refused using authentication mechanism %s. For details see the broker logfile.", mechanism)
}

// readCapabilities looks for what matters in the client's properties.
func readCapabilities(properties property.RawTable) capabilities {
	v, _ := properties.Lookup("capabilities")
	table, _ := v.Table()
	has := func(name string) bool {
		v, _ := table.Lookup(name)
		on, _ := v.Bool()
		return on
	}
	return capabilities{
		failureClose: has("authentication_failure_close"),
		cancelNotify: has("consumer_cancel_notify"),
		blocked:      has("connection.blocked"),
	}
}

// tune agrees on limits. A client may ask for less than is offered, not for more.
func (c *conn) tune() error {
	opts := &c.srv.opts
	offer := uint16(max(opts.Heartbeat, 0) / time.Second)
	c.sendMethod(0, &wire.ConnectionTune{ChannelMax: opts.ChannelMax, FrameMax: opts.FrameMax, Heartbeat: offer})
	var ok wire.ConnectionTuneOk
	if err := c.expect(&ok, "tuning"); err != nil {
		return err
	}
	for _, v := range []struct {
		name        string
		got         uint32
		least, most uint32
		noLimit     string
	}{
		{"frame_max", ok.FrameMax, minFrameMax, opts.FrameMax, ""},
		{"channel_max", uint32(ok.ChannelMax), 1, uint32(opts.ChannelMax), " (no limit)"},
	} {
		if v.got != 0 {
			v.noLimit = ""
		}
		f := (*fault)(nil)
		switch {
		case v.got != 0 && v.got < v.least:
			f = connectionFault(wire.NotAllowed, "negotiated %s = %d%s is lower than the minimum allowed value (%d)", v.name, v.got, v.noLimit, v.least)
		case v.got == 0 || v.got > v.most:
			f = connectionFault(wire.NotAllowed, "negotiated %s = %d%s is higher than the maximum allowed value (%d)", v.name, v.got, v.noLimit, v.most)
		}
		if f != nil {
			f.id = wire.IDConnectionTune
			return f
		}
	}
	c.frameMax, c.channelMax = ok.FrameMax, ok.ChannelMax
	c.r.SetFrameMax(c.frameMax)
	// [AMQP 4.2.7] Silence for two heartbeats ends the connection; ours come twice as often as agreed on.
	beat := time.Duration(ok.Heartbeat) * time.Second
	c.beat.Store(int64(beat))
	c.mu.Lock()
	c.wakeWriter()
	c.mu.Unlock()
	return nil
}

// open enters the virtual host.
func (c *conn) open(principal *broker.Principal) error {
	var m wire.ConnectionOpen
	if err := c.expect(&m, "opening"); err != nil {
		return err
	}
	session, err := c.srv.broker.Connect(c.background(), principal, string(m.VirtualHost), c.evicted)
	if err != nil {
		f, known := faultOf(err)
		if !known {
			return err
		}
		// What is wrong with a virtual host ends the connection, under a code of its own.
		return &fault{scope: connectionScope, code: wire.NotAllowed, text: f.text, id: wire.IDConnectionOpen}
	}
	session.SetFrontEnd(frontEnd)
	c.session = session
	c.list()
	c.log = c.log.With("ns", session.Namespace())
	c.idle = 2 * time.Duration(c.beat.Load())
	c.sendMethod(0, &wire.ConnectionOpenOk{})
	return nil
}
