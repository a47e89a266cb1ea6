package app

import (
	"fmt"

	"github.com/portico-mq/portico/broker/selector"
	"github.com/portico-mq/portico/config"
	"github.com/portico-mq/portico/gateway/stomp"
)

// destinations are what the configuration says of ActiveMQ's destinations.
func destinations(c *config.ActiveMQ) (*stomp.Destinations, error) {
	opts := stomp.DestinationOptions{
		MaximumRedeliveries: c.MaximumRedeliveries, IndividualDeadLetters: c.IndividualDeadLetters,
	}
	for i := range c.Policies.All {
		opts.Policies = append(opts.Policies, policy(&c.Policies.All[i]))
	}
	v := &c.VirtualDestinations
	for _, t := range v.Topics {
		opts.Virtual.Topics = append(opts.Virtual.Topics, stomp.VirtualTopic{Pattern: t.Name, Prefix: t.Prefix, Postfix: t.Postfix})
	}
	for _, from := range v.Composites {
		composite := stomp.Composite{Topic: from.Topic, Name: from.Name, Keeps: !from.ForwardOnly}
		for _, to := range from.To {
			forward := stomp.Forward{Topic: to.Topic, Name: to.Name}
			if to.Selector != "" {
				var err error
				if forward.Selector, err = selector.Parse("convert_string_expressions:" + to.Selector); err != nil {
					return nil, fmt.Errorf("stomp.activemq.virtual_destinations: the selector %q: %w", to.Selector, err)
				}
			}
			composite.To = append(composite.To, forward)
		}
		opts.Virtual.Composites = append(opts.Virtual.Composites, composite)
	}
	if v.Mirrored != nil {
		opts.Virtual.Mirrored = &stomp.Mirrored{Prefix: v.Mirrored.Prefix, Postfix: v.Mirrored.Postfix}
	}
	return stomp.NewDestinations(opts), nil
}

func policy(c *config.ActiveMQPolicy) stomp.Policy {
	p := stomp.Policy{Namespace: c.VirtualHost, Topic: c.Topic, Pattern: c.Pattern}
	if d := c.DeadLetters; d != nil {
		p.DeadLetters = &stomp.DeadLetterStrategy{
			Discard: d.Strategy == "discarding", Individual: d.Strategy == "individual", Queue: d.Queue,
			QueuePrefix: d.QueuePrefix, QueueSuffix: d.QueueSuffix, TopicPrefix: d.TopicPrefix, TopicSuffix: d.TopicSuffix,
			DropExpired: !d.ProcessExpired, NonPersistent: d.ProcessNonPersistent, Expiration: d.Expiration,
		}
	}
	if r := c.Redelivery; r != nil {
		p.Redelivery = &stomp.RedeliveryPolicy{
			Maximum: r.Maximum, InitialDelay: r.InitialDelay, Delay: r.Delay, BackOff: r.BackOff, Multiplier: r.Multiplier,
			MaximumDelay: r.MaximumDelay,
		}
	}
	return p
}

// authorization is what the configuration says of rights at ActiveMQ's destinations; nil when it says nothing.
func authorization(c *config.ActiveMQ) *stomp.Authorization {
	if len(c.Authorization.All) == 0 {
		return nil
	}
	a := &stomp.Authorization{}
	for _, e := range c.Authorization.All {
		a.Entries = append(a.Entries, stomp.AuthorizationEntry{
			Namespace: e.VirtualHost, Temporary: e.Temporary, Topic: e.Topic, Pattern: e.Pattern,
			Read: e.Read, Write: e.Write, Admin: e.Admin,
		})
	}
	return a
}
