package sns

import (
	"context"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// listSubscriptions [SNS ListSubscriptions].
func (a *Adapter) listSubscriptions(_ context.Context, c *awsproto.Call, in *listInput) (*listSubscriptionsOutput, error) {
	return a.pageOfSubscriptions(c, in.NextToken, a.subscriptions.in(c.Namespace(c.Account)))
}

// listSubscriptionsByTopic [SNS ListSubscriptionsByTopic].
func (a *Adapter) listSubscriptionsByTopic(ctx context.Context, c *awsproto.Call, in *listByTopicInput) (*listSubscriptionsOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	return a.pageOfSubscriptions(c, in.NextToken, a.subscriptions.of(topicKey{t.namespace, t.name}, false))
}

func (a *Adapter) pageOfSubscriptions(c *awsproto.Call, token string, all []*subscription) (*listSubscriptionsOutput, error) {
	page, next, err := pageOf(a.tokens, c, token, pageSize, all, func(s *subscription) string { return s.ARN })
	if err != nil {
		return nil, err
	}
	out := &listSubscriptionsOutput{Subscriptions: []subscriptionOutput{}, NextToken: next}
	for _, s := range page {
		out.Subscriptions = append(out.Subscriptions, s.output())
	}
	return out, nil
}
