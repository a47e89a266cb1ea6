package sqs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// The limits of tags, in characters [developer guide, "Amazon SQS cost allocation tags"].
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// checkTags says what is wrong with tags that a client sets.
func checkTags(tags map[string]string) *awsproto.Error {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return invalidParameter("Tag keys must be between 1 and %d characters in length.", maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue:
			return invalidParameter("Tag values must be between 0 and %d characters in length.", maxTagValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalidParameter("Tag keys can't start with system reserved tag key: aws:.")
		case !awsmessage.ValidText(key) || !awsmessage.ValidText(value):
			return invalidParameter("Tag keys and values can only contain Unicode characters that XML 1.0 can hold.")
		}
	}
	return nil
}

func (k *kept) tag(queueName string, tags map[string]string) *awsproto.Error {
	maps.Copy(k.tags, tags)
	if len(k.tags) > maxTags {
		return invalidParameter("Too many tags added for queue %s.", queueName)
	}
	return nil
}

// tagQueue [SQS TagQueue] adds tags; a new value replaces that of the same key.
func (a *adapter) tagQueue(ctx context.Context, c *awsproto.Call, in *tagQueueInput) (*empty, error) {
	if len(in.Tags) == 0 {
		return nil, missingParameter("Tags")
	}
	if bad := checkTags(in.Tags); bad != nil {
		return nil, bad
	}
	return nil, a.change(ctx, c, in.QueueURL, func(q *queue, k *kept) error {
		if bad := k.tag(q.name, in.Tags); bad != nil {
			return bad
		}
		return nil
	})
}

// untagQueue [SQS UntagQueue] removes tags; those that are not there are passed over.
func (a *adapter) untagQueue(ctx context.Context, c *awsproto.Call, in *untagQueueInput) (*empty, error) {
	if len(in.TagKeys) == 0 {
		return nil, invalidParameter("Tag keys can't be null.")
	}
	return nil, a.change(ctx, c, in.QueueURL, func(_ *queue, k *kept) error {
		for _, key := range in.TagKeys {
			delete(k.tags, key)
		}
		return nil
	})
}

// listQueueTags [SQS ListQueueTags].
func (a *adapter) listQueueTags(ctx context.Context, c *awsproto.Call, in *queueInput) (*listQueueTagsOutput, error) {
	q, err := a.find(ctx, c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	defer q.session.Close()
	return &listQueueTagsOutput{q.kept.tags}, nil
}

// now is the time as it is kept: in whole seconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
