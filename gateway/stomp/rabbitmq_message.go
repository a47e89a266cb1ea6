package stomp

import (
	"bytes"
	"strconv"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

const separator = "@@"

// appendMessage has the headers in RabbitMQ's order.
func (rabbitmq) appendMessage(buf []byte, c *conn, u *unacked, d *broker.Delivery) []byte {
	m, s := d.Message, u.sub
	buf = wire.AppendCommand(buf, wire.Message)
	if s.id != "" {
		buf = wire.AppendHeader(buf, "subscription", s.id)
	}
	s.scratch = c.server.appendDestination(s.scratch[:0], m.Exchange(), m.Key())
	buf = wire.AppendHeader(buf, "destination", s.scratch)
	s.scratch = append(append(append(append(s.scratch[:0], s.tag...), separator...), c.id...), separator...)
	s.scratch = strconv.AppendUint(s.scratch, u.tag, 10)
	buf = wire.AppendHeader(buf, "message-id", s.scratch)
	redelivered := "false"
	if d.Redelivered {
		redelivered = "true"
	}
	buf = wire.AppendHeader(buf, "redelivered", redelivered)
	if s.acks != ackAuto && c.version == "1.2" {
		buf = wire.AppendHeader(buf, "ack", s.scratch)
	}
	buf = appendHeaders(buf, m.Properties().Headers())
	if s.stream {
		buf = wire.AppendInt(buf, "x-stream-offset", int64(u.seq))
	}
	buf = appendProperties(buf, m.Properties())
	return wire.AppendBody(buf, m.Body())
}

// appendHeaders appends a message's headers. RabbitMQ shows strings and two types of integer and drops the others; all
// that have a text are shown here, and only tables, arrays and void are left out. content-length is the frame's own.
func appendHeaders(buf []byte, table property.RawTable) []byte {
	for name, v := range table.All() {
		if string(name) == "content-length" {
			continue
		}
		buf = appendHeader(buf, name, v)
	}
	return buf
}

// appendHeader appends a header that has a text.
func appendHeader(buf, name []byte, v property.RawValue) []byte {
	if text, ok := v.Bytes(); ok {
		return wire.AppendHeader(buf, name, text)
	}
	var room [32]byte
	if text := appendScalar(room[:0], v); len(text) > 0 {
		return wire.AppendHeader(buf, name, text)
	}
	return buf
}

// appendScalar appends the text of a value; nothing for one that has none.
func appendScalar(dst []byte, v property.RawValue) []byte {
	if n, ok := v.Int(); ok {
		return strconv.AppendInt(dst, n, 10)
	}
	if b, ok := v.Bool(); ok {
		return strconv.AppendBool(dst, b)
	}
	if f, ok := v.Float(); ok {
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	}
	if v.IsVoid() {
		return dst
	}
	if _, ok := v.Table(); ok {
		return dst
	}
	if _, ok := v.Elements(); ok {
		return dst
	}
	return append(dst, v.String()...) // times and decimals
}

var replyQueuePrefix = []byte("/reply-queue/")

// appendProperties appends the headers for what AMQP has properties for, in RabbitMQ's order.
func appendProperties(buf []byte, p property.Block) []byte {
	buf = appendShort(buf, "app-id", p.AppID)
	buf = appendShort(buf, "user-id", p.UserID)
	buf = appendShort(buf, "type", p.Type)
	if t, ok := p.Timestamp(); ok {
		buf = wire.AppendInt(buf, "timestamp", t.Unix())
	}
	buf = appendShort(buf, "amqp-message-id", p.MessageID)
	buf = appendShort(buf, "expiration", p.Expiration)
	if v, ok := p.ReplyTo(); ok {
		if !isAddress(v) {
			v = bytes.Join([][]byte{replyQueuePrefix, v}, nil)
		}
		buf = wire.AppendHeader(buf, "reply-to", v)
	}
	buf = appendShort(buf, "correlation-id", p.CorrelationID)
	if n, ok := p.Priority(); ok {
		buf = wire.AppendInt(buf, "priority", int64(n))
	}
	if mode, ok := p.DeliveryMode(); ok {
		if mode == property.Persistent {
			buf = wire.AppendHeader(buf, "persistent", "true")
		} else {
			buf = wire.AppendInt(buf, "persistent", int64(mode)) // as RabbitMQ shows it
		}
	}
	buf = appendShort(buf, "content-encoding", p.ContentEncoding)
	return appendShort(buf, "content-type", p.ContentType)
}

func appendShort(buf []byte, name string, get func() ([]byte, bool)) []byte {
	if v, ok := get(); ok {
		buf = wire.AppendHeader(buf, name, v)
	}
	return buf
}
