package kinesis

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// shardID is a shard's name.
func shardID(shard int) string { return fmt.Sprintf("shardId-%012d", shard) }

// parseShardID reads a shard's name. As on AWS, the number alone will do as well.
func parseShardID(text string) (shard int, ok bool) {
	digits := strings.TrimPrefix(text, "shardId-")
	n, err := strconv.ParseUint(digits, 10, 31)
	return int(n), err == nil
}

// shardAt describes a shard. Shards are never split nor merged here, so all are open.
func (s *stream) shardAt(i int) shardOutput {
	n := s.info.Spec.Shards
	return shardOutput{
		ShardID:      shardID(i),
		HashKeyRange: hashKeyRange{rangeStart(i, n).String(), rangeEnd(i, n).String()},
		SequenceNumberRange: sequenceNumberRange{
			StartingSequenceNumber: s.sequenceNumber(i, 0, s.info.Created),
		},
	}
}

func (s *stream) sequenceNumber(shard int, sequence uint64, arrived time.Time) string {
	return sequenceNumber{
		shardCreated: s.info.Created.Unix(), shard: shard, sequence: sequence, arrived: arrived.Unix(),
	}.String()
}

// shardsAfter describes the shards after the named one, or all.
func (s *stream) shardsAfter(id *string) []shardOutput {
	from := 0
	if id != nil {
		if shard, ok := parseShardID(*id); ok {
			from = shard + 1
		}
	}
	out := []shardOutput{}
	for i := from; i < s.info.Spec.Shards; i++ {
		out = append(out, s.shardAt(i))
	}
	return out
}

// tokenLife is how long a paging token of ListShards is good [API reference].
const tokenLife = 300 * time.Second

// defaultShardPage is the most that ListShards answers at once.
const defaultShardPage = 1000

// listShards [Kinesis ListShards].
func (a *adapter) listShards(ctx context.Context, c *awsproto.Call, in *listShardsInput) (*listShardsOutput, error) {
	if bad := in.check(); bad != nil {
		return nil, bad
	}
	address, after := in.streamAddress, in.ExclusiveStartShardID
	if in.NextToken != nil {
		name, last, bad := a.openShardToken(c, *in.NextToken)
		if bad != nil {
			return nil, bad
		}
		id := shardID(last)
		address, after = streamAddress{StreamName: &name}, &id
	}
	s, err := a.find(ctx, c, &address, broker.AccessRead)
	if err != nil {
		return nil, err
	}
	if f := in.ShardFilter; f != nil && *f.Type == "AFTER_SHARD_ID" {
		after = f.ShardID
	}
	// The other filters choose by when a shard was open, and all are open from the beginning.
	shards := s.shardsAfter(after)
	limit := defaultShardPage
	if in.MaxResults != nil {
		limit = min(limit, int(*in.MaxResults))
	}
	out := &listShardsOutput{Shards: shards}
	if len(shards) > limit {
		out.Shards = shards[:limit]
		last, _ := parseShardID(out.Shards[limit-1].ShardID)
		out.NextToken = a.sealShardToken(c, s.name, last)
	}
	return out, nil
}

func (in *listShardsInput) check() *awsproto.Error {
	var v constraints
	v.address(&in.streamAddress)
	v.between("maxResults", in.MaxResults, 1, 10000)
	v.name("exclusiveStartShardId", in.ExclusiveStartShardID, false)
	f := in.ShardFilter
	if f != nil {
		v.oneOf("shardFilter.type", f.Type, true, "AFTER_SHARD_ID", "AT_TIMESTAMP", "FROM_TRIM_HORIZON", "FROM_TIMESTAMP", "AT_LATEST", "AT_TRIM_HORIZON")
		v.name("shardFilter.shardId", f.ShardID, false)
	}
	if bad := v.err(); bad != nil {
		return bad
	}
	if in.NextToken != nil && (in.StreamName != nil || in.StreamARN != nil || in.ExclusiveStartShardID != nil || in.StreamCreationTimestamp != nil) {
		return invalidArgument("NextToken and StreamName cannot be provided together.")
	}
	if f == nil {
		return nil
	}
	if *f.Type == "AFTER_SHARD_ID" && f.ShardID == nil {
		return invalidArgument("Must provide a ShardId in ShardFilter for the type AFTER_SHARD_ID.")
	}
	if (*f.Type == "AT_TIMESTAMP" || *f.Type == "FROM_TIMESTAMP") && f.Timestamp == nil {
		return invalidArgument("Must provide a Timestamp in ShardFilter for the type %s.", *f.Type)
	}
	return nil
}

func (a *adapter) sealShardToken(c *awsproto.Call, name string, last int) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))
	b = binary.BigEndian.AppendUint32(b, uint32(last))
	return a.tokens.Seal(append(b, name...), "shards "+c.Account)
}

func (a *adapter) openShardToken(c *awsproto.Call, token string) (name string, last int, bad *awsproto.Error) {
	b, ok := a.tokens.Open(token, "shards "+c.Account)
	if !ok || len(b) < 12 {
		return "", 0, invalidArgument("NextToken is invalid.")
	}
	if time.Since(time.UnixMilli(int64(binary.BigEndian.Uint64(b)))) > tokenLife {
		return "", 0, plainError("ExpiredNextTokenException", "The NextToken has expired.")
	}
	return string(b[12:]), int(binary.BigEndian.Uint32(b[8:])), nil
}
