package amqp091

import (
	"strconv"
	"unsafe"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// basic.publish and its content. RabbitMQ looks at a publication when all of it has come; so do we, but for a body
// that is announced to be too large, which is not waited for.

type publishStage uint8

const (
	wantMethod publishStage = iota
	wantHeader
	wantBody
)

// publishing is the publication that is being received.
type publishing struct {
	stage                publishStage
	mandatory, immediate bool
	names                []byte // exchange and routing key, one after the other
	exchangeEnd          int
	message              *broker.Message
	missing              uint64   // bytes of the body to come
	keys                 []string // further routing keys: CC and BCC
	replyTo              bool     // the answer is to come to the direct reply consumer
}

// expectsMethod refuses a method in the middle of a content.
func (p *publishing) expectsMethod() error {
	switch p.stage {
	case wantMethod:
		return nil
	case wantHeader:
		return ofPublish(connectionFault(wire.UnexpectedFrame,
			"expected content header for class %d, got non content header frame instead", wire.ClassBasic))
	default:
		return ofPublish(connectionFault(wire.UnexpectedFrame,
			"expected content body, got non content body frame instead"))
	}
}

func ofPublish(f *fault) *fault {
	f.id = wire.IDBasicPublish
	return f
}

func (ch *channel) handlePublish(arguments []byte) error {
	var m wire.BasicPublish
	if err := m.ReadFrom(arguments); err != nil {
		return undecodable(wire.IDBasicPublish, arguments)
	}
	p := &ch.publishing
	p.stage, p.mandatory, p.immediate = wantHeader, m.Mandatory, m.Immediate
	p.names = append(append(p.names[:0], m.Exchange...), m.RoutingKey...)
	p.exchangeEnd = len(m.Exchange)
	return nil
}

// view is b as a string, for calls that do not keep it.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (ch *channel) handleHeader(payload []byte) error {
	p := &ch.publishing
	switch p.stage {
	case wantMethod:
		return connectionFault(wire.UnexpectedFrame, "expected method frame, got non method frame instead")
	case wantBody:
		return p.expectsMethod()
	case wantHeader:
	}
	h, err := wire.ParseContentHeader(payload)
	switch {
	case err != nil:
		return &fault{scope: connectionScope, code: wire.InternalError} // measured: RabbitMQ says nothing more
	case h.Class != wire.ClassBasic:
		return ofPublish(connectionFault(wire.UnexpectedFrame, "expected content header for class %d, got one for class %d instead",
			wire.ClassBasic, h.Class))
	}
	if limit := ch.c.srv.opts.MaxMessageSize; h.BodySize > uint64(limit) {
		return ofPublish(channelFault(wire.PreconditionFailed, "message size %d is larger than configured max size %d", h.BodySize, limit))
	}
	properties, err := ch.prepare(h.Properties)
	if err != nil {
		return err
	}
	p.message = broker.StartMessage(view(p.names[:p.exchangeEnd]), view(p.names[p.exchangeEnd:]), properties, int(h.BodySize))
	p.missing = h.BodySize
	p.stage = wantBody
	if p.missing == 0 {
		return ch.publish()
	}
	return nil
}

func (ch *channel) handleBody(payload []byte) error {
	p := &ch.publishing
	switch {
	case p.stage == wantHeader:
		return p.expectsMethod()
	case p.stage == wantMethod || uint64(len(payload)) > p.missing:
		return connectionFault(wire.UnexpectedFrame, "expected method frame, got non method frame instead")
	}
	p.message.Append(payload)
	if p.missing -= uint64(len(payload)); p.missing > 0 {
		return nil
	}
	return ch.publish()
}

// looked are the properties that are more than bytes to be copied.
const looked = property.FlagUserID | property.FlagExpiration | property.FlagHeaders | property.FlagReplyTo

// prepare checks the properties that mean something, and returns them as they are to be stored. Nothing of a refused
// publication has been done.
func (ch *channel) prepare(b property.Block) (property.Block, error) {
	p := &ch.publishing
	p.keys, p.replyTo = p.keys[:0], false
	if p.immediate {
		return nil, ofPublish(connectionFault(wire.NotImplemented, "immediate=true"))
	}
	if b.Flags()&looked == 0 {
		return b, nil
	}
	if user, ok := b.UserID(); ok && string(user) != ch.c.user && !ch.c.session.Principal().HasTag("impersonator") {
		return nil, ofPublish(channelFault(wire.PreconditionFailed,
			"user_id property set to '%s' but authenticated user was '%s'", user, ch.c.user))
	}
	if expiration, ok := b.Expiration(); ok {
		if err := checkExpiration(expiration); err != nil {
			return nil, ofPublish(err)
		}
	}
	if to, ok := b.ReplyTo(); ok && string(to) == directReplyQueue {
		var err error
		if b, err = ch.withReplyAddress(b); err != nil {
			return nil, err
		}
	}
	b, keys, err := senderSelected(b)
	p.keys = append(p.keys, keys...)
	return b, err
}

// Prepare checks the properties of a publication that comes another way than over a channel, and returns them as they
// are to be stored, with its further routing keys. Errors have RabbitMQ's words in a method ReplyText.
func Prepare(b property.Block) (property.Block, []string, error) {
	if expiration, ok := b.Expiration(); ok {
		if err := checkExpiration(expiration); err != nil {
			return nil, nil, err
		}
	}
	return senderSelected(b)
}

// checkExpiration refuses an expiration that cannot be one, as RabbitMQ does.
func checkExpiration(value []byte) *fault {
	digits := value
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		digits = digits[1:]
	}
	end := 0
	for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
		end++
	}
	ms, err := strconv.ParseUint(string(digits[:end]), 10, 64)
	switch {
	case end == 0:
		return channelFault(wire.PreconditionFailed, "invalid expiration '%s': no_integer", value)
	case end < len(digits):
		return channelFault(wire.PreconditionFailed, "invalid expiration '%s': {leftover_string,%q}", value, digits[end:])
	case value[0] == '-' && ms > 0:
		return channelFault(wire.PreconditionFailed, "invalid expiration '%s': {value_negative,%s}", value, value)
	case err != nil || ms > longestTime:
		return channelFault(wire.PreconditionFailed, "invalid expiration '%s': {value_too_big,%s}", value, digits)
	}
	return nil
}

// longestTime is the longest time that is taken, in milliseconds: a hundred years, which no clock arithmetic overflows.
// RabbitMQ takes any.
const longestTime = 100 * 365 * 24 * 3600 * 1000

// maxTimer is the longest delay of the delayed message exchange, in milliseconds: what an Erlang timer takes.
const maxTimer = 4294967295

// senderSelected takes the further routing keys from the headers CC and BCC, and the latter out of the headers.
func senderSelected(b property.Block) (_ property.Block, keys []string, _ error) {
	headers := b.Headers()
	for _, name := range [...]string{"CC", "BCC"} {
		v, ok := headers.Lookup(name)
		if !ok {
			continue
		}
		elements, ok := v.Elements()
		if !ok {
			return nil, nil, ofPublish(channelFault(wire.PreconditionFailed,
				`invalid message: {unacceptable_type_in_header,"%s",%s}`, name, typeName(v.Type)))
		}
		for e := range elements {
			if key, ok := e.Bytes(); ok { // RabbitMQ passes over what is no text
				keys = append(keys, string(key))
			}
		}
		if name == "BCC" {
			b, err := withoutHeader(b, name)
			return b, keys, err
		}
	}
	return b, keys, nil
}

func withoutHeader(b property.Block, name string) (property.Block, error) {
	set, err := b.Decode()
	if err != nil {
		return nil, err
	}
	set.Headers = withoutFields(set.Headers, name)
	return set.Append(nil)
}

// publish hands the complete message to the broker.
func (ch *channel) publish() error {
	p := &ch.publishing
	m := p.message
	p.stage, p.message = wantMethod, nil
	if len(p.names) > p.exchangeEnd && p.exchangeEnd == 0 {
		if done, err := ch.publishDirectReply(m); done {
			return err
		}
	}
	ch.c.session.SetLane(ch.lane)
	if ch.tx != nil {
		ch.lane.UncommittedMessages.Add(1)
		return ch.refused(ch.tx.publish(m, p.mandatory, p.keys))
	}
	var done broker.Completion
	var pending *confirm
	ch.took()
	if ch.confirming {
		pending = ch.confirms.next(ch)
		done = pending
	}
	routed, err := ch.c.session.Publish(m, done, p.keys...)
	switch {
	case err != nil:
		if pending == nil || !broker.IsKind(err, broker.KindUnavailable) {
			return ch.refused(err)
		}
		pending.Done(err)
	case routed == 0:
		ch.unroutable(m, p.mandatory)
		if pending != nil {
			pending.Done(nil)
		}
	}
	return ch.c.waitForAlarm()
}

// refused words an error of publishing.
func (ch *channel) refused(err error) error {
	if broker.IsKind(err, broker.KindReserved) {
		return ofPublish(channelFault(wire.AccessRefused, "cannot publish to internal exchange '%s' in vhost '%s'",
			ch.publishing.names[:ch.publishing.exchangeEnd], ch.c.session.Namespace()))
	}
	if f, known := faultOf(err); err != nil && known {
		withID := *f
		withID.id = wire.IDBasicPublish
		return &withID
	}
	return err
}

// giveBack returns a message that reached no queue. It goes out before the confirm.
func (ch *channel) giveBack(m *broker.Message) {
	back := wire.BasicReturn{
		ReplyCode: uint16(wire.NoRoute), ReplyText: []byte(wire.NoRoute.String()),
		Exchange: []byte(m.Exchange()), RoutingKey: []byte(m.Key()),
	}
	ch.c.send(func(dst []byte) []byte {
		dst = wire.AppendMethod(dst, ch.id, &back)
		return wire.AppendContent(dst, ch.id, wire.ClassBasic, m.Properties(), m.Body(), ch.c.frameMax)
	})
}
