package metrics

import (
	"context"
	"strconv"
	"time"

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
type queueNumbers struct {
	ready, unacked, consumers int
	readyBytes, unackedBytes  int64
	bytesUnknown              bool
	published                 uint64
	persistent                int
	persistentBytes, memory   int64
	head                      time.Time
}

// consumerNumbers are the consumers by what they belong to.
type consumerNumbers struct {
	byProtocol map[string]int
	byLane     map[*broker.Lane]laneConsumers
}

// laneConsumers are the consumers of one channel, with the sum of their prefetch limits.
type laneConsumers struct{ consumers, prefetch int }

func (c *collector) queues() consumerNumbers {
	consumers := consumerNumbers{map[string]int{alwaysShown: 0}, make(map[*broker.Lane]laneConsumers)}
	var all queueNumbers
	queues := 0
	for _, vhost := range c.opts.Broker.Namespaces() {
		s := c.look(vhost)
		if s == nil {
			continue
		}
		for _, info := range s.LookAtQueues() {
			queues++
			name := info.Spec.Name
			one := queueNumbers{
				info.Ready, info.Unacked, info.Consumers, info.ReadyBytes, info.UnackedBytes, info.BytesUnknown,
				info.Counts[broker.Published], 0, 0, info.WindowBytes, info.HeadTime,
			}
			if info.Spec.Durable { // all that a durable queue has is on disk
				one.persistent, one.persistentBytes = info.Ready+info.Unacked, info.ReadyBytes+info.UnackedBytes
			}
			if c.scope.perQueue {
				labels := []label{{"vhost", vhost}, {"queue", name}}
				c.sendQueue(one, labels...)
				c.sendQueueTraffic(info.Counts, labels...)
			}
			all.ready += one.ready
			all.unacked += one.unacked
			all.consumers += one.consumers
			all.readyBytes += one.readyBytes
			all.unackedBytes += one.unackedBytes
			all.bytesUnknown = all.bytesUnknown || one.bytesUnknown
			all.published += one.published
			all.persistent += one.persistent
			all.persistentBytes += one.persistentBytes
			all.memory += one.memory
			if one.consumers > 0 {
				consumers.add(s.QueueConsumers(name))
			}
		}
	}
	if !c.scope.perQueue {
		c.sendQueue(all)
		c.counter("queue_messages_published_total", "Total number of messages published to queues", all.published)
	}
	if c.scope.families == nil {
		c.gauge("queues", "Queues available", float64(queues))
		c.gauge("consumers", "Consumers currently connected", float64(all.consumers))
	}
	return consumers
}

func (n *consumerNumbers) add(consumers []broker.ConsumerInfo) {
	for _, one := range consumers {
		n.byProtocol[protocolName(one.FrontEnd)]++
		if lane := one.Options.Lane; lane != nil {
			l := n.byLane[lane]
			n.byLane[lane] = laneConsumers{l.consumers + 1, l.prefetch + one.Options.Prefetch}
		}
	}
}

func (c *collector) sendQueue(n queueNumbers, labels ...label) {
	if c.scope.wants("queue_coarse_metrics", "queue_metrics") {
		c.gauge("queue_messages_ready", "Messages ready to be delivered to consumers", float64(n.ready), labels...)
		c.gauge("queue_messages_unacked", "Messages delivered to consumers but not yet acknowledged", float64(n.unacked), labels...)
		c.gauge("queue_messages", "Sum of ready and unacknowledged messages - total queue depth", float64(n.ready+n.unacked), labels...)
	}
	if c.scope.wants("queue_metrics") && !n.bytesUnknown {
		c.gauge("queue_messages_bytes", "Size in bytes of ready and unacknowledged messages", float64(n.readyBytes+n.unackedBytes), labels...)
		c.gauge("queue_messages_ready_bytes", "Size in bytes of ready messages", float64(n.readyBytes), labels...)
		c.gauge("queue_messages_unacked_bytes", "Size in bytes of all unacknowledged messages", float64(n.unackedBytes), labels...)
	}
	if c.scope.wants("queue_metrics") {
		c.gauge("queue_process_memory_bytes", "Memory in bytes used by the Erlang queue process", float64(n.memory), labels...)
		c.gauge("queue_messages_persistent", "Persistent messages", float64(n.persistent), labels...)
		if !n.bytesUnknown {
			c.gauge("queue_messages_persistent_bytes", "Size in bytes of persistent messages", float64(n.persistentBytes), labels...)
		}
		if !n.head.IsZero() {
			c.gauge("queue_head_message_timestamp", "Timestamp of the first message in the queue, if any", float64(n.head.Unix()), labels...)
		}
	}
	if c.scope.wants("queue_consumer_count", "queue_metrics") {
		c.gauge("queue_consumers", "Consumers on a queue", float64(n.consumers), labels...)
	}
}

// sendQueueTraffic measures what flowed through one queue.
func (c *collector) sendQueueTraffic(counts broker.Counts, labels ...label) {
	if c.scope.wants("queue_delivery_metrics", "channel_queue_exchange_metrics") {
		c.counter("queue_messages_published_total", "Total number of messages published to queues", counts[broker.Published], labels...)
	}
	if !c.scope.wants("queue_delivery_metrics") {
		return
	}
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
	unacked, unconfirmed, uncommitted, uncommittedAcks, prefetch int64
	counts                                                       broker.Counts
	consumers                                                    laneConsumers
}

func (n *channelNumbers) add(m *channelNumbers) {
	n.unacked += m.unacked
	n.unconfirmed += m.unconfirmed
	n.uncommitted += m.uncommitted
	n.uncommittedAcks += m.uncommittedAcks
	n.prefetch += m.prefetch
	n.counts = n.counts.Plus(m.counts)
	n.consumers.consumers += m.consumers.consumers
	n.consumers.prefetch += m.consumers.prefetch
}

// connectionNumbers are those of one connection, or of all.
type connectionNumbers struct {
	received, sent, receivedPieces, sentPieces uint64
	channels                                   int
}

// connections measures connections and channels, and returns how many channels have published, by protocol.
func (c *collector) connections(consumers consumerNumbers) (publishers map[string]int) {
	publishers = map[string]int{alwaysShown: 0}
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
				l.Unacked.Load(), l.Unconfirmed.Load(), l.UncommittedMessages.Load(), l.UncommittedAcks.Load(),
				l.SharedPrefetch.Load(), l.Traffic.Counts(), consumers.byLane[l],
			}
			if n.counts[broker.Published] > 0 {
				publishers[protocolName(conn.FrontEnd())]++
			}
			if c.scope.perQueue {
				c.sendChannel(&n, label{"channel", conn.Name() + " (" + strconv.Itoa(l.Number) + ")"})
			}
			allChannels.add(&n)
		}
	}
	if !c.scope.perQueue {
		c.sendConnection(all)
		c.sendChannel(&allChannels)
	}
	if c.scope.families == nil {
		c.gauge("connections", "Connections currently open", float64(len(list)))
		c.gauge("channels", "Channels currently open", float64(all.channels))
	}
	return publishers
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

// channelCounters are the counters of channels.
var channelCounters = []struct {
	name, help string
	stat       broker.Stat
}{
	{"channel_messages_published_total", "Total number of messages published into an exchange on a channel", broker.Published},
	{"channel_messages_confirmed_total", "Total number of messages published into an exchange and confirmed on the channel", broker.Confirmed},
	{"channel_messages_unroutable_returned_total", "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable", broker.Returned},
	{"channel_messages_unroutable_dropped_total", "Total number of messages published as non-mandatory into an exchange and dropped as unroutable", broker.Dropped},
	{"channel_get_ack_total", "Total number of messages fetched with basic.get in manual acknowledgement mode", broker.Fetched},
	{"channel_get_total", "Total number of messages fetched with basic.get in automatic acknowledgement mode", broker.FetchedAutoAck},
	{"channel_messages_delivered_ack_total", "Total number of messages delivered to consumers in manual acknowledgement mode", broker.Delivered},
	{"channel_messages_delivered_total", "Total number of messages delivered to consumers in automatic acknowledgement mode", broker.DeliveredAutoAck},
	{"channel_messages_redelivered_total", "Total number of messages redelivered to consumers", broker.Redelivered},
	{"channel_messages_acked_total", "Total number of messages acknowledged by consumers", broker.Acked},
	{"channel_get_empty_total", "Total number of times basic.get operations fetched no message", broker.FetchedNothing},
}

// ofExchanges are counted where exchanges take publications, the others where queues hand out.
var ofExchanges = map[broker.Stat]bool{broker.Published: true, broker.Confirmed: true, broker.Returned: true, broker.Dropped: true}

func (c *collector) sendChannel(n *channelNumbers, labels ...label) {
	if c.scope.wants("channel_metrics") {
		c.gauge("channel_consumers", "Consumers on a channel", float64(n.consumers.consumers), labels...)
		c.gauge("channel_messages_unacked", "Delivered but not yet acknowledged messages", float64(n.unacked), labels...)
		c.gauge("channel_messages_unconfirmed", "Published but not yet confirmed messages", float64(n.unconfirmed), labels...)
		c.gauge("channel_messages_uncommitted", "Messages received in a transaction but not yet committed", float64(n.uncommitted), labels...)
		c.gauge("channel_acks_uncommitted", "Message acknowledgements in a transaction not yet committed", float64(n.uncommittedAcks), labels...)
		c.gauge("consumer_prefetch", "Limit of unacknowledged messages for each consumer", float64(n.consumers.prefetch), labels...)
		c.gauge("channel_prefetch", "Total limit of unacknowledged messages for all consumers on a channel", float64(n.prefetch), labels...)
	}
	for _, m := range channelCounters {
		family := "channel_queue_metrics"
		if ofExchanges[m.stat] {
			family = "channel_exchange_metrics"
		}
		if c.scope.wants(family) {
			c.counter(m.name, m.help, n.counts[m.stat], labels...)
		}
	}
}
