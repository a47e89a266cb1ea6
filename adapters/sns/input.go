package sns

import "github.com/portico-mq/portico/adapters/awsmessage"

// The inputs and outputs of topics, subscriptions and publications, with the member names of the
// service's model (API version 2010-03-31), which speaks the query protocol only.

type createTopicInput struct {
	Name                 string
	Attributes           map[string]string
	Tags                 []tag
	DataProtectionPolicy string
}

type tag struct {
	Key   string
	Value string `query:",keep"`
}

type topicInput struct {
	TopicARN string `query:"TopicArn"`
}

type createTopicOutput struct {
	TopicARN string `query:"TopicArn"`
}

type listInput struct {
	NextToken string
}

type listTopicsOutput struct {
	Topics    []topicInput
	NextToken string
}

// attributesOutput is that of all actions that show attributes.
type attributesOutput struct {
	Attributes map[string]string
}

type setTopicAttributesInput struct {
	TopicARN       string `query:"TopicArn"`
	AttributeName  string
	AttributeValue string
}

type addPermissionInput struct {
	TopicARN     string `query:"TopicArn"`
	Label        string
	AWSAccountID []string `query:"AWSAccountId"`
	ActionName   []string
}

type removePermissionInput struct {
	TopicARN string `query:"TopicArn"`
	Label    string
}

type resourceInput struct {
	ResourceARN string `query:"ResourceArn"`
}

type tagResourceInput struct {
	ResourceARN string `query:"ResourceArn"`
	Tags        []tag
}

type untagResourceInput struct {
	ResourceARN string `query:"ResourceArn"`
	TagKeys     []string
}

type listTagsOutput struct {
	Tags []tag
}

type dataProtectionOutput struct {
	DataProtectionPolicy string `query:",keep"`
}

type putDataProtectionInput struct {
	ResourceARN          string `query:"ResourceArn"`
	DataProtectionPolicy string
}

type subscribeInput struct {
	TopicARN              string `query:"TopicArn"`
	Protocol              string
	Endpoint              string
	Attributes            map[string]string
	ReturnSubscriptionARN bool `query:"ReturnSubscriptionArn"`
}

type subscribeOutput struct {
	SubscriptionARN string `query:"SubscriptionArn"`
}

type confirmInput struct {
	TopicARN                  string `query:"TopicArn"`
	Token                     string
	AuthenticateOnUnsubscribe string
}

type subscriptionInput struct {
	SubscriptionARN string `query:"SubscriptionArn"`
}

type listByTopicInput struct {
	TopicARN  string `query:"TopicArn"`
	NextToken string
}

type subscriptionOutput struct {
	TopicARN        string `query:"TopicArn"`
	Protocol        string
	SubscriptionARN string `query:"SubscriptionArn"`
	Owner           string
	Endpoint        string
}

type listSubscriptionsOutput struct {
	Subscriptions []subscriptionOutput
	NextToken     string
}

type setSubscriptionAttributesInput struct {
	SubscriptionARN string `query:"SubscriptionArn"`
	AttributeName   string
	AttributeValue  string
}

type publishInput struct {
	TopicARN    *string `query:"TopicArn"`
	TargetARN   string  `query:"TargetArn"`
	PhoneNumber string
	messageInput
}

// messageInput is what one message has in Publish and in an entry of PublishBatch.
type messageInput struct {
	Message                string
	Subject                *string
	MessageStructure       string
	MessageAttributes      map[string]awsmessage.Value `query:"MessageAttributes,key=Name,value=Value"`
	MessageDeduplicationID string                      `query:"MessageDeduplicationId"`
	MessageGroupID         string                      `query:"MessageGroupId"`
}

type publishOutput struct {
	MessageID      string `query:"MessageId"`
	SequenceNumber string
}

type publishBatchInput struct {
	TopicARN string       `query:"TopicArn"`
	Entries  []batchEntry `query:"PublishBatchRequestEntries"`
}

type batchEntry struct {
	ID string `query:"Id"`
	messageInput
}

type batchSuccess struct {
	ID             string `query:"Id"`
	MessageID      string `query:"MessageId"`
	SequenceNumber string
}

type batchFailure struct {
	ID          string `query:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

type publishBatchOutput struct {
	Successful []batchSuccess
	Failed     []batchFailure
}

// empty is the output of actions that answer nothing.
type empty struct{}

// emptyResult is that of actions that answer an empty result, which clients look for.
type emptyResult struct {
	None *string
}
