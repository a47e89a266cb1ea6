package broker

import (
	"context"
	"time"
)

// begin is the offset at which a new reader of the stream begins.
func (q *Queue) begin(ctx context.Context, at StreamPosition) (uint64, error) {
	s := q.stream
	if at.Kind == AtTime {
		return q.seekTime(ctx, at.Time)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch at.Kind {
	case AtFirst:
		return s.first(), nil
	case AtLast:
		if s.next > s.first() {
			return s.next - 1, nil
		}
	case AtOffset:
		return at.Offset, nil
	case AtNext, AtTime:
	}
	return s.next, nil
}

// seekOffset finds a place in the log at or a little before the message of an offset, between those of a segment and
// of the next one. The log's own order is the index: it takes a look at some twenty entries.
func (q *Queue) seekOffset(ctx context.Context, seg streamSegment, end, offset uint64) (uint64, error) {
	return seek(ctx, q.log, seg.seq, end, func(lm *LogMessage) (bool, error) { return lm.Ordinal <= offset, nil })
}

// seek finds a place in a log, from begin on, before which no message is that is looked for: the last one between begin
// and end, about, at which a message stands that comes before those.
func seek(ctx context.Context, log QueueLog, begin, end uint64, before func(*LogMessage) (bool, error)) (uint64, error) {
	for end-begin > 2*SequenceStep && begin < end {
		middle := (begin + (end-begin)/2) &^ (SequenceStep - 1)
		found, err := log.Fetch(ctx, middle, 1, 1)
		if err != nil {
			return 0, err
		}
		if len(found) == 0 || found[0].Sequence >= end {
			end = middle
			continue
		}
		isBefore, err := before(&found[0])
		if err != nil {
			return 0, err
		}
		if !isBefore {
			end = middle
			continue
		}
		begin = found[0].Sequence
		// Messages of one entry stand together: the last of them says more.
		if last := found[len(found)-1]; len(found) > 1 && last.Sequence < end {
			if isBefore, err = before(&last); err != nil {
				return 0, err
			} else if !isBefore {
				return found[0].Sequence, nil
			}
		}
	}
	return begin, nil
}

// seekTime finds the offset of the first message that was published at a time or later; the next one when there is none.
func (q *Queue) seekTime(ctx context.Context, at time.Time) (uint64, error) {
	s := q.stream
	micros := at.UnixMicro()
	q.mu.Lock()
	first, next, end := s.first(), s.next, q.next
	begin := uint64(0)
	for i := len(s.segments) - 1; i >= 0; i-- {
		if begin = s.segments[i].seq; s.segments[i].begun < micros {
			break
		}
		if i > 0 {
			end = begin
		}
	}
	q.mu.Unlock()
	if first == next {
		return next, nil
	}
	begin, err := seek(ctx, q.log, begin, end, func(lm *LogMessage) (bool, error) {
		m, err := decodeMessage(lm.Payload)
		return err == nil && m.Published().UnixMicro() < micros, err
	})
	for err == nil {
		var found []LogMessage
		if found, err = q.log.Fetch(ctx, begin, 256, streamRead); err != nil || len(found) == 0 {
			break
		}
		for _, lm := range found {
			if m, err := decodeMessage(lm.Payload); err == nil && m.Published().UnixMicro() >= micros {
				return max(lm.Ordinal, first), nil
			}
			begin = lm.Sequence + 1
		}
	}
	return next, err
}
