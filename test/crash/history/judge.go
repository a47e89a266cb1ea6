package history

import (
	"slices"
	"time"
)

// judge looks at the whole life of one message in one queue.
func (c *checker) judge(key copyKey, s *copyState) {
	if s.tx != 0 {
		c.judgeEarly(key, s)
	}
	confirmed := s.confirmed || s.tx != 0 && c.txs[s.tx].committed
	if confirmed {
		c.report.Confirmed++
	} else if s.tx == 0 {
		c.report.Uncertain++
	}
	if len(s.deliveries) == 0 {
		if confirmed && s.tx == 0 {
			c.violate(Lost, key, s.tx, -1, "confirmed and never delivered")
		}
		return // a transaction's messages are judged together
	}
	for i := 1; i < len(s.deliveries); i++ {
		c.judgeReturn(key, s, i)
	}
	c.judgeEnd(key, s)
}

// judgeReturn asks whether the i-th delivery of a message was allowed after
// the one before it.
func (c *checker) judgeReturn(key copyKey, s *copyState, i int) {
	prev, d := s.deliveries[i-1], s.deliveries[i]
	c.report.Redelivered++
	switch c.effect(prev) {
	case settleAnswered:
		c.violate(Returned, key, prev.tx, d.epoch, "came again after its settlement was answered in epoch %d", prev.epoch)
		return
	case settleAcked:
		killed, ok := c.killed[prev.epoch]
		if !ok || prev.epoch == d.epoch {
			c.violate(ReturnedAck, key, 0, d.epoch, "came again after its ack, and no kill between")
			return
		}
		if age := killed.at - prev.ackedAt; age > c.rules.AckWindow+killed.stall {
			c.violate(ReturnedAck, key, 0, d.epoch, "came again after an ack sent %v before the kill; the machine had stalled for %v", age.Round(time.Millisecond), killed.stall.Round(time.Millisecond))
			return
		}
		c.report.AcksReturned++
	case settleNone, settleSent:
		if prev.epoch == d.epoch {
			c.violate(Duplicate, key, prev.tx, d.epoch, "handed out again while it was out")
			return
		}
	case settleRequeued:
	}
	if d.redelivered || slices.Contains(c.rules.Unmarked, key.queue) {
		return
	}
	c.violate(Unmarked, key, 0, d.epoch, "came again without the mark; it had been out in epoch %d, %v before its end",
		prev.epoch, (c.killed[prev.epoch].at - prev.at).Round(time.Millisecond))
}

// effect returns what the settlement of a delivery amounts to: one within a
// transaction counts when the transaction does.
func (c *checker) effect(d delivery) settlement {
	if d.tx == 0 || d.settlement != settleSent {
		return d.settlement
	}
	t := c.txs[d.tx]
	switch {
	case t.committed:
		return settleAnswered
	case t.commitSent < 0 || t.rolledBack:
		return settleNone
	}
	return settleSent
}

// judgeEnd asks whether the last delivery may have been the last.
func (c *checker) judgeEnd(key copyKey, s *copyState) {
	d := s.deliveries[len(s.deliveries)-1]
	switch c.effect(d) {
	case settleAnswered:
		c.report.Answered++
	case settleSent:
		c.report.Uncertain++
	case settleNone, settleRequeued:
		if c.certain(s) {
			c.violate(Lost, key, d.tx, d.epoch, "was out unsettled and never came again")
		}
	case settleAcked:
	}
}

// certain tells whether a message that was handed out was stored. One that
// nobody has confirmed can be out a moment before it is; a kill in between
// leaves nothing of it.
func (c *checker) certain(s *copyState) bool {
	first := s.deliveries[0].epoch
	_, killed := c.killed[first]
	return s.confirmed || s.tx != 0 || !killed || first != s.deliveries[len(s.deliveries)-1].epoch
}

// judgeEarly asks whether a transaction's message waited for its commit.
func (c *checker) judgeEarly(key copyKey, s *copyState) {
	t := c.txs[s.tx]
	for _, d := range s.deliveries {
		switch {
		case t.rolledBack:
			c.violate(Early, key, s.tx, d.epoch, "delivered although its transaction was rolled back")
		case t.commitSent < 0:
			c.violate(Early, key, s.tx, d.epoch, "delivered although its commit was never sent")
		case d.index < t.commitSent:
			c.violate(Early, key, s.tx, d.epoch, "delivered before its commit was sent")
		}
	}
}

// judgeTx asks whether a transaction whose commit was sent happened wholly or
// not at all. One that was answered must have happened.
func (c *checker) judgeTx(id TxID, t *txState) {
	switch {
	case t.rolledBack:
		c.report.RolledBack++
		return
	case t.committed:
		c.report.Committed++
	case t.commitSent >= 0:
		c.report.CommitsUncertain++
	default:
		return
	}
	var there, missing []copyKey
	for _, key := range t.publishes {
		if len(c.copies[key].deliveries) > 0 {
			there = append(there, key)
		} else {
			missing = append(missing, key)
		}
	}
	var kept, back []copyKey
	for _, key := range t.settles {
		switch {
		case c.cameAfter(key, id):
			back = append(back, key)
		case c.certain(c.copies[key]):
			kept = append(kept, key)
		}
	}
	applied, undone := len(there)+len(kept), len(missing)+len(back)
	switch {
	case t.committed && len(missing) > 0:
		c.violate(Lost, missing[0], id, t.epoch, "committed, but %d of its %d messages were never delivered", len(missing), len(t.publishes))
	case t.committed:
		// A settlement that came back was reported as Returned.
	case applied > 0 && undone > 0:
		key := append(missing, back...)[0]
		c.violate(Partial, key, id, t.epoch, "%d of %d messages delivered, %d of %d settlements kept",
			len(there), len(t.publishes), len(kept), len(t.settles))
	}
}

// cameAfter tells whether a message was delivered again after the delivery
// that the transaction settled.
func (c *checker) cameAfter(key copyKey, id TxID) bool {
	deliveries := c.copies[key].deliveries
	i := slices.IndexFunc(deliveries, func(d delivery) bool { return d.tx == id })
	return i >= 0 && i+1 < len(deliveries)
}
