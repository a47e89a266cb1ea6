package differential

import (
	"fmt"
	"net"
	"time"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// event is what came from the server on one connection.
type event struct {
	conn    *connection
	channel uint16
	method  wire.Method // nil at the end of the stream
	text    string      // shown; "" is not shown
}

// connection is one connection of a scenario. The reader only reads; all else
// belongs to the goroutine that plays the scenario.
type connection struct {
	name     string
	nc       net.Conn
	frameMax uint32
	open     map[uint16]bool
	closing  map[uint16]bool // channel.close was sent
	ended    bool
}

const ioTimeout = 30 * time.Second

// dial connects and starts the reader, which sends what comes to events.
func dial(name, address string, events chan<- event) (*connection, error) {
	nc, err := net.DialTimeout("tcp", address, ioTimeout)
	if err != nil {
		return nil, err
	}
	if err := nc.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return nil, err
	}
	c := &connection{
		name: name, nc: nc, frameMax: 131072, open: map[uint16]bool{}, closing: map[uint16]bool{},
	}
	go c.read(events)
	return c, nil
}

// read reassembles contents and tells what came, until the stream ends.
func (c *connection) read(events chan<- event) {
	r := wire.NewReader(c.nc, 1<<20)
	type content struct {
		method     wire.Method
		properties property.Block
		left       uint64
		body       []byte
	}
	pending := map[uint16]*content{}
	for {
		f, err := r.ReadFrame()
		if err != nil {
			events <- event{conn: c, text: "end of the stream"}
			return
		}
		switch f.Type {
		case wire.FrameMethod:
			id, arguments, _ := wire.SplitMethod(f.Payload)
			m := wire.NewMethod(id)
			if m == nil || m.ReadFrom(append([]byte(nil), arguments...)) != nil {
				events <- event{conn: c, channel: f.Channel, text: fmt.Sprintf("malformed method %v", id)}
				continue
			}
			switch m.(type) {
			case *wire.BasicDeliver, *wire.BasicReturn, *wire.BasicGetOk:
				pending[f.Channel] = &content{method: m}
			default:
				events <- event{conn: c, channel: f.Channel, method: m, text: showMethod(m)}
			}
			continue
		case wire.FrameHeader:
			h, err := wire.ParseContentHeader(append([]byte(nil), f.Payload...))
			p := pending[f.Channel]
			if err != nil || p == nil {
				events <- event{conn: c, channel: f.Channel, text: "unexpected or malformed content header"}
				continue
			}
			p.properties, p.left = h.Properties, h.BodySize
		case wire.FrameBody:
			if p := pending[f.Channel]; p != nil {
				p.body = append(p.body, f.Payload...)
				p.left -= uint64(len(f.Payload))
			}
		default:
			continue // heartbeats
		}
		if p := pending[f.Channel]; p != nil && p.left == 0 {
			delete(pending, f.Channel)
			events <- event{conn: c, channel: f.Channel, method: p.method, text: showMethod(p.method) + showContent(p.properties, p.body)}
		}
	}
}

// send writes bytes; what a closed connection does not take is not an error,
// since the transcript shows its end.
func (c *connection) send(b []byte) {
	_, _ = c.nc.Write(b)
}

// startOk answers connection.start with what the step asks for.
func (s *step) startOk() (*wire.ConnectionStartOk, error) {
	capabilities := "{capabilities:F{authentication_failure_close:ttrue,consumer_cancel_notify:ttrue,connection.blocked:ttrue,publisher_confirms:ttrue,basic.nack:ttrue}}"
	raw, err := table(s.get("client-properties", capabilities))
	user, password := s.get("user", "guest"), s.get("password", "guest")
	return &wire.ConnectionStartOk{
		ClientProperties: raw, Mechanism: []byte(s.get("mechanism", "PLAIN")), Locale: []byte("en_US"),
		Response: []byte(unquote(s.get("response", "\x00"+user+"\x00"+password))),
	}, err
}

// tuneOk answers connection.tune.
func (s *step) tuneOk() (*wire.ConnectionTuneOk, error) {
	m := &wire.ConnectionTuneOk{}
	for _, f := range []struct {
		key, otherwise string
		to             any
	}{{"channel-max", "2047", &m.ChannelMax}, {"frame-max", "131072", &m.FrameMax}, {"heartbeat", "0", &m.Heartbeat}} {
		if _, err := fmt.Sscan(s.get(f.key, f.otherwise), f.to); err != nil {
			return nil, err
		}
	}
	return m, nil
}
