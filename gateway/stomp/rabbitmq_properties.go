package stomp

import (
	"bytes"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// properties encodes a SEND's headers as a message's properties, as RabbitMQ maps them (rabbit_stomp_util.erl
// message_properties): those that AMQP has a property for, and all others, receipt, transaction and content-length
// included, as string headers. replyTo stands in for the reply-to header unless it is "". The block is valid until the
// next call.
func (rabbitmq) properties(c *conn, f *wire.Frame, replyTo string) (property.Block, error) {
	s := &c.set
	*s = property.Set{Headers: s.Headers[:0]}
	for i := range f.Headers {
		h := &f.Headers[i]
		if len(h.Name) > property.MaxName {
			return nil, faultf("Invalid header", "a header's name is longer than %d bytes\n", property.MaxName)
		}
		if text := shortProperty(s, h.Name); text != nil {
			if len(h.Value) > property.MaxName {
				return nil, faultf("Invalid header", "'%s' is longer than %d bytes\n", h.Name, property.MaxName)
			}
			*text = string(h.Value)
			s.Flags |= shortFlag(h.Name)
			continue
		}
		if err := otherProperty(s, h); err != nil {
			return nil, err
		}
	}
	if replyTo != "" {
		s.ReplyTo = replyTo
	}
	if user := c.session.Principal(); s.UserID != "" && s.UserID != user.Name() && !user.HasTag("impersonator") {
		return nil, exception("precondition_failed", "user_id property set to '%s' but authenticated user was '%s'", s.UserID, user.Name())
	}
	if _, err := strconv.ParseUint(s.Expiration, 10, 32); err != nil && s.Flags&property.FlagExpiration != 0 {
		return nil, exception("precondition_failed", "invalid expiration '%s': no_integer", s.Expiration)
	}
	block, err := s.Append(c.block[:0])
	if err != nil {
		return nil, processingError()
	}
	c.block = block[:0]
	return block, nil
}

// shortProperty is where a header goes that AMQP has a short string for; nil for others.
func shortProperty(s *property.Set, name []byte) *string {
	switch string(name) {
	case "content-type":
		return &s.ContentType
	case "content-encoding":
		return &s.ContentEncoding
	case "correlation-id":
		return &s.CorrelationID
	case "reply-to":
		return &s.ReplyTo
	case "expiration":
		return &s.Expiration
	case "amqp-message-id":
		return &s.MessageID
	case "type":
		return &s.Type
	case "user-id":
		return &s.UserID
	case "app-id":
		return &s.AppID
	default:
		return nil
	}
}

// shortFlag is the flag of a short string, which is there even when it is empty.
func shortFlag(name []byte) property.Flags {
	switch string(name) {
	case "content-type":
		return property.FlagContentType
	case "content-encoding":
		return property.FlagContentEncoding
	case "expiration":
		return property.FlagExpiration
	case "correlation-id":
		return property.FlagCorrelationID
	case "reply-to":
		return property.FlagReplyTo
	case "amqp-message-id":
		return property.FlagMessageID
	case "type":
		return property.FlagType
	case "user-id":
		return property.FlagUserID
	case "app-id":
		return property.FlagAppID
	default:
		return 0
	}
}

// otherProperty takes a header that is no short string.
func otherProperty(s *property.Set, h *wire.Header) error {
	switch string(h.Name) {
	case "destination":
	case "persistent":
		persistent, ok := boolean(h.Value)
		if !ok {
			return processingError()
		}
		if persistent {
			s.DeliveryMode = property.Persistent
		}
	case "priority":
		n, err := strconv.ParseUint(string(bytes.TrimSpace(h.Value)), 10, 8)
		if err != nil {
			return processingError()
		}
		s.Priority = uint8(n)
		s.Flags |= property.FlagPriority
	case "timestamp":
		n, err := strconv.ParseInt(string(bytes.TrimSpace(h.Value)), 10, 64)
		if err != nil {
			return processingError()
		}
		s.Timestamp = time.Unix(n, 0)
		s.Flags |= property.FlagTimestamp
	default:
		s.Headers = append(s.Headers, property.Field{Name: string(h.Name), Value: string(h.Value)})
	}
	return nil
}

// boolean reads a value as RabbitMQ does.
func boolean(v []byte) (value, ok bool) {
	switch string(v) {
	case "true", "True":
		return true, true
	case "false", "False":
		return false, true
	default:
		return false, false
	}
}
