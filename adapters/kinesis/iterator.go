package kinesis

import (
	"context"
	"encoding/binary"
	"sort"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// iterator is what a shard iterator holds: the place of the next record to read.
type iterator struct {
	made     time.Time
	shard    int
	sequence uint64
	logID    string // of the stream that it was made for, not of a later one of the same name
	account  string
	name     string
}

const (
	iteratorVersion = 1
	iteratorHead    = 1 + 8 + 4 + 8 + 1
	// iteratorLife is how long an iterator is good [API reference, GetShardIterator].
	iteratorLife = 5 * time.Minute
)

func (a *adapter) sealIterator(i iterator) string {
	b := []byte{iteratorVersion}
	b = binary.BigEndian.AppendUint64(b, uint64(i.made.UnixMilli()))
	b = binary.BigEndian.AppendUint32(b, uint32(i.shard))
	b = binary.BigEndian.AppendUint64(b, i.sequence)
	b = append(b, byte(len(i.logID)))
	b = append(b, i.logID...)
	b = append(b, i.account...)
	return a.iterators.Seal(append(b, i.name...), "")
}

func (a *adapter) openIterator(text string) (i iterator, ok bool) {
	b, ok := a.iterators.Open(text, "")
	accountLength := len(awsproto.DefaultAccount)
	if !ok || len(b) < iteratorHead || b[0] != iteratorVersion || len(b) < iteratorHead+int(b[iteratorHead-1])+accountLength {
		return i, false
	}
	i.made = time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:])))
	i.shard = int(binary.BigEndian.Uint32(b[9:]))
	i.sequence = binary.BigEndian.Uint64(b[13:])
	rest := b[iteratorHead:]
	idLength := int(b[iteratorHead-1])
	i.logID, rest = string(rest[:idLength]), rest[idLength:]
	i.account, i.name = string(rest[:accountLength]), string(rest[accountLength:])
	return i, true
}

// The types of iterator.
const (
	atSequence    = "AT_SEQUENCE_NUMBER"
	afterSequence = "AFTER_SEQUENCE_NUMBER"
	trimHorizon   = "TRIM_HORIZON"
	latest        = "LATEST"
	atTimestamp   = "AT_TIMESTAMP"
)

// getShardIterator [Kinesis GetShardIterator].
func (a *adapter) getShardIterator(ctx context.Context, c *awsproto.Call, in *getShardIteratorInput) (*getShardIteratorOutput, error) {
	var v constraints
	v.address(&in.streamAddress)
	v.name("shardId", in.ShardID, true)
	v.oneOf("shardIteratorType", in.ShardIteratorType, true, afterSequence, latest, atTimestamp, atSequence, trimHorizon)
	if bad := v.err(); bad != nil {
		return nil, bad
	}
	if bad := dryRun(in.DryRun); bad != nil {
		return nil, bad
	}
	s, err := a.find(ctx, c, &in.streamAddress, broker.AccessRead)
	if err != nil {
		return nil, err
	}
	shard, ok := parseShardID(*in.ShardID)
	if !ok || shard >= s.info.Spec.Shards {
		return nil, s.shardNotFound(clip(*in.ShardID))
	}
	from, err := s.start(ctx, shard, in)
	if err != nil {
		return nil, absent(err, s.name, s.account)
	}
	return &getShardIteratorOutput{a.sealIterator(iterator{
		made: time.Now(), shard: shard, sequence: from, logID: s.info.ID, account: s.account, name: s.name,
	})}, nil
}

func (s *stream) shardNotFound(id string) *awsproto.Error {
	return plainError("ResourceNotFoundException", "Shard %s in stream %s under account %s does not exist", id, s.name, s.account)
}

// start gives the sequence from which an iterator of a type reads.
func (s *stream) start(ctx context.Context, shard int, in *getShardIteratorInput) (uint64, error) {
	kind := *in.ShardIteratorType
	bySequence := kind == atSequence || kind == afterSequence
	switch {
	case bySequence && in.StartingSequenceNumber == nil:
		return 0, invalidArgument("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified %s and no StartingSequenceNumber.", kind)
	case !bySequence && kind != atTimestamp && in.StartingSequenceNumber != nil:
		return 0, invalidArgument("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified %s and also a StartingSequenceNumber.", kind)
	case kind == atTimestamp && in.Timestamp == nil:
		return 0, invalidArgument("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current timestampInMillis: null")
	case kind == atTimestamp:
		return s.atTimestamp(ctx, shard, *in.Timestamp)
	case kind == trimHorizon:
		return 1, nil
	case kind == latest:
		last, err := s.log.Last(ctx, shard)
		return last + 1, err
	}
	n, ok := parseSequenceNumber(*in.StartingSequenceNumber)
	switch {
	case !ok || n.shardCreated != s.info.Created.Unix() || n.shard >= s.info.Spec.Shards:
		return 0, invalidArgument("StartingSequenceNumber %s used in GetShardIterator on shard %s in stream %s under account %s is invalid because it did not come from this stream.", clip(*in.StartingSequenceNumber), shardID(shard), s.name, s.account)
	case n.shard != shard:
		return 0, invalidArgument("Invalid StartingSequenceNumber. It encodes %s, while it was used in a call to a shard with %s", shardID(n.shard), shardID(shard))
	case kind == afterSequence:
		return n.sequence + 1, nil
	}
	return n.sequence, nil
}

// atTimestamp gives the place of the first record that came at the time or later.
func (s *stream) atTimestamp(ctx context.Context, shard int, seconds float64) (uint64, error) {
	at, now := fromEpoch(seconds), time.Now()
	if at.After(now) {
		return 0, invalidArgument("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. timestampInMillis: %d, currentTimestampInMillis: %d", at.UnixMilli(), now.UnixMilli())
	}
	return s.firstSince(ctx, shard, at)
}

// firstSince searches for the first record that came at the time or later. Records came in the order
// of their sequences.
func (s *stream) firstSince(ctx context.Context, shard int, at time.Time) (uint64, error) {
	last, err := s.log.Last(ctx, shard)
	if err != nil {
		return 0, err
	}
	var failed error
	found := sort.Search(int(last), func(i int) bool {
		if failed != nil {
			return true
		}
		records, err := s.log.Read(ctx, shard, uint64(i)+1, 1, 1)
		failed = err
		return len(records) == 0 || !records[0].Message.Published().Before(at)
	})
	return uint64(found) + 1, failed
}
