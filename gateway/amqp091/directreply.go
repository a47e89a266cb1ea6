package amqp091

import (
	"strings"
	"sync"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// Direct reply-to: a client consumes from the queue amq.rabbitmq.reply-to, which does not exist, and publishes with
// that in reply-to. The property is changed into an address of the channel; what is published to the default exchange
// with this address as its key goes straight to the channel. Nothing is stored, so that a reply costs no more than
// its two frames; one to a client that does not read is dropped.

const (
	directReplyQueue  = "amq.rabbitmq.reply-to"
	directReplyPrefix = directReplyQueue + "."
	// directReplyWater is how much may wait to be written to a client before replies to it are dropped.
	directReplyWater = 8 * highWater
)

// replies knows the addresses of direct replies.
type replies struct {
	mu sync.RWMutex
	to map[string]*directReply
}

// directReply is the consumer of direct replies of a channel.
type directReply struct {
	ch      *channel
	tag     string
	address string
}

// hasTag reports whether the consumer has that tag; a nil one has none.
func (r *directReply) hasTag(tag string) bool { return r != nil && r.tag == tag }

func (r *directReply) stop() {
	all := &r.ch.c.srv.reply
	all.mu.Lock()
	delete(all.to, r.address)
	all.mu.Unlock()
}

func (s *Server) directReplyTo(address string) *directReply {
	s.reply.mu.RLock()
	defer s.reply.mu.RUnlock()
	return s.reply.to[address]
}

func (ch *channel) consumeDirectReplies(tag string, m *wire.BasicConsume) error {
	ch.c.mu.Lock()
	_, taken := ch.consumers[tag]
	ch.c.mu.Unlock()
	switch {
	case taken || ch.direct.hasTag(tag):
		return reusedTag(tag)
	case ch.direct != nil:
		return channelFault(wire.PreconditionFailed, "reply consumer already set")
	case !m.NoAck:
		return channelFault(wire.PreconditionFailed, "reply consumer cannot acknowledge")
	}
	ch.direct = &directReply{ch: ch, tag: tag, address: directReplyPrefix + broker.UniqueName()}
	all := &ch.c.srv.reply
	all.mu.Lock()
	if all.to == nil {
		all.to = make(map[string]*directReply)
	}
	all.to[ch.direct.address] = ch.direct
	all.mu.Unlock()
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.BasicConsumeOk{ConsumerTag: []byte(tag)})
	}
	return nil
}

// withReplyAddress puts the channel's address into reply-to.
func (ch *channel) withReplyAddress(b property.Block) (property.Block, error) {
	if ch.direct == nil {
		return nil, ofPublish(channelFault(wire.PreconditionFailed, "fast reply consumer does not exist"))
	}
	set, err := b.Decode()
	if err != nil {
		return nil, err
	}
	set.ReplyTo = ch.direct.address
	return set.Append(nil)
}

// publishDirectReply delivers a message that is addressed to a channel. done is false for one that is not.
func (ch *channel) publishDirectReply(m *broker.Message) (done bool, err error) {
	if !strings.HasPrefix(m.Key(), directReplyPrefix) {
		return false, nil
	}
	to := ch.c.srv.directReplyTo(m.Key())
	// A reply is not part of a transaction, as with RabbitMQ, and final at once.
	if (to == nil || !to.deliver(m)) && ch.publishing.mandatory {
		ch.giveBack(m)
	}
	if ch.confirming {
		ch.confirms.next(ch).Done(nil)
	}
	return true, nil
}

// deliver appends the reply to what its client is to be written, unless that is too much already.
func (r *directReply) deliver(m *broker.Message) bool {
	ch, c := r.ch, r.ch.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead || ch.closed || len(c.out) >= directReplyWater {
		return false
	}
	ch.nextTag++
	out := wire.AppendMethod(c.out, ch.id, &wire.BasicDeliver{
		ConsumerTag: []byte(r.tag), DeliveryTag: ch.nextTag, RoutingKey: []byte(m.Key()),
	})
	c.append(wire.AppendContent(out, ch.id, wire.ClassBasic, m.Properties(), m.Body(), c.frameMax))
	return true
}
