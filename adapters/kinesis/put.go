package kinesis

import (
	"context"
	"fmt"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// dryRun refuses what asks for a check instead of the action.
func dryRun(asked *bool) *awsproto.Error {
	if asked != nil && *asked {
		return invalidArgument("DryRun is not supported yet.")
	}
	return nil
}

// putRecord [Kinesis PutRecord] answers when the record is stored and synced.
func (a *adapter) putRecord(ctx context.Context, c *awsproto.Call, in *putRecordInput) (*putRecordOutput, error) {
	var v constraints
	v.address(&in.streamAddress)
	v.record("", &in.recordInput)
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	if bad := dryRun(in.DryRun); bad != nil {
		return nil, bad
	}
	s, err := a.find(ctx, c, &in.streamAddress, broker.AccessWrite)
	if err != nil {
		return nil, err
	}
	if bad := s.checkOrdering(in.SequenceNumberForOrdering); bad != nil {
		return nil, bad
	}
	if bad := s.checkSize(&v, "", &in.recordInput); bad != nil {
		return nil, bad
	}
	p, err := a.put(ctx, s, &in.recordInput)
	if err != nil {
		return nil, absent(err, s.name, s.account)
	}
	number, err := p.wait(ctx)
	if err != nil {
		return nil, absent(err, s.name, s.account)
	}
	return &putRecordOutput{ShardID: shardID(p.shard), SequenceNumber: number, EncryptionType: noEncryption}, nil
}

// checkOrdering checks the sequence number of the record before. It needs no more: what is put after
// a record was answered comes after it.
func (s *stream) checkOrdering(number *string) *awsproto.Error {
	if number == nil {
		return nil
	}
	n, ok := parseSequenceNumber(*number)
	if !ok || n.shardCreated != s.info.Created.Unix() || n.arrived > time.Now().Unix() {
		return invalidArgument("ExclusiveMinimumSequenceNumber %s used in PutRecord on stream %s under account %s is invalid.", clip(*number), s.name, s.account)
	}
	return nil
}

// checkSize applies the stream's largest record: data and partition key together.
func (s *stream) checkSize(v *constraints, member string, in *recordInput) *awsproto.Error {
	if limit := int(s.recordKiB()) << 10; len(in.Data)+len(*in.PartitionKey) > limit {
		*v = append(*v, fmt.Sprintf("Value at '%sdata' failed to satisfy constraint: Member must have length less than or equal to %d", member, limit))
	}
	return v.err()
}

// pending is a record on its way into the log.
type pending struct {
	stream  *stream
	shard   int
	arrived time.Time
	stored  func(context.Context) (uint64, error)
}

// put starts appending a record to the shard that its key belongs to.
func (a *adapter) put(ctx context.Context, s *stream, in *recordInput) (*pending, error) {
	key := hashOf(*in.PartitionKey)
	if in.ExplicitHashKey != nil {
		var ok bool
		if key, ok = parseHashKey(*in.ExplicitHashKey); !ok {
			return nil, invalidHashKey(*in.ExplicitHashKey)
		}
	}
	m := broker.NewMessage("", *in.PartitionKey, nil, in.Data)
	p := &pending{stream: s, shard: shardFor(key, s.info.Spec.Shards), arrived: m.Published()}
	err := a.trim(ctx, s, p.shard)
	if err != nil {
		return nil, err
	}
	p.stored, err = s.log.StartAppend(ctx, p.shard, m)
	return p, err
}

func invalidHashKey(key string) *awsproto.Error {
	return invalidArgument("Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was %s", key)
}

// wait gives the record's sequence number.
func (p *pending) wait(ctx context.Context) (string, error) {
	sequence, err := p.stored(ctx)
	if err != nil {
		return "", err
	}
	return p.stream.sequenceNumber(p.shard, sequence, p.arrived), nil
}

// putRecords [Kinesis PutRecords] appends the records in their order, so that those of one shard stay
// in it; each succeeds or fails on its own.
func (a *adapter) putRecords(ctx context.Context, c *awsproto.Call, in *putRecordsInput) (*putRecordsOutput, error) {
	if bad := in.check(); bad != nil {
		return nil, bad
	}
	s, err := a.find(ctx, c, &in.streamAddress, broker.AccessWrite)
	if err != nil {
		return nil, err
	}
	var v constraints
	for i := range in.Records {
		_ = s.checkSize(&v, fmt.Sprintf("records.%d.member.", i+1), &in.Records[i]) // all are collected in v
	}
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	puts := make([]*pending, len(in.Records))
	errs := make([]error, len(in.Records))
	for i := range in.Records {
		puts[i], errs[i] = a.put(ctx, s, &in.Records[i])
	}
	out := &putRecordsOutput{EncryptionType: noEncryption, Records: make([]putRecordsResult, len(in.Records))}
	for i := range puts {
		var number string
		if errs[i] == nil {
			number, errs[i] = puts[i].wait(ctx)
		}
		if errs[i] != nil {
			out.FailedRecordCount++
			out.Records[i] = putRecordsResult{ErrorCode: internalFailure.Shape, ErrorMessage: internalFailure.Message}
			continue
		}
		out.Records[i] = putRecordsResult{SequenceNumber: number, ShardID: shardID(puts[i].shard)}
	}
	if int(out.FailedRecordCount) == len(in.Records) {
		return nil, absent(errs[0], s.name, s.account)
	}
	return out, nil
}

func (in *putRecordsInput) check() *awsproto.Error {
	var v constraints
	v.address(&in.streamAddress)
	switch {
	case in.Records == nil:
		v.fail("records", nil, notNull)
	case len(in.Records) == 0:
		v.fail("records", "[]", "Member must have length greater than or equal to 1")
	case len(in.Records) > maxRecords:
		v.fail("records", fmt.Sprintf("[%d records]", len(in.Records)), "Member must have length less than or equal to 500")
	}
	total := 0
	for i := range in.Records[:min(len(in.Records), maxRecords)] {
		r := &in.Records[i]
		v.record(fmt.Sprintf("records.%d.member.", i+1), r)
		total += len(r.Data)
		if r.PartitionKey != nil {
			total += len(*r.PartitionKey)
		}
	}
	if bad := v.err(); bad != nil {
		return bad
	}
	if total > maxPutBytes {
		return invalidArgument("Records size exceeds 10 MB limit")
	}
	for i := range in.Records {
		if key := in.Records[i].ExplicitHashKey; key != nil {
			if _, ok := parseHashKey(*key); !ok {
				return invalidHashKey(*key)
			}
		}
	}
	return dryRun(in.DryRun)
}
