package broker

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"time"
)

// DeduplicationPeriod is for how long after a message was published a queue that deduplicates takes no other one of its
// name (as SQS's FIFO queues).
const DeduplicationPeriod = 5 * time.Minute

// maxSightings bounds how many names one queue remembers: some 70 bytes each. A message beyond is refused.
const maxSightings = 4 << 20

// Deduplication says within what a message's [DeduplicationHeader] names it.
type Deduplication string

// The ways to deduplicate. Messages without a name are not.
const (
	NoDeduplication    Deduplication = ""
	DeduplicateInQueue Deduplication = "queue"
	DeduplicateInGroup Deduplication = "group"
)

// sightings are the names of the messages that a queue was given in the last minutes. They need no record of their own:
// a name is part of its message, whose log is kept for as long as the name counts, and read again at a start. The maps
// hold the names of two periods each in turn, so that old ones go without being looked for. All fields are under the
// queue's mu.
type sightings struct {
	now, before map[sightingKey]sighting
	since       time.Time                      // when now was begun
	waiting     map[sightingKey][]*publication // duplicates of messages that are on their way into the log
	places      []sightingPlace                // where the log is to be kept from, a second apart
}

// sightingKey is a hash of a name, and of the group where that counts.
type sightingKey [16]byte

// sighting is one message.
type sighting struct {
	at  int64  // when it was published, in microseconds since 1970
	seq uint64 // 0 while it is on its way
	id  [16]byte
}

// sightingPlace is a place in the log, and what had been taken there.
type sightingPlace struct {
	at     int64
	seq    uint64
	offset int64
}

func newSightings() *sightings {
	return &sightings{
		now: make(map[sightingKey]sighting), since: time.Now(), waiting: make(map[sightingKey][]*publication),
	}
}

// nameOf is what the message is known by; ok is false when it has no name.
func (d Deduplication) nameOf(m *Message) (key sightingKey, ok bool) {
	name := m.DeduplicationID()
	if name == "" {
		return key, false
	}
	text := make([]byte, 0, 256)
	if d == DeduplicateInGroup {
		text = append(append(text, m.Group()...), 0)
	}
	sum := sha256.Sum256(append(text, name...))
	return sightingKey(sum[:len(key)]), true
}

// find tells of the message of that name that was published within the period before now.
func (s *sightings) find(key sightingKey, now time.Time) (sighting, bool) {
	if now.Sub(s.since) >= DeduplicationPeriod {
		if s.before = s.now; now.Sub(s.since) >= 2*DeduplicationPeriod {
			s.before = nil
		}
		s.now, s.since = make(map[sightingKey]sighting), now
	}
	for _, seen := range []map[sightingKey]sighting{s.now, s.before} {
		if found, ok := seen[key]; ok && now.UnixMicro()-found.at < DeduplicationPeriod.Microseconds() {
			return found, true
		}
	}
	return sighting{}, false
}

// forget drops the name of a message that did not come into the log, and returns who waits for it.
func (s *sightings) forget(key sightingKey) []*publication {
	delete(s.now, key)
	delete(s.before, key)
	waiting := s.waiting[key]
	delete(s.waiting, key)
	return waiting
}

// forgetAll drops the names of what is in the log: a purged queue takes them again, as SQS's do. What is on its way keeps
// its name. The caller holds q.mu.
func (q *Queue) forgetAll() {
	s := q.sightings
	if s == nil {
		return
	}
	inLog := func(_ sightingKey, seen sighting) bool { return seen.seq != 0 }
	maps.DeleteFunc(s.now, inLog)
	maps.DeleteFunc(s.before, inLog)
	s.places = nil
	q.unnamed = q.next
}

// firstOfItsName decides whether a message may come in. One that is sent again is not stored: pub is told what the
// first one's publisher is told. The caller does not hold q.mu.
func (q *Queue) firstOfItsName(m *Message, pub *publication) bool {
	q.mu.Lock()
	first, seq, err := q.note(m, pub)
	q.mu.Unlock()
	switch {
	case err != nil:
		pub.stored(err)
	case seq != 0:
		pub.stored(nil) // the first one is stored; what is still to come is a sync
	}
	return first
}

// note looks a message up by its name and remembers it if it is the first. Otherwise seq is where the first one is; 0
// when that is on its way, and pub is told with it. The caller holds q.mu.
func (q *Queue) note(m *Message, pub *publication) (first bool, seq uint64, err error) {
	s := q.sightings
	if s == nil || q.gone {
		return true, 0, nil
	}
	key, named := q.limiter.limits.Deduplicate.nameOf(m)
	if !named {
		return true, 0, nil
	}
	found, again := s.find(key, time.Now())
	switch {
	case again && found.seq != 0:
		pub.duplicateOf(found)
		return false, found.seq, nil
	case again:
		s.waiting[key] = append(s.waiting[key], pub)
		return false, 0, nil
	case len(s.now)+len(s.before) >= maxSightings:
		return false, 0, &Error{
			Kind: KindLimit, Type: ResourceQueue, Namespace: q.ns.name, Name: q.spec.Name,
			Detail: &Limit{Name: "deduplication ids", Max: maxSightings, Got: maxSightings},
		}
	}
	s.now[key] = sighting{at: m.Published().UnixMicro(), id: uuidOf(m)}
	return true, 0, nil
}

// firstOfTheirNames is firstOfItsName for what a transaction brings. The caller holds q.mu.
func (q *Queue) firstOfTheirNames(messages []*Message) []*Message {
	if q.sightings == nil {
		return messages
	}
	return slices.DeleteFunc(messages, func(m *Message) bool {
		first, _, err := q.note(m, nil)
		return !first && err == nil // one too many to remember is not refused any more
	})
}

// unnote forgets a message that note let in and that was refused all the same.
func (q *Queue) unnote(m *Message, noted bool, err error) {
	if !noted {
		return
	}
	q.mu.Lock()
	again := q.noted(0, m, err)
	q.mu.Unlock()
	tellAll(again, err)
}

// noted is told what became of a message that note let in, and returns the duplicates that are to be told so too. The
// caller holds q.mu.
func (q *Queue) noted(seq uint64, m *Message, err error) []*publication {
	s := q.sightings
	if s == nil || q.gone {
		return nil
	}
	key, named := q.limiter.limits.Deduplicate.nameOf(m)
	if !named {
		return nil
	}
	if err != nil {
		return s.forget(key)
	}
	seen := sighting{at: m.Published().UnixMicro(), seq: seq, id: uuidOf(m)}
	_, isNow := s.now[key]
	if _, old := s.before[key]; old && !isNow { // the periods changed meanwhile
		s.before[key] = seen
	} else {
		s.now[key] = seen
	}
	s.keepFrom(seen.at, seq, q.taken)
	waiting := s.waiting[key]
	delete(s.waiting, key)
	for _, pub := range waiting {
		pub.duplicateOf(seen)
	}
	return waiting
}

// keepFrom notes a place in the log, once a second.
func (s *sightings) keepFrom(at int64, seq uint64, offset int64) {
	if n := len(s.places); n == 0 || at-s.places[n-1].at >= time.Second.Microseconds() {
		s.places = append(s.places, sightingPlace{at, seq, offset})
	}
}

// keptFrom is the sequence from which on the log is kept for the names in it, and its offset; ok is false when nothing
// is. The caller holds q.mu.
func (q *Queue) keptFrom(now time.Time) (seq uint64, offset int64, ok bool) {
	s := q.sightings
	if s == nil {
		return 0, 0, false
	}
	old := now.Add(-DeduplicationPeriod).UnixMicro()
	n := 0
	for n+1 < len(s.places) && s.places[n+1].at <= old {
		n++
	}
	s.places = slices.Delete(s.places, 0, n)
	if len(s.places) == 0 {
		return 0, 0, false
	}
	if len(s.places) == 1 && now.UnixMicro()-s.places[0].at > (DeduplicationPeriod+time.Second).Microseconds() {
		s.places = nil
		return 0, 0, false
	}
	return s.places[0].seq, s.places[0].offset, true
}

// recall reads the names of the last minutes out of the log, but for those below unnamed.
func (q *Queue) recall(ctx context.Context, log QueueLog, unnamed, last uint64) error {
	q.mu.Lock()
	q.unnamed = unnamed
	s, by := q.sightings, NoDeduplication
	if s != nil {
		by = q.limiter.limits.Deduplicate
	}
	q.mu.Unlock()
	if s == nil {
		return nil
	}
	from := time.Now().Add(-DeduplicationPeriod).UnixMicro()
	next, err := seek(ctx, log, 0, last+1, func(lm *LogMessage) (bool, error) {
		m, err := decodeMessage(lm.Payload)
		return err == nil && m.Published().UnixMicro() < from, nil // what is unreadable is passed over below
	})
	if err != nil {
		return err
	}
	for next = max(next, unnamed); next <= last; {
		found, err := log.Fetch(ctx, next, 4096, 4<<20)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			break
		}
		for _, lm := range found {
			next = lm.Sequence + 1
			m, err := decodeMessage(lm.Payload)
			if err != nil {
				continue
			}
			if key, named := by.nameOf(m); named && m.Published().UnixMicro() >= from {
				s.now[key] = sighting{at: m.Published().UnixMicro(), seq: lm.Sequence, id: uuidOf(m)}
				s.keepFrom(m.Published().UnixMicro(), lm.Sequence, 0)
			}
		}
	}
	return nil
}

// uuidOf is the message's id, if that is a UUID in its canonical form; else zeros.
func uuidOf(m *Message) (id [16]byte) {
	text, ok := m.props.MessageID()
	if !ok || len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id
	}
	digits := make([]byte, 0, 32)
	for _, part := range [][]byte{text[:8], text[9:13], text[14:18], text[19:23], text[24:]} {
		digits = append(digits, part...)
	}
	if _, err := hex.Decode(id[:], digits); err != nil {
		return [16]byte{}
	}
	return id
}

// uuidText is the canonical form; "" for zeros.
func uuidText(id [16]byte) string {
	if id == ([16]byte{}) {
		return ""
	}
	t := hex.EncodeToString(id[:])
	return t[:8] + "-" + t[8:12] + "-" + t[12:16] + "-" + t[16:20] + "-" + t[20:]
}
