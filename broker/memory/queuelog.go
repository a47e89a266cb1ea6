package memory

import (
	"context"
	"sort"
	"sync"

	"github.com/portico-mq/portico/broker"
)

type entryKind uint8

const (
	message entryKind = iota
	moved
	state
)

type logEntry struct {
	seq     uint64
	ordinal uint64 // how many messages came before it
	kind    entryKind
	payload []byte
}

// queueLog is a queue's log: entries in order of sequence.
type queueLog struct {
	tell    sync.Mutex // held while Stored is called, so that the calls come in order
	mu      sync.Mutex
	entries []logEntry
	last    uint64
	given   uint64 // messages
}

func newQueueLog() *queueLog { return &queueLog{} }

func (l *queueLog) recovered() broker.Recovered {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := broker.Recovered{Last: l.last}
	for _, e := range l.entries {
		if e.kind == state {
			found.State, found.StateSeq = e.payload, e.seq-e.seq%broker.SequenceStep
		}
	}
	return found
}

// next is the sequence of the next entry. The caller holds mu.
func (l *queueLog) next() uint64 { return (l.last/broker.SequenceStep + 1) * broker.SequenceStep }

// add appends to an entry. The caller holds mu.
func (l *queueLog) add(seq uint64, kind entryKind, payload []byte) {
	l.last = seq
	l.entries = append(l.entries, logEntry{seq, l.given, kind, payload})
	if kind == message {
		l.given++
	}
}

// Append implements broker.QueueLog. The payload is kept, which its immutability allows. The sequence was told when it
// returns.
func (l *queueLog) Append(payload []byte, stored broker.Stored) uint64 {
	l.tell.Lock()
	defer l.tell.Unlock()
	l.mu.Lock()
	seq := l.next()
	l.add(seq, message, payload)
	l.mu.Unlock()
	stored.Stored(seq, nil)
	return 0
}

// WriteState implements broker.QueueLog. It is called with the queue locked, so its answer comes from elsewhere, and
// before that of any later append.
func (l *queueLog) WriteState(e broker.StateEntry, stored broker.Stored) {
	go func() {
		l.tell.Lock()
		defer l.tell.Unlock()
		l.mu.Lock()
		first := l.next()
		for i, payload := range e.Messages {
			l.add(first+uint64(i), message, payload)
		}
		for i, payload := range e.Moved {
			l.add(first+uint64(i), moved, payload)
		}
		l.add(first+uint64(len(e.Messages)+len(e.Moved)), state, e.State)
		l.mu.Unlock()
		stored.Stored(first, nil)
	}()
}

// from is the index of the first entry at or above seq. The caller holds mu.
func (l *queueLog) from(seq uint64) int {
	return sort.Search(len(l.entries), func(i int) bool { return l.entries[i].seq >= seq })
}

// Read implements broker.QueueLog.
func (l *queueLog) Read(from uint64, maxMessages, maxBytes int, emit func(uint64, []byte), end func(error)) {
	l.mu.Lock()
	var found []logEntry
	for _, e := range l.entries[l.from(from):] {
		if len(found) >= maxMessages || maxBytes <= 0 {
			break
		}
		if e.kind == message {
			found = append(found, e)
			maxBytes -= len(e.payload)
		}
	}
	l.mu.Unlock()
	go func() {
		for _, e := range found {
			emit(e.seq, e.payload)
		}
		end(nil)
	}()
}

// Fetch implements broker.QueueLog.
func (l *queueLog) Fetch(_ context.Context, from uint64, maxMessages, maxBytes int) ([]broker.LogMessage, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []broker.LogMessage
	for _, e := range l.entries[l.from(from):] {
		if len(found) > 0 && (len(found) >= maxMessages || maxBytes <= 0) {
			break
		}
		if e.kind == message {
			found = append(found, broker.LogMessage{Sequence: e.seq, Ordinal: e.ordinal, Payload: e.payload})
			maxBytes -= len(e.payload)
		}
	}
	return found, nil
}

// Moved implements broker.QueueLog.
func (l *queueLog) Moved(_ context.Context, seq uint64) (uint64, [][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first := seq - seq%broker.SequenceStep
	var payloads [][]byte
	for _, e := range l.entries[l.from(first):] {
		if e.kind != moved || e.seq >= first+broker.SequenceStep {
			break
		}
		payloads = append(payloads, e.payload)
	}
	if payloads == nil {
		return 0, nil, notFound("entry")
	}
	return first, payloads, nil
}

// CountFrom implements broker.QueueLog.
func (l *queueLog) CountFrom(_ context.Context, seq uint64) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(0)
	for _, e := range l.entries[l.from(seq):] {
		if e.kind == message {
			n++
		}
	}
	return n, nil
}

// Purge implements broker.QueueLog.
func (l *queueLog) Purge(below uint64, done func(error)) {
	l.mu.Lock()
	l.entries = append([]logEntry(nil), l.entries[l.from(below):]...)
	l.mu.Unlock()
	go done(nil)
}

// Close implements broker.QueueLog.
func (l *queueLog) Close() {}
