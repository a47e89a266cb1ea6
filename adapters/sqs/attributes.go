package sqs

import (
	"maps"
	"slices"
	"strconv"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// Queue attributes. Those that clients set are kept with the queue as the text that the client sent.

// checkQueueAttributes says what is wrong with attributes that a client sets on a queue, each on its own.
func checkQueueAttributes(set map[string]string, fifo bool) *awsproto.Error {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		at, ok := attributes[name]
		if !ok {
			return unknownAttribute(name)
		}
		if at.fifo && !fifo {
			if name == attrFIFO {
				return unknownAttribute(name)
			}
			return plainError("InvalidAttributeName", 400, "You can specify the %s only when FifoQueue is set to true.", name)
		}
		value := set[name]
		if value == "" && clears(name) {
			continue
		}
		if bad := at.check(name, value); bad != nil {
			return bad
		}
	}
	if set[attrKMSKey] != "" && set[attrManagedSSE] == "true" {
		return plainError("InvalidAttributeName", 400, "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
	}
	return nil
}

// apply sets attributes on what is kept with a queue, and checks those that depend on each other.
func (k *kept) apply(set map[string]string) *awsproto.Error {
	for name, value := range set {
		if value == "" && clears(name) {
			delete(k.attributes, name)
			continue
		}
		k.attributes[name] = value
	}
	if set[attrKMSKey] != "" { // one kind of encryption at a time: the newer one
		k.attributes[attrManagedSSE] = "false"
	}
	if set[attrManagedSSE] == "true" {
		delete(k.attributes, attrKMSKey)
	}
	if k.attributes[attrThroughput] == "perMessageGroupId" && k.attributes[attrDedupScope] != "messageGroup" {
		return invalidAttribute(attrThroughput, "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.")
	}
	return nil
}

// value is an attribute in effect; "" when the queue has none.
func (k *kept) value(name string) string {
	if v, ok := k.attributes[name]; ok {
		return v
	}
	return attributes[name].standard
}

// number is value for the attributes that are numbers.
func (k *kept) number(name string) int {
	n, err := strconv.Atoi(k.value(name))
	if err != nil {
		return 0
	}
	return n
}

// shownAttributes are the attributes of a queue as GetQueueAttributes shows them.
func (a *adapter) shownAttributes(at address, info *broker.QueueInfo, k *kept) map[string]string {
	shown := map[string]string{
		"QueueArn":                              at.arn(),
		"CreatedTimestamp":                      strconv.FormatInt(info.Created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(k.modified.Unix(), 10),
		"ApproximateNumberOfMessages":           strconv.Itoa(info.Ready),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(info.Unacked),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(info.Delayed),
	}
	for name, at := range attributes {
		if value := k.value(name); value != "" && (!at.fifo || k.attributes[attrFIFO] == "true") {
			shown[name] = value
		}
	}
	if shown[attrManagedSSE] == "" {
		shown[attrManagedSSE] = strconv.FormatBool(a.encrypted)
	}
	if shown[attrKMSKey] != "" && shown[attrKMSReuse] == "" {
		shown[attrKMSReuse] = "300"
	}
	return shown
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
	_, settable := attributes[name]
	return settable || slices.Contains(readOnly, name)
}
