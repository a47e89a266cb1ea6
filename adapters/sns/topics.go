package sns

import (
	"context"
	"errors"
	"strconv"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// pageSize is how many topics or subscriptions a list answers at once [API reference].
const pageSize = 100

// maxBody bounds a request: ten messages of 1 MiB together would be refused as too long in any case.
const maxBody = 8 << 20

// check says whether a topic can be made as the request says.
func (in *createTopicInput) check() *awsproto.Error {
	fifo := in.Attributes[fifoTopic] == "true"
	if !validTopicName(in.Name) || fifo != isFIFO(in.Name) {
		return invalidParameter("Topic Name")
	}
	for name, value := range in.Attributes {
		if name == fifoTopic {
			if value != "true" && value != "false" {
				return invalidParameter("Attributes Reason: FifoTopic: Invalid value [%s]. Must be one of: true, false", clip(value))
			}
			continue
		}
		if bad := checkTopicAttribute(name, value, "Attributes Reason: ", fifo); bad != nil {
			return bad
		}
	}
	if in.DataProtectionPolicy != "" {
		if bad := checkDataProtection(in.DataProtectionPolicy); bad != nil {
			return bad
		}
	}
	return checkTags(in.Tags)
}

// createTopic [SNS CreateTopic] makes a topic, or gives the ARN of one that exists with the same
// attributes and tags.
func (a *Adapter) createTopic(ctx context.Context, c *awsproto.Call, in *createTopicInput) (*createTopicOutput, error) {
	if bad := in.check(); bad != nil {
		return nil, bad
	}
	if _, err := a.broker.Namespace(ctx, c.Namespace(c.Account), true); err != nil {
		return nil, err
	}
	session, err := a.session(ctx, c.Namespace(c.Account))
	if err != nil {
		return nil, err
	}
	defer session.Close()
	delete(in.Attributes, fifoTopic) // the name says it
	record := topicRecord{Attributes: in.Attributes, Tags: in.Tags, DataProtection: in.DataProtectionPolicy}
	spec, created, err := session.DeclareExchange(ctx, broker.ExchangeSpec{
		Name: in.Name, Kind: broker.Fanout, Durable: true, Attributes: broker.Attributes{frontEnd: record.table()},
	})
	if err != nil {
		return nil, err
	}
	t := &topic{
		arn: makeARN(c.Region, c.Account, in.Name), account: c.Account, region: c.Region, name: in.Name,
		namespace: c.Namespace(c.Account), session: session, record: recordOf(&spec),
	}
	if !created {
		if bad := t.sameAs(in); bad != nil {
			return nil, bad
		}
	}
	if t.fifo() {
		if err := a.prepareFIFO(ctx, t); err != nil {
			return nil, err
		}
	}
	return &createTopicOutput{t.arn}, nil
}

// sameAs says whether a topic that exists is as a request to create it wants.
func (t *topic) sameAs(in *createTopicInput) *awsproto.Error {
	shown := t.shownAttributes()
	for name, want := range in.Attributes {
		if shown[name] != want {
			return kindErrors[broker.KindMismatch]
		}
	}
	if len(in.Tags) > 0 && !sameTags(in.Tags, t.record.Tags) {
		return invalidParameter("Tags Reason: Topic already exists with different tags")
	}
	return nil
}

// deleteTopic [SNS DeleteTopic] removes the topic and its subscriptions. One that is not there is no
// error.
func (a *Adapter) deleteTopic(ctx context.Context, c *awsproto.Call, in *topicInput) (*empty, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if notFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if days, _ := archiveDays(t.record.Attributes[archivePolicy]); days > 0 {
		return nil, plainError("InvalidState", 400, "Cannot delete a topic with an ArchivePolicy")
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	if err := t.session.DeleteExchange(ctx, t.name, false); err != nil && !notFound(err) {
		return nil, err
	}
	if err := a.forgetAll(ctx, a.subscriptions.of(topicKey{t.namespace, t.name}, true)); err != nil {
		return nil, err
	}
	return nil, a.dropFIFO(ctx, t)
}

func notFound(err error) bool {
	return errors.Is(err, topicNotFound) || broker.IsKind(err, broker.KindNotFound)
}

// listTopics [SNS ListTopics].
func (a *Adapter) listTopics(ctx context.Context, c *awsproto.Call, in *listInput) (*listTopicsOutput, error) {
	out := &listTopicsOutput{Topics: []topicInput{}}
	session, err := a.session(ctx, c.Namespace(c.Account))
	if notFound(err) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var arns []string
	for _, spec := range session.Exchanges() {
		if isTopic(&spec) {
			arns = append(arns, makeARN(c.Region, c.Account, spec.Name))
		}
	}
	arns, out.NextToken, err = pageOf(a.tokens, c, in.NextToken, pageSize, arns, func(s string) string { return s })
	if err != nil {
		return nil, err
	}
	for _, a := range arns {
		out.Topics = append(out.Topics, topicInput{a})
	}
	return out, nil
}

// getTopicAttributes [SNS GetTopicAttributes].
func (a *Adapter) getTopicAttributes(ctx context.Context, c *awsproto.Call, in *topicInput) (*attributesOutput, error) {
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	shown := t.shownAttributes()
	confirmed, waiting := 0, 0
	for _, s := range a.subscriptions.of(topicKey{t.namespace, t.name}, false) {
		if s.Pending {
			waiting++
		} else {
			confirmed++
		}
	}
	shown["SubscriptionsConfirmed"], shown["SubscriptionsPending"] = strconv.Itoa(confirmed), strconv.Itoa(waiting)
	if begin, ok := a.archiveBegin(ctx, t); ok {
		shown["BeginningArchiveTime"] = timestamp(begin)
	}
	return &attributesOutput{shown}, nil
}

// setTopicAttributes [SNS SetTopicAttributes].
func (a *Adapter) setTopicAttributes(ctx context.Context, c *awsproto.Call, in *setTopicAttributesInput) (*empty, error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	t, err := a.findTopic(ctx, c, in.TopicARN, "TopicArn")
	if err != nil {
		return nil, err
	}
	defer t.session.Close()
	if in.AttributeName == fifoTopic {
		return nil, invalidParameter("AttributeName")
	}
	if bad := checkTopicAttribute(in.AttributeName, in.AttributeValue, "", t.fifo()); bad != nil {
		return nil, bad
	}
	t.record.Attributes[in.AttributeName] = in.AttributeValue
	if in.AttributeValue == "" {
		delete(t.record.Attributes, in.AttributeName)
	}
	if err := t.keep(ctx); err != nil {
		return nil, err
	}
	switch in.AttributeName {
	case throughputScope:
		return nil, a.prepareFIFO(ctx, t)
	case archivePolicy:
		return nil, a.prepareArchive(ctx, t)
	case signatureVersion, deliveryPolicy, displayName: // the deliveries know them
		return nil, a.reconnectTopic(ctx, t)
	}
	return nil, nil
}
