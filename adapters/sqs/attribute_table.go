package sqs

import (
	"strconv"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
)

// The attributes that clients may set.
const (
	attrDelay        = "DelaySeconds"
	attrMaximumSize  = "MaximumMessageSize"
	attrRetention    = "MessageRetentionPeriod"
	attrWait         = "ReceiveMessageWaitTimeSeconds"
	attrVisibility   = "VisibilityTimeout"
	attrPolicy       = "Policy"
	attrRedrive      = "RedrivePolicy"
	attrRedriveAllow = "RedriveAllowPolicy"
	attrKMSKey       = "KmsMasterKeyId"
	attrKMSReuse     = "KmsDataKeyReusePeriodSeconds"
	attrManagedSSE   = "SqsManagedSseEnabled"
	attrFIFO         = "FifoQueue"
	attrContentDedup = "ContentBasedDeduplication"
	attrDedupScope   = "DeduplicationScope"
	attrThroughput   = "FifoThroughputLimit"
)

// attribute is a queue attribute that clients may set.
type attribute struct {
	// check tells what is wrong with a value; nil: nothing is.
	check func(name, value string) *awsproto.Error
	// standard is the value of a queue on which it was not set; "": it is not shown then.
	standard string
	// fifo says that only FIFO queues have it.
	fifo bool
}

// attributes are the attributes that clients may set [SQS SetQueueAttributes, CreateQueue].
var attributes = map[string]attribute{
	attrDelay:        number(0, maxDelaySeconds, "0"),
	attrMaximumSize:  number(minMaximumMessage, maxMessageSize, strconv.Itoa(maxMessageSize)),
	attrRetention:    number(minRetention, maxRetention, "345600"),
	attrWait:         number(0, maxWaitSeconds, "0"),
	attrVisibility:   number(0, maxVisibility, strconv.Itoa(defaultVisibility)),
	attrPolicy:       {check: checkPolicy},
	attrRedrive:      {check: checkRedrivePolicy},
	attrRedriveAllow: {check: checkRedriveAllowPolicy},
	attrKMSKey:       {check: checkKMSKey},
	attrKMSReuse:     number(60, 86400, ""),
	attrManagedSSE:   choice("", "true", "false"),
	attrFIFO:         fifoOnly(choice("", "true")),
	attrContentDedup: fifoOnly(choice("false", "true", "false")),
	attrDedupScope:   fifoOnly(choice("queue", "queue", "messageGroup")),
	attrThroughput:   fifoOnly(choice("perQueue", "perQueue", "perMessageGroupId")),
}

// readOnly are the attributes that clients only read.
var readOnly = []string{
	"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumberOfMessages",
	"ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
}

// number is an attribute that is a whole number in a range.
func number(lowest, highest int, standard string) attribute {
	return attribute{standard: standard, check: func(name, value string) *awsproto.Error {
		n, err := strconv.Atoi(value)
		if err != nil || n < lowest || n > highest || strconv.Itoa(n) != value {
			return invalidAttribute(name, "")
		}
		return nil
	}}
}

// choice is an attribute that has one of the values.
func choice(standard string, values ...string) attribute {
	return attribute{standard: standard, check: func(name, value string) *awsproto.Error {
		for _, v := range values {
			if v == value {
				return nil
			}
		}
		return invalidAttribute(name, "")
	}}
}

func fifoOnly(a attribute) attribute {
	a.fifo = true
	return a
}

const maxKMSKey = 2048

func checkKMSKey(name, value string) *awsproto.Error {
	if len(value) > maxKMSKey || !awsmessage.ValidText(value) {
		return invalidAttribute(name, "")
	}
	return nil
}

// clears tells the attributes that an empty value removes.
func clears(name string) bool {
	switch name {
	case attrPolicy, attrRedrive, attrRedriveAllow, attrKMSKey:
		return true
	}
	return false
}

// invalidAttribute is the answer to a value that an attribute cannot have.
func invalidAttribute(name, reason string) *awsproto.Error {
	if reason != "" {
		reason = " Reason: " + reason
	}
	return plainError("InvalidAttributeValue", 400, "Invalid value for the parameter %s.%s", name, reason)
}
