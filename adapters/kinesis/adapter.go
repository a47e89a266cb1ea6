// Package kinesis serves Amazon Kinesis Data Streams on the broker's logs. Its README says what is what.
package kinesis

import (
	"context"
	"strings"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Options configure the adapter.
type Options struct {
	// Broker holds the streams.
	Broker *broker.Broker
	// Secret is what shard iterators are sealed with; see awsproto.NewSealer.
	Secret []byte
}

// adapter holds what the actions share.
type adapter struct {
	broker    *broker.Broker
	iterators *awsproto.Sealer
	tokens    *awsproto.Sealer
	trims     trims
}

// New makes the service for an awsproto.Endpoint.
func New(o Options) (*awsproto.Service, error) {
	iterators, err := awsproto.NewSealer(o.Secret, "kinesis shard iterator")
	if err != nil {
		return nil, err
	}
	tokens, err := awsproto.NewSealer(o.Secret, "kinesis next token")
	if err != nil {
		return nil, err
	}
	a := &adapter{broker: o.Broker, iterators: iterators, tokens: tokens}
	return &awsproto.Service{
		Name: "kinesis", TargetPrefix: "Kinesis_20131202", JSONVersion: "1.1", MaxBody: maxBody,
		Actions: map[string]awsproto.Action{
			"CreateStream":          awsproto.Handle(a.createStream),
			"DeleteStream":          awsproto.Handle(a.deleteStream),
			"DescribeStream":        awsproto.Handle(a.describeStream),
			"DescribeStreamSummary": awsproto.Handle(a.describeStreamSummary),
			"ListStreams":           awsproto.Handle(a.listStreams),
			"ListShards":            awsproto.Handle(a.listShards),
			"PutRecord":             awsproto.Handle(a.putRecord),
			"PutRecords":            awsproto.Handle(a.putRecords),
			"GetShardIterator":      awsproto.Handle(a.getShardIterator),
			"GetRecords":            awsproto.Handle(a.getRecords),
		},
		Unbuilt: unbuiltActions,
		Refuse: func(action string) *awsproto.Error {
			return plainError("UnknownOperationException", "The operation %s is not supported yet.", action)
		},
		Access:    a.access,
		Denied:    denied,
		Translate: translate,
		Internal:  internalFailure,
	}, nil
}

// unbuiltActions are the actions of the service's model (botocore 1.44.5) that are not built.
var unbuiltActions = []string{
	"AddTagsToStream", "RemoveTagsFromStream", "ListTagsForStream", "TagResource", "UntagResource", "ListTagsForResource",
	"IncreaseStreamRetentionPeriod", "DecreaseStreamRetentionPeriod", "SplitShard", "MergeShards", "UpdateShardCount",
	"UpdateStreamMode", "UpdateStreamWarmThroughput", "UpdateMaxRecordSize", "UpdateStreamRecordDistributionStrategy",
	"RegisterStreamConsumer", "DeregisterStreamConsumer", "DescribeStreamConsumer", "ListStreamConsumers", "SubscribeToShard",
	"StartStreamEncryption", "StopStreamEncryption", "EnableEnhancedMonitoring", "DisableEnhancedMonitoring",
	"PutResourcePolicy", "GetResourcePolicy", "DeleteResourcePolicy",
	"DescribeLimits", "DescribeAccountSettings", "UpdateAccountSettings",
	"CreateChannel", "DeleteChannel", "DescribeChannel", "ListChannels", "UpdateChannel",
	"CreateQueue", "DeleteQueue", "DescribeQueue", "ListQueues", "UpdateQueue", "ReceiveQueueRecords",
	"AcknowledgeQueueRecords", "UpdateQueueRecordsVisibility", "ReceiveDeadLetterQueueRecords",
	"AcknowledgeDeadLetterQueueRecords", "RestoreDeadLetterQueueRecords", "UpdateDeadLetterQueueRecordsVisibility",
}

// streamARN is arn:aws:kinesis:REGION:ACCOUNT:stream/NAME.
func streamARN(region, account, name string) string {
	return "arn:aws:kinesis:" + region + ":" + account + ":stream/" + name
}

// stream is a stream that a request names.
type stream struct {
	account string
	name    string
	region  string
	log     *broker.Log
	info    broker.LogInfo
}

// resolve gives the account and name that a request addresses.
func (in *streamAddress) resolve(c *awsproto.Call) (account, name string, bad *awsproto.Error) {
	if in.StreamID != nil {
		return "", "", invalidArgument("StreamId is not supported yet.")
	}
	if in.StreamARN == nil {
		if in.StreamName == nil {
			return "", "", invalidArgument("Must provide either StreamName or StreamARN.")
		}
		return c.Account, *in.StreamName, nil
	}
	parts := strings.SplitN(*in.StreamARN, ":", 6)
	if len(parts) != 6 || parts[2] != "kinesis" || !awsproto.IsAccount(parts[4]) {
		return "", "", invalidArgument("StreamARN is not the ARN of a stream.")
	}
	name, ok := strings.CutPrefix(parts[5], "stream/")
	if !ok || !validName(name) {
		return "", "", invalidArgument("StreamARN is not the ARN of a stream.")
	}
	if parts[3] != c.Region {
		return "", "", notFound(name, parts[4])
	}
	if in.StreamName != nil && *in.StreamName != name {
		return "", "", invalidArgument("StreamName and StreamARN name different streams.")
	}
	return parts[4], name, nil
}

// find opens the stream of a request.
func (a *adapter) find(ctx context.Context, c *awsproto.Call, in *streamAddress, access broker.Access) (*stream, error) {
	if access == broker.AccessWrite && len(a.broker.Alarms()) > 0 { // memory or disk runs out
		return nil, throttled
	}
	account, name, bad := in.resolve(c)
	if bad != nil {
		return nil, bad
	}
	return a.findNamed(ctx, c, account, name, access)
}

func (a *adapter) findNamed(ctx context.Context, c *awsproto.Call, account, name string, access broker.Access) (*stream, error) {
	session, err := a.broker.OpenSession(ctx, a.broker.Root(), c.Namespace(account))
	if err != nil {
		return nil, absent(err, name, account)
	}
	defer session.Close()
	log, err := session.Log(name, access)
	if err != nil {
		return nil, absent(err, name, account)
	}
	return &stream{account: account, name: name, region: c.Region, log: log, info: log.Info()}, nil
}

// absent words errors about a stream's existence.
func absent(err error, name, account string) error {
	if broker.IsKind(err, broker.KindNotFound) {
		return notFound(name, account)
	}
	return err
}
