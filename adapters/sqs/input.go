package sqs

// The inputs and outputs of the actions, with the member names of the service's model (API version
// 2012-11-05). The query tags give the names of the query protocol, which flattens lists and maps.

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string `query:"Attribute,flat,key=Name,value=Value"`
	Tags       map[string]string `json:"tags" query:"Tag,flat,key=Key,value=Value"`
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
}

type getQueueURLInput struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId" query:"QueueOwnerAWSAccountId"`
}

type listQueuesInput struct {
	QueueNamePrefix string
	MaxResults      *int32
	NextToken       string
}

type listQueuesOutput struct {
	QueueURLs []string `json:"QueueUrls,omitempty" query:"QueueUrl,flat"`
	NextToken string   `json:",omitempty"`
}

// queueInput is the input of the actions that name nothing but a queue.
type queueInput struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
}

type getQueueAttributesInput struct {
	QueueURL       string   `json:"QueueUrl" query:"QueueUrl"`
	AttributeNames []string `query:"AttributeName,flat"`
}

type getQueueAttributesOutput struct {
	Attributes map[string]string `json:",omitempty" query:"Attribute,flat,key=Name,value=Value"`
}

type setQueueAttributesInput struct {
	QueueURL   string            `json:"QueueUrl" query:"QueueUrl"`
	Attributes map[string]string `query:"Attribute,flat,key=Name,value=Value"`
}

type tagQueueInput struct {
	QueueURL string            `json:"QueueUrl" query:"QueueUrl"`
	Tags     map[string]string `query:"Tag,flat,key=Key,value=Value"`
}

type untagQueueInput struct {
	QueueURL string   `json:"QueueUrl" query:"QueueUrl"`
	TagKeys  []string `query:"TagKey,flat"`
}

type listQueueTagsOutput struct {
	Tags map[string]string `json:",omitempty" query:"Tag,flat,key=Key,value=Value"`
}

type addPermissionInput struct {
	QueueURL      string `json:"QueueUrl" query:"QueueUrl"`
	Label         string
	AWSAccountIDs []string `json:"AWSAccountIds" query:"AWSAccountId,flat"`
	Actions       []string `query:"ActionName,flat"`
}

type removePermissionInput struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
	Label    string
}

type listSourcesInput struct {
	QueueURL   string `json:"QueueUrl" query:"QueueUrl"`
	NextToken  string
	MaxResults *int32
}

type listSourcesOutput struct {
	QueueURLs []string `json:"queueUrls" query:"QueueUrl,flat"`
	NextToken string   `json:",omitempty"`
}

type sendMessageInput struct {
	QueueURL string `json:"QueueUrl" query:"QueueUrl"`
	messageInput
}

// messageInput is what one message has in SendMessage and in an entry of SendMessageBatch.
type messageInput struct {
	MessageBody             string
	DelaySeconds            *int32
	MessageAttributes       map[string]attributeValue `query:"MessageAttribute,flat,key=Name,value=Value"`
	MessageSystemAttributes map[string]attributeValue `query:"MessageSystemAttribute,flat,key=Name,value=Value"`
	MessageDeduplicationID  string                    `json:"MessageDeduplicationId" query:"MessageDeduplicationId"`
	MessageGroupID          string                    `json:"MessageGroupId" query:"MessageGroupId"`
}

type sendMessageOutput struct {
	MD5OfMessageBody             string
	MD5OfMessageAttributes       string `json:",omitempty"`
	MD5OfMessageSystemAttributes string `json:",omitempty"`
	MessageID                    string `json:"MessageId" query:"MessageId"`
	SequenceNumber               string `json:",omitempty"`
}

type sendMessageBatchInput struct {
	QueueURL string           `json:"QueueUrl" query:"QueueUrl"`
	Entries  []sendBatchEntry `query:"SendMessageBatchRequestEntry,flat"`
}

type sendBatchEntry struct {
	ID string `json:"Id" query:"Id"`
	messageInput
}

type sendMessageBatchOutput struct {
	Successful []sendBatchResult `json:",omitempty" query:"SendMessageBatchResultEntry,flat"`
	Failed     []batchFailure    `json:",omitempty" query:"BatchResultErrorEntry,flat"`
}

type sendBatchResult struct {
	ID string `json:"Id" query:"Id"`
	sendMessageOutput
}

// batchFailure is an entry of a batch that failed on its own.
type batchFailure struct {
	ID          string `json:"Id" query:"Id"`
	SenderFault bool
	Code        string
	Message     string `json:",omitempty"`
}

type receiveMessageInput struct {
	QueueURL                    string   `json:"QueueUrl" query:"QueueUrl"`
	AttributeNames              []string `query:"AttributeName,flat"`
	MessageSystemAttributeNames []string `query:"MessageSystemAttributeName,flat"`
	MessageAttributeNames       []string `query:"MessageAttributeName,flat"`
	MaxNumberOfMessages         *int32
	VisibilityTimeout           *int32
	WaitTimeSeconds             *int32
	ReceiveRequestAttemptID     string `json:"ReceiveRequestAttemptId" query:"ReceiveRequestAttemptId"`
}

type receiveMessageOutput struct {
	Messages []receivedMessage `json:",omitempty" query:"Message,flat"`
}

type receivedMessage struct {
	MessageID              string `json:"MessageId" query:"MessageId"`
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string                    `query:"Body,keep"`
	Attributes             map[string]string         `json:",omitempty" query:"Attribute,flat,key=Name,value=Value"`
	MD5OfMessageAttributes string                    `json:",omitempty"`
	MessageAttributes      map[string]attributeValue `json:",omitempty" query:"MessageAttribute,flat,key=Name,value=Value"`
}

type deleteMessageInput struct {
	QueueURL      string `json:"QueueUrl" query:"QueueUrl"`
	ReceiptHandle string
}

type deleteMessageBatchInput struct {
	QueueURL string             `json:"QueueUrl" query:"QueueUrl"`
	Entries  []deleteBatchEntry `query:"DeleteMessageBatchRequestEntry,flat"`
}

type deleteBatchEntry struct {
	ID            string `json:"Id" query:"Id"`
	ReceiptHandle string
}

type deleteMessageBatchOutput struct {
	Successful []batchSuccess `json:",omitempty" query:"DeleteMessageBatchResultEntry,flat"`
	Failed     []batchFailure `json:",omitempty" query:"BatchResultErrorEntry,flat"`
}

type batchSuccess struct {
	ID string `json:"Id" query:"Id"`
}

type changeVisibilityInput struct {
	QueueURL          string `json:"QueueUrl" query:"QueueUrl"`
	ReceiptHandle     string
	VisibilityTimeout *int32
}

type changeVisibilityBatchInput struct {
	QueueURL string                 `json:"QueueUrl" query:"QueueUrl"`
	Entries  []visibilityBatchEntry `query:"ChangeMessageVisibilityBatchRequestEntry,flat"`
}

type visibilityBatchEntry struct {
	ID                string `json:"Id" query:"Id"`
	ReceiptHandle     string
	VisibilityTimeout *int32
}

type changeVisibilityBatchOutput struct {
	Successful []batchSuccess `json:",omitempty" query:"ChangeMessageVisibilityBatchResultEntry,flat"`
	Failed     []batchFailure `json:",omitempty" query:"BatchResultErrorEntry,flat"`
}

type startMoveInput struct {
	SourceARN      string `json:"SourceArn" query:"SourceArn"`
	DestinationARN string `json:"DestinationArn" query:"DestinationArn"`
	MaxPerSecond   *int32 `json:"MaxNumberOfMessagesPerSecond" query:"MaxNumberOfMessagesPerSecond"`
}

type startMoveOutput struct {
	TaskHandle string
}

type cancelMoveInput struct {
	TaskHandle string
}

type cancelMoveOutput struct {
	Moved int64 `json:"ApproximateNumberOfMessagesMoved" query:"ApproximateNumberOfMessagesMoved"`
}

type listMovesInput struct {
	SourceARN  string `json:"SourceArn" query:"SourceArn"`
	MaxResults *int32
}

type listMovesOutput struct {
	Results []moveResult `query:"ListMessageMoveTasksResultEntry,flat"`
}

type moveResult struct {
	Moved          int64  `json:"ApproximateNumberOfMessagesMoved" query:"ApproximateNumberOfMessagesMoved"`
	ToMove         int64  `json:"ApproximateNumberOfMessagesToMove" query:"ApproximateNumberOfMessagesToMove"`
	DestinationARN string `json:"DestinationArn,omitempty" query:"DestinationArn"`
	FailureReason  string `json:",omitempty"`
	MaxPerSecond   *int32 `json:"MaxNumberOfMessagesPerSecond,omitempty" query:"MaxNumberOfMessagesPerSecond"`
	SourceARN      string `json:"SourceArn" query:"SourceArn"`
	Started        int64  `json:"StartedTimestamp" query:"StartedTimestamp"`
	Status         string
	TaskHandle     string `json:",omitempty"`
}

// empty is the output of actions that answer nothing.
type empty struct{}
