package sns

import (
	"encoding/json"
	"maps"
	"net/url"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/filterpolicy"
	"github.com/portico-mq/portico/adapters/sns/retry"
	"github.com/portico-mq/portico/broker"
)

// The protocols of subscriptions.
const (
	protocolSQS         = "sqs"
	protocolHTTP        = "http"
	protocolHTTPS       = "https"
	protocolEmail       = "email"
	protocolEmailJSON   = "email-json"
	protocolSMS         = "sms"
	protocolLambda      = "lambda"
	protocolApplication = "application"
	protocolFirehose    = "firehose"
)

// The attributes of subscriptions that can be set.
const (
	rawDelivery      = "RawMessageDelivery"
	filterPolicy     = "FilterPolicy"
	filterScope      = "FilterPolicyScope"
	redrivePolicy    = "RedrivePolicy"
	subscriptionRole = "SubscriptionRoleArn"
	replayPolicy     = "ReplayPolicy"
)

// subscription is all there is to know about one; it is kept as a document. A value is never changed:
// what changes a subscription puts a changed copy in its place.
type subscription struct {
	ARN        string            `json:"arn"`
	Topic      string            `json:"topic"` // its ARN
	Owner      string            `json:"owner"`
	Protocol   string            `json:"protocol"`
	Endpoint   string            `json:"endpoint"`
	Attributes map[string]string `json:"attributes,omitempty"` // as they were set
	BaseURL    string            `json:"base_url"`             // where the endpoint was reached when it was made
	Created    time.Time         `json:"created"`
	// Pending: it waits for its token to come back, until which nothing is delivered.
	Pending bool `json:"pending,omitempty"`
	// Removed: it was unsubscribed, and can be restored with the token. It is shown to nobody.
	Removed bool `json:"removed,omitempty"`
	// Token is the last one that was sent, and Sent when that was.
	Token string    `json:"token,omitempty"`
	Sent  time.Time `json:"sent,omitzero"`
	// Authenticated: who confirmed it had a key. Locked: only the owner may unsubscribe.
	Authenticated bool `json:"authenticated,omitempty"`
	Locked        bool `json:"locked,omitempty"`

	// Replay is how far a replay of the topic's archive has come; nil when none was asked for.
	Replay *replay `json:"replay,omitempty"`

	namespace string
	topicName string
	id        string
}

// collection is where subscriptions are kept.
const collection = "sns.subscription"

func (s *subscription) key() broker.DocumentKey {
	return broker.DocumentKey{Collection: collection, Namespace: s.namespace, Name: s.id}
}

// decodeSubscription reads a document.
func decodeSubscription(key broker.DocumentKey, text []byte) (*subscription, error) {
	s := &subscription{namespace: key.Namespace}
	if err := json.Unmarshal(text, s); err != nil {
		return nil, err
	}
	return s, s.name()
}

// name sets the names that the ARN holds.
func (s *subscription) name() error {
	parsed, bad := parseARN(s.ARN, "SubscriptionArn")
	if bad != nil {
		return bad
	}
	var ok bool
	if s.topicName, s.id, ok = strings.Cut(parsed.resource, ":"); !ok {
		return invalidParameter("SubscriptionId")
	}
	return nil
}

// copy gives a copy to change.
func (s *subscription) copy() *subscription {
	c := *s
	c.Attributes = maps.Clone(s.Attributes)
	if c.Attributes == nil {
		c.Attributes = make(map[string]string)
	}
	return &c
}

func (s *subscription) topicKey() topicKey { return topicKey{s.namespace, s.topicName} }

func (s *subscription) raw() bool { return strings.EqualFold(s.Attributes[rawDelivery], "true") }

func (s *subscription) fifo() bool { return isFIFO(s.topicName) }

// scope is what of a message its filter looks at.
func (s *subscription) scope() filterpolicy.Scope {
	if s.Attributes[filterScope] == string(filterpolicy.MessageBody) {
		return filterpolicy.MessageBody
	}
	return filterpolicy.MessageAttributes
}

// queueName is the queue that holds what waits for its endpoint. SQS cannot spell it.
func (s *subscription) queueName() string { return "sns.subscription." + s.id }

// region and account are the topic's.
func (s *subscription) place() (region, account string) {
	parsed, _ := parseARN(s.Topic, "") // it was checked when it was made
	return parsed.region, parsed.account
}

// deadLetters is the ARN of its dead-letter queue; "" for none.
func (s *subscription) deadLetters() string {
	target, _ := parseRedrive(s.Attributes[redrivePolicy]) // it was checked when it was set
	return target
}

// parseRedrive reads a RedrivePolicy.
func parseRedrive(text string) (target string, ok bool) {
	if text == "" {
		return "", true
	}
	var p struct {
		DeadLetterTargetARN string `json:"deadLetterTargetArn"`
	}
	if json.Unmarshal([]byte(text), &p) != nil {
		return "", false
	}
	return p.DeadLetterTargetARN, true
}

// delivery is the policy of deliveries in force; topic is the topic's own, as text.
func (s *subscription) delivery(topicPolicy string) retry.Policy {
	topic, err := retry.ParseTopic(topicPolicy)
	if err != nil {
		topic = &retry.TopicPolicy{} // it was checked when it was set
	}
	own, err := retry.ParseSubscription(s.Attributes[deliveryPolicy])
	if err != nil {
		own = &retry.Policy{} // likewise
	}
	return retry.Effective(topic, own)
}

// shownEndpoint hides the password of a URL.
func (s *subscription) shownEndpoint() string {
	if s.Protocol != protocolHTTP && s.Protocol != protocolHTTPS {
		return s.Endpoint
	}
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.User == nil {
		return s.Endpoint
	}
	before, rest, _ := strings.Cut(s.Endpoint, "@")
	scheme, _, _ := strings.Cut(before, "://")
	return scheme + "://" + u.User.Username() + ":****@" + rest
}

// pendingARN stands for the ARN of a subscription that waits for its confirmation.
const (
	pendingARN  = "pending confirmation"
	pendingList = "PendingConfirmation"
)

// output is the subscription in a list.
func (s *subscription) output() subscriptionOutput {
	out := subscriptionOutput{
		TopicARN: s.Topic, Protocol: s.Protocol, SubscriptionARN: s.ARN, Owner: s.Owner, Endpoint: s.shownEndpoint(),
	}
	if s.Pending {
		out.SubscriptionARN = pendingList
	}
	return out
}

// link is a URL that does something with the subscription when it is followed.
func (s *subscription) link(action string, pairs ...string) string {
	text := s.BaseURL + "/?Action=" + action
	for i, part := range pairs {
		if i%2 == 0 {
			text += "&" + part + "="
			continue
		}
		text += url.QueryEscape(part)
	}
	return text
}

func (s *subscription) unsubscribeURL() string {
	return s.link("Unsubscribe", "SubscriptionArn", s.ARN)
}

func (s *subscription) confirmURL() string {
	return s.link("ConfirmSubscription", "TopicArn", s.Topic, "Token", s.Token)
}

// tokenTime is how long a token counts.
const tokenTime = 3 * 24 * time.Hour

// renew gives it a new token.
func (s *subscription) renew() {
	s.Token, s.Sent = newToken(), time.Now().UTC()
}

// overdue tells one whose token nobody sent back in time.
func (s *subscription) overdue(now time.Time) bool {
	return (s.Pending || s.Removed) && now.Sub(s.Sent) > tokenTime
}

// newToken makes a token that cannot be guessed.
func newToken() string {
	return strings.ReplaceAll(awsproto.NewID()+awsproto.NewID()+awsproto.NewID()+awsproto.NewID(), "-", "")
}
