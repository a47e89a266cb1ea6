package stomp

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// settle handles ACK, which in client mode counts for all older messages of the subscription, and NACK, which sends one
// message to the dead letter queue.
func (d activemq) settle(c *conn, f *wire.Frame) error {
	if f.Command == wire.Nack && c.version == "1.0" {
		return activeMQFault("NACK received but connection is in v1.0 mode.")
	}
	tag, id, err := d.delivery(c, f)
	if err != nil {
		return err
	}
	tx, err := c.transactionOf(f)
	if err != nil {
		return err
	}
	if !c.takeOfSubscription(tag, f.Command == wire.Ack) {
		if _, ok := c.givenBack[tag]; ok {
			delete(c.givenBack, tag)
			c.receipt(f)
			return nil
		}
		return unexpected(f.Command, id)
	}
	if f.Command == wire.Nack {
		return d.reject(c, f, tx)
	}
	err = c.settleTaken(f, tx, broker.Ack)
	if broker.IsKind(err, broker.KindStaleLease) {
		return unexpected(f.Command, id)
	}
	return err
}

func unexpected(command, id string) *fault {
	return activeMQFault("Unexpected " + command + " received for message-id [" + id + "]")
}

// delivery finds what a frame is about: by the ack header of the MESSAGE, or by message-id before STOMP 1.2. A tag of 0
// is none.
func (activemq) delivery(c *conn, f *wire.Frame) (tag uint64, id string, err error) {
	if c.version == "1.2" {
		text, ok := f.Get("id")
		switch {
		case !ok && f.Command == wire.Nack:
			return 0, "", activeMQFault("NACK received without an ack header to acknowledge!")
		case !ok:
			return 0, "", activeMQFault("ACK received without a ack id for acknowledge!")
		}
		return c.tagOf(string(text)), "null", nil
	}
	message, ok := f.Get("message-id")
	if !ok {
		return 0, "", activeMQFault(f.Command + " received without a message-id to acknowledge!")
	}
	subscription, ok := f.Get("subscription")
	if !ok && c.version == "1.1" {
		return 0, "", activeMQFault(f.Command + " received without a subscription id for acknowledge!")
	}
	return c.tagOfMessage(message, string(subscription), ok), string(message), nil
}

// tagOf reads an ack header: of this dialect, or of RabbitMQ's when the connection spoke that before.
func (c *conn) tagOf(ack string) uint64 {
	digits, ok := strings.CutPrefix(ack, c.ownID+":")
	if !ok {
		if _, digits, ok = strings.Cut(ack, separator+c.id+separator); !ok {
			return 0
		}
	}
	tag, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0
	}
	return tag
}

// tagOfMessage finds the oldest delivery of a message, of the subscription if one is named.
func (c *conn) tagOfMessage(message []byte, subscription string, named bool) uint64 {
	if tag := c.tagOf(string(message)); tag != 0 {
		return tag
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var id []byte
	for i := range c.unacked.entries {
		u := &c.unacked.entries[i]
		if !u.lease.Valid() || (named && u.sub.id != subscription) {
			continue
		}
		id = appendMessageID(id[:0], u)
		if bytes.Equal(id, message) {
			return u.tag
		}
	}
	return 0
}

// takeOfSubscription moves the delivery of the tag from the ledger to c.taken, and with cumulative the older ones of its
// subscription, if that is in client mode.
func (c *conn) takeOfSubscription(tag uint64, cumulative bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	var also func(*unacked) bool
	if at, ok := c.unacked.find(tag); ok && cumulative {
		if of := c.unacked.entries[at].sub; of.acks == ackClient {
			also = func(u *unacked) bool { return u.sub == of }
		}
	}
	var ok bool
	c.taken, ok = c.unacked.take(tag, also, c.taken[:0])
	return ok
}

// maxGivenBack bounds the deliveries that are remembered to have gone back.
const maxGivenBack = 10000

// giveBack returns the deliveries of a subscription that has ended, but for those in transactions. An ACK for one of them
// does nothing, as with ActiveMQ, and is no error.
func (c *conn) giveBack(s *subscription) error {
	c.mu.Lock()
	var taken []unacked
	for i := range c.unacked.entries {
		if u := c.unacked.entries[i]; u.sub == s && u.lease.Valid() {
			taken = append(taken, u)
		}
	}
	leases := make([]broker.Lease, 0, len(taken))
	for i := range taken {
		c.unacked.take(taken[i].tag, nil, nil)
		leases = append(leases, taken[i].lease)
	}
	c.mu.Unlock()
	if len(leases) == 0 {
		return nil
	}
	if c.givenBack == nil || len(c.givenBack)+len(taken) > maxGivenBack {
		c.givenBack = make(map[uint64]struct{}, len(taken))
	}
	for i := range taken {
		c.givenBack[taken[i].tag] = struct{}{}
	}
	c.lane.Settled(broker.Requeue, len(leases))
	err := c.session.Settle(broker.Requeue, nil, leases...)
	if broker.IsKind(err, broker.KindStaleLease) { // its queue is gone
		return nil
	}
	return err
}

// reject sends the delivery in c.taken to its queue once more, as often as a policy allows that, and then to the dead
// letter queue: of its queue, where that has one of another protocol's, else to ActiveMQ's. The copy and the settlement
// take effect together.
func (d activemq) reject(c *conn, f *wire.Frame, tx *transaction) error {
	u := c.taken[0]
	letter, err := d.again(c, &u, time.Now())
	dead := letter == nil
	if err == nil && dead {
		if c.hasOtherDeadLetters(&u) {
			return c.settleTaken(f, tx, broker.Reject)
		}
		letter, err = d.deadLetter(context.Background(), c, &u)
	}
	if err == nil && letter == nil {
		return c.settleTaken(f, tx, broker.Ack)
	}
	defer clear(c.taken)
	if err == nil {
		err = d.sendInstead(c, f, tx, &u, letter)
	}
	if err == nil && dead {
		c.tellDead(tx, &u)
	}
	if err != nil {
		c.mu.Lock()
		c.unacked.restore(c.taken)
		c.mu.Unlock()
	}
	return err
}

// tellDead publishes the advisory of a rejected message, of one in a transaction when that is committed.
func (c *conn) tellDead(tx *transaction, u *unacked) {
	m, queue := u.msg, u.queue()
	tell := func() {
		c.server.advisories.died(c.session.Namespace(), m, c.server.opts.Destinations.origin(m, queue), true, false)
	}
	if tx != nil {
		tx.after = append(tx.after, tell)
		return
	}
	tell()
}

// hasOtherDeadLetters reports whether a queue has a dead letter exchange that it was declared with elsewhere.
func (c *conn) hasOtherDeadLetters(u *unacked) bool {
	queue := u.queue()
	spec, err := c.session.QueueSpec(queue)
	l := spec.Limits
	if err != nil || l == nil || !l.HasDeadLetter {
		return false
	}
	own := c.deadLetterLimits(queue, c.server.opts.Destinations.origin(u.msg, queue))
	return !strings.HasPrefix(l.DeadLetterKey, deadLetterQueue) && (own == nil || l.DeadLetterKey != own.DeadLetterKey)
}

// sendInstead settles a delivery together with a copy that goes elsewhere. After an error neither happened.
func (d activemq) sendInstead(c *conn, f *wire.Frame, tx *transaction, u *unacked, letter *broker.Message) error {
	if tx != nil {
		if err := tx.add(letter, f.Command); err != nil {
			return err
		}
		tx.settle(broker.Ack, c.taken, []broker.Lease{u.lease})
		c.receipt(f)
		return nil
	}
	root, err := c.root(context.Background())
	if err != nil {
		return err
	}
	together := root.Begin()
	if _, err := together.Publish(letter); err != nil {
		return err
	}
	together.Settle(broker.Ack, u.lease)
	var receipts []string
	if id, ok := f.Get("receipt"); ok {
		receipts = append(receipts, string(id))
	}
	if err := together.Commit(c.await(receipts...)); err != nil {
		c.out.arrived()
		return err
	}
	c.lane.Settled(broker.Reject, 1)
	return nil
}
