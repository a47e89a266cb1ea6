package broker

import "time"

// The headers that the broker itself reads, in queues that are told to (see [QueueSpec] and [ConsumeOptions]). Any front
// end's client can send them.
const (
	// GroupHeader names the group that a message belongs to, as JMS calls it. A string.
	GroupHeader = "JMSXGroupID"
	// GroupSequenceHeader is a message's number in its group, an integer; -1 ends the group at its consumer. ActiveMQ
	// Classic reads it so.
	GroupSequenceHeader = "JMSXGroupSeq"
	// DeduplicationHeader is the publisher's name for what it sends: a queue that deduplicates takes one message of a
	// name within [DeduplicationPeriod]. A string.
	DeduplicationHeader = "portico:deduplication"
	// DueHeader keeps a message from being handed out before that time, in milliseconds since 1970. An integer.
	DueHeader = "portico:due"
)

// Group is the message's group; "" for none. It is a view: see [Message].
func (m *Message) Group() string { return m.text(GroupHeader) }

// DeduplicationID is the publisher's name for the message; "" for none. It is a view: see [Message].
func (m *Message) DeduplicationID() string { return m.text(DeduplicationHeader) }

// Due is when the message may be handed out at the earliest, in milliseconds' precision; ok is false when it need not
// wait.
func (m *Message) Due() (at time.Time, ok bool) {
	v, found := m.props.Headers().Lookup(DueHeader)
	if !found {
		return time.Time{}, false
	}
	ms, ok := v.Int()
	return time.UnixMilli(ms), ok
}

// endsGroup reports whether the message is the last of its group for its consumer.
func (m *Message) endsGroup() bool {
	v, ok := m.props.Headers().Lookup(GroupSequenceHeader)
	if !ok {
		return false
	}
	if n, ok := v.Int(); ok {
		return n == -1
	}
	s, _ := v.Bytes()
	return string(s) == "-1" // protocols whose headers are text
}

// text is the value of a header that is a string.
func (m *Message) text(name string) string {
	v, ok := m.props.Headers().Lookup(name)
	if !ok {
		return ""
	}
	b, _ := v.Bytes()
	return viewString(b)
}
