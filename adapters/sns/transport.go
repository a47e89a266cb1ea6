package sns

import (
	"context"
	"time"

	"github.com/portico-mq/portico/adapters/sns/retry"
	"github.com/portico-mq/portico/adapters/sns/signature"
	"github.com/portico-mq/portico/broker"
)

// transportFor gives what delivers a subscription's messages. Protocols whose endpoints cannot be
// reached from here end in the outbox.
func (a *Adapter) transportFor(s *subscription) transport {
	switch s.Protocol {
	case protocolHTTP, protocolHTTPS:
		return a.web
	case protocolLambda:
		return a.lambda
	case protocolSQS:
		return remoteQueue{a}
	case protocolEmail, protocolEmailJSON:
		if a.mail.Address != "" {
			return mailer{a}
		}
	}
	return outboxed{a}
}

// remoteQueue delivers to a queue of another account or region than the topic's.
type remoteQueue struct{ adapter *Adapter }

func (remoteQueue) patience() time.Duration { return requestTime }

func (remoteQueue) schedule() *retry.Schedule { return &retry.Inside }

// deliver implements transport. A queue that does not exist refuses the message for good.
func (r remoteQueue) deliver(ctx context.Context, c *courier, m *broker.Message, _ *notice) error {
	queue, bad := parseARN(c.Endpoint, "")
	if bad != nil {
		return errRefused
	}
	if !r.adapter.rules.guard.Load().allowsNow(ctx, c.Endpoint, c.Topic) {
		return errRefused
	}
	err := r.adapter.sendTo(ctx, queue, c.rule.forQueue(m))
	if broker.IsKind(err, broker.KindNotFound) {
		return errRefused
	}
	return err
}

// confirmationTries is how often it is tried to send a confirmation, and confirmationPause what lies
// between.
const (
	confirmationTries = 4
	confirmationPause = 20 * time.Second
)

// sendConfirmation asks an endpoint to confirm, in the background.
func (a *Adapter) sendConfirmation(s *subscription) {
	a.work.Go(func() {
		for n := range confirmationTries {
			if n > 0 {
				sleep(a.running, confirmationPause)
			}
			if a.running.Err() != nil {
				return
			}
			if now := a.subscriptions.get(s.topicKey(), s.id); now == nil || now.Token != s.Token || !now.Pending && !now.Removed {
				return // it was confirmed, or asked for again, meanwhile
			}
			err := a.confirmBy(s)
			if err == nil {
				return
			}
			a.log.Warn("a subscription could not be asked to confirm", "proto", "sns", "subscription", s.ARN,
				"endpoint", s.shownEndpoint(), "attempt", n+1, "err", err)
		}
	})
}

func (a *Adapter) confirmBy(s *subscription) error {
	t := &topic{name: s.topicName, namespace: s.namespace}
	if err := a.open(a.running, t); err != nil {
		return err
	}
	defer t.session.Close()
	e := a.rules.confirmation(s, signature.Version(t.record.Attributes[signatureVersion]))
	switch {
	case s.Protocol == protocolHTTP || s.Protocol == protocolHTTPS:
		return a.web.confirm(a.running, s, e)
	case a.mail.Address != "":
		return mailer{a}.confirm(a.running, s, e)
	}
	return a.outbox.add(a.running, a, s.namespace, &outboxEntry{
		Protocol: s.Protocol, Endpoint: s.Endpoint, TopicARN: s.Topic, SubscriptionARN: s.ARN, MessageID: e.MessageID,
		Subject: confirmSubject, Message: mailConfirmation(s, e), Token: s.Token, Sent: time.Now().UTC(),
	})
}
