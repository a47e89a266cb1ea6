package aws

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
)

// call makes one call and fails the test unless it succeeds.
func call[In, Out any](t *testing.T, f func(context.Context, *In, ...func(*sns.Options)) (*Out, error), in *In) *Out {
	t.Helper()
	out, err := f(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSNSEveryAction makes the SDK decode an answer to each of the service's 42 actions; the module has no recorded
// answers to compare with.
func TestSNSEveryAction(t *testing.T) {
	e := endpoint(t)
	c := snsClient(e)
	bodies := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	}))
	defer receiver.Close()
	topic := call(t, c.CreateTopic, &sns.CreateTopicInput{Name: aws.String("every")}).TopicArn
	call(t, c.SetTopicAttributes, &sns.SetTopicAttributesInput{TopicArn: topic, AttributeName: aws.String("DisplayName"), AttributeValue: aws.String("d")})
	call(t, c.AddPermission, &sns.AddPermissionInput{TopicArn: topic, Label: aws.String("l"), AWSAccountId: []string{"111122223333"}, ActionName: []string{"Publish"}})
	call(t, c.RemovePermission, &sns.RemovePermissionInput{TopicArn: topic, Label: aws.String("l")})
	call(t, c.TagResource, &sns.TagResourceInput{ResourceArn: topic, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("")}}})
	if tags := call(t, c.ListTagsForResource, &sns.ListTagsForResourceInput{ResourceArn: topic}).Tags; len(tags) != 1 || tags[0].Value == nil {
		t.Errorf("tags %v", tags)
	}
	call(t, c.UntagResource, &sns.UntagResourceInput{ResourceArn: topic, TagKeys: []string{"k"}})
	call(t, c.PutDataProtectionPolicy, &sns.PutDataProtectionPolicyInput{ResourceArn: topic, DataProtectionPolicy: aws.String("{}")})
	call(t, c.GetDataProtectionPolicy, &sns.GetDataProtectionPolicyInput{ResourceArn: topic})
	call(t, c.GetTopicAttributes, &sns.GetTopicAttributesInput{TopicArn: topic})
	call(t, c.ListTopics, &sns.ListTopicsInput{})
	pending := call(t, c.Subscribe, &sns.SubscribeInput{TopicArn: topic, Protocol: aws.String("http"), Endpoint: &receiver.URL})
	if *pending.SubscriptionArn != "pending confirmation" {
		t.Errorf("subscribed as %s", *pending.SubscriptionArn)
	}
	_, token, _ := strings.Cut(<-bodies, `"Token":"`)
	token, _, _ = strings.Cut(token, `"`)
	subscription := call(t, c.ConfirmSubscription, &sns.ConfirmSubscriptionInput{TopicArn: topic, Token: &token}).SubscriptionArn
	call(t, c.SetSubscriptionAttributes, &sns.SetSubscriptionAttributesInput{SubscriptionArn: subscription, AttributeName: aws.String("RawMessageDelivery"), AttributeValue: aws.String("true")})
	call(t, c.GetSubscriptionAttributes, &sns.GetSubscriptionAttributesInput{SubscriptionArn: subscription})
	call(t, c.ListSubscriptions, &sns.ListSubscriptionsInput{})
	call(t, c.ListSubscriptionsByTopic, &sns.ListSubscriptionsByTopicInput{TopicArn: topic})
	call(t, c.Publish, &sns.PublishInput{TopicArn: topic, Message: aws.String("raw")})
	if body := <-bodies; body != "raw" {
		t.Errorf("delivered %q", body)
	}
	call(t, c.PublishBatch, &sns.PublishBatchInput{TopicArn: topic, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{{Id: aws.String("1"), Message: aws.String("m")}}})
	<-bodies
	call(t, c.Unsubscribe, &sns.UnsubscribeInput{SubscriptionArn: subscription})
	call(t, c.DeleteTopic, &sns.DeleteTopicInput{TopicArn: topic})
	everyMobileAction(t, e, c)
}

func everyMobileAction(t *testing.T, e target, c *sns.Client) {
	application := call(t, c.CreatePlatformApplication, &sns.CreatePlatformApplicationInput{
		Name: aws.String("a"), Platform: aws.String("GCM"), Attributes: map[string]string{"PlatformCredential": "x"},
	}).PlatformApplicationArn
	call(t, c.SetPlatformApplicationAttributes, &sns.SetPlatformApplicationAttributesInput{PlatformApplicationArn: application, Attributes: map[string]string{"SuccessFeedbackSampleRate": "5"}})
	call(t, c.GetPlatformApplicationAttributes, &sns.GetPlatformApplicationAttributesInput{PlatformApplicationArn: application})
	call(t, c.ListPlatformApplications, &sns.ListPlatformApplicationsInput{})
	device := call(t, c.CreatePlatformEndpoint, &sns.CreatePlatformEndpointInput{PlatformApplicationArn: application, Token: aws.String("t")}).EndpointArn
	call(t, c.SetEndpointAttributes, &sns.SetEndpointAttributesInput{EndpointArn: device, Attributes: map[string]string{"CustomUserData": "u"}})
	if got := call(t, c.GetEndpointAttributes, &sns.GetEndpointAttributesInput{EndpointArn: device}).Attributes; got["CustomUserData"] != "u" {
		t.Errorf("device %v", got)
	}
	call(t, c.ListEndpointsByPlatformApplication, &sns.ListEndpointsByPlatformApplicationInput{PlatformApplicationArn: application})
	call(t, c.DeleteEndpoint, &sns.DeleteEndpointInput{EndpointArn: device})
	call(t, c.DeletePlatformApplication, &sns.DeletePlatformApplicationInput{PlatformApplicationArn: application})
	number := aws.String("+15551234567")
	call(t, c.CreateSMSSandboxPhoneNumber, &sns.CreateSMSSandboxPhoneNumberInput{PhoneNumber: number})
	page, err := http.Get(e.url + "/_aws/sns/outbox?accountId=" + e.account)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(page.Body)
	page.Body.Close()
	_, password, found := strings.Cut(string(text), "code is ")
	if err != nil || !found {
		t.Fatal(err, string(text))
	}
	call(t, c.VerifySMSSandboxPhoneNumber, &sns.VerifySMSSandboxPhoneNumberInput{PhoneNumber: number, OneTimePassword: aws.String(password[:6])})
	if got := call(t, c.ListSMSSandboxPhoneNumbers, &sns.ListSMSSandboxPhoneNumbersInput{}).PhoneNumbers; len(got) != 1 || got[0].Status != types.SMSSandboxPhoneNumberVerificationStatusVerified {
		t.Errorf("sandbox %v", got)
	}
	call(t, c.DeleteSMSSandboxPhoneNumber, &sns.DeleteSMSSandboxPhoneNumberInput{PhoneNumber: number})
	call(t, c.GetSMSSandboxAccountStatus, &sns.GetSMSSandboxAccountStatusInput{})
	call(t, c.SetSMSAttributes, &sns.SetSMSAttributesInput{Attributes: map[string]string{"DefaultSenderID": "me"}})
	if got := call(t, c.GetSMSAttributes, &sns.GetSMSAttributesInput{}).Attributes; got["DefaultSenderID"] != "me" {
		t.Errorf("SMS attributes %v", got)
	}
	call(t, c.CheckIfPhoneNumberIsOptedOut, &sns.CheckIfPhoneNumberIsOptedOutInput{PhoneNumber: number})
	call(t, c.OptInPhoneNumber, &sns.OptInPhoneNumberInput{PhoneNumber: number})
	call(t, c.ListPhoneNumbersOptedOut, &sns.ListPhoneNumbersOptedOutInput{})
	call(t, c.ListOriginationNumbers, &sns.ListOriginationNumbersInput{})
}
