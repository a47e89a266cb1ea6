package aws

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kinesis/types"
)

func createStream(t *testing.T, c *kinesis.Client, name string, shards int32) {
	t.Helper()
	if _, err := c.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: &shards}); err != nil {
		t.Fatal(err)
	}
	wait := kinesis.NewStreamExistsWaiter(c)
	if err := wait.Wait(t.Context(), &kinesis.DescribeStreamInput{StreamName: &name}, time.Minute); err != nil {
		t.Fatal(err)
	}
}

func iteratorFor(t *testing.T, c *kinesis.Client, in *kinesis.GetShardIteratorInput) *string {
	t.Helper()
	out, err := c.GetShardIterator(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out.ShardIterator
}

// read reads records until so many are there.
func read(t *testing.T, c *kinesis.Client, iterator *string, want int) (records []types.Record, next *string) {
	t.Helper()
	for len(records) < want {
		out, err := c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: iterator, Limit: aws.Int32(7)})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Records) == 0 {
			t.Fatalf("%d records, then none", len(records))
		}
		if behind := *out.MillisBehindLatest > 0; behind != (len(records)+len(out.Records) < want) {
			t.Errorf("%d behind after %d of %d", *out.MillisBehindLatest, len(records)+len(out.Records), want)
		}
		records = append(records, out.Records...)
		iterator = out.NextShardIterator
	}
	return records, iterator
}

func TestKinesisOrderPerPartitionKey(t *testing.T) {
	c := kinesisClient(endpoint(t))
	name := "order"
	createStream(t, c, name, 3)
	put := make(map[string][]string) // shard to data
	for round := range 4 {
		var records []types.PutRecordsRequestEntry
		for i := range 25 {
			records = append(records, types.PutRecordsRequestEntry{Data: fmt.Appendf(nil, "%d-%d", round, i), PartitionKey: aws.String(fmt.Sprint("key", i%5))})
		}
		out, err := c.PutRecords(t.Context(), &kinesis.PutRecordsInput{StreamName: &name, Records: records})
		if err != nil || *out.FailedRecordCount != 0 {
			t.Fatal(out, err)
		}
		for i, r := range out.Records {
			put[*r.ShardId] = append(put[*r.ShardId], string(records[i].Data))
		}
	}
	single, err := c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: &name, Data: []byte("explicit"), PartitionKey: aws.String("x"), ExplicitHashKey: aws.String("0")})
	if err != nil || *single.ShardId != "shardId-000000000000" {
		t.Fatal(single, err)
	}
	put[*single.ShardId] = append(put[*single.ShardId], "explicit")
	shards, err := c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: &name})
	if err != nil || len(shards.Shards) != 3 {
		t.Fatal(shards, err)
	}
	for _, shard := range shards.Shards {
		if len(put[*shard.ShardId]) == 0 {
			continue
		}
		records, _ := read(t, c, iteratorFor(t, c, &kinesis.GetShardIteratorInput{StreamName: &name, ShardId: shard.ShardId, ShardIteratorType: types.ShardIteratorTypeTrimHorizon}), len(put[*shard.ShardId]))
		last := *shard.SequenceNumberRange.StartingSequenceNumber
		for i, r := range records {
			if string(r.Data) != put[*shard.ShardId][i] || *r.SequenceNumber <= last {
				t.Fatalf("%s record %d: %q %s after %s, want %q", *shard.ShardId, i, r.Data, *r.SequenceNumber, last, put[*shard.ShardId][i])
			}
			last = *r.SequenceNumber
		}
	}
}

func TestKinesisIterators(t *testing.T) {
	c := kinesisClient(endpoint(t))
	name, shard := "iterators", "shardId-000000000000"
	createStream(t, c, name, 1)
	latest := iteratorFor(t, c, &kinesis.GetShardIteratorInput{StreamName: &name, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeLatest})
	var numbers []string
	for i := range 10 {
		in := &kinesis.PutRecordInput{StreamName: &name, Data: fmt.Append(nil, i), PartitionKey: aws.String("k")}
		if i > 0 {
			in.SequenceNumberForOrdering = &numbers[i-1]
		}
		out, err := c.PutRecord(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, *out.SequenceNumber)
	}
	records, _ := read(t, c, latest, 10)
	for i, r := range records {
		if *r.SequenceNumber != numbers[i] {
			t.Errorf("record %d has number %s, was put as %s", i, *r.SequenceNumber, numbers[i])
		}
	}
	for _, tt := range []struct {
		kind      types.ShardIteratorType
		number    *string
		timestamp *time.Time
		first     string
	}{
		{types.ShardIteratorTypeAtSequenceNumber, &numbers[4], nil, "4"},
		{types.ShardIteratorTypeAfterSequenceNumber, &numbers[4], nil, "5"},
		{types.ShardIteratorTypeAtTimestamp, nil, aws.Time(time.Now().Add(-time.Hour)), "0"},
	} {
		out, err := c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: iteratorFor(t, c, &kinesis.GetShardIteratorInput{
			StreamName: &name, ShardId: &shard, ShardIteratorType: tt.kind, StartingSequenceNumber: tt.number, Timestamp: tt.timestamp,
		})})
		if err != nil || len(out.Records) == 0 || string(out.Records[0].Data) != tt.first {
			t.Errorf("%s: %+v %v", tt.kind, out, err)
		}
	}
	for _, in := range []*kinesis.GetShardIteratorInput{
		{StreamName: &name, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber, StartingSequenceNumber: aws.String("5")},
		{StreamName: &name, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeAtSequenceNumber},
		{StreamName: &name, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeLatest, StartingSequenceNumber: &numbers[0]},
		{StreamName: &name, ShardId: &shard, ShardIteratorType: types.ShardIteratorTypeAtTimestamp, Timestamp: aws.Time(time.Now().Add(time.Hour))},
	} {
		if _, err := c.GetShardIterator(t.Context(), in); code(err) != "InvalidArgumentException" {
			t.Errorf("%s %v: %v", in.ShardIteratorType, aws.ToString(in.StartingSequenceNumber), err)
		}
	}
}

func TestKinesisStreams(t *testing.T) {
	e := endpoint(t)
	c := kinesisClient(e)
	for i := range 3 {
		createStream(t, c, fmt.Sprint("stream-", i), 2)
	}
	var names []string
	for pages := kinesis.NewListStreamsPaginator(c, &kinesis.ListStreamsInput{Limit: aws.Int32(2)}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, page.StreamNames...)
	}
	if fmt.Sprint(names) != "[stream-0 stream-1 stream-2]" {
		t.Errorf("streams %v", names)
	}
	name := "stream-1"
	summary, err := c.DescribeStreamSummary(t.Context(), &kinesis.DescribeStreamSummaryInput{StreamName: &name})
	if err != nil || *summary.StreamDescriptionSummary.OpenShardCount != 2 || *summary.StreamDescriptionSummary.StreamARN != e.arn("kinesis", "stream/stream-1") ||
		time.Since(*summary.StreamDescriptionSummary.StreamCreationTimestamp) > time.Minute {
		t.Error(summary, err)
	}
	described, err := c.DescribeStream(t.Context(), &kinesis.DescribeStreamInput{StreamARN: summary.StreamDescriptionSummary.StreamARN, Limit: aws.Int32(1)})
	if err != nil || len(described.StreamDescription.Shards) != 1 || !*described.StreamDescription.HasMoreShards {
		t.Error(described, err)
	}
	page, err := c.ListShards(t.Context(), &kinesis.ListShardsInput{StreamName: &name, MaxResults: aws.Int32(1)})
	if err != nil || len(page.Shards) != 1 || page.NextToken == nil {
		t.Fatal(page, err)
	}
	page, err = c.ListShards(t.Context(), &kinesis.ListShardsInput{NextToken: page.NextToken})
	if err != nil || len(page.Shards) != 1 || *page.Shards[0].ShardId != "shardId-000000000001" || page.NextToken != nil {
		t.Error(page, err)
	}
	if _, err := c.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(1)}); code(err) != "ResourceInUseException" {
		t.Error(err)
	}
	iterator := iteratorFor(t, c, &kinesis.GetShardIteratorInput{StreamName: &name, ShardId: aws.String("shardId-000000000000"), ShardIteratorType: types.ShardIteratorTypeLatest})
	if _, err := c.DeleteStream(t.Context(), &kinesis.DeleteStreamInput{StreamName: &name}); err != nil {
		t.Error(err)
	}
	if _, err := c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: iterator}); code(err) != "ResourceNotFoundException" {
		t.Error(err)
	}
	createStream(t, c, name, 1)
	if _, err := c.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: iterator}); code(err) != "ResourceNotFoundException" {
		t.Errorf("an iterator of a stream deleted and made again: %v", err)
	}
	if _, err := c.DescribeLimits(t.Context(), &kinesis.DescribeLimitsInput{}); code(err) != "UnknownOperationException" {
		t.Errorf("an operation that is not built: %v", err)
	}
	if _, err := c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: &name, Data: make([]byte, 1<<20), PartitionKey: aws.String("k")}); code(err) != "ValidationException" {
		t.Errorf("a record that is too large: %v", err)
	}
	if _, err := c.PutRecord(t.Context(), &kinesis.PutRecordInput{StreamName: &name, Data: make([]byte, 1<<20-1), PartitionKey: aws.String("k")}); err != nil {
		t.Error(err)
	}
}
