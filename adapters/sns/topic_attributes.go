package sns

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/retry"
)

// The attributes that have a meaning here. The others are kept and shown.
const (
	displayName       = "DisplayName"
	fifoTopic         = "FifoTopic"
	contentBased      = "ContentBasedDeduplication"
	throughputScope   = "FifoThroughputScope"
	archivePolicy     = "ArchivePolicy"
	policyAttribute   = "Policy"
	deliveryPolicy    = "DeliveryPolicy"
	effectiveDelivery = "EffectiveDeliveryPolicy"
	signatureVersion  = "SignatureVersion"
	maximumSize       = "MaximumMessageSize"
	kmsKey            = "KmsMasterKeyId"
	tracing           = "TracingConfig"
)

// The bounds of MaximumMessageSize, and what it is where it is not set.
const (
	leastMessageSize   = 1 << 10
	defaultMessageSize = 256 << 10
	mostMessageSize    = 1 << 20
)

const maxDisplayName = 100

// feedbackProtocols are those whose deliveries AWS logs; the attributes are kept, and nothing is
// written to a log that there is not.
var feedbackProtocols = []string{"HTTP", "Firehose", "Lambda", "Application", "SQS"}

// checkTopicAttribute says whether an attribute can be set to a value. prefix stands before the
// attribute's name in complaints.
func checkTopicAttribute(name, value, prefix string, fifo bool) *awsproto.Error {
	bad := func(format string, args ...any) *awsproto.Error {
		return invalidParameter(prefix+name+": "+format, args...)
	}
	switch name {
	case displayName:
		if utf8.RuneCountInString(value) > maxDisplayName {
			return invalidParameter("%s", displayName)
		}
		return nil
	case contentBased, throughputScope, archivePolicy:
		if !fifo {
			return invalidParameter("%s%s: attribute is only valid for FIFO topics", prefix, name)
		}
		return checkFIFOAttribute(name, value, prefix)
	case policyAttribute:
		return checkPolicy(value)
	case deliveryPolicy:
		if _, err := retry.ParseTopic(value); err != nil {
			return bad("%s", err)
		}
		return nil
	case signatureVersion:
		return oneOf(bad, value, "1", "2")
	case tracing:
		return oneOf(bad, value, "PassThrough", "Active")
	case maximumSize:
		if n, err := strconv.Atoi(value); err != nil || n < leastMessageSize || n > mostMessageSize {
			return bad("Invalid value [%s]. Must be between %d and %d.", clip(value), leastMessageSize, mostMessageSize)
		}
		return nil
	case kmsKey:
		return nil
	}
	return checkFeedback(name, value, bad, prefix)
}

func oneOf(bad func(string, ...any) *awsproto.Error, value string, values ...string) *awsproto.Error {
	for _, v := range values {
		if v == value {
			return nil
		}
	}
	return bad("Invalid value [%s]. Must be one of: %s", clip(value), strings.Join(values, ", "))
}

func checkFIFOAttribute(name, value, prefix string) *awsproto.Error {
	bad := func(format string, args ...any) *awsproto.Error {
		return invalidParameter(prefix+name+": "+format, args...)
	}
	switch name {
	case contentBased:
		return oneOf(bad, value, "true", "false")
	case throughputScope:
		return oneOf(bad, value, "Topic", "MessageGroup")
	}
	if _, ok := archiveDays(value); !ok {
		return bad("Invalid value. It must be {\"MessageRetentionPeriod\":\"DAYS\"} with 1 to 365 days, or {}.")
	}
	return nil
}

// archiveDays reads an ArchivePolicy; 0 days for an empty one, which archives nothing.
func archiveDays(text string) (days int, ok bool) {
	if text == "" {
		return 0, true
	}
	var p struct{ MessageRetentionPeriod *json.Number }
	if json.Unmarshal([]byte(text), &p) != nil {
		return 0, false
	}
	if p.MessageRetentionPeriod == nil {
		return 0, true
	}
	days, err := strconv.Atoi(p.MessageRetentionPeriod.String())
	return days, err == nil && days >= 1 && days <= 365
}

func checkFeedback(name, value string, bad func(string, ...any) *awsproto.Error, prefix string) *awsproto.Error {
	for _, protocol := range feedbackProtocols {
		switch name {
		case protocol + "SuccessFeedbackRoleArn", protocol + "FailureFeedbackRoleArn":
			return nil
		case protocol + "SuccessFeedbackSampleRate":
			if n, err := strconv.Atoi(value); value != "" && (err != nil || n < 0 || n > 100) {
				return bad("Invalid value [%s]. Must be between 0 and 100.", clip(value))
			}
			return nil
		}
	}
	if prefix == "" {
		return invalidParameter("AttributeName")
	}
	return invalidParameter("%sUnknown attribute %s", prefix, clip(name))
}

// shownAttributes are a topic's attributes as GetTopicAttributes shows them.
func (t *topic) shownAttributes() map[string]string {
	shown := map[string]string{
		"TopicArn": t.arn, "Owner": t.account, displayName: "", policyAttribute: defaultPolicy(t.arn, t.account),
		"SubscriptionsDeleted": "0",
	}
	if t.fifo() {
		shown[fifoTopic], shown[contentBased], shown[throughputScope] = "true", "false", "Topic"
	}
	for name, value := range t.record.Attributes {
		if value != "" || name == displayName {
			shown[name] = value
		}
	}
	if text := shown[deliveryPolicy]; text != "" {
		shown[deliveryPolicy] = retry.ShownTopic(text)
	}
	policy, err := retry.ParseTopic(t.record.Attributes[deliveryPolicy])
	if err != nil {
		policy = &retry.TopicPolicy{} // it was checked when it was set
	}
	shown[effectiveDelivery] = policy.Text()
	return shown
}

// maxSize is the largest message that the topic takes, in bytes.
func (t *topic) maxSize() int {
	if n, err := strconv.Atoi(t.record.Attributes[maximumSize]); err == nil {
		return n
	}
	return defaultMessageSize
}
