package kinesis

// The inputs and outputs of the actions, with the member names of the service's model (API version
// 2013-12-02).

// streamAddress names a stream in the inputs of most actions.
type streamAddress struct {
	StreamName *string
	StreamARN  *string
	StreamID   *string `json:"StreamId"` // "Not Implemented. Reserved for future use." in the model
}

type streamModeDetails struct {
	StreamMode string
}

type createStreamInput struct {
	StreamName                 *string
	ShardCount                 *int32
	StreamModeDetails          *streamModeDetails
	Tags                       map[string]string
	WarmThroughputMiBps        *int32
	MaxRecordSizeInKiB         *int32
	RecordDistributionStrategy *string
}

type deleteStreamInput struct {
	streamAddress
	EnforceConsumerDeletion *bool
}

type describeStreamInput struct {
	streamAddress
	Limit                 *int32
	ExclusiveStartShardID *string `json:"ExclusiveStartShardId"`
}

type hashKeyRange struct {
	StartingHashKey string
	EndingHashKey   string
}

type sequenceNumberRange struct {
	StartingSequenceNumber string
	EndingSequenceNumber   string `json:",omitempty"`
}

type shardOutput struct {
	ShardID             string `json:"ShardId"`
	HashKeyRange        hashKeyRange
	SequenceNumberRange sequenceNumberRange
}

type enhancedMonitoring struct {
	ShardLevelMetrics []string
}

type streamDescription struct {
	StreamName              string
	StreamARN               string
	StreamStatus            string
	StreamModeDetails       streamModeDetails
	Shards                  []shardOutput
	HasMoreShards           bool
	RetentionPeriodHours    int32
	StreamCreationTimestamp float64
	EnhancedMonitoring      []enhancedMonitoring
	EncryptionType          string
}

type describeStreamOutput struct {
	StreamDescription streamDescription
}

type describeStreamSummaryInput struct {
	streamAddress
}

type streamDescriptionSummary struct {
	StreamName              string
	StreamARN               string
	StreamStatus            string
	StreamModeDetails       streamModeDetails
	RetentionPeriodHours    int32
	StreamCreationTimestamp float64
	EnhancedMonitoring      []enhancedMonitoring
	EncryptionType          string
	OpenShardCount          int32
	ConsumerCount           int32
	MaxRecordSizeInKiB      int32
}

type describeStreamSummaryOutput struct {
	StreamDescriptionSummary streamDescriptionSummary
}

type listStreamsInput struct {
	Limit                    *int32
	ExclusiveStartStreamName *string
	NextToken                *string
}

type streamSummary struct {
	StreamName              string
	StreamARN               string
	StreamStatus            string
	StreamModeDetails       streamModeDetails
	StreamCreationTimestamp float64
}

type listStreamsOutput struct {
	StreamNames     []string
	HasMoreStreams  bool
	NextToken       string          `json:",omitempty"`
	StreamSummaries []streamSummary `json:",omitempty"`
}

type shardFilter struct {
	Type      *string
	ShardID   *string `json:"ShardId"`
	Timestamp *float64
}

type listShardsInput struct {
	streamAddress
	NextToken               *string
	ExclusiveStartShardID   *string `json:"ExclusiveStartShardId"`
	MaxResults              *int32
	StreamCreationTimestamp *float64
	ShardFilter             *shardFilter
}

type listShardsOutput struct {
	Shards    []shardOutput
	NextToken string `json:",omitempty"`
}

type putRecordInput struct {
	streamAddress
	recordInput
	SequenceNumberForOrdering *string
	DryRun                    *bool
}

// recordInput is one record in PutRecord and in PutRecords. Data is nil when the client left it
// out, and empty when it sent an empty one.
type recordInput struct {
	Data            []byte
	PartitionKey    *string
	ExplicitHashKey *string
}

type putRecordOutput struct {
	ShardID        string `json:"ShardId"`
	SequenceNumber string
	EncryptionType string
}

type putRecordsInput struct {
	streamAddress
	Records []recordInput
	DryRun  *bool
}

type putRecordsResult struct {
	SequenceNumber string `json:",omitempty"`
	ShardID        string `json:"ShardId,omitempty"`
	ErrorCode      string `json:",omitempty"`
	ErrorMessage   string `json:",omitempty"`
}

type putRecordsOutput struct {
	FailedRecordCount int32
	Records           []putRecordsResult
	EncryptionType    string
}

type getShardIteratorInput struct {
	streamAddress
	ShardID                *string `json:"ShardId"`
	ShardIteratorType      *string
	StartingSequenceNumber *string
	Timestamp              *float64
	DryRun                 *bool
}

type getShardIteratorOutput struct {
	ShardIterator string
}

type getRecordsInput struct {
	streamAddress
	ShardIterator *string
	Limit         *int32
	DryRun        *bool
}

type record struct {
	SequenceNumber              string
	ApproximateArrivalTimestamp float64
	Data                        []byte
	PartitionKey                string
	EncryptionType              string
}

type getRecordsOutput struct {
	Records            []record
	NextShardIterator  string
	MillisBehindLatest int64
}

// empty is the output of actions that answer nothing.
type empty struct{}
