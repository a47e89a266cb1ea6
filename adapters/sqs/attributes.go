package sqs

import (
	"fmt"
	"strconv"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Queue attributes. Those that are built are kept with the queue, under this front end's name, as
// the text that the client sent.

// The attributes that clients may set.
const (
	attrVisibility  = "VisibilityTimeout"
	attrWait        = "ReceiveMessageWaitTimeSeconds"
	attrMaximumSize = "MaximumMessageSize"
)

// number is an attribute that is a whole number in a range.
type number struct {
	min, max, standard int
}

// built are the attributes that clients may set and that have their effect.
var built = map[string]number{
	attrVisibility:  {0, maxVisibility, defaultVisibility},
	attrWait:        {0, maxWaitSeconds, 0},
	attrMaximumSize: {minMaximumMessage, maxMessageSize, maxMessageSize},
}

// unbuilt are the attributes of the service's model that are not built, with the values that ask for
// nothing; those are taken, all others refused. SqsManagedSseEnabled is true on AWS unless it is
// switched off; what is stored here is not encrypted per queue, so only that is taken.
var unbuilt = map[string][]string{
	"DelaySeconds":                 {"0"},
	"MessageRetentionPeriod":       {"345600"},
	"Policy":                       {""},
	"RedrivePolicy":                {""},
	"RedriveAllowPolicy":           {"", `{"redrivePermission":"allowAll"}`},
	"KmsMasterKeyId":               {""},
	"KmsDataKeyReusePeriodSeconds": {"300"},
	"SqsManagedSseEnabled":         {"false"},
	"FifoQueue":                    {},
}

// fifoOnly are attributes that a standard queue does not have.
var fifoOnly = []string{"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}

// readOnly are the attributes that clients only read.
var readOnly = []string{
	"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", "ApproximateNumberOfMessages",
	"ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed",
}

// checkAttribute says whether a client may set the attribute to the value, and whether it is kept.
func checkAttribute(name, value string) (kept bool, err *awsproto.Error) {
	if n, ok := built[name]; ok {
		v, err := strconv.Atoi(value)
		if err != nil || v < n.min || v > n.max || strconv.Itoa(v) != value {
			return false, plainError("InvalidAttributeValue", 400, "Invalid value for the parameter %s.", name)
		}
		return true, nil
	}
	if allowed, ok := unbuilt[name]; ok {
		for _, v := range allowed {
			if v == value {
				return false, nil
			}
		}
		return false, unsupported("The queue attribute %s with the value %q is not supported yet.", name, clip(value))
	}
	for _, n := range fifoOnly {
		if n == name {
			return false, plainError("InvalidAttributeName", 400, "You can specify the %s only when FifoQueue is set to true.", name)
		}
	}
	return false, unknownAttribute(name)
}

// checkQueueAttributes gives those of the attributes that are kept.
func checkQueueAttributes(attributes map[string]string) (map[string]string, *awsproto.Error) {
	kept := make(map[string]string)
	for name, value := range attributes {
		keep, err := checkAttribute(name, value)
		if err != nil {
			return nil, err
		}
		if keep {
			kept[name] = value
		}
	}
	return kept, nil
}

// settings are a queue's attributes in effect.
type settings struct {
	visibility  time.Duration
	wait        time.Duration
	maximumSize int
	modified    time.Time
}

// settingsOf reads what is kept with a queue; one that another front end declared has the defaults.
func settingsOf(info *broker.QueueInfo) settings {
	kept, modified := readAttributes(info)
	value := func(name string) int {
		if v, err := strconv.Atoi(kept[name]); err == nil {
			return v
		}
		return built[name].standard
	}
	return settings{
		visibility:  time.Duration(value(attrVisibility)) * time.Second,
		wait:        time.Duration(value(attrWait)) * time.Second,
		maximumSize: value(attrMaximumSize),
		modified:    modified,
	}
}

// allAttributes are the attributes of a queue as GetQueueAttributes shows them.
func allAttributes(c *awsproto.Call, a address, info *broker.QueueInfo) map[string]string {
	s := settingsOf(info)
	seconds := func(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
	return map[string]string{
		attrVisibility:                          seconds(s.visibility),
		attrWait:                                seconds(s.wait),
		attrMaximumSize:                         strconv.Itoa(s.maximumSize),
		"QueueArn":                              queueARN(c.Region, a.account, a.name),
		"CreatedTimestamp":                      fmt.Sprint(info.Created.Unix()),
		"LastModifiedTimestamp":                 fmt.Sprint(s.modified.Unix()),
		"ApproximateNumberOfMessages":           strconv.Itoa(info.Ready),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(info.Unacked),
		"ApproximateNumberOfMessagesDelayed":    "0",
		"DelaySeconds":                          "0",
		"SqsManagedSseEnabled":                  "false",
	}
}

// selectAttributes gives the attributes that were asked for.
func selectAttributes(all map[string]string, names []string) (map[string]string, *awsproto.Error) {
	out := make(map[string]string)
	for _, name := range names {
		if name == "All" {
			return all, nil
		}
		value, ok := all[name]
		switch {
		case ok:
			out[name] = value
		case known(name): // not set on this queue
		default:
			return nil, unknownAttribute(name)
		}
	}
	return out, nil
}

// known tells the attributes of the service's model.
func known(name string) bool {
	if _, ok := unbuilt[name]; ok {
		return true
	}
	for _, list := range [][]string{fifoOnly, readOnly} {
		for _, n := range list {
			if n == name {
				return true
			}
		}
	}
	return false
}
