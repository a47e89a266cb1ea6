package sns

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/portico-mq/portico/adapters/awsproto"
)

// The limits of tags, in characters [API reference, Tag].
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var resourceNotFound = plainError("ResourceNotFound", 404, "Resource does not exist")

func checkTags(tags []tag) *awsproto.Error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		switch {
		case seen[t.Key]:
			return invalidParameter("Duplicated keys are not allowed.")
		case t.Key == "" || utf8.RuneCountInString(t.Key) > maxTagKey || strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return invalidParameter("Tags Reason: the key of a tag has 1 to %d characters and does not begin with aws:", maxTagKey)
		case utf8.RuneCountInString(t.Value) > maxTagValue:
			return invalidParameter("Tags Reason: the value of a tag has at most %d characters", maxTagValue)
		}
		seen[t.Key] = true
	}
	if len(tags) > maxTags {
		return plainError("TagLimitExceeded", 400, "Could not complete request: tag quota of per resource exceeded")
	}
	return nil
}

// sameTags compares tags, whatever their order.
func sameTags(x, y []tag) bool {
	if len(x) != len(y) {
		return false
	}
	for _, t := range x {
		if !slices.Contains(y, t) {
			return false
		}
	}
	return true
}

// tagged opens the topic that a tagging action names.
func (a *Adapter) tagged(ctx context.Context, c *awsproto.Call, resource string) (*topic, error) {
	t, err := a.findTopic(ctx, c, resource, "ResourceArn")
	if notFound(err) {
		return nil, resourceNotFound
	}
	return t, err
}

// tagResource [SNS TagResource] adds tags; a new value replaces that of the same key.
func (a *Adapter) tagResource(ctx context.Context, c *awsproto.Call, in *tagResourceInput) (*emptyResult, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	t, err := a.tagged(ctx, c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if bad := checkTags(in.Tags); bad != nil {
		return nil, bad
	}
	for _, add := range in.Tags {
		at := slices.IndexFunc(t.record.Tags, func(old tag) bool { return old.Key == add.Key })
		if at < 0 {
			t.record.Tags = append(t.record.Tags, add)
			continue
		}
		t.record.Tags[at] = add
	}
	if bad := checkTags(t.record.Tags); bad != nil {
		return nil, bad
	}
	return nil, t.keep(ctx)
}

// untagResource [SNS UntagResource] removes tags; those that are not there are passed over.
func (a *Adapter) untagResource(ctx context.Context, c *awsproto.Call, in *untagResourceInput) (*emptyResult, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	t, err := a.tagged(ctx, c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	t.record.Tags = slices.DeleteFunc(t.record.Tags, func(old tag) bool { return slices.Contains(in.TagKeys, old.Key) })
	return nil, t.keep(ctx)
}

// listTags [SNS ListTagsForResource].
func (a *Adapter) listTags(ctx context.Context, c *awsproto.Call, in *resourceInput) (*listTagsOutput, error) {
	t, err := a.tagged(ctx, c, in.ResourceARN)
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	out := &listTagsOutput{Tags: []tag{}}
	out.Tags = append(out.Tags, t.record.Tags...)
	return out, nil
}
