package sns

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/invocation"
	"github.com/portico-mq/portico/adapters/sns/retry"
	"github.com/portico-mq/portico/broker"
)

// lambda delivers to functions, by the Invoke call of what runs them.
type lambda struct {
	endpoint invocation.Endpoint
	web      *web
}

// functionTime is the longest that a function may take.
const functionTime = 15 * time.Minute

func (l *lambda) patience() time.Duration { return functionTime }

func (l *lambda) schedule() *retry.Schedule { return &retry.Inside }

// check says whether a function can be subscribed.
func (l *lambda) check(text string) *awsproto.Error {
	parsed, bad := parseARN(text, "Lambda endpoint ARN")
	if bad != nil || parsed.service != "lambda" || !strings.HasPrefix(parsed.resource, "function:") {
		return invalidParameter("Lambda endpoint ARN")
	}
	if l.endpoint == "" {
		return invalidParameter("Protocol Reason: lambda needs aws.lambda.endpoint in the configuration, which is not set")
	}
	return nil
}

// lambdaEvent is what a function gets [Lambda developer guide, "Invoking Lambda functions with SNS
// notifications"]. Its members are spelled a little differently from the envelope's.
type lambdaEvent struct {
	Records []lambdaRecord
}

type lambdaRecord struct {
	EventSource          string
	EventVersion         string
	EventSubscriptionARN string             `json:"EventSubscriptionArn"`
	SNS                  lambdaNotification `json:"Sns"`
}

type lambdaNotification struct {
	Type              string
	MessageID         string `json:"MessageId"`
	TopicARN          string `json:"TopicArn"`
	Subject           *string
	Message           string
	Timestamp         string
	SignatureVersion  string
	Signature         string
	SigningCertURL    string `json:"SigningCertUrl"`
	UnsubscribeURL    string `json:"UnsubscribeUrl"`
	MessageAttributes map[string]envelopeAttribute
}

// deliver implements transport.
func (l *lambda) deliver(ctx context.Context, c *courier, _ *broker.Message, n *notice) error {
	signed := *c.rule
	signed.Version = "1" // whatever the topic says
	e := signed.envelope(n)
	event := lambdaNotification{
		Type: e.Type, MessageID: e.MessageID, TopicARN: e.TopicARN, Message: e.Message, Timestamp: e.Timestamp,
		SignatureVersion: e.SignatureVersion, Signature: e.Signature, SigningCertURL: e.SigningCertURL,
		UnsubscribeURL: e.UnsubscribeURL, MessageAttributes: e.MessageAttributes,
	}
	if e.Subject != "" {
		event.Subject = &e.Subject
	}
	body, err := awsproto.EncodeJSON(lambdaEvent{[]lambdaRecord{{"aws:sns", "1.0", c.ARN, event}}})
	if err != nil {
		return err
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("X-Amz-Invocation-Type", "Event")
	return l.web.post(ctx, l.endpoint.URL(c.Endpoint), header, body)
}
