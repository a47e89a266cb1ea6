// Package history judges what clients saw of a broker that was killed and
// started again: which messages it confirmed, handed out, settled. It knows no
// protocol and no clock; the clients write events into a Log and Check says
// which promises were broken.
package history

import (
	"sync"
	"time"
)

// MessageID names a message for the whole life of a Log. Its upper 24 bits are
// the publisher, its lower 40 bits a number that the publisher counts up, so
// that order within one publisher can be read off the ids.
type MessageID uint64

// NewMessageID returns the id of a publisher's n-th message.
func NewMessageID(publisher int, n uint64) MessageID {
	return MessageID(uint64(publisher)<<40 | n)
}

// Publisher returns the publisher of the message.
func (m MessageID) Publisher() int { return int(m >> 40) }

// Number returns the place of the message among its publisher's.
func (m MessageID) Number() uint64 { return uint64(m) & (1<<40 - 1) }

// TxID names a transaction; zero means none.
type TxID uint64

// Kind says what happened.
type Kind uint8

// The kinds of events. Each says when a client has to record it, since the
// verdict rests on the order: what promises something to the broker is
// recorded before it is sent, what the broker promised after it came.
const (
	// Sent: a message is about to be published to Queue. A message that is
	// routed to several queues has an event for each. With Tx set it is part of
	// a transaction.
	Sent Kind = iota + 1
	// Confirmed: the broker answered for the message (AMQP basic.ack, STOMP
	// RECEIPT, HTTP 200), for all its queues.
	Confirmed
	// Delivered: the message came to a client out of Queue.
	Delivered
	// Acked: a settlement that nobody answers was written to the socket.
	Acked
	// SettleSent: a settlement that will be answered is about to be sent.
	SettleSent
	// Settled: the settlement was answered.
	Settled
	// Requeued: the client is about to give the message back; it may come again
	// in the same epoch.
	Requeued
	// CommitSent: the commit of Tx is about to be sent.
	CommitSent
	// Committed: the commit of Tx was answered.
	Committed
	// RolledBack: the rollback of Tx was answered.
	RolledBack
	// Killed: the broker of this epoch is about to be killed.
	Killed
)

// Event is one thing that a client did or saw. Which fields count depends on
// the kind.
type Event struct {
	Kind Kind
	// Epoch is the run of the broker that the client's connection belonged to;
	// the first is 0. What a client reads out of its buffers after the kill
	// still belongs to the epoch before.
	Epoch int
	// At is the time since the log was opened.
	At      time.Duration
	Message MessageID
	Queue   string
	Tx      TxID
	// Stall is how long the machine kept this process waiting, at worst, in the
	// run that a Killed event ends. The windows before the kill are longer by
	// as much: the broker had to wait too.
	Stall time.Duration
	// Redelivered is what the broker said of a delivery.
	Redelivered bool
}

// Log collects events. It is safe for concurrent use; the order in it is the
// order of the calls.
type Log struct {
	start  time.Time
	mu     sync.Mutex
	events []Event
}

// NewLog returns an empty log whose clock starts now.
func NewLog() *Log { return &Log{start: time.Now()} }

// Add records the event and sets its time.
func (l *Log) Add(e Event) {
	l.mu.Lock()
	e.At = time.Since(l.start)
	l.events = append(l.events, e)
	l.mu.Unlock()
}

// Events returns what was recorded so far. The caller must not change it.
func (l *Log) Events() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.events[:len(l.events):len(l.events)]
}
