package management

import (
	"context"

	"github.com/portico-mq/portico/broker"
)

// consumers lists the consumers of a virtual host.
func (s *server) consumers(ctx context.Context, vhost string) []broker.ConsumerInfo {
	session, err := s.broker.OpenSession(ctx, s.broker.Root(), vhost)
	if err != nil {
		return nil // deleted meanwhile
	}
	var list []broker.ConsumerInfo
	for _, queue := range session.QueueNames() {
		list = append(list, session.QueueConsumers(queue)...)
	}
	return list
}

func listConsumers(c *call) {
	vhosts, ok := c.vhosts()
	if !ok {
		return
	}
	items := []object{}
	for _, vhost := range vhosts {
		for _, k := range c.server.consumers(c.r.Context(), vhost) {
			items = append(items, describeConsumer(&k))
		}
	}
	c.list(items, "queue.vhost", "queue.name", "consumer_tag")
}

func describeConsumer(k *broker.ConsumerInfo) object {
	activity := "up"
	if k.Waiting {
		activity = "waiting"
	}
	o := object{
		"queue": object{"name": k.Queue, "vhost": k.Namespace}, "consumer_tag": k.Options.Tag,
		"ack_required": !k.Options.AutoAck, "exclusive": k.Options.Exclusive, "prefetch_count": k.Options.Prefetch,
		"active": !k.Waiting, "activity_status": activity, "arguments": tableObject(k.Options.Attributes[amqpAttributes]),
		"channel_details": object{},
	}
	if l := k.Options.Lane; l != nil {
		conn := l.Connection()
		o["channel_details"] = object{
			"name": channelName(l), "number": l.Number, "user": conn.User(), "connection_name": conn.Name(),
			"peer_host": conn.Peer.Addr().String(), "peer_port": conn.Peer.Port(), "node": nodeName(),
		}
	}
	return o
}
