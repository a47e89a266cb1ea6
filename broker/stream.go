package broker

import (
	"context"
	"sync"
	"time"
)

// stream is what a queue has that keeps its messages (QueueSpec.Stream), whoever reads them. Every message has an offset,
// counted from 0; the log's ordinals are the offsets. A consumer is a reader with a place of its own. The end of the
// stream is kept in memory, bounded, and shared by all readers that have come that far; what lies further back each
// reads from the log.
//
// Messages are handed out when they are synced, unlike those of other queues: readers keep offsets, and after a power
// cut an offset must not name another message than the one that was read.
//
// The log is cut into segments, of which only the newest grows; limits remove whole segments from the front. They are
// part of the queue's state. All fields are under the queue's mu.
type stream struct {
	next       uint64          // the offset of the next message
	synced     uint64          // messages below it are synced, and may be handed out
	segments   []streamSegment // in order, at least one as soon as there is a message
	bytes      int64           // of all segments
	dropped    int64           // bytes of the segments that this run dropped
	unwritten  int64           // bytes that came since the last state
	tail       []*Message      // the messages before next, as many as are kept
	tailBytes  int64
	chunks     []*streamChunk // what was read from the log, for others to read too
	chunkBytes int64
	ageTimer   *time.Timer

	following bool
	grown     *sync.Cond // with the queue's mu: next has grown, or nobody reads any more
}

const (
	// tailMessages and tailBytes bound what is kept of a stream's end while somebody reads it.
	tailMessages = 4096
	tailBytes    = 4 << 20
	// streamStateBytes is how much may come until a state is written: that much is read again at a start.
	streamStateBytes = 16 << 20
	// streamRead is about how many bytes a reader takes from the log at once.
	streamRead = 256 << 10
)

func newStream(q *Queue) *stream { return &stream{grown: sync.NewCond(&q.mu)} }

// first is the offset of the oldest message that is kept; next when there is none.
func (s *stream) first() uint64 {
	if len(s.segments) == 0 {
		return s.next
	}
	return s.segments[0].offset
}

// arrived takes a message that is stored at seq. The caller holds q.mu.
func (s *stream) arrived(q *Queue, seq uint64, m *Message) {
	s.add(q, seq, m, time.Now())
	if len(q.consumers) > 0 {
		s.keepInTail(q, m)
		s.grown.Signal()
	}
	if s.unwritten >= streamStateBytes {
		q.touch()
	}
}

// keepInTail adds the newest message to the end that is kept in memory.
func (s *stream) keepInTail(q *Queue, m *Message) {
	s.tail = append(s.tail, m)
	s.tailBytes += int64(m.Size())
	q.addWindow(int64(m.Size()))
	for len(s.tail) > tailMessages || s.tailBytes > tailBytes ||
		(s.tailBytes > windowShare && q.ns.b.window.Load() > q.ns.b.opts.WindowBytes) {
		size := int64(s.tail[0].Size())
		s.tail[0] = nil
		s.tail = s.tail[1:]
		s.tailBytes -= size
		q.addWindow(-size)
	}
}

// forgetMessages gives up what is in memory for readers.
func (s *stream) forgetMessages(q *Queue) {
	q.addWindow(-s.tailBytes)
	s.tail, s.tailBytes = nil, 0
	for len(s.chunks) > 0 {
		s.dropChunk(q)
	}
}

// copyTail appends to dst up to n messages from offset on that are synced, if the tail has them.
func (s *stream) copyTail(dst []streamMessage, offset uint64, n int) []streamMessage {
	from := s.next - uint64(len(s.tail))
	if offset < from {
		return dst
	}
	for end := min(s.synced, offset+uint64(n)); offset < end; offset++ {
		dst = append(dst, streamMessage{offset: offset, msg: s.tail[offset-from]})
	}
	return dst
}

// follow has what comes synced while there are readers, and wakes those that wait for it: one round at a time, so that
// load makes the batches.
func (q *Queue) follow() {
	s := q.stream
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for s.synced == s.next && len(q.consumers) > 0 && !q.gone {
			s.grown.Wait()
		}
		if len(q.consumers) == 0 || q.gone {
			s.following = false
			s.forgetMessages(q)
			return
		}
		upTo := s.next
		q.mu.Unlock()
		done := make(chan error, 1)
		q.ns.b.store.Sync(CompletionFunc(func(err error) { done <- err }))
		err := <-done
		q.mu.Lock()
		if err != nil { // the store has failed, and has said so: nothing new is handed out
			upTo = s.synced
			for len(q.consumers) > 0 && !q.gone {
				s.grown.Wait()
			}
		}
		s.synced = upTo
		for _, c := range q.consumers {
			c.reader.poke()
		}
	}
}

// readersChanged is told that the queue has got or lost a consumer. The caller holds q.mu.
func (s *stream) readersChanged(q *Queue) {
	if len(q.consumers) > 0 && !s.following && !q.gone {
		s.following = true
		go q.follow()
	}
	s.grown.Signal()
}

// recoverStream takes up what an earlier run of the broker left of a stream: the segments of its last state, and what
// came after that.
func (q *Queue) recoverStream(ctx context.Context, log QueueLog, found Recovered, st *state, prepare func()) error {
	first, err := log.Fetch(ctx, 1, 1, 1)
	if err != nil {
		return err
	}
	q.mu.Lock()
	s := q.stream
	s.segments, s.next, s.bytes = st.segments, 0, 0
	for _, seg := range s.segments {
		s.bytes += seg.bytes
	}
	q.next = st.next
	q.mu.Unlock()
	if len(first) > 0 {
		if err := q.recoverMessages(ctx, log, &first[0]); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.log = log
	q.last, q.found = found.Last, found.Last
	q.rec.adopt(st, found.StateSeq)
	prepare()
	q.opened.Store(true)
	s.keepLimits(q, time.Now())
	return nil
}

// recoverMessages counts the messages of the log, of which first is the oldest, and adds those that came after the last
// state to the segments.
func (q *Queue) recoverMessages(ctx context.Context, log QueueLog, first *LogMessage) error {
	count, err := log.CountFrom(ctx, first.Sequence)
	if err != nil {
		return err
	}
	q.stream.next = first.Ordinal + count
	for at := q.next; ; {
		some, err := log.Fetch(ctx, at, 4096, 4<<20)
		if err != nil || len(some) == 0 {
			return err
		}
		q.mu.Lock()
		for _, lm := range some {
			m, err := decodeMessage(lm.Payload)
			if err != nil { // it keeps its offset, and nobody gets it
				q.ns.b.log.Error("unreadable message passed over", "ns", q.ns.name, "queue", q.spec.Name, "seq", lm.Sequence, "err", err)
				m = NewMessage("", "", nil, nil)
			}
			q.stream.next = lm.Ordinal
			q.stream.add(q, lm.Sequence, m, time.Now())
			at = lm.Sequence + 1
		}
		q.mu.Unlock()
	}
}

// info describes the queue. The caller holds q.mu.
func (s *stream) info(q *Queue) QueueInfo {
	return QueueInfo{
		Spec: q.spec, ID: q.id, Created: q.created, Ready: q.ready(), Consumers: len(q.consumers),
		ReadyBytes: s.bytes, First: s.first(), Segments: len(s.segments), Counts: q.traffic.Counts(),
	}
}

// end stops the readers when the broker stops, and sees to it that what came since the last state is recorded. It does
// nothing for the nil stream of an ordinary queue. The caller holds q.mu.
func (s *stream) end(q *Queue) {
	if s == nil {
		return
	}
	q.rec.dirty = q.rec.dirty || s.unwritten > 0
	s.grown.Signal()
	for _, c := range q.consumers {
		go c.reader.stop() // it may be handing out, and whoever takes that may wait for the queue's lock
	}
}

func (s *stream) stopTimer() {
	if s != nil && s.ageTimer != nil {
		s.ageTimer.Stop()
	}
}

// refuseStream is the error of what streams do not have; nil for an ordinary queue.
func (q *Queue) refuseStream() error {
	if q.stream == nil {
		return nil
	}
	return &Error{Kind: KindUnsupported, Type: ResourceQueue, Namespace: q.ns.name, Name: q.spec.Name, Detail: "a stream"}
}

// look has everything that may have changed looked at: limits, and the room that readers have. The caller holds q.mu.
func (s *stream) look(q *Queue) {
	s.keepLimits(q, time.Now())
	for _, c := range q.consumers {
		c.reader.poke()
	}
}
