package stomp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// Durable subscriptions. One belongs to a client-id and has a name; it is a durable queue that is bound to its topics,
// and keeps what it was made for in the queue's attributes.

// durableAttributes is where a durable subscription's queue keeps what it is for.
const durableAttributes = "stomp"

// topicQueuePrefix begins the names of the queues of other subscriptions to topics.
const topicQueuePrefix = "stomp-subscription-"

// durablePrefix begins the names of durable subscriptions' queues.
const durablePrefix = "durable."

// durableQueue names the queue of a durable subscription, unmistakably whatever its parts have in them.
func durableQueue(clientID, name string) string {
	escape := strings.NewReplacer("%", "%25", ".", "%2E")
	queue := durablePrefix + escape.Replace(clientID) + "." + escape.Replace(name)
	if len(queue) > maxPlaceName {
		sum := sha256.Sum256([]byte(queue))
		queue = durablePrefix + hex.EncodeToString(sum[:])
	}
	return queue
}

// durableClient is who a durable subscription belongs to: in STOMP 1.0 its own name stands for the client.
func durableClient(c *conn, name string) string {
	switch {
	case c.version == "1.0":
		return name
	case c.clientID == "":
		return c.ownID
	default:
		return c.clientID
	}
}

// subscribeDurably takes up a durable subscription, or makes it; one that was for other topics is made anew.
func (activemq) subscribeDurably(
	ctx context.Context, c *conn, s *subscription, r *route, name string, opts broker.ConsumeOptions,
) error {
	for _, p := range r.places {
		if !p.topic {
			return activeMQFault("Invalid Subscription: cannot durably subscribe to a Queue destination!")
		}
	}
	client := durableClient(c, name)
	queue := durableQueue(client, name)
	attributes := property.Table{
		{Name: "client-id", Value: client}, {Name: "subscription-name", Value: name}, {Name: "destination", Value: r.String()},
	}
	opts.Exclusive = true
	spec, err := c.session.QueueSpec(queue)
	if err == nil {
		if had, _ := spec.Attributes[durableAttributes].Get("destination"); had != r.String() {
			if _, err := c.session.DeleteQueue(ctx, queue, true, false); err != nil {
				return durableInUse(err, client, name)
			}
			err = &broker.Error{Kind: broker.KindNotFound}
		}
	}
	switch {
	case broker.IsKind(err, broker.KindNotFound):
		err = c.makeDurable(ctx, queue, r, attributes)
	case err == nil: // a server that was killed may have made the queue and not all bindings
		err = c.bindTopics(ctx, c.session, queue, r.places)
	}
	if err != nil {
		return err
	}
	s.topicQueue = queue
	return durableInUse(s.consume(ctx, queue, opts), client, name)
}

func (c *conn) makeDurable(ctx context.Context, queue string, r *route, attributes property.Table) error {
	_, _, err := c.declareWithDeadLetters(ctx, broker.QueueSpec{
		Name: queue, Durable: true, Attributes: broker.Attributes{durableAttributes: attributes},
		Limits: c.deadLetterLimits(queue, r.places[0]),
	})
	if err != nil {
		return err
	}
	if err := c.bindTopics(ctx, c.session, queue, r.places); err != nil {
		_, gone := c.session.DeleteQueue(ctx, queue, true, false)
		return errors.Join(err, gone)
	}
	return nil
}

// durableInUse words that somebody else has the subscription.
func durableInUse(err error, client, name string) error {
	if broker.IsKind(err, broker.KindExclusiveUse) || broker.IsKind(err, broker.KindInUse) {
		return activeMQFault("Durable consumer is in use for client: " + client + " and subscriptionName: " + name)
	}
	return err
}

// forgetDurable removes a durable subscription with what it has kept.
func (activemq) forgetDurable(ctx context.Context, c *conn, name string) error {
	client := durableClient(c, name)
	_, err := c.session.DeleteQueue(ctx, durableQueue(client, name), true, false)
	switch {
	case broker.IsKind(err, broker.KindNotFound):
		return activeMQFault("No durable subscription exists for clientID: " + client + " and subscriptionName: " + name)
	case broker.IsKind(err, broker.KindInUse):
		return activeMQFault("Durable consumer is in use")
	default:
		return err
	}
}
