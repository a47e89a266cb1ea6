package sns

import (
	"context"
	"errors"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// FIFO topics are not built yet: they are refused when they are made, so that there is none.

func (a *Adapter) prepareFIFO(context.Context, *topic) error { return unbuilt("Attributes", fifoTopic) }

func (a *Adapter) dropFIFO(context.Context, *topic) error { return nil }

func (a *Adapter) loadFIFO(context.Context) error { return nil }

func (a *Adapter) sendFIFO(context.Context, *topic, *outgoing) (func(context.Context) (*publishOutput, error), error) {
	return nil, unbuilt("TopicArn", fifoTopic)
}

func (a *Adapter) archiveBegin(context.Context, *topic) (time.Time, bool) { return time.Time{}, false }

func (a *Adapter) replayIfAsked(context.Context, *subscription) error { return nil }

func (a *Adapter) replayStatus(*subscription) string { return "" }

func parseReplay(string) (any, error) { return nil, errors.New("not supported yet") }

func (t *topic) checkGroup(in *messageInput) *awsproto.Error {
	if in.MessageDeduplicationID != "" {
		return invalidParameter("MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type")
	}
	if in.MessageGroupID != "" {
		return unbuilt("MessageGroupId", "a message group of a standard topic")
	}
	return nil
}

func (t *topic) setGroup(*awsmessage.Content, *messageInput) {}
