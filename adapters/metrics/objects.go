package metrics

import (
	"context"
	"strconv"

	"github.com/portico-mq/portico/broker"
)

// look opens a session that sees everything in a virtual host; nil when it is gone or not asked for.
func (c *collector) look(vhost string) *broker.Session {
	if c.scope.vhosts != nil && !c.scope.vhosts[vhost] {
		return nil
	}
	s, err := c.opts.Broker.OpenSession(context.Background(), c.opts.Broker.Root(), vhost)
	if err != nil {
		return nil
	}
	return s
}

// queueNumbers are those of one queue, or of all.
type queueNumbers struct{ ready, unacked, consumers int }

func (c *collector) queues() {
	var all queueNumbers
	queues := 0
	for _, vhost := range c.opts.Broker.Namespaces() {
		s := c.look(vhost)
		if s == nil {
			continue
		}
		for _, name := range s.QueueNames() {
			info, _, err := s.LookAtQueue(name)
			if err != nil {
				continue
			}
			queues++
			one := queueNumbers{info.Ready, info.Unacked, info.Consumers}
			if c.scope.perQueue {
				labels := []label{{"vhost", vhost}, {"queue", name}}
				c.sendQueue(one, labels...)
				c.sendQueueTraffic(info.Counts, labels...)
			}
			all.ready += one.ready
			all.unacked += one.unacked
			all.consumers += one.consumers
		}
	}
	if !c.scope.perQueue {
		c.sendQueue(all)
	}
	if c.scope.families == nil {
		c.gauge("queues", "Queues available", float64(queues))
		c.gauge("consumers", "Consumers currently connected", float64(all.consumers))
	}
}

func (c *collector) sendQueue(n queueNumbers, labels ...label) {
	if c.scope.wants("queue_coarse_metrics", "queue_metrics") {
		c.gauge("queue_messages_ready", "Messages ready to be delivered to consumers", float64(n.ready), labels...)
		c.gauge("queue_messages_unacked", "Messages delivered to consumers but not yet acknowledged", float64(n.unacked), labels...)
		c.gauge("queue_messages", "Sum of ready and unacknowledged messages - total queue depth", float64(n.ready+n.unacked), labels...)
	}
	if c.scope.wants("queue_consumer_count", "queue_metrics") {
		c.gauge("queue_consumers", "Consumers on a queue", float64(n.consumers), labels...)
	}
}

// sendQueueTraffic measures what flowed through one queue.
func (c *collector) sendQueueTraffic(counts broker.Counts, labels ...label) {
	if !c.scope.wants("queue_delivery_metrics") {
		return
	}
	c.counter("queue_messages_published_total", "Total number of messages published to queues", counts[broker.Published], labels...)
	c.counter("queue_messages_delivered_ack_total", "Total number of messages delivered to consumers in manual acknowledgement mode", counts[broker.Delivered], labels...)
	c.counter("queue_messages_delivered_total", "Total number of messages delivered to consumers in automatic acknowledgement mode", counts[broker.DeliveredAutoAck], labels...)
	c.counter("queue_get_ack_total", "Total number of messages fetched with basic.get in manual acknowledgement mode", counts[broker.Fetched], labels...)
	c.counter("queue_get_total", "Total number of messages fetched with basic.get in automatic acknowledgement mode", counts[broker.FetchedAutoAck], labels...)
	c.counter("queue_messages_acked_total", "Total number of messages acknowledged by consumers", counts[broker.Acked], labels...)
	c.counter("queue_messages_redelivered_total", "Total number of messages redelivered to consumers", counts[broker.Redelivered], labels...)
	c.counter("queue_get_empty_total", "Total number of times basic.get operations fetched no message", counts[broker.FetchedNothing], labels...)
}

// channelNumbers are those of one channel, or of all.
type channelNumbers struct {
	unacked, unconfirmed, uncommitted, uncommittedAcks int64
	counts                                             broker.Counts
}

// connectionNumbers are those of one connection, or of all.
type connectionNumbers struct {
	received, sent, receivedPieces, sentPieces uint64
	channels                                   int
}

func (c *collector) connections() {
	var all connectionNumbers
	var allChannels channelNumbers
	list := c.opts.Broker.Connections()
	for _, conn := range list {
		lanes := conn.Lanes()
		one := connectionNumbers{
			conn.Received.Bytes(), conn.Sent.Bytes(), conn.Received.Pieces(), conn.Sent.Pieces(), len(lanes),
		}
		if c.scope.perQueue {
			c.sendConnection(one, label{"connection", conn.Name()})
		}
		all.received += one.received
		all.sent += one.sent
		all.receivedPieces += one.receivedPieces
		all.sentPieces += one.sentPieces
		all.channels += one.channels
		for _, l := range lanes {
			n := channelNumbers{
				l.Unacked.Load(), l.Unconfirmed.Load(), l.UncommittedMessages.Load(), l.UncommittedAcks.Load(), l.Traffic.Counts(),
			}
			if c.scope.perQueue {
				c.sendChannel(n, label{"channel", conn.Name() + " (" + strconv.Itoa(l.Number) + ")"})
			}
			allChannels.unacked += n.unacked
			allChannels.unconfirmed += n.unconfirmed
			allChannels.uncommitted += n.uncommitted
			allChannels.uncommittedAcks += n.uncommittedAcks
			allChannels.counts = allChannels.counts.Plus(n.counts)
		}
	}
	if !c.scope.perQueue {
		c.sendConnection(all)
		c.sendChannel(allChannels)
	}
	if c.scope.families == nil {
		c.gauge("connections", "Connections currently open", float64(len(list)))
		c.gauge("channels", "Channels currently open", float64(all.channels))
	}
}

func (c *collector) sendConnection(n connectionNumbers, labels ...label) {
	if c.scope.wants("connection_coarse_metrics", "connection_metrics") {
		c.counter("connection_incoming_bytes_total", "Total number of bytes received on a connection", n.received, labels...)
		c.counter("connection_outgoing_bytes_total", "Total number of bytes sent on a connection", n.sent, labels...)
	}
	if c.scope.wants("connection_metrics") {
		c.counter("connection_incoming_packets_total", "Total number of packets received on a connection", n.receivedPieces, labels...)
		c.counter("connection_outgoing_packets_total", "Total number of packets sent on a connection", n.sentPieces, labels...)
		c.gauge("connection_channels", "Channels on a connection", float64(n.channels), labels...)
	}
}

func (c *collector) sendChannel(n channelNumbers, labels ...label) {
	if c.scope.wants("channel_metrics") {
		c.gauge("channel_messages_unacked", "Delivered but not yet acknowledged messages", float64(n.unacked), labels...)
		c.gauge("channel_messages_unconfirmed", "Published but not yet confirmed messages", float64(n.unconfirmed), labels...)
		c.gauge("channel_messages_uncommitted", "Messages received in a transaction but not yet committed", float64(n.uncommitted), labels...)
		c.gauge("channel_acks_uncommitted", "Message acknowledgements in a transaction not yet committed", float64(n.uncommittedAcks), labels...)
	}
	if c.scope.wants("channel_exchange_metrics", "channel_queue_metrics") {
		for _, m := range counted {
			if m.channel != "" {
				c.counter("channel_messages_"+m.channel, m.help, sum(n.counts, m.stats), labels...)
			}
		}
	}
}
