package broker

import (
	"context"
	"time"
)

// Outcome says how a lease ends.
type Outcome uint8

// The outcomes.
const (
	Ack     Outcome = iota // done: the message is gone
	Requeue                // back to its original place, counted as a failed delivery
	Reject                 // refused: dead-lettered where that is configured, else gone
	Release                // back to its original place, as if it had never been handed out (not counted)
)

// Lease is the right to settle one delivery. It is a small value; copies are the same lease. The zero Lease is none.
type Lease struct {
	queue *Queue
	entry *entry
	turn  uint32 // the entry's turn when it was handed out; a later turn makes the lease stale
}

// Valid reports whether l is a lease at all (not whether it still holds).
func (l Lease) Valid() bool { return l.entry != nil }

// Queue is the queue the lease is on.
func (l Lease) Queue() *Queue { return l.queue }

// Handle names the lease across processes and requests: for front ends whose clients carry it (a receipt handle).
// See [Session.FindLease].
func (l Lease) Handle() Handle {
	return Handle{QueueID: l.queue.id, Epoch: l.queue.ns.b.epoch, Sequence: l.entry.seq, Turn: l.turn}
}

// Handle names a lease by value. Epoch changes at every start of the broker, so that a sequence that was given out
// again after a power cut does not revive an old handle.
type Handle struct {
	QueueID  string
	Epoch    uint64
	Sequence uint64
	Turn     uint32
}

// Delivery is a message handed to a consumer or a caller of Get, with its lease. It is passed by value.
type Delivery struct {
	Message *Message
	Lease   Lease // the zero Lease when the delivery was settled by handing it out (AutoAck)
	// Redelivered tells that the message may have been handed out before.
	Redelivered bool
	// Count is how often it had been handed out and came back before this time.
	Count uint32
	// First is when it was handed out for the first time in this run of the broker; zero if this is the first time.
	First time.Time
	// Sequence is the message's place in its queue; it stays the same over redeliveries. In a stream it is the offset.
	Sequence uint64
	// OpensGroup: it is the first message of its group for this consumer, see [ConsumeOptions.KeepGroups].
	OpensGroup bool
}

// Receiver takes a consumer's deliveries.
type Receiver interface {
	// Deliver hands over one delivery. It is called with the queue locked: it must not block and must not call the
	// broker. It returns false when the receiver cannot take it now (its buffer is full); the delivery then did not
	// happen, and the consumer gets nothing more until [Consumer.Resume].
	Deliver(c *Consumer, d Delivery) bool
	// Cancelled tells that the queue is gone, and the consumer with it. Called without locks, once; not after
	// [Consumer.Cancel].
	Cancelled(c *Consumer)
}

// OverdueReceiver is a Receiver that wants to know when it has kept a delivery for longer than the queue's
// ConsumerTimeout. The delivery stays its own. Overdue is called without locks.
type OverdueReceiver interface {
	Overdue(c *Consumer, timeout time.Duration)
}

// ConsumeOptions describes a consumer.
type ConsumeOptions struct {
	// AutoAck settles every message by handing it out.
	AutoAck bool
	// Exclusive refuses to share the queue with other consumers.
	Exclusive bool
	// Sole: while there is a consumer that asks for it, one of those is served alone, that of the highest priority (as
	// ActiveMQ's exclusive consumers).
	Sole bool
	// Priority: consumers of higher priority are served first while they have credit.
	Priority int32
	// Start is where a consumer of a stream begins.
	Start StreamPosition
	// Filter chooses the messages that it gets; nil: all. What no consumer's filter takes waits in its place. Queues that
	// are Ordered have no filters (KindUnsupported).
	Filter Filter
	// KeepGroups: the messages of a group (see [GroupHeader]) go to the consumer that got the first one, until it goes or
	// the group ends (see [GroupSequenceHeader]). It holds among consumers that ask for it. Queues that are Ordered, and
	// streams, know their own order (KindUnsupported).
	KeepGroups bool
	// Credits bound how many deliveries are unsettled at once; all must have room. None means no bound.
	Credits []*Credit
	// Attributes are the front end's own, for listings, as are the next three.
	Attributes Attributes
	Tag        string // the front end's name for it
	Prefetch   int    // the bound of its own credit; 0 for none
	Lane       *Lane  // where it was made; nil for none
}

// GetOptions describes a Get.
type GetOptions struct {
	Max     int           // at most so many messages; 0 means 1
	AutoAck bool          // settle by handing out
	Lease   time.Duration // 0: no deadline, the lease lasts as long as the session
	Wait    time.Duration // how long to wait for the first message; 0: not at all
	Lane    *Lane         // what it is made on; nil for none
	// Waiting is called once when nothing is there at once; it gives the context for the wait, and what is called after
	// it. nil: the wait has the call's context.
	Waiting func(context.Context) (context.Context, func())
}

// QueueInfo is what a declare or a look at a queue tells.
type QueueInfo struct {
	Spec      QueueSpec
	ID        string // differs for a queue of the same name declared again after a delete
	Ready     int    // messages waiting
	Unacked   int    // messages under a lease
	Delayed   int    // messages that are not due, as far as they were read in this run of the broker
	Consumers int
	// Of a stream: the offset of the oldest message, or of the next one when there is none, and how many segments it has.
	First    uint64
	Segments int
	// ReadyBytes is how many bytes the bodies of the waiting messages have, but for those that an earlier run of the
	// broker stored and that were not read since.
	ReadyBytes int64
	// UnackedBytes is how many bytes the bodies of the messages under a lease have, WindowBytes how many bytes of
	// waiting messages are in memory.
	UnackedBytes, WindowBytes int64
	// BytesUnknown tells that there are messages that ReadyBytes leaves out.
	BytesUnknown bool
	// Dead is how many bytes of settled messages the log still holds, as far as this run of the broker knows.
	Dead    int64
	Created time.Time
	// Stalled is for how long messages have waited although there were consumers, since none of them took more.
	Stalled time.Duration
	// HeadTime is the application's time of the message that goes out next; zero when it has none or is not in memory.
	HeadTime time.Time
	// Counts is what was counted of the queue in this run of the broker.
	Counts Counts
}

// QueueIdentity is what [Session.IdentifyQueue] tells. The fields are those of [QueueInfo].
type QueueIdentity struct {
	Spec    QueueSpec
	ID      string
	Created time.Time
	Unacked int // none before the queue is used for the first time in a run of the broker
}
