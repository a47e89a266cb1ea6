package history

import (
	"slices"
	"testing"
	"time"
)

const (
	ms = time.Millisecond
	q  = "q"
)

// Short forms for the tables below.
func sent(m MessageID) Event      { return Event{Kind: Sent, Message: m, Queue: q} }
func confirmed(m MessageID) Event { return Event{Kind: Confirmed, Message: m} }
func out(epoch int, m MessageID) Event {
	return Event{Kind: Delivered, Epoch: epoch, Message: m, Queue: q}
}

func again(epoch int, m MessageID) Event {
	return Event{Kind: Delivered, Epoch: epoch, Message: m, Queue: q, Redelivered: true}
}

func acked(epoch int, m MessageID, at time.Duration) Event {
	return Event{Kind: Acked, Epoch: epoch, Message: m, Queue: q, At: at}
}
func settling(m MessageID) Event { return Event{Kind: SettleSent, Message: m, Queue: q} }
func settled(m MessageID) Event  { return Event{Kind: Settled, Message: m, Queue: q} }
func requeued(m MessageID) Event { return Event{Kind: Requeued, Message: m, Queue: q} }
func killed(epoch int, at time.Duration) Event {
	return Event{Kind: Killed, Epoch: epoch, At: at}
}

func txSent(tx TxID, m MessageID, queue string) Event {
	return Event{Kind: Sent, Tx: tx, Message: m, Queue: queue}
}

func txSettling(tx TxID, m MessageID) Event {
	return Event{Kind: SettleSent, Tx: tx, Message: m, Queue: q}
}
func tx(kind Kind, id TxID) Event { return Event{Kind: kind, Tx: id} }
func from(queue string, epoch int, m MessageID) []Event {
	return []Event{
		{Kind: Delivered, Epoch: epoch, Message: m, Queue: queue},
		{Kind: Acked, Epoch: epoch, Message: m, Queue: queue},
	}
}

func cat(parts ...any) []Event {
	var events []Event
	for _, p := range parts {
		switch p := p.(type) {
		case Event:
			events = append(events, p)
		case []Event:
			events = append(events, p...)
		}
	}
	return events
}

func TestCheck(t *testing.T) {
	rules := Rules{AckWindow: 100 * ms, Ordered: []string{q}}
	commit := func(more ...any) []Event {
		// Message 1 is consumed, messages 2 and 3 go to a and b.
		return cat(append([]any{
			sent(1), confirmed(1), out(0, 1), txSent(7, 2, "a"), txSent(7, 3, "b"), txSettling(7, 1), tx(CommitSent, 7),
		}, more...)...)
	}
	tests := []struct {
		name   string
		events []Event
		want   []Rule
	}{
		{"delivered and acked", cat(sent(1), confirmed(1), out(0, 1), acked(0, 1, 0)), nil},
		{"never confirmed, never seen", cat(sent(1), killed(0, ms)), nil},
		{"never confirmed, delivered", cat(sent(1), killed(0, ms), out(1, 1), acked(1, 1, 0)), nil},
		{"confirmed after the kill, delivered", cat(sent(1), killed(0, ms), confirmed(1), out(1, 1), acked(1, 1, 0)), nil},
		{"confirmed and gone", cat(sent(1), confirmed(1), killed(0, ms)), []Rule{Lost}},
		{"confirmed for two queues, gone from one", cat(sent(1), Event{Kind: Sent, Message: 1, Queue: "b"}, confirmed(1), from("b", 0, 1)), []Rule{Lost}},
		{"out at the kill, never again", cat(sent(1), confirmed(1), out(0, 1), killed(0, ms)), []Rule{Lost}},
		{"out unconfirmed at the kill, never again", cat(sent(1), out(0, 1), killed(0, ms)), nil},
		{"out unconfirmed in two epochs, never again", cat(sent(1), out(0, 1), killed(0, ms), again(1, 1), killed(1, ms)), []Rule{Lost}},
		{"out unconfirmed without a kill, never again", cat(sent(1), out(0, 1)), []Rule{Lost}},
		{"given back, never again", cat(sent(1), confirmed(1), out(0, 1), requeued(1)), []Rule{Lost}},
		{"out at the kill, again", cat(sent(1), confirmed(1), out(0, 1), killed(0, ms), again(1, 1), acked(1, 1, 0)), nil},
		{"out at the kill, again unmarked", cat(sent(1), confirmed(1), out(0, 1), killed(0, ms), out(1, 1), acked(1, 1, 0)), []Rule{Unmarked}},
		{"given back, again", cat(sent(1), out(0, 1), requeued(1), Event{Kind: Killed, Epoch: 0}, again(1, 1), acked(1, 1, 0)), nil},
		{"twice at once", cat(sent(1), out(0, 1), sent(2), Event{Kind: Delivered, Message: 1, Queue: q, Redelivered: true}, acked(0, 1, 0), out(0, 2), acked(0, 2, 0)), []Rule{Order, Duplicate}},
		{"ack just before the kill", cat(sent(1), out(0, 1), acked(0, 1, 10*ms), killed(0, 110*ms), again(1, 1), acked(1, 1, 0)), nil},
		{"ack recorded after the kill", cat(sent(1), out(0, 1), killed(0, 110*ms), acked(0, 1, 111*ms), again(1, 1), acked(1, 1, 0)), nil},
		{"ack long before the kill", cat(sent(1), out(0, 1), acked(0, 1, 9*ms), killed(0, 110*ms), again(1, 1), acked(1, 1, 0)), []Rule{ReturnedAck}},
		{"ack long before the kill, on a machine that stood still", cat(sent(1), out(0, 1), acked(0, 1, 9*ms), Event{Kind: Killed, At: 110 * ms, Stall: ms}, again(1, 1), acked(1, 1, 0)), nil},
		{"ack and again without a kill", cat(sent(1), out(0, 1), acked(0, 1, 9*ms), out(0, 1), acked(0, 1, 0)), []Rule{Order, ReturnedAck}},
		{"two kills after the ack", cat(sent(1), out(0, 1), acked(0, 1, 10*ms), killed(0, 50*ms), killed(1, 500*ms), again(2, 1), acked(2, 1, 0)), nil},
		{"settlement answered", cat(sent(1), confirmed(1), out(0, 1), settling(1), settled(1), killed(0, ms)), nil},
		{"settlement answered, again", cat(sent(1), out(0, 1), settling(1), settled(1), killed(0, ms), again(1, 1), acked(1, 1, 0)), []Rule{Returned}},
		{"settlement not answered, again", cat(sent(1), out(0, 1), settling(1), killed(0, ms), again(1, 1), acked(1, 1, 0)), nil},
		{"settlement not answered, done", cat(sent(1), confirmed(1), out(0, 1), settling(1), killed(0, ms)), nil},
		{"out of order", cat(sent(1), sent(2), out(0, 2), out(0, 1), acked(0, 1, 0), acked(0, 2, 0)), []Rule{Order}},
		{"from the front after a kill", cat(sent(1), sent(2), out(0, 1), out(0, 2), acked(0, 2, 0), killed(0, ms), again(1, 1), again(1, 2), acked(1, 1, 0), acked(1, 2, 0)), nil},
		{"never sent", cat(out(0, 1)), []Rule{Unknown}},
		{"never sent there", cat(sent(1), confirmed(1), out(0, 1), acked(0, 1, 0), Event{Kind: Delivered, Message: 1, Queue: "b"}), []Rule{Unknown}},

		{"committed, all there", commit(tx(Committed, 7), from("a", 0, 2), from("b", 0, 3), killed(0, ms)), nil},
		{"committed, one message gone", commit(tx(Committed, 7), from("a", 0, 2), killed(0, ms)), []Rule{Lost}},
		{"committed, settlement gone", commit(tx(Committed, 7), from("a", 0, 2), from("b", 0, 3), killed(0, ms), again(1, 1), acked(1, 1, 0)), []Rule{Returned}},
		{"in doubt, wholly", commit(killed(0, ms), from("a", 1, 2), from("b", 1, 3)), nil},
		{"in doubt, not at all", commit(killed(0, ms), again(1, 1), acked(1, 1, 0)), nil},
		{"in doubt, one message of two", commit(killed(0, ms), from("a", 1, 2)), []Rule{Partial}},
		{"in doubt, messages without the settlement", commit(killed(0, ms), from("a", 1, 2), from("b", 1, 3), again(1, 1), acked(1, 1, 0)), []Rule{Partial}},
		{"in doubt, settlement without the messages", commit(killed(0, ms)), []Rule{Partial}},
		{"in doubt, applied twice", commit(killed(0, ms), from("a", 1, 2), from("b", 1, 3), from("b", 1, 3)), []Rule{ReturnedAck}},
		{"commit not sent, again", cat(sent(1), out(0, 1), txSent(7, 2, "a"), txSettling(7, 1), killed(0, ms), again(1, 1), acked(1, 1, 0)), nil},
		{"commit not sent, settled all the same", cat(sent(1), confirmed(1), out(0, 1), txSent(7, 2, "a"), txSettling(7, 1), killed(0, ms)), []Rule{Lost}},
		{"commit not sent, delivered", cat(txSent(7, 2, "a"), from("a", 0, 2), killed(0, ms)), []Rule{Early}},
		{"delivered before the commit", cat(txSent(7, 2, "a"), from("a", 0, 2), tx(CommitSent, 7), tx(Committed, 7)), []Rule{Early}},
		{"rolled back", cat(txSent(7, 2, "a"), tx(RolledBack, 7)), nil},
		{"rolled back, delivered", cat(txSent(7, 2, "a"), tx(RolledBack, 7), from("a", 0, 2)), []Rule{Early}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report := Check(tt.events, rules)
			var got []Rule
			for _, v := range report.Violations {
				got = append(got, v.Rule)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("violations %v, want %v: %v", got, tt.want, report.Violations)
			}
		})
	}
}

func TestUnmarkedQueues(t *testing.T) {
	events := cat(sent(1), out(0, 1), killed(0, ms), out(1, 1), acked(1, 1, 0))
	if got := Check(events, Rules{Unmarked: []string{q}}).Violations; len(got) != 0 {
		t.Errorf("a queue without the mark was asked for it: %v", got)
	}
}

func TestReportCounts(t *testing.T) {
	events := cat(
		sent(1), confirmed(1), out(0, 1), acked(0, 1, 0), // acked
		sent(2), confirmed(2), out(0, 2), settling(2), settled(2), // answered
		sent(3), // in doubt
		sent(4), confirmed(4), out(0, 4), acked(0, 4, 50*ms),
		killed(0, 60*ms), again(1, 4), acked(1, 4, 0), // came again, as it may
		txSent(9, 5, q), tx(CommitSent, 9), tx(Committed, 9), out(1, 5), acked(1, 5, 0),
	)
	got := Check(events, Rules{AckWindow: 100 * ms})
	if len(got.Violations) != 0 {
		t.Fatalf("violations: %v", got.Violations)
	}
	want := Report{
		Sent: 5, Confirmed: 4, Delivered: 5, Redelivered: 1, Answered: 1, Acked: 4,
		AcksReturned: 1, Uncertain: 1, Committed: 1, Kills: 1,
	}
	got.Violations = nil
	if !equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func equal(a, b Report) bool {
	a.Violations, b.Violations = nil, nil
	return slices.Equal(a.counts(), b.counts())
}

func (r Report) counts() []int {
	return []int{
		r.Sent, r.Confirmed, r.Delivered, r.Redelivered, r.Answered, r.Acked, r.AcksReturned,
		r.Uncertain, r.Committed, r.RolledBack, r.CommitsUncertain, r.Kills,
	}
}

func TestLogKeepsOrderAndTime(t *testing.T) {
	log := NewLog()
	for i := range 100 {
		log.Add(Event{Kind: Sent, Message: MessageID(i), Queue: q})
	}
	events := log.Events()
	for i := 1; i < len(events); i++ {
		if events[i].Message != MessageID(i) || events[i].At < events[i-1].At {
			t.Fatalf("event %d is %+v after %+v", i, events[i], events[i-1])
		}
	}
}

func TestMessageID(t *testing.T) {
	m := NewMessageID(12, 34567)
	if m.Publisher() != 12 || m.Number() != 34567 {
		t.Errorf("publisher %d, number %d", m.Publisher(), m.Number())
	}
}
