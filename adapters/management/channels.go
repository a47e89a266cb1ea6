package management

import "github.com/portico-mq/portico/broker"

func listChannels(c *call) {
	if _, ok := c.vhosts(); !ok {
		return
	}
	c.answerChannels(c.connections())
}

func listChannelsOfConnection(c *call) {
	if conn := c.findConnection(false); conn != nil {
		c.answerChannels([]*broker.Connection{conn})
	}
}

func (c *call) answerChannels(connections []*broker.Connection) {
	consumers := c.consumersByLane()
	items := []object{}
	for _, conn := range connections {
		for _, l := range conn.Lanes() {
			items = append(items, c.describeChannel(l, consumers[l]))
		}
	}
	c.list(items)
}

// consumersByLane are the consumers of all virtual hosts, by where they were made.
func (c *call) consumersByLane() map[*broker.Lane][]broker.ConsumerInfo {
	found := make(map[*broker.Lane][]broker.ConsumerInfo)
	for _, vhost := range c.server.broker.Namespaces() {
		for _, k := range c.server.consumers(c.r.Context(), vhost) {
			found[k.Options.Lane] = append(found[k.Options.Lane], k)
		}
	}
	return found
}

func (c *call) describeChannel(l *broker.Lane, consumers []broker.ConsumerInfo) object {
	conn := l.Connection()
	o := object{
		"name": channelName(l), "number": l.Number, "node": c.server.node(), "user": conn.User(), "vhost": conn.Namespace(),
		"user_who_performed_action": conn.User(), "connection_details": connectionDetails(conn), "state": "running",
		"confirm": l.Confirming.Load(), "transactional": l.Transactional.Load(),
		"prefetch_count": l.Prefetch.Load(), "global_prefetch_count": l.SharedPrefetch.Load(),
		"messages_unacknowledged": l.Unacked.Load(), "messages_unconfirmed": l.Unconfirmed.Load(),
		"messages_uncommitted": l.UncommittedMessages.Load(), "acks_uncommitted": l.UncommittedAcks.Load(),
		"consumer_count": len(consumers),
	}
	if c.wantsStats() {
		addMessageStats(o, l.Traffic.Counts(), c.view(l))
	}
	return o
}

func getChannel(c *call) {
	for _, conn := range c.server.broker.Connections() {
		for _, l := range conn.Lanes() {
			if channelName(l) != c.vars["channel"] {
				continue
			}
			if !isMonitor(c.user) && conn.User() != c.user.Name() {
				c.refuse("User not authorised to access object")
				return
			}
			consumers := c.consumersByLane()[l]
			o := c.describeChannel(l, consumers)
			list := make([]object, len(consumers))
			for i := range consumers {
				list[i] = describeConsumer(&consumers[i])
			}
			o["consumer_details"] = list
			o["publishes"], o["deliveries"] = []object{}, []object{}
			c.answer(o)
			return
		}
	}
	c.notFound()
}
