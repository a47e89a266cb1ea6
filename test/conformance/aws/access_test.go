package aws

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// identities has two accounts, of which one trusts the other.
const identities = `
accounts:
  "111122223333":
    root_keys:
      - {id: AKIAOWNER, secret: owner-secret}
    users:
      worker:
        access_keys:
          - {id: AKIAWORKER, secret: worker-secret}
        policies:
          jobs:
            Version: 2012-10-17
            Statement:
              - {Effect: Allow, Action: "sqs:*", Resource: "arn:aws:sqs:*:111122223333:jobs"}
              - {Effect: Allow, Action: "sqs:GetQueueUrl", Resource: "*"}
    roles:
      sender:
        attached: ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"]
        trust:
          Version: 2012-10-17
          Statement: {Effect: Allow, Principal: {AWS: "444455556666"}, Action: "sts:AssumeRole"}
  "444455556666":
    users:
      guest:
        access_keys:
          - {id: AKIAGUEST, secret: guest-secret}
        policies:
          all:
            Version: 2012-10-17
            Statement: {Effect: Allow, Action: "*", Resource: "*"}
`

func configOf(url, key, secret, token string) aws.Config {
	return aws.Config{
		Region: "us-east-1", BaseEndpoint: &url, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
	}
}

// refused checks the code of an error and what its message holds.
func refused(t *testing.T, err error, code, text string) {
	t.Helper()
	var known smithy.APIError
	if !errors.As(err, &known) || known.ErrorCode() != code || !strings.Contains(known.ErrorMessage(), text) {
		t.Errorf("got %v, want %s with %q", err, code, text)
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	url := start(t, []byte(identities))
	owner := sqs.NewFromConfig(configOf(url, "AKIAOWNER", "owner-secret", ""))
	jobs, err := owner.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	other, err := owner.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("other")})
	if err != nil {
		t.Fatal(err)
	}
	send := func(config aws.Config, queue *string) error {
		_, err := sqs.NewFromConfig(config).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("ü")})
		return err
	}
	worker, guest := configOf(url, "AKIAWORKER", "worker-secret", ""), configOf(url, "AKIAGUEST", "guest-secret", "")
	if err := send(worker, jobs.QueueUrl); err != nil {
		t.Error(err)
	}
	got, err := owner.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: jobs.QueueUrl, WaitTimeSeconds: 5, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"SenderId"},
	})
	if err != nil || len(got.Messages) != 1 || got.Messages[0].Attributes["SenderId"] != "AIDAworker" {
		t.Errorf("%+v %v", got, err)
	}
	refused(t, send(worker, other.QueueUrl), "AccessDenied", "User: arn:aws:iam::111122223333:user/worker is not authorized to perform: sqs:sendmessage on resource: arn:aws:sqs:us-east-1:111122223333:other")
	refused(t, send(configOf(url, "AKIAWORKER", "wrong", ""), jobs.QueueUrl), "SignatureDoesNotMatch", "The request signature we calculated does not match")
	refused(t, send(configOf(url, "AKIANOBODY", "x", ""), jobs.QueueUrl), "InvalidClientTokenId", "The security token included in the request is invalid.")
	refused(t, send(guest, jobs.QueueUrl), "AccessDenied", "because no resource-based policy allows the sqs:sendmessage action")
	_, err = sns.NewFromConfig(worker).ListTopics(ctx, &sns.ListTopicsInput{})
	refused(t, err, "AuthorizationError", "is not authorized to perform: SNS:ListTopics")

	// AddPermission lets the other account in.
	if _, err := owner.AddPermission(ctx, &sqs.AddPermissionInput{
		QueueUrl: jobs.QueueUrl, Label: aws.String("guests"), AWSAccountIds: []string{"444455556666"}, Actions: []string{"SendMessage"},
	}); err != nil {
		t.Fatal(err)
	}
	if err := send(guest, jobs.QueueUrl); err != nil {
		t.Error(err)
	}
	if _, err := owner.RemovePermission(ctx, &sqs.RemovePermissionInput{QueueUrl: jobs.QueueUrl, Label: aws.String("guests")}); err != nil {
		t.Fatal(err)
	}
	refused(t, send(guest, jobs.QueueUrl), "AccessDenied", "")

	// And so does a role.
	visit, err := sts.NewFromConfig(guest).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/sender"), RoleSessionName: aws.String("visit"),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := visit.Credentials
	session := configOf(url, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	if err := send(session, other.QueueUrl); err != nil {
		t.Error(err)
	}
	refused(t, send(configOf(url, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken+"A"), other.QueueUrl), "InvalidClientTokenId", "")
	who, err := sts.NewFromConfig(session).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil || *who.Arn != "arn:aws:sts::111122223333:assumed-role/sender/visit" || *who.Account != "111122223333" {
		t.Errorf("%+v %v", who, err)
	}
}

// TestUnsignedCallers lets everybody send to a queue whose policy says so, and nothing else.
func TestUnsignedCallers(t *testing.T) {
	t.Parallel()
	url := start(t, []byte(identities))
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:111122223333:open",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = sqs.NewFromConfig(configOf(url, "AKIAOWNER", "owner-secret", "")).CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("open"), Attributes: map[string]string{"Policy": string(policy)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{
		"Action=SendMessage&MessageBody=x": "<MD5OfMessageBody>",
		"Action=PurgeQueue":                "<Code>AccessDenied</Code>",
	} {
		answer, err := http.Get(url + "/111122223333/open?Version=2012-11-05&" + query)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if !strings.Contains(string(body), want) {
			t.Errorf("%s: %d %s, want %s", query, answer.StatusCode, body, want)
		}
	}
}

// TestPresignedIdentity calls STS by a URL that its SDK presigned, as clients of EKS do.
func TestPresignedIdentity(t *testing.T) {
	t.Parallel()
	url := start(t, []byte(identities))
	request, err := sts.NewPresignClient(sts.NewFromConfig(configOf(url, "AKIAWORKER", "worker-secret", ""))).
		PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ url, want string }{
		{request.URL, "<Arn>arn:aws:iam::111122223333:user/worker</Arn>"},
		{request.URL + "&Extra=1", "<Code>SignatureDoesNotMatch</Code>"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), request.Method, tt.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if !strings.Contains(string(body), tt.want) {
			t.Errorf("%d %s, want %s", answer.StatusCode, body, tt.want)
		}
	}
}
