package broker

import "context"

// Receipt tells what became of a message that was sent to one queue.
type Receipt struct {
	// Sequence is the message's place in the queue, ascending from one message to the next.
	Sequence uint64
	// Duplicate: the queue deduplicates, and had taken a message of that name. Sequence and MessageID are that one's.
	Duplicate bool
	// MessageID is the message-id property of the message that the queue has, if that is a UUID in its canonical form,
	// in lower case.
	MessageID string
}

// Send appends a message to one queue, as publishing it to the default exchange with the queue's name as its key would,
// and tells where it went: told is called once, when it is stored and synced, or with an error; from the broker's
// goroutines, so that it must neither block nor call the broker. An error of Send itself means that nothing was sent and
// told is not called: KindNotFound for the queue, KindDenied, KindTooLarge.
func (s *Session) Send(_ context.Context, queue string, m *Message, told func(Receipt, error)) error {
	if err := s.mayPublish(m); err != nil {
		return err
	}
	q, err := s.lookup(queue)
	if err != nil {
		return err
	}
	routes := append(s.scratch[:0], route{queue: q, message: m})
	s.from = nil
	s.notePublished(routes, true)
	r := &receiving{told: told}
	pub := publications.Get().(*publication)
	pub.begin(s.b, r, routes)
	pub.receipt = r
	s.b.appendAll(routes, pub)
	clear(routes)
	return nil
}

// receiving is what a Send waits for.
type receiving struct {
	told      func(Receipt, error)
	seq       uint64
	id        [16]byte
	duplicate bool
}

// Done passes the end on.
func (r *receiving) Done(err error) {
	if err != nil {
		r.told(Receipt{}, err)
		return
	}
	r.told(Receipt{Sequence: r.seq, Duplicate: r.duplicate, MessageID: uuidText(r.id)}, nil)
}

// storedAt notes where the message of a Send is. It comes before stored; others have no use for it.
func (p *publication) storedAt(seq uint64, m *Message) {
	if p != nil && p.receipt != nil {
		p.receipt.seq, p.receipt.id = seq, uuidOf(m)
	}
}

// duplicateOf is storedAt for a message that is not stored, since another one of its name is.
func (p *publication) duplicateOf(first sighting) {
	if p != nil && p.receipt != nil {
		p.receipt.seq, p.receipt.id, p.receipt.duplicate = first.seq, first.id, true
	}
}
