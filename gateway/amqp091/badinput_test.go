package amqp091

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

func rawFrame(kind byte, channel uint16, payload string, end byte) []byte {
	b, at := wire.BeginFrame(nil, kind, channel)
	b = wire.EndFrame(append(b, payload...), at)
	b[len(b)-1] = end
	return b
}

func rawMethod(channel, class, method uint16, arguments string) []byte {
	head := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, class), method)
	return rawFrame(wire.FrameMethod, channel, string(head)+arguments, wire.FrameEnd)
}

func contentHeader(class uint16, size uint64, properties string) []byte {
	p := binary.BigEndian.AppendUint16(nil, class)
	p = binary.BigEndian.AppendUint16(p, 0)
	p = binary.BigEndian.AppendUint64(p, size)
	return rawFrame(wire.FrameHeader, 1, string(p)+properties, wire.FrameEnd)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// What RabbitMQ 3.10.8 answered to the same bytes. Where it said nothing and dropped the connection (marked) there is
// an answer here.
func TestBadInputIsAnswered(t *testing.T) {
	s := startServer(t, Options{})
	good := s.channel(t) // who does nothing wrong notices nothing
	publish := wire.AppendMethod(nil, 1, &wire.BasicPublish{RoutingKey: []byte("nope")})
	qos := rawMethod(1, 60, 10, "\x00\x00\x00\x00\x00\x00\x00")
	const end = wire.FrameEnd
	for _, tt := range []struct {
		name  string
		input []byte
		text  string
	}{
		{"frame too large", []byte{1, 0, 1, 0, 0x0f, 0x42, 0x40}, "FRAME_ERROR - type 1, all octets = <<>>: {frame_too_large,1000000,131064}"},
		{"bad end", rawFrame(1, 1, "abc", 0x41), `FRAME_ERROR - type 1, all octets = <<"abc">>: {invalid_frame_end_marker,65}`},
		{"unknown type", rawFrame(9, 1, "abc", end), `FRAME_ERROR - type 9, all octets = <<"abc">>: unknown_frame`},
		{"heartbeat on a channel", rawFrame(8, 1, "", end), "UNEXPECTED_FRAME - type 8, all octets = <<>>"},
		{"heartbeat with a payload", rawFrame(8, 0, "xx", end), `FRAME_ERROR - type 8, all octets = <<"xx">>: unknown_frame`},
		{"short method", rawFrame(1, 1, "\x00", end), "FRAME_ERROR - type 1, all octets = <<0>>: unknown_frame"},
		{"unknown method (marked)", rawMethod(1, 60, 99, ""), "COMMAND_INVALID - unimplemented method"},
		{"unknown class (marked)", rawMethod(1, 77, 1, ""), "COMMAND_INVALID - unimplemented method"},
		{"a server's method", rawMethod(1, 60, 11, ""), "COMMAND_INVALID - unimplemented method"},
		{"connection method on a channel", rawMethod(1, 10, 31, "\x00\x01\x00\x00\x00\x02\x00\x03"), "COMMAND_INVALID - unimplemented method"},
		{"channel method on 0", rawMethod(0, 60, 10, "\x00\x00\x00\x00\x00\x00\x00"), "CHANNEL_ERROR - unexpected method in connection state running"},
		{"channel that is not open", rawMethod(5, 60, 10, "\x00\x00\x00\x00\x00\x00\x00"), "CHANNEL_ERROR - expected 'channel.open'"},
		{"second open", rawMethod(1, 20, 10, "\x00"), "CHANNEL_ERROR - second 'channel.open' seen"},
		{"trailing octets", rawMethod(1, 60, 10, "\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "FRAME_ERROR - cannot decode <<0,0,0,0,0,0,0,0,0>>"},
		{"truncated arguments", rawMethod(1, 60, 10, "\x00\x00\x00"), "FRAME_ERROR - cannot decode <<0,0,0>>"},
		{
			"unknown type in a table (marked)", rawMethod(1, 50, 10, "\x00\x00\x01q\x00\x00\x00\x00\x05\x01aZxx"),
			"FRAME_ERROR - cannot decode <<0,0,1,113,0,0,0,0,5,1,97,90,120,120>>",
		},
		{
			"nested table that reaches outside (marked)", rawMethod(1, 50, 10, "\x00\x00\x01q\x00\x00\x00\x00\x07\x01aF\x00\x00\x00\xff"),
			"FRAME_ERROR - cannot decode <<0,0,1,113,0,0,0,0,7,1,97,70,0,0,0,255>>",
		},
		{"header first", contentHeader(60, 1, "\x00\x00"), "UNEXPECTED_FRAME - expected method frame, got non method frame instead"},
		{"body first", rawFrame(3, 1, "x", end), "UNEXPECTED_FRAME - expected method frame, got non method frame instead"},
		{"method in a content", join(publish, qos), "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"},
		{"body instead of header", join(publish, rawFrame(3, 1, "x", end)), "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"},
		{"method instead of body", join(publish, contentHeader(60, 10, "\x00\x00"), qos), "UNEXPECTED_FRAME - expected content body, got non content body frame instead"},
		{"more body than announced (marked)", join(publish, contentHeader(60, 2, "\x00\x00"), rawFrame(3, 1, "xxxxx", end)), "UNEXPECTED_FRAME - expected method frame, got non method frame instead"},
		{"body after the body", join(publish, contentHeader(60, 2, "\x00\x00"), rawFrame(3, 1, "xx", end), rawFrame(3, 1, "xx", end)), "UNEXPECTED_FRAME - expected method frame, got non method frame instead"},
		{"header of another class", join(publish, contentHeader(50, 2, "\x00\x00")), "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead"},
		{"malformed properties", join(publish, contentHeader(60, 0, "\x80\x00\x05a")), "INTERNAL_ERROR"},
		{"octets after the properties", join(publish, contentHeader(60, 0, "\x00\x00zz")), "INTERNAL_ERROR"},
		{"immediate", join(wire.AppendMethod(nil, 1, &wire.BasicPublish{Immediate: true}), contentHeader(60, 0, "\x00\x00")), "NOT_IMPLEMENTED - immediate=true"},
		{"close-ok that nobody asked for", rawMethod(0, 10, 51, ""), "CHANNEL_ERROR - unexpected method in connection state running"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := login(t, s, usualTune).openChannel()
			c.send(tt.input)
			if m := c.expect(wire.IDConnectionClose); closeText(m) != tt.text {
				t.Errorf("%q, want %q", closeText(m), tt.text)
			}
			c.send(wire.AppendMethod(nil, 0, &wire.ConnectionCloseOk{}))
			c.expectEnd()
		})
	}
	declare(t, good, "still-here")
}

func TestUnknownProtocolIsToldWhatIsSpoken(t *testing.T) {
	s := startServer(t, Options{})
	for _, header := range []string{"AMQP\x00\x01\x00\x00", "AMQP\x03\x01\x00\x00", "GET / HT", "AMQ"} {
		c := connect(t, s)
		c.send([]byte(header))
		if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() != nil {
			t.Fatal("cannot close")
		}
		got, err := c.r.ReadProtocolHeader()
		if err != nil || !bytes.Equal(got, protocolHeader) {
			t.Errorf("%q: answered %q, %v", header, got, err)
		}
		c.expectEnd()
	}
}

func TestHandshakeFaults(t *testing.T) {
	s := startServer(t, Options{})
	for _, tt := range []struct {
		user, password string
		tune           wire.ConnectionTuneOk
		vhost          string
		text           string
	}{
		{"guest", "wrong", usualTune, "/", "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."},
		{"stranger", "x", usualTune, "/", "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."},
		{"guest", "guest", usualTune, "nope", "NOT_ALLOWED - vhost nope not found"},
		{"nobody", "nobody", usualTune, "/", "NOT_ALLOWED - access to vhost '/' refused for user 'nobody'"},
		{"guest", "guest", wire.ConnectionTuneOk{FrameMax: 131072}, "/", "NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)"},
		{"guest", "guest", wire.ConnectionTuneOk{ChannelMax: 1, FrameMax: 1 << 30}, "/", "NOT_ALLOWED - negotiated frame_max = 1073741824 is higher than the maximum allowed value (131072)"},
		{"guest", "guest", wire.ConnectionTuneOk{ChannelMax: 1, FrameMax: 100}, "/", "NOT_ALLOWED - negotiated frame_max = 100 is lower than the minimum allowed value (4096)"},
	} {
		c := connect(t, s)
		c.start(tt.user, tt.password, true)
		m, err := c.next()
		if err != nil {
			t.Fatal(err)
		}
		if m.ID() == wire.IDConnectionTune {
			c.send(wire.AppendMethod(wire.AppendMethod(nil, 0, &tt.tune), 0, &wire.ConnectionOpen{VirtualHost: []byte(tt.vhost)}))
			if m, err = c.next(); err != nil {
				t.Fatal(err)
			}
		}
		if closeText(m) != tt.text {
			t.Errorf("%+v: %v %q", tt, m.ID(), closeText(m))
		}
	}
}

// The limit is what was agreed on, not the number of a channel.
func TestTooManyChannels(t *testing.T) {
	s := startServer(t, Options{})
	c := login(t, s, wire.ConnectionTuneOk{ChannelMax: 10, FrameMax: 131072})
	for i := range 10 {
		c.send(wire.AppendMethod(nil, uint16(1000*i+1), &wire.ChannelOpen{}))
		c.expect(wire.IDChannelOpenOk)
	}
	c.send(wire.AppendMethod(nil, 2, &wire.ChannelOpen{}))
	want := "NOT_ALLOWED - number of channels opened (10) has reached the negotiated channel_max (10)"
	if m := c.expect(wire.IDConnectionClose); closeText(m) != want {
		t.Errorf("%q", closeText(m))
	}
}

// A frame that comes an octet at a time is taken like any.
func TestSlowClient(t *testing.T) {
	s := startServer(t, Options{})
	c := login(t, s, usualTune).openChannel()
	for _, b := range wire.AppendMethod(nil, 1, &wire.QueueDeclare{Queue: []byte("slow")}) {
		c.send([]byte{b})
	}
	c.expect(wire.IDQueueDeclareOk)
}

// A client that does not read what it is sent stops being read from, and everybody else goes on.
func TestClientThatNeverReads(t *testing.T) {
	s := startServer(t, Options{})
	ch := s.channel(t)
	declare(t, ch, "full")
	body := string(make([]byte, 64<<10))
	const messages = 400
	for range messages {
		publish(t, ch, "", "full", body)
	}
	deaf := login(t, s, usualTune).openChannel()
	deaf.send(wire.AppendMethod(nil, 1, &wire.BasicConsume{Queue: []byte("full"), ConsumerTag: []byte("t")}))
	deaf.expect(wire.IDBasicConsumeOk)
	q, err := ch.QueueDeclarePassive("full", false, false, false, false, nil)
	if err != nil || q.Messages == 0 {
		t.Fatalf("%d messages wait for a client that does not read, %v", q.Messages, err)
	}
	deaf.nc.Close()
	deliveries := consume(t, ch, "full", "", true)
	for range messages {
		receive(t, "delivery", deliveries)
	}
}

// Nothing for two heartbeats ends the connection.
func TestSilentClientIsClosed(t *testing.T) {
	t.Parallel()
	s := startServer(t, Options{})
	tune := usualTune
	tune.Heartbeat = 1
	c := login(t, s, tune)
	start := time.Now()
	c.expectEnd()
	if waited := time.Since(start); waited < time.Second {
		t.Errorf("closed after %v", waited)
	}
}
