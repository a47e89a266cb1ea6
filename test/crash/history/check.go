package history

import (
	"fmt"
	"slices"
	"time"
)

// Rule is a promise that a broker can break.
type Rule string

// The promises that Check knows.
const (
	// Lost: a confirmed message was never delivered from a queue it went to, or
	// one that was out unsettled when the broker died never came again although
	// it is certain that it had been stored.
	Lost Rule = "lost"
	// Returned: a message came again although its settlement was answered.
	Returned Rule = "returned"
	// ReturnedAck: a message came again although its unanswered ack was sent
	// longer before the kill than Rules.AckWindow.
	ReturnedAck Rule = "returned-ack"
	// Duplicate: a message was handed out twice while nothing had given it back.
	Duplicate Rule = "duplicate"
	// Unmarked: a message that had been out came again without the mark.
	Unmarked Rule = "unmarked"
	// Partial: a transaction happened in part.
	Partial Rule = "partial"
	// Early: a message of a transaction was delivered before its commit was
	// sent, or after its rollback.
	Early Rule = "early"
	// Order: a queue of one publisher and one consumer handed out a later
	// message before an earlier one.
	Order Rule = "order"
	// Unknown: a message was delivered that nobody had sent to that queue.
	Unknown Rule = "unknown"
)

// Violation is one broken promise.
type Violation struct {
	Rule    Rule
	Message MessageID
	Queue   string
	Tx      TxID
	Epoch   int
	Detail  string
}

func (v Violation) String() string {
	s := fmt.Sprintf("%s: publisher %d message %d, queue %q, epoch %d", v.Rule, v.Message.Publisher(), v.Message.Number(), v.Queue, v.Epoch)
	if v.Tx != 0 {
		s += fmt.Sprintf(", transaction %d", v.Tx)
	}
	return s + ": " + v.Detail
}

// Rules says what Check asks for.
type Rules struct {
	// AckWindow is how long before a kill an unanswered ack may be lost.
	AckWindow time.Duration
	// Ordered names the queues that have one publisher and one consumer.
	Ordered []string
	// Unmarked lists queues whose protocol does not say that a message had
	// been out before.
	Unmarked []string
}

// Report is the verdict with the counts that show how hard the broker was
// tried: a run that confirmed nothing proves nothing.
type Report struct {
	Violations []Violation
	// Sent counts messages once for each queue, as do the next two.
	Sent, Confirmed, Delivered int
	// Redelivered counts deliveries after the first.
	Redelivered int
	// Answered and Acked count settlements with and without an answer.
	Answered, Acked int
	// AcksReturned counts messages that came again, as they may, after an ack
	// that was sent within the window before a kill.
	AcksReturned int
	// Uncertain counts publishes and answered settlements whose answer was
	// outstanding at a kill; either outcome is right.
	Uncertain int
	// Committed, RolledBack and CommitsUncertain count transactions.
	Committed, RolledBack, CommitsUncertain int
	// Kills counts the ends of the broker.
	Kills int
}

// Check judges a complete history: the queues were drained after the last
// start, so what was not delivered by then is lost.
func Check(events []Event, rules Rules) Report {
	c := newChecker(rules)
	for i := range events {
		c.add(i, &events[i])
	}
	for _, key := range c.order {
		c.judge(key, c.copies[key])
	}
	for _, id := range c.txOrder {
		c.judgeTx(id, c.txs[id])
	}
	return c.report
}

// settlement says how far the settlement of one delivery got.
type settlement uint8

const (
	settleNone settlement = iota
	settleAcked
	settleSent
	settleAnswered
	settleRequeued
)

type delivery struct {
	index       int
	epoch       int
	redelivered bool
	settlement  settlement
	tx          TxID
	at, ackedAt time.Duration
}

// copyKey is a message in one queue.
type copyKey struct {
	message MessageID
	queue   string
}

type copyState struct {
	sent, confirmed bool
	tx              TxID
	deliveries      []delivery
}

type txState struct {
	epoch      int
	commitSent int // index of the event, -1 when none
	committed  bool
	rolledBack bool
	publishes  []copyKey
	settles    []copyKey
}

type checker struct {
	rules   Rules
	copies  map[copyKey]*copyState
	order   []copyKey
	byID    map[MessageID][]copyKey
	txs     map[TxID]*txState
	txOrder []TxID
	killed  map[int]kill
	last    map[string]lastSeen
	report  Report
}

// kill is the end of an epoch.
type kill struct {
	at, stall time.Duration
}

type lastSeen struct {
	epoch   int
	message MessageID
}

func newChecker(rules Rules) *checker {
	return &checker{
		rules:  rules,
		copies: map[copyKey]*copyState{},
		byID:   map[MessageID][]copyKey{},
		txs:    map[TxID]*txState{},
		killed: map[int]kill{},
		last:   map[string]lastSeen{},
	}
}

func (c *checker) violate(rule Rule, key copyKey, tx TxID, epoch int, format string, args ...any) {
	c.report.Violations = append(c.report.Violations, Violation{
		Rule: rule, Message: key.message, Queue: key.queue, Tx: tx, Epoch: epoch,
		Detail: fmt.Sprintf(format, args...),
	})
}

func (c *checker) tx(id TxID, epoch int) *txState {
	t := c.txs[id]
	if t == nil {
		t = &txState{epoch: epoch, commitSent: -1}
		c.txs[id] = t
		c.txOrder = append(c.txOrder, id)
	}
	return t
}

// add takes one event in the order of the log.
func (c *checker) add(index int, e *Event) {
	key := copyKey{e.Message, e.Queue}
	switch e.Kind {
	case Sent:
		c.addSent(key, e)
	case Confirmed:
		for _, k := range c.byID[e.Message] {
			c.copies[k].confirmed = true
		}
	case Delivered:
		c.addDelivered(index, key, e)
	case Acked, SettleSent, Settled, Requeued:
		c.addSettlement(key, e)
	case CommitSent:
		c.tx(e.Tx, e.Epoch).commitSent = index
	case Committed:
		c.tx(e.Tx, e.Epoch).committed = true
	case RolledBack:
		c.tx(e.Tx, e.Epoch).rolledBack = true
	case Killed:
		c.killed[e.Epoch] = kill{e.At, e.Stall}
		c.report.Kills++
	}
}

func (c *checker) addSent(key copyKey, e *Event) {
	c.copies[key] = &copyState{sent: true, tx: e.Tx}
	c.order = append(c.order, key)
	c.byID[key.message] = append(c.byID[key.message], key)
	c.report.Sent++
	if e.Tx != 0 {
		t := c.tx(e.Tx, e.Epoch)
		t.publishes = append(t.publishes, key)
	}
}

func (c *checker) addDelivered(index int, key copyKey, e *Event) {
	s := c.copies[key]
	if s == nil {
		c.violate(Unknown, key, 0, e.Epoch, "delivered, but nobody had sent it there")
		return
	}
	s.deliveries = append(s.deliveries, delivery{index: index, epoch: e.Epoch, at: e.At, redelivered: e.Redelivered})
	c.report.Delivered++
	if !slices.Contains(c.rules.Ordered, key.queue) {
		return
	}
	last, seen := c.last[key.queue]
	if seen && last.epoch == e.Epoch && key.message <= last.message {
		c.violate(Order, key, 0, e.Epoch, "delivered after message %d", last.message.Number())
	}
	c.last[key.queue] = lastSeen{e.Epoch, key.message}
}

// addSettlement notes what a client did with the newest delivery of a message.
func (c *checker) addSettlement(key copyKey, e *Event) {
	s := c.copies[key]
	if s == nil || len(s.deliveries) == 0 {
		return // settling what was never handed out is reported as Unknown already
	}
	d := &s.deliveries[len(s.deliveries)-1]
	d.tx = e.Tx
	switch e.Kind {
	case Acked:
		d.settlement, d.ackedAt = settleAcked, e.At
		c.report.Acked++
	case SettleSent:
		d.settlement = settleSent
		if e.Tx != 0 {
			t := c.tx(e.Tx, e.Epoch)
			t.settles = append(t.settles, key)
		}
	case Settled:
		d.settlement = settleAnswered
	case Requeued:
		d.settlement = settleRequeued
	default: // no other event is about a settlement
	}
}
