package stomp

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// Names of headers that tell what no property does.
const (
	// kindHeader says what kind of JMS's messages a message is; bytes when there is none. A client may set it to text or
	// bytes.
	kindHeader = "amq-msg-type"
	// expiresHeader is when a message expires, in milliseconds since 1970.
	expiresHeader = "expires"
	// timestampHeader is the time that a client sent with a message, in milliseconds; the property has seconds.
	timestampHeader = "JMSTimestamp"
	// originalHeader is the destination that a message was sent to before it came to this one.
	originalHeader = "original-destination"
	// originalExpirationHeader is when a dead message was to expire.
	originalExpirationHeader = "originalExpiration"
)

// ownHeaders are headers of a SEND that are the frame's own, or that only a broker sets.
var ownHeaders = map[string]bool{
	"destination": true, "receipt": true, "transaction": true, "content-length": true, "message-id": true,
	"redelivered": true, "subscription": true, "ack": true, "JMSXUserID": true, kindHeader: true, originalHeader: true,
	timestampHeader: true, "browser": true, scheduledJobHeader: true, broker.DueHeader: true, redeliveriesHeader: true,
}

// properties encodes a SEND's headers as a message's properties. The property block is valid until the next call.
func (d activemq) properties(c *conn, f *wire.Frame, now time.Time) (property.Block, error) {
	s := &c.set
	*s = property.Set{Headers: s.Headers[:0], MessageID: c.nextMessageID()}
	for i := range f.Headers {
		h := &f.Headers[i]
		if ownHeaders[string(h.Name)] {
			continue
		}
		if err := d.property(c, s, h, now); err != nil {
			return nil, err
		}
	}
	kind, err := kindOf(f)
	var failed *transformationError
	switch {
	case errors.As(err, &failed):
		s.Headers = append(s.Headers, property.Field{Name: transformationErrorHeader, Value: failed.Error()})
	case err != nil:
		return nil, err
	}
	if kind != bytesMessage {
		s.Headers = append(s.Headers, property.Field{Name: kindHeader, Value: string(kind)})
	}
	block, err := s.Append(c.block[:0])
	if err != nil {
		return nil, activeMQFault("A header cannot be stored")
	}
	c.block = block[:0]
	return block, nil
}

func (d activemq) property(c *conn, s *property.Set, h *wire.Header, now time.Time) error {
	if len(h.Name) > property.MaxName {
		return activeMQFault("A header's name is longer than 255 bytes")
	}
	text := string(h.Value)
	switch string(h.Name) {
	case "persistent":
		if text == "true" {
			s.DeliveryMode = property.Persistent
		}
		return nil
	case "priority":
		n, err := strconv.Atoi(text)
		if err != nil {
			return activeMQFatal("For input string: \"" + text + "\"")
		}
		s.Priority = uint8(max(0, min(n, 9)))
		s.Flags |= property.FlagPriority
		return nil
	case expiresHeader:
		return expires(s, text, now)
	case "timestamp":
		ms, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return activeMQFatal("For input string: \"" + text + "\"")
		}
		s.Timestamp = time.UnixMilli(ms)
		s.Flags |= property.FlagTimestamp
		s.Headers = append(s.Headers, property.Field{Name: timestampHeader, Value: text})
		return nil
	case "reply-to":
		s.ReplyTo = d.address(c, text)
		return nil
	}
	if string(h.Name) == broker.GroupSequenceHeader {
		if n, err := strconv.ParseInt(text, 10, 32); err == nil {
			s.Headers = append(s.Headers, property.Field{Name: broker.GroupSequenceHeader, Value: n})
			return nil
		}
	}
	if short := jmsProperty(s, h.Name); short != nil && len(text) <= property.MaxName {
		*short = text
		s.Flags |= shortFlag(h.Name)
		return nil
	}
	s.Headers = append(s.Headers, property.Field{Name: string(h.Name), Value: text})
	return nil
}

// jmsProperty is where a header goes that JMS or AMQP has a string property for; one that is too long for it stays a
// header.
func jmsProperty(s *property.Set, name []byte) *string {
	switch string(name) {
	case "correlation-id", "type", "content-type", "content-encoding", "app-id":
		return shortProperty(s, name)
	default:
		return nil
	}
}

// expires says until when a message may wait, in milliseconds since 1970; 0 is for ever.
func expires(s *property.Set, text string, now time.Time) error {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return activeMQFatal("For input string: \"" + text + "\"")
	}
	if ms == 0 {
		return nil
	}
	const century = 100 * 365 * 24 * time.Hour
	if left := ms - now.UnixMilli(); left < century.Milliseconds() {
		s.Expiration = strconv.FormatInt(max(left, 1), 10)
	}
	s.Headers = append(s.Headers, property.Field{Name: expiresHeader, Value: text})
	return nil
}

// address is a reply-to as it is stored: a queue by its name, as clients of AMQP expect it, anything else as it is
// spelt.
func (d activemq) address(c *conn, text string) string {
	r, err := d.parse(c, text)
	if err != nil || len(r.places) != 1 || r.options != nil {
		return text
	}
	if p := r.places[0]; p.topic {
		return p.String()
	}
	return r.places[0].name
}

// appendAddress is a reply-to as MESSAGE shows it. The caller holds c.mu.
func (c *conn) appendAddress(dst, stored []byte) []byte {
	topic := false
	name := stored
	if isAddress(stored) || bytes.HasPrefix(stored, []byte("/remote-temp-")) {
		rest, ok := bytes.CutPrefix(stored, []byte("/remote-temp-topic/"))
		if !ok {
			return append(dst, stored...)
		}
		topic, name = true, rest
	}
	if bytes.HasPrefix(name, []byte(ownIDPrefix)) {
		if alias := c.aliasOf(topic, string(name)); alias != "" {
			return append(dst, alias...)
		}
		if !topic {
			return append(append(dst, "/remote-temp-queue/"...), name...)
		}
	}
	if topic {
		return append(dst, stored...)
	}
	return append(append(dst, "/queue/"...), name...)
}

// nextMessageID makes the id of the connection's next message.
func (c *conn) nextMessageID() string {
	c.sent++
	return c.ownID + ":-1:1:" + strconv.FormatUint(c.sent, 10)
}
