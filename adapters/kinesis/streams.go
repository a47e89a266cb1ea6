package kinesis

import (
	"context"
	"math"
	"slices"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// The actions on streams. A stream is a log of the broker; it is active as soon as it is made, and gone as
// soon as it is deleted.

const (
	statusActive   = "ACTIVE"
	provisioned    = "PROVISIONED"
	onDemand       = "ON_DEMAND"
	noEncryption   = "NONE"
	retentionHours = 24
)

// frontEnd is the name under which streams' attributes are kept.
const frontEnd = "kinesis"

const (
	keptMode      = "mode"
	keptRecordKiB = "max_record_kib"
)

// mode is the stream's capacity mode.
func (s *stream) mode() string {
	if value, _ := s.info.Spec.Attributes[frontEnd].Get(keptMode); value == onDemand {
		return onDemand
	}
	return provisioned
}

// recordKiB is the largest record of the stream.
func (s *stream) recordKiB() int32 {
	value, _ := s.info.Spec.Attributes[frontEnd].Get(keptRecordKiB)
	if kib, ok := value.(int32); ok {
		return kib
	}
	return defaultRecordKiB
}

// createStream [Kinesis CreateStream]. On-demand streams get four shards, as on AWS; there is no
// throughput limit here that would make more of them necessary.
func (a *adapter) createStream(ctx context.Context, c *awsproto.Call, in *createStreamInput) (*empty, error) {
	var v constraints
	v.name("streamName", in.StreamName, true)
	v.between("shardCount", in.ShardCount, 1, math.MaxInt32)
	v.between("maxRecordSizeInKiB", in.MaxRecordSizeInKiB, defaultRecordKiB, largestRecordKiB)
	v.oneOf("recordDistributionStrategy", in.RecordDistributionStrategy, false, "AUTO", "USER_PARTITION_KEY")
	mode := provisioned
	if in.StreamModeDetails != nil {
		mode = in.StreamModeDetails.StreamMode
		v.oneOf("streamModeDetails.streamMode", &mode, true, provisioned, onDemand)
	}
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	shards, bad := in.shards(mode)
	if bad != nil {
		return nil, bad
	}
	attributes := property.Table{{Name: keptMode, Value: mode}}
	if in.MaxRecordSizeInKiB != nil {
		attributes = append(attributes, property.Field{Name: keptRecordKiB, Value: *in.MaxRecordSizeInKiB})
	}
	namespace := c.Namespace(c.Account)
	if _, err := a.broker.Namespace(ctx, namespace, true); err != nil {
		return nil, err
	}
	session, err := a.broker.OpenSession(ctx, a.broker.Root(), namespace)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	_, err = session.CreateLog(ctx, broker.LogSpec{
		Name: *in.StreamName, Shards: shards, Attributes: broker.Attributes{frontEnd: attributes},
	})
	if broker.IsKind(err, broker.KindInUse) {
		return nil, plainError("ResourceInUseException", "Stream %s under account %s already exists.", *in.StreamName, c.Account)
	}
	return nil, err
}

// shards gives the number of shards of a new stream, and refuses what is not built.
func (in *createStreamInput) shards(mode string) (int, *awsproto.Error) {
	switch {
	case len(in.Tags) > 0:
		return 0, invalidArgument("Tags are not supported yet.")
	case in.WarmThroughputMiBps != nil:
		return 0, invalidArgument("WarmThroughputMiBps is not supported yet.")
	case in.RecordDistributionStrategy != nil && *in.RecordDistributionStrategy == "AUTO":
		return 0, invalidArgument("The record distribution strategy AUTO is not supported yet.")
	case mode == onDemand && in.ShardCount != nil:
		return 0, invalidArgument("ShardCount must not be specified for a stream in the ON_DEMAND mode.")
	case mode == onDemand:
		return onDemandShards, nil
	case in.ShardCount == nil:
		return 0, invalidArgument("ShardCount must be specified for a stream in the PROVISIONED mode.")
	case *in.ShardCount > maxShards:
		return 0, plainError("LimitExceededException", "This request would exceed the limit of %d shards in a stream. The request is for %d.", maxShards, *in.ShardCount)
	}
	return int(*in.ShardCount), nil
}

// deleteStream [Kinesis DeleteStream]. Streams have no registered consumers here, so there is
// nothing that EnforceConsumerDeletion would have to force.
func (a *adapter) deleteStream(ctx context.Context, c *awsproto.Call, in *deleteStreamInput) (*empty, error) {
	var v constraints
	v.address(&in.streamAddress)
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	account, name, bad := in.resolve(c)
	if bad != nil {
		return nil, bad
	}
	session, err := a.broker.OpenSession(ctx, a.broker.Root(), c.Namespace(account))
	if err != nil {
		return nil, absent(err, name, account)
	}
	defer session.Close()
	return nil, absent(session.DeleteLog(ctx, name), name, account)
}

// describeStream [Kinesis DescribeStream].
func (a *adapter) describeStream(ctx context.Context, c *awsproto.Call, in *describeStreamInput) (*describeStreamOutput, error) {
	var v constraints
	v.address(&in.streamAddress)
	v.between("limit", in.Limit, 1, 10000)
	v.name("exclusiveStartShardId", in.ExclusiveStartShardID, false)
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	s, err := a.find(ctx, c, &in.streamAddress, broker.AccessRead)
	if err != nil {
		return nil, err
	}
	limit := 100
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	shards := s.shardsAfter(in.ExclusiveStartShardID)
	d := streamDescription{
		StreamName: s.name, StreamARN: streamARN(s.region, s.account, s.name), StreamStatus: statusActive,
		StreamModeDetails: streamModeDetails{s.mode()}, RetentionPeriodHours: retentionHours,
		StreamCreationTimestamp: epochSeconds(s.info.Created), EncryptionType: noEncryption,
		EnhancedMonitoring: []enhancedMonitoring{{[]string{}}},
	}
	d.Shards, d.HasMoreShards = shards[:min(limit, len(shards))], len(shards) > limit
	return &describeStreamOutput{d}, nil
}

// describeStreamSummary [Kinesis DescribeStreamSummary].
func (a *adapter) describeStreamSummary(ctx context.Context, c *awsproto.Call, in *describeStreamSummaryInput) (*describeStreamSummaryOutput, error) {
	var v constraints
	v.address(&in.streamAddress)
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	s, err := a.find(ctx, c, &in.streamAddress, broker.AccessRead)
	if err != nil {
		return nil, err
	}
	return &describeStreamSummaryOutput{streamDescriptionSummary{
		StreamName: s.name, StreamARN: streamARN(s.region, s.account, s.name), StreamStatus: statusActive,
		StreamModeDetails: streamModeDetails{s.mode()}, RetentionPeriodHours: retentionHours,
		StreamCreationTimestamp: epochSeconds(s.info.Created), EncryptionType: noEncryption,
		EnhancedMonitoring: []enhancedMonitoring{{[]string{}}},
		OpenShardCount:     int32(s.info.Spec.Shards), MaxRecordSizeInKiB: s.recordKiB(),
	}}, nil
}

// listStreams [Kinesis ListStreams] gives the streams in order of their names; a page begins after
// the last name of the one before.
func (a *adapter) listStreams(ctx context.Context, c *awsproto.Call, in *listStreamsInput) (*listStreamsOutput, error) {
	var v constraints
	v.between("limit", in.Limit, 1, 10000)
	v.name("exclusiveStartStreamName", in.ExclusiveStartStreamName, false)
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	after, limit := "", 100
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	if in.ExclusiveStartStreamName != nil {
		after = *in.ExclusiveStartStreamName
	}
	if in.NextToken != nil {
		last, ok := a.tokens.Open(*in.NextToken, "streams "+c.Account)
		if !ok {
			return nil, invalidArgument("NextToken is invalid.")
		}
		after = string(last)
	}
	out := &listStreamsOutput{StreamNames: []string{}}
	session, err := a.broker.OpenSession(ctx, a.broker.Root(), c.Namespace(c.Account))
	if broker.IsKind(err, broker.KindNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	defer session.Close()
	names := slices.DeleteFunc(session.LogNames(), func(name string) bool { return name <= after || !validName(name) })
	slices.Sort(names)
	if len(names) > limit {
		names = names[:limit]
		out.HasMoreStreams = true
		out.NextToken = a.tokens.Seal([]byte(names[limit-1]), "streams "+c.Account)
	}
	for _, name := range names {
		s, err := a.findNamed(ctx, c, c.Account, name, broker.AccessRead)
		if err != nil {
			continue // deleted meanwhile
		}
		out.StreamNames = append(out.StreamNames, name)
		out.StreamSummaries = append(out.StreamSummaries, streamSummary{
			StreamName: name, StreamARN: streamARN(c.Region, c.Account, name), StreamStatus: statusActive,
			StreamModeDetails: streamModeDetails{s.mode()}, StreamCreationTimestamp: epochSeconds(s.info.Created),
		})
	}
	return out, nil
}
