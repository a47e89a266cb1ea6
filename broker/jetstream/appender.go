package jetstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/portico-mq/portico/broker"
)

const (
	// inFlightMessages and inFlightBytes bound what is published to one stream and not answered, well below what the
	// server queues (100,000 messages, 128 MiB): beyond that it refuses publishes, and refusals overtake answers.
	inFlightMessages = 16384
	inFlightBytes    = 48 << 20
)

// appender publishes to one stream and matches the answers. All publishes to a stream come from its appender, over
// one connection, so the answers come in order and the sequences are adjacent: each answer must carry exactly the
// next sequence. When one does not, or says that an entry was refused, what is in the stream is not what we think:
// the appender fails, and everything that waits is uncertain.
//
// Messages of a queue that come while an entry is unanswered are gathered, and go as one entry with the next answer or
// when they are many: so load makes the groups, and a message that comes alone waits for nothing.
type appender struct {
	nc    *nats.Conn
	reply string // where the answers go

	mu       sync.Mutex
	room     *sync.Cond
	wait     []answer // in order of publishing, from head on
	head     int
	messages int // not answered, of them and of group
	bytes    int
	untold   int    // messages whose answer has not been passed on
	sent     uint64 // the sequence of the last entry that was published
	next     uint64 // the sequence the next answer must carry
	failed   error
	onFail   func(error)
	group    group
	ordinal  uint64          // how many messages the log was given
	stated   uint64          // the sequence of the last entry of messages that has a state
	spare    []broker.Stored // to be used by a later group
}

// group is an entry that is being gathered.
type group struct {
	subject string
	encoded []byte
	stored  []broker.Stored // of each message
	bytes   int             // of the messages
}

// answer is an entry whose PubAck has not come.
type answer struct {
	stored   broker.Stored
	grouped  []broker.Stored // of each message of a group
	with     int             // how many messages are with a state
	messages int             // counted as in flight
	bytes    int
}

func (a *answer) tell(seq uint64, err error) {
	switch {
	case a.grouped != nil:
		for i, stored := range a.grouped {
			stored.Stored(position(seq, i), err)
		}
	case a.stored != nil:
		a.stored.Stored(seq, err)
	}
}

func newAppender(nc *nats.Conn, reply string, last uint64, onFail func(error)) *appender {
	a := &appender{nc: nc, reply: reply, sent: last, next: last + 1, onFail: onFail}
	a.room = sync.NewCond(&a.mu)
	return a
}

// waitForRoom waits until there is room for more, or the appender has failed. The caller holds a.mu.
func (a *appender) waitForRoom() {
	for a.failed == nil && (a.messages >= inFlightMessages || a.bytes >= inFlightBytes) {
		a.room.Wait()
	}
}

// add publishes a message, alone or with others, and returns its position, or 0 when one before it was not told its
// own yet. It may block until there is room.
func (a *appender) add(subject string, message []byte, stored broker.Stored) (at uint64) {
	a.mu.Lock()
	a.waitForRoom()
	if a.failed != nil {
		err := a.failed
		a.mu.Unlock()
		stored.Stored(0, err)
		return 0
	}
	var err error
	g := &a.group
	if len(g.stored) > 0 && len(g.encoded)+len(message) > groupBytes {
		err = a.sendGroup()
	}
	if len(g.stored) == 0 {
		g.subject, g.encoded = subject, beginMessages(g.encoded[:0], a.ordinal, a.stated, nil)
		g.stored, a.spare = a.spare[:0], nil
	}
	g.encoded = appendBytes(g.encoded, message)
	g.stored = append(g.stored, stored)
	a.ordinal++
	g.bytes += len(message)
	if a.untold == 0 {
		at = position(a.sent+1, len(g.stored)-1)
	}
	a.untold++
	a.messages++
	a.bytes += len(message)
	if err == nil && (a.head == len(a.wait) || len(g.stored) == groupMessages || len(g.encoded) >= groupBytes) {
		err = a.sendGroup()
	}
	a.mu.Unlock()
	if err != nil {
		a.fail(err)
		return 0
	}
	return at
}

// sendGroup publishes what was gathered. The caller holds a.mu.
func (a *appender) sendGroup() error {
	g := &a.group
	if len(g.stored) == 0 {
		return nil
	}
	a.wait = append(a.wait, answer{grouped: g.stored, messages: len(g.stored), bytes: g.bytes})
	g.stored, g.bytes = nil, 0
	a.sent++
	err := a.nc.PublishRequest(g.subject, a.reply, g.encoded)
	if cap(g.encoded) > 2*groupBytes {
		g.encoded = nil // of one large message
	}
	return err
}

// publish sends one entry. With wait it may block until there is room; without, it does not.
func (a *appender) publish(subject string, payload []byte, header nats.Header, stored broker.Stored, wait bool) {
	a.mu.Lock()
	if wait {
		a.waitForRoom()
	}
	if a.failed != nil {
		err := a.failed
		a.mu.Unlock()
		a.refuse(answer{stored: stored}, err, wait)
		return
	}
	err := a.sendGroup() // first: entries stand in the order of the calls
	a.wait = append(a.wait, answer{stored: stored, messages: 1, bytes: len(payload)})
	a.sent++
	a.messages++
	a.bytes += len(payload)
	if err == nil {
		err = a.nc.PublishMsg(&nats.Msg{Subject: subject, Reply: a.reply, Data: payload, Header: header})
	}
	a.mu.Unlock()
	if err != nil {
		a.fail(err)
	}
}

// nextSequence is the sequence that the next answer must carry.
func (a *appender) nextSequence() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.next
}

// refuse tells an answer that nothing was published. A caller that does not wait may hold locks that the answer takes.
func (a *appender) refuse(w answer, err error, waits bool) {
	if waits {
		w.tell(0, err)
		return
	}
	go w.tell(0, err)
}

// addState publishes a state in one entry with messages, or with messages that are moved. It does not block.
func (a *appender) addState(subjects queueSubjects, e broker.StateEntry, synced string, stored broker.Stored) {
	a.mu.Lock()
	if a.failed != nil {
		err := a.failed
		a.mu.Unlock()
		a.refuse(answer{stored: stored}, err, false)
		return
	}
	err := a.sendGroup()
	m := &nats.Msg{Subject: subjects.states, Reply: a.reply, Header: nats.Header{syncedHeader: {synced}}}
	if len(e.Messages) == 0 {
		m.Data = encodeState(e.State, e.Moved)
	} else {
		m.Subject = subjects.messages
		m.Data = beginMessages(nil, a.ordinal, a.stated, e.State)
		for _, message := range e.Messages {
			m.Data = appendBytes(m.Data, message)
		}
		a.ordinal += uint64(len(e.Messages))
		a.untold += len(e.Messages)
		a.stated = a.sent + 1
	}
	w := answer{stored: stored, with: len(e.Messages), messages: max(1, len(e.Messages)), bytes: len(m.Data)}
	a.wait = append(a.wait, w)
	a.sent++
	a.messages += w.messages
	a.bytes += w.bytes
	if err == nil {
		err = a.nc.PublishMsg(m)
	}
	a.mu.Unlock()
	if err != nil {
		a.fail(err)
	}
}

// answered is given each PubAck, from the connection's one goroutine for them.
func (a *appender) answered(raw []byte) {
	seq, err := parsePubAck(raw)
	a.mu.Lock()
	if a.failed != nil {
		a.mu.Unlock()
		return
	}
	if a.head == len(a.wait) {
		a.mu.Unlock()
		a.fail(fmt.Errorf("jetstream: an answer nobody waits for: %.200q", raw))
		return
	}
	w := a.wait[a.head]
	if err == nil && seq != a.next {
		err = fmt.Errorf("jetstream: stored at %d, expected %d", seq, a.next)
	}
	if err != nil {
		a.mu.Unlock()
		a.fail(err)
		return
	}
	a.next = seq + 1
	a.wait[a.head] = answer{}
	a.head++
	a.messages -= w.messages
	a.bytes -= w.bytes
	if a.head == len(a.wait) {
		a.wait, a.head = a.wait[:0], 0
		err = a.sendGroup()
	} else if a.head >= inFlightMessages {
		a.wait = append(a.wait[:0], a.wait[a.head:]...)
		a.head = 0
	}
	a.room.Broadcast()
	a.mu.Unlock()
	w.tell(seq, nil)
	a.told(&w)
	if err != nil {
		a.fail(err)
	}
}

// told notes that an answer was passed on, and keeps its slice for a later group.
func (a *appender) told(w *answer) {
	if w.grouped == nil && w.with == 0 {
		return
	}
	clear(w.grouped)
	a.mu.Lock()
	a.untold -= w.with + len(w.grouped)
	if w.grouped != nil {
		a.spare = w.grouped
	}
	a.mu.Unlock()
}

// given is how many messages the log was given.
func (a *appender) given() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ordinal
}

// fail ends the appender: what waits is uncertain, and nothing more is taken.
func (a *appender) fail(cause error) {
	err := &broker.Error{Kind: broker.KindUncertain, Err: cause}
	a.stop(&broker.Error{Kind: broker.KindUnavailable, Err: cause}, err)
	a.onFail(err)
}

// stop ends the appender; later publishes get refused, those that wait get lost.
func (a *appender) stop(refused, lost error) {
	a.mu.Lock()
	if a.failed != nil {
		a.mu.Unlock()
		return
	}
	a.failed = refused
	left := append([]answer(nil), a.wait[a.head:]...)
	if len(a.group.stored) > 0 {
		left = append(left, answer{grouped: a.group.stored})
	}
	a.group = group{}
	a.wait, a.head = nil, 0
	a.room.Broadcast()
	a.mu.Unlock()
	go func() { // whoever stops it may hold locks that the answers take
		for i := range left {
			left[i].tell(0, lost)
		}
	}()
}

var seqField = []byte(`"seq":`)

// parsePubAck reads the sequence of a PubAck.
func parsePubAck(raw []byte) (uint64, error) {
	if i := bytes.Index(raw, seqField); i >= 0 && !bytes.Contains(raw, []byte(`"error"`)) {
		seq, at := uint64(0), i+len(seqField)
		for at < len(raw) && raw[at] == ' ' {
			at++
		}
		for ; at < len(raw) && raw[at] >= '0' && raw[at] <= '9'; at++ {
			seq = seq*10 + uint64(raw[at]-'0')
		}
		if seq > 0 && !bytes.Contains(raw, []byte(`"duplicate":true`)) {
			return seq, nil
		}
	}
	var ack struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(raw, &ack); err == nil && ack.Error != nil {
		return 0, ack.Error
	}
	return 0, fmt.Errorf("jetstream: not an answer to a publish: %.200q", raw)
}
