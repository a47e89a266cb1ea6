package broker

import (
	"encoding/binary"
	"time"
)

// streamSegment is a part of a stream that goes as a whole.
type streamSegment struct {
	offset uint64 // of its first message
	seq    uint64 // where the log has that one
	begun  int64  // when that one was published, in microseconds since 1970
	bytes  int64
}

const (
	// segmentSize is a segment's size unless the stream says otherwise: RabbitMQ's.
	segmentSize = 500_000_000
	// segmentShare is how many segments what a limit lets stay consists of at least, so that no more than about that
	// part of it stays beyond it.
	segmentShare = 8
	// smallestSegment is the least that limits make of a segment's size.
	smallestSegment = 64 << 10
	// maxSegments bounds the segments of a stream: with more, adjacent ones are joined.
	maxSegments = 4096
)

// add takes a message into the segments. The caller holds the queue's mu, or is alone with it.
func (s *stream) add(q *Queue, seq uint64, m *Message, now time.Time) {
	if n := len(s.segments); n == 0 || s.full(&s.segments[n-1], q.limiter.limits, m.Published()) {
		s.segments = append(s.segments, streamSegment{offset: s.next, seq: seq, begun: m.Published().UnixMicro()})
		if len(s.segments) > maxSegments {
			s.joinSegments()
		}
		s.keepLimits(q, now)
	}
	size := int64(m.Size())
	s.segments[len(s.segments)-1].bytes += size
	s.bytes += size
	s.unwritten += size
	s.next++
	q.taken += size
	q.next = seq + 1
	q.last = max(q.last, seq)
}

// full reports whether a message of that time begins another segment.
func (s *stream) full(newest *streamSegment, l *QueueLimits, at time.Time) bool {
	size := int64(segmentSize)
	if l != nil && l.SegmentBytes > 0 {
		size = l.SegmentBytes
	}
	if l != nil && l.HasMaxBytes {
		size = min(size, max(l.MaxBytes/segmentShare, smallestSegment))
	}
	return newest.bytes >= size ||
		(l != nil && l.MaxAge > 0 && at.Sub(time.UnixMicro(newest.begun)) > l.MaxAge/segmentShare)
}

// joinSegments makes one segment of every two.
func (s *stream) joinSegments() {
	joined := s.segments[:0]
	for i := 0; i < len(s.segments); i += 2 {
		seg := s.segments[i]
		if i+1 < len(s.segments) {
			seg.bytes += s.segments[i+1].bytes
		}
		joined = append(joined, seg)
	}
	s.segments = joined
}

// keepLimits removes segments from the front that are too old or too much. The newest always stays: it says where
// offsets go on. The caller holds q.mu.
func (s *stream) keepLimits(q *Queue, now time.Time) {
	l := q.limiter.limits
	if l == nil {
		return
	}
	dropped := false
	for len(s.segments) > 1 {
		tooOld := l.MaxAge > 0 && now.Sub(time.UnixMicro(s.segments[1].begun)) > l.MaxAge
		tooMuch := l.HasMaxBytes && s.bytes > l.MaxBytes
		if !tooOld && !tooMuch {
			break
		}
		s.bytes -= s.segments[0].bytes
		s.dropped += s.segments[0].bytes
		s.segments = append(s.segments[:0:0], s.segments[1:]...)
		dropped = true
	}
	s.armAge(q, now)
	if dropped && q.opened.Load() {
		q.touch()
	}
}

// armAge sees to it that a segment goes when it has become too old.
func (s *stream) armAge(q *Queue, now time.Time) {
	l := q.limiter.limits
	if l == nil || l.MaxAge <= 0 || len(s.segments) < 2 || q.gone {
		return
	}
	// What is in a segment is older than the first of the next one.
	wait := max(time.UnixMicro(s.segments[1].begun).Add(l.MaxAge).Sub(now), 0) + time.Millisecond
	if s.ageTimer != nil {
		s.ageTimer.Reset(wait)
		return
	}
	s.ageTimer = time.AfterFunc(wait, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if !q.gone {
			s.keepLimits(q, time.Now())
		}
	})
}

// floor is where the oldest segment begins in the log, and how many bytes this run has dropped before it.
func (s *stream) floor() (seq uint64, offset int64) {
	if len(s.segments) == 0 {
		return 0, 0
	}
	return s.segments[0].seq, s.dropped
}

// segmentOf is the newest segment that begins at or before an offset, and where the next one begins in the log.
func (s *stream) segmentOf(q *Queue, offset uint64) (seg streamSegment, end uint64) {
	end = q.next
	for i := len(s.segments) - 1; i >= 0; i-- {
		if seg = s.segments[i]; seg.offset <= offset {
			break
		}
		end = seg.seq
	}
	return seg, end
}

// appendSegments encodes the segments at the end of a state: n, n x (offset, seq, begun, bytes), the first three as
// what comes after the segment before.
func appendSegments(dst []byte, segments []streamSegment) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(segments)))
	var at streamSegment
	for _, seg := range segments {
		dst = binary.AppendUvarint(dst, seg.offset-at.offset)
		dst = binary.AppendUvarint(dst, seg.seq-at.seq)
		dst = binary.AppendVarint(dst, seg.begun-at.begun) // clocks can go back
		dst = binary.AppendUvarint(dst, uint64(seg.bytes))
		at = seg
	}
	return dst
}

func (d *varints) segments() []streamSegment {
	n := d.length(4)
	var segments []streamSegment
	var at streamSegment
	for range n {
		at = streamSegment{
			offset: at.offset + d.next(), seq: at.seq + d.next(), begun: at.begun + d.signed(), bytes: int64(d.next()),
		}
		segments = append(segments, at)
	}
	return segments
}

func (d *varints) signed() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.bad, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[n:]
	return v
}
