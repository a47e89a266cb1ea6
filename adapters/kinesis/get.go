package kinesis

import (
	"context"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// getRecords [Kinesis GetRecords].
func (a *adapter) getRecords(ctx context.Context, c *awsproto.Call, in *getRecordsInput) (*getRecordsOutput, error) {
	at, limit, bad := a.checkGet(in)
	if bad != nil {
		return nil, bad
	}
	if in.StreamARN != nil && *in.StreamARN != streamARN(c.Region, at.account, at.name) {
		return nil, invalidArgument("StreamARN %s is not the stream of the ShardIterator.", clip(*in.StreamARN))
	}
	s, err := a.findNamed(ctx, c, at.account, at.name, broker.AccessRead)
	if err != nil {
		return nil, err
	}
	if s.info.ID != at.logID || at.shard >= s.info.Spec.Shards {
		return nil, s.shardNotFound(shardID(at.shard))
	}
	if err := a.trim(ctx, s, at.shard); err != nil {
		return nil, absent(err, s.name, s.account)
	}
	records, err := s.log.Read(ctx, at.shard, at.sequence, limit, maxReadBytes)
	if err != nil {
		return nil, absent(err, s.name, s.account)
	}
	out := &getRecordsOutput{Records: make([]record, 0, len(records))}
	for i := range records {
		m := records[i].Message
		out.Records = append(out.Records, record{
			SequenceNumber:              s.sequenceNumber(at.shard, records[i].Sequence, m.Published()),
			ApproximateArrivalTimestamp: epochSeconds(m.Published()),
			Data:                        m.Body(), PartitionKey: m.Key(), EncryptionType: noEncryption,
		})
	}
	if n := len(records); n > 0 {
		at.sequence = records[n-1].Sequence + 1
		last, err := s.log.Last(ctx, at.shard)
		if err != nil {
			return nil, absent(err, s.name, s.account)
		}
		if last >= at.sequence {
			out.MillisBehindLatest = max(time.Since(records[n-1].Message.Published()).Milliseconds(), 1)
		}
	}
	at.made = time.Now()
	out.NextShardIterator = a.sealIterator(at)
	return out, nil
}

// checkGet checks the input and reads the iterator.
func (a *adapter) checkGet(in *getRecordsInput) (iterator, int, *awsproto.Error) {
	var v constraints
	v.address(&in.streamAddress)
	switch text := in.ShardIterator; {
	case text == nil:
		v.fail("shardIterator", nil, notNull)
	case *text == "":
		v.fail("shardIterator", *text, "Member must have length greater than or equal to 1")
	case len(*text) > maxIterator:
		v.fail("shardIterator", *text, "Member must have length less than or equal to 512")
	}
	v.between("limit", in.Limit, 1, maxReadRecords)
	if bad := v.err(); bad != nil {
		return iterator{}, 0, bad
	}
	if bad := dryRun(in.DryRun); bad != nil {
		return iterator{}, 0, bad
	}
	if in.StreamID != nil {
		return iterator{}, 0, invalidArgument("StreamId is not supported yet.")
	}
	at, ok := a.openIterator(*in.ShardIterator)
	if !ok {
		return iterator{}, 0, invalidArgument("Invalid ShardIterator.")
	}
	if now := time.Now(); now.Sub(at.made) > iteratorLife {
		const format = "Mon Jan 02 15:04:05 UTC 2006"
		return iterator{}, 0, plainError("ExpiredIteratorException",
			"Iterator expired. The iterator was created at time %s while right now it is %s which is further in the future than the tolerated delay of %d milliseconds.",
			at.made.UTC().Format(format), now.UTC().Format(format), iteratorLife.Milliseconds())
	}
	limit := maxReadRecords
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	return at, limit, nil
}
