package sns

import (
	"context"
	"sync"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// A subscription is connected to its topic by a binding with this package's rule. Where it leads:
//
//   - to the queue itself, for a queue of the topic's account and region;
//   - to its dead-letter queue while that queue does not exist;
//   - else to a queue of its own, from which a courier delivers.

// bindingMark tells a subscription's binding from one of another front end between the same topic and
// queue. It is part of the binding's identity.
func (s *subscription) bindingMark() property.Table {
	return property.Table{{Name: "aws:protocol", Value: s.Protocol}, {Name: "aws:subscription", Value: s.id}}
}

func (s *subscription) binding(queue, ruleText string) broker.Binding {
	return broker.Binding{
		Source: s.topicName, Destination: queue, Kind: broker.ToQueue, Arguments: s.bindingMark(),
		Rule: ruleName, RuleText: ruleText,
	}
}

// direct tells a subscription whose messages go straight into the endpoint's queue.
func (s *subscription) direct() bool { return s.Protocol == protocolSQS && s.local(s.Endpoint) != "" }

// connect puts the subscription into force as it is now, in place of an earlier form of it. A topic
// that is gone is KindNotFound.
func (a *Adapter) connect(ctx context.Context, s *subscription) error {
	session, err := a.session(ctx, s.namespace)
	if err != nil {
		return err
	}
	defer session.Close()
	if s.Pending || s.Removed {
		return a.disconnect(ctx, session, s)
	}
	t := &topic{arn: s.Topic, name: s.topicName, namespace: s.namespace}
	if err := a.open(ctx, t); err != nil {
		return err
	}
	defer t.session.Close()
	text, err := ruleText(s, t)
	if err != nil {
		return err
	}
	if g := a.rules.guard.Load(); g != nil && s.direct() {
		return bindGuarded(ctx, session, g, s, t, text)
	}
	if s.direct() {
		return bindDirect(ctx, session, s, text)
	}
	queue := s.queueName()
	ordered := s.Protocol == protocolSQS && isFIFO(s.Endpoint)
	if _, _, err := session.DeclareQueue(ctx, broker.QueueSpec{Name: queue, Durable: true, Ordered: ordered}); err != nil {
		return err
	}
	if err := session.Bind(ctx, s.binding(queue, text)); err != nil {
		return err
	}
	a.couriers.start(a, s, t)
	return nil
}

// bindDirect binds to the first that exists of the endpoint's queue and the dead-letter queue, and
// not to the other.
func bindDirect(ctx context.Context, session *broker.Session, s *subscription, text string) error {
	bound := false
	for _, queue := range s.queues() {
		b := s.binding(queue, text)
		change := session.Bind
		if bound {
			change = session.Unbind
		}
		switch err := change(ctx, b); {
		case err == nil:
			bound = true
		case !broker.IsKind(err, broker.KindNotFound):
			return err
		}
	}
	return nil
}

// bindGuarded binds to both queues, where policies decide for each message which of them gets it. A queue that does not
// exist has no policy.
func bindGuarded(ctx context.Context, session *broker.Session, g *guard, s *subscription, t *topic, text string) error {
	refused, err := refusedText(s, t)
	if err != nil {
		return err
	}
	for _, to := range []struct{ arn, text string }{{s.Endpoint, text}, {s.deadLetters(), refused}} {
		queue := s.local(to.arn)
		if queue == "" {
			continue
		}
		g.refresh(ctx, to.arn)
		if err := session.Bind(ctx, s.binding(queue, to.text)); err != nil && !broker.IsKind(err, broker.KindNotFound) {
			return err
		}
	}
	return nil
}

// disconnect takes the subscription out of force. What waits for its endpoint goes with it.
func (a *Adapter) disconnect(ctx context.Context, session *broker.Session, s *subscription) error {
	a.couriers.end(s)
	if s.direct() {
		for _, queue := range s.queues() {
			if err := session.Unbind(ctx, s.binding(queue, "")); err != nil && !broker.IsKind(err, broker.KindNotFound) {
				return err
			}
		}
		return nil
	}
	if _, err := session.DeleteQueue(ctx, s.queueName(), false, false); err != nil && !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	return nil
}

// forget removes a subscription for good.
func (a *Adapter) forget(ctx context.Context, s *subscription) error {
	session, err := a.session(ctx, s.namespace)
	if err != nil {
		return err
	}
	defer session.Close()
	if err := a.disconnect(ctx, session, s); err != nil {
		return err
	}
	if err := a.broker.DeleteDocument(s.key()); err != nil && !broker.IsKind(err, broker.KindNotFound) {
		return err
	}
	a.subscriptions.remove(s)
	return nil
}

// forgetters is how many subscriptions of a deleted topic are removed at once: each waits for the disk.
const forgetters = 64

// forgetAll removes subscriptions for good, and gives the first error.
func (a *Adapter) forgetAll(ctx context.Context, list []*subscription) error {
	slots, first := make(chan struct{}, forgetters), make(chan error, 1)
	var running sync.WaitGroup
	for _, s := range list {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if err := a.forget(ctx, s); err != nil {
				select {
				case first <- err:
				default:
				}
			}
		})
	}
	running.Wait()
	select {
	case err := <-first:
		return err
	default:
		return nil
	}
}

// reconnectTopic puts all subscriptions of a topic into force anew, after a change that they know of.
func (a *Adapter) reconnectTopic(ctx context.Context, t *topic) error {
	for _, s := range a.subscriptions.of(topicKey{t.namespace, t.name}, false) {
		if err := a.connect(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// queueChanged is told that a queue came or went, and connects those again that it matters to.
func (a *Adapter) queueChanged(namespace, name string) {
	if len(a.subscriptions.around(namespace, name)) == 0 {
		return
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	for _, s := range a.subscriptions.around(namespace, name) {
		if err := a.connect(a.running, s); err != nil && !notFound(err) {
			a.log.Error("connecting a subscription to its queue", "proto", "sns", "ns", namespace, "queue", name,
				"subscription", s.ARN, "err", err)
		}
	}
}

// namespaceOf is the broker's namespace of an account and region.
func (a *Adapter) namespaceOf(p arn) string { return awsproto.Namespace(p.account, p.region, a.home) }
