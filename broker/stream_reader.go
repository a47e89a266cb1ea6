package broker

import (
	"context"
	"sync"
	"time"
)

// StreamPosition says where a consumer of a stream begins. The zero value is the next message that comes.
type StreamPosition struct {
	Kind   PositionKind
	Offset uint64    // of AtOffset
	Time   time.Time // of AtTime
}

// PositionKind says what a StreamPosition means.
type PositionKind uint8

// The kinds of position.
const (
	AtNext   PositionKind = iota // what comes from now on
	AtFirst                      // the oldest message that is kept
	AtLast                       // the newest message, and what comes after it
	AtOffset                     // an offset; the oldest message when that one is not kept any more
	AtTime                       // the first message that was published at a time or later
)

// streamMessage is a message of a stream with its offset.
type streamMessage struct {
	offset uint64
	seq    uint64 // where the log has it; 0 if unknown
	msg    *Message
}

// readBatch is how many messages a reader takes from the end of the stream at once.
const readBatch = 256

// keptRead bounds what a reader keeps, in bytes, of what it took and could not hand out: an entry of the log, in most
// cases. It counts as part of what all queues keep in memory; when that is too much, it is read again.
const keptRead = 2 << 20

// streamReads bounds the reads of streams that are under way, of all readers.
const streamReads = 16

// streamReader is the place of a consumer in a stream, and the goroutine that hands out from there.
type streamReader struct {
	c     *Consumer
	wake  chan struct{} // has room for one: look again
	lease entry         // all deliveries are leases of it: to settle one only makes room

	offset uint64          // of the next message; of the goroutine's, like what follows
	seq    uint64          // where the log has it or one before it; 0 if unknown
	batch  []streamMessage // what is to be handed out next; it may be shared, and does not change
	own    []streamMessage // room for a batch that is its own
	kept   int64           // bytes of it, as they are counted

	mu      sync.Mutex // held while Deliver is called
	paused  bool
	stopped bool
}

func newStreamReader(c *Consumer) *streamReader {
	r := &streamReader{c: c, wake: make(chan struct{}, 1), paused: true}
	r.lease.consumer = c
	return r
}

// poke has the reader look whether it can go on.
func (r *streamReader) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// resume ends a pause.
func (r *streamReader) resume() {
	r.mu.Lock()
	r.paused = false
	r.mu.Unlock()
	r.poke()
}

// stop ends the reader; when it returns, nothing is handed out any more.
func (r *streamReader) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.poke()
}

// goes reports whether the reader has not been stopped, and whether it can hand out.
func (r *streamReader) goes() (alive, ready bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.stopped, !r.paused && r.room() > 0
}

func (r *streamReader) alive() bool {
	alive, _ := r.goes()
	return alive
}

// room is how many deliveries there is room for.
func (r *streamReader) room() int {
	room := windowMessages
	for _, credit := range r.c.opts.Credits {
		room = min(room, credit.room())
	}
	return room
}

// run hands out until the consumer is stopped.
func (r *streamReader) run() {
	for {
		alive, ready := r.goes()
		if !alive {
			r.keep(nil, 0)
			return
		}
		if ready && len(r.batch) == 0 {
			if err := r.load(); err != nil && r.alive() {
				r.c.queue.ns.b.log.Error("reading a stream", "ns", r.c.queue.ns.name, "queue", r.c.queue.spec.Name, "err", err)
				time.AfterFunc(readRetry, r.poke)
			}
		}
		if !ready || len(r.batch) == 0 {
			<-r.wake
			continue
		}
		r.handOut()
	}
}

// load takes what comes next from what is in memory, or else from the log; nothing when the reader has come to the end.
func (r *streamReader) load() error {
	q := r.c.queue
	n := min(r.room(), readBatch)
	if r.recall(n) {
		return nil
	}
	q.ns.b.streamReads <- struct{}{}
	defer func() { <-q.ns.b.streamReads }()
	if r.recall(n) { // another reader may have read it meanwhile
		return nil
	}
	q.mu.Lock()
	end := q.stream.synced
	seg, segEnd := q.stream.segmentOf(q, r.offset)
	q.mu.Unlock()
	if r.seq == 0 {
		seq, err := q.seekOffset(context.Background(), seg, segEnd, r.offset)
		if err != nil {
			return err
		}
		r.seq = seq
	}
	return r.fetch(end, n)
}

// recall takes up to n messages from the stream's end, or what a chunk has, and reports whether there is no need to
// read: it found some, or there are none.
func (r *streamReader) recall(n int) bool {
	q, s := r.c.queue, r.c.queue.stream
	q.mu.Lock()
	defer q.mu.Unlock()
	if first := s.first(); r.offset < first { // its segment is gone
		r.offset, r.seq = first, 0
	}
	if r.own = s.copyTail(r.own[:0], r.offset, n); len(r.own) > 0 {
		r.batch, r.seq = r.own, 0
		return true
	}
	r.batch = s.chunkAt(r.offset)
	return len(r.batch) > 0 || r.offset >= s.synced || q.gone
}

// fetch reads messages below end from the log.
func (r *streamReader) fetch(end uint64, n int) error {
	q := r.c.queue
	found, err := q.log.Fetch(context.Background(), r.seq, n, streamRead)
	if err != nil {
		r.seq = 0
		return err
	}
	chunk := &streamChunk{messages: make([]streamMessage, 0, len(found))}
	for _, lm := range found {
		if lm.Ordinal >= end {
			break
		}
		m, err := decodeMessage(lm.Payload)
		if err != nil { // it keeps its offset, and nobody gets it
			q.ns.b.log.Error("unreadable message skipped", "ns", q.ns.name, "queue", q.spec.Name, "seq", lm.Sequence, "err", err)
		}
		chunk.messages = append(chunk.messages, streamMessage{lm.Ordinal, lm.Sequence, m})
		chunk.bytes += int64(len(lm.Payload))
	}
	if r.batch = chunk.from(r.offset); len(r.batch) == 0 && len(chunk.messages) > 0 { // all of it lay before the offset
		r.seq = chunk.messages[len(chunk.messages)-1].seq + 1
		r.poke()
	}
	q.mu.Lock()
	q.stream.keepChunk(q, chunk)
	q.mu.Unlock()
	return nil
}

// handOut hands out what was loaded, as far as there is room for it.
func (r *streamReader) handOut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	done := 0
	for done < len(r.batch) && !r.paused && !r.stopped {
		sm := &r.batch[done]
		if sm.msg != nil && r.wants(sm.msg) && !r.deliver(sm) {
			break
		}
		done++
		r.offset = sm.offset + 1
		if sm.seq != 0 {
			r.seq = sm.seq + 1
		}
	}
	rest := r.batch[done:]
	size := int64(0)
	for i := range rest {
		if rest[i].msg != nil {
			size += int64(rest[i].msg.Size())
		}
	}
	if b := r.c.queue.ns.b; size > keptRead || (size > windowShare && b.window.Load() > b.opts.WindowBytes) {
		rest, size = nil, 0
	}
	r.keep(rest, size)
}

// keep counts what the reader keeps.
func (r *streamReader) keep(batch []streamMessage, size int64) {
	r.c.queue.ns.b.window.Add(size - r.kept)
	r.batch, r.kept = batch, size
}

// wants reports whether the consumer's filter lets a message through.
func (r *streamReader) wants(m *Message) bool {
	return r.c.opts.Filter == nil || r.c.opts.Filter.Match(m)
}

// deliver hands out one message and reports false when there is no room for it.
func (r *streamReader) deliver(sm *streamMessage) bool {
	c := r.c
	if !c.take() {
		return false
	}
	d := Delivery{Message: sm.msg, Sequence: sm.offset}
	if !c.opts.AutoAck {
		d.Lease = Lease{queue: c.queue, entry: &r.lease}
	}
	if !c.recv.Deliver(c, d) {
		r.paused = true
		for _, credit := range c.opts.Credits {
			credit.release(1)
		}
		return false
	}
	c.noteOutcome(false)
	c.queue.traceDelivered(c.session, c.opts.Lane, d.Message, false)
	if c.opts.AutoAck {
		for _, credit := range c.opts.Credits {
			credit.release(1)
		}
	}
	return true
}

// settleStream takes what consumers of a stream settle: whatever the outcome, it only makes room.
func (q *Queue) settleStream(outcome Outcome, leases []Lease) {
	for i := range leases {
		c := leases[i].entry.consumer
		if outcome == Ack {
			q.traffic.add(Acked, 1)
			c.flow.add(Acked, 1)
		}
		for _, credit := range c.opts.Credits {
			if credit.release(1) {
				c.reader.poke()
			}
		}
	}
}
