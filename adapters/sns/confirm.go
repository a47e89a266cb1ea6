package sns

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// confirmSubscription [SNS ConfirmSubscription] takes back a token that was sent to an endpoint: that
// of a new subscription, or of one that was unsubscribed and is restored by it. The same token again
// gives the same answer. The token alone counts: of the topic, only its region must be right [observed: SNS, 2023].
func (a *Adapter) confirmSubscription(ctx context.Context, c *awsproto.Call, in *confirmInput) (*subscribeOutput, error) {
	parsed, bad := parseARN(in.TopicARN, "TopicArn")
	if bad != nil {
		return nil, invalidParameter("Topic")
	}
	if _, err := hex.DecodeString(in.Token); err != nil {
		return nil, plainError("InvalidParameter", 400, "Invalid token")
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	found := a.subscriptions.byToken(in.Token)
	if found == nil || found.overdue(time.Now()) {
		return nil, invalidParameter("Token")
	}
	if region, _ := found.place(); region != parsed.region {
		return nil, invalidParameter("Topic")
	}
	if !found.Pending && !found.Removed {
		return &subscribeOutput{found.ARN}, nil
	}
	s := found.copy()
	s.Pending, s.Removed = false, false
	s.Authenticated = c.AccessKey != ""
	s.Locked = s.Authenticated && in.AuthenticateOnUnsubscribe == "true"
	if err := a.store(s); err != nil {
		return nil, err
	}
	return &subscribeOutput{s.ARN}, a.connect(ctx, s)
}

// unsubscribe [SNS Unsubscribe]. A subscription that is not there is no error. An endpoint that was
// confirmed is told, and can restore the subscription by what it is told.
func (a *Adapter) unsubscribe(ctx context.Context, c *awsproto.Call, in *subscriptionInput) (*empty, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	old, err := a.findSubscription(c, in.SubscriptionARN)
	if err != nil {
		if errors.Is(err, subscriptionNotFound) {
			return nil, nil
		}
		return nil, err
	}
	if old.Locked && c.AccessKey == "" {
		return nil, plainError("AuthorizationError", 403, "User is not authorized to perform: SNS:Unsubscribe on resource: %s", old.ARN)
	}
	if old.Pending {
		return nil, invalidParameter("SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation")
	}
	if old.Protocol != protocolHTTP && old.Protocol != protocolHTTPS {
		return nil, a.forget(ctx, old)
	}
	s := old.copy()
	s.Removed = true
	s.renew()
	if err := a.store(s); err != nil {
		return nil, err
	}
	if err := a.connect(ctx, s); err != nil {
		return nil, err
	}
	a.sendConfirmation(s)
	return nil, nil
}

// tidyInterval is how often what ran out of time is removed.
const tidyInterval = time.Hour

// tidy removes subscriptions that nobody confirmed or restored, and what archives need not keep.
func (a *Adapter) tidy() {
	tick := time.NewTicker(tidyInterval)
	defer tick.Stop()
	for {
		a.removeOverdue()
		a.trimArchives()
		select {
		case <-tick.C:
		case <-a.running.Done():
			return
		}
	}
}

func (a *Adapter) removeOverdue() {
	a.changing.Lock()
	defer a.changing.Unlock()
	for _, s := range a.subscriptions.all() {
		if !s.overdue(time.Now()) {
			continue
		}
		if err := a.forget(a.running, s); err != nil {
			a.log.Error("removing a subscription that nobody confirmed", "proto", "sns", "subscription", s.ARN, "err", err)
		}
	}
}
