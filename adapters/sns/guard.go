package sns

import (
	"context"
	"sync"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
)

// guard decides by the policies of queues what SNS may send to them, where access is controlled: a queue takes a topic's
// messages when its policy lets sns.amazonaws.com, for the topic as aws:SourceArn, do sqs:SendMessage.
type guard struct {
	policy func(ctx context.Context, queueARN string) *awspolicy.Document

	mu sync.RWMutex
	// of holds the policies of queues that messages are routed to, since nothing can be asked while they are.
	of map[string]*awspolicy.Document
}

// refresh reads a queue's policy again.
func (g *guard) refresh(ctx context.Context, queueARN string) {
	policy := g.policy(ctx, queueARN)
	g.mu.Lock()
	defer g.mu.Unlock()
	if policy == nil {
		delete(g.of, queueARN)
		return
	}
	g.of[queueARN] = policy
}

// allows decides by the policy as it was read last.
func (g *guard) allows(queueARN, topicARN string) bool {
	g.mu.RLock()
	policy := g.of[queueARN]
	g.mu.RUnlock()
	return mayDeliver(policy, queueARN, topicARN)
}

// allowsNow reads the policy and decides. A nil guard allows all.
func (g *guard) allowsNow(ctx context.Context, queueARN, topicARN string) bool {
	return g == nil || mayDeliver(g.policy(ctx, queueARN), queueARN, topicARN)
}

func mayDeliver(policy *awspolicy.Document, queueARN, topicARN string) bool {
	queue, bad := parseARN(queueARN, "")
	topic, badTopic := parseARN(topicARN, "")
	if bad != nil || badTopic != nil || policy == nil {
		return false
	}
	service := &awspolicy.Caller{Principal: awspolicy.Principal{Service: "sns.amazonaws.com"}}
	conditions := make(awspolicy.Context)
	conditions.SetPrincipal(&service.Principal)
	conditions.SetTime(time.Now())
	conditions.Set("aws:SecureTransport", "true")
	conditions.Set("aws:SourceArn", topicARN)
	conditions.Set("aws:SourceAccount", topic.account)
	return service.Decide(&awspolicy.Request{
		Action: "sqs:SendMessage", Resource: queueARN, Owner: queue.account, Context: conditions,
	}, policy).Allowed
}

// QueueChanged is told that a queue's policy may be another one.
func (a *Adapter) QueueChanged(namespace, name string) {
	if a.rules.guard.Load() != nil {
		a.queueChanged(namespace, name)
	}
}
