package stomp

import (
	"bytes"
	"strconv"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// appendMessage has the headers that ActiveMQ sends, JMS's first, then those that the publisher made up.
func (d activemq) appendMessage(buf []byte, c *conn, u *unacked, m *broker.Delivery) []byte {
	s := u.sub
	props := m.Message.Properties()
	headers := props.Headers()
	buf = wire.AppendCommand(buf, wire.Message)
	buf = d.appendExpires(buf, m.Message, headers)
	buf = appendShort(buf, "correlation-id", props.CorrelationID)
	buf = d.appendPlace(buf, c, u)
	if s.acks != ackAuto && c.version == "1.2" {
		s.scratch = append(append(s.scratch[:0], c.ownID...), ':')
		buf = wire.AppendHeader(buf, "ack", strconv.AppendUint(s.scratch, u.tag, 10))
	}
	if s.id != "" {
		buf = wire.AppendHeader(buf, "subscription", s.id)
	}
	priority := int64(4)
	if n, ok := props.Priority(); ok {
		priority = int64(min(n, 9))
	}
	buf = wire.AppendInt(buf, "priority", priority)
	buf = appendShort(buf, "type", props.Type)
	if _, again := headers.Lookup(redeliveriesHeader); again || m.Redelivered {
		buf = wire.AppendHeader(buf, "redelivered", "true")
	}
	s.scratch = appendMessageID(s.scratch[:0], u)
	buf = wire.AppendHeader(buf, "message-id", s.scratch)
	if mode, _ := props.DeliveryMode(); mode == property.Persistent {
		buf = wire.AppendHeader(buf, "persistent", "true")
	}
	if to, ok := props.ReplyTo(); ok {
		s.scratch = c.appendAddress(s.scratch[:0], to)
		buf = wire.AppendHeader(buf, "reply-to", s.scratch)
	}
	buf = d.appendTimestamp(buf, m.Message, headers)
	buf = appendShort(buf, "content-type", props.ContentType)
	buf = appendShort(buf, "content-encoding", props.ContentEncoding)
	buf = appendShort(buf, "app-id", props.AppID)
	kind, body := storedKind(props, headers), m.Message.Body()
	shown := transformationHeader // which the subscription's takes the place of
	if s.transformation == "" || kind == bytesMessage {
		shown = ""
	} else {
		buf, body = appendTransformed(buf, s.transformation, kind, headers, body)
	}
	buf = c.appendUserHeaders(buf, headers, shown)
	return appendTextOrBytes(buf, kind != bytesMessage, body)
}

// appendMessageID appends the id that the message got when it was sent. One that came from elsewhere without an id has
// one by its place in its queue, the same at each delivery.
func appendMessageID(dst []byte, u *unacked) []byte {
	if id, ok := u.msg.Properties().MessageID(); ok && len(id) > 0 {
		return append(dst, id...)
	}
	dst = append(append(dst, "ID:portico:"...), u.queue()...)
	return strconv.AppendUint(append(dst, ':'), u.seq, 10)
}

// appendPlace appends where the message came to, and where it was sent to if that is not the same.
func (activemq) appendPlace(buf []byte, c *conn, u *unacked) []byte {
	m, queue := u.msg, u.queue()
	if queue == u.sub.topicQueue {
		p := place{topic: true, temp: isTemporary(m.Key()), name: m.Key()}
		return wire.AppendHeader(buf, "destination", c.shown(u.sub, p))
	}
	buf = wire.AppendHeader(buf, "destination", c.shown(u.sub, place{temp: isTemporary(queue), name: queue}))
	if m.Exchange() == c.server.opts.TopicExchange {
		buf = wire.AppendHeader(buf, originalHeader, "/topic/"+m.Key())
	}
	return buf
}

// shown is a place as this client knows it. The caller holds c.mu.
func (c *conn) shown(s *subscription, p place) string {
	if s.prefixed {
		return s.prefix + p.name
	}
	if p.temp {
		if alias := c.aliasOf(p.topic, p.name); alias != "" {
			return alias
		}
	}
	return p.String()
}

func (activemq) appendExpires(buf []byte, m *broker.Message, headers property.RawTable) []byte {
	if v, ok := headers.Lookup(expiresHeader); ok {
		if text, ok := v.Bytes(); ok {
			return wire.AppendHeader(buf, "expires", text)
		}
	}
	at := int64(0)
	if d, ok := m.Expiration(); ok {
		at = m.Published().Add(d).UnixMilli()
	}
	return wire.AppendInt(buf, "expires", at)
}

func (activemq) appendTimestamp(buf []byte, m *broker.Message, headers property.RawTable) []byte {
	if v, ok := headers.Lookup(timestampHeader); ok {
		if text, ok := v.Bytes(); ok {
			return wire.AppendHeader(buf, "timestamp", text)
		}
	}
	at := m.Published()
	if t, ok := m.Properties().Timestamp(); ok {
		at = t
	}
	return wire.AppendInt(buf, "timestamp", at.UnixMilli())
}

// appendUserHeaders appends the headers that are the publisher's own, but for one of the name that is shown already. The
// caller holds c.mu.
func (c *conn) appendUserHeaders(buf []byte, table property.RawTable, shown string) []byte {
	for name, v := range table.All() {
		if shown != "" && string(name) == shown {
			continue
		}
		switch string(name) {
		case "content-length", kindHeader, expiresHeader, timestampHeader, broker.DueHeader, redeliveriesHeader,
			broker.GroupHeader, broker.GroupSequenceHeader: // ActiveMQ does not show them to STOMP
			continue
		case originalHeader:
			text, _ := v.Bytes()
			if queue, ok := bytes.CutPrefix(text, []byte("/remote-temp-queue/")); ok {
				if alias := c.aliasOf(false, string(queue)); alias != "" {
					buf = wire.AppendHeader(buf, originalHeader, alias)
					continue
				}
			}
		}
		if bytes.HasPrefix(name, []byte(scheduledPrefix)) {
			if _, was := table.Lookup(broker.DueHeader); was { // the schedule has ended
				continue
			}
		}
		buf = appendHeader(buf, name, v)
	}
	return buf
}

// appendTextOrBytes ends the frame: a text has no content-length, unless a NUL in it would end it too early.
func appendTextOrBytes(buf []byte, text bool, body []byte) []byte {
	if !text || bytes.IndexByte(body, 0) >= 0 {
		buf = wire.AppendInt(buf, "content-length", int64(len(body)))
	}
	return wire.AppendRest(buf, body)
}
