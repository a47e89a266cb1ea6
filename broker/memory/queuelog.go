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
	kind    entryKind
	payload []byte
}

// queueLog is a queue's log: entries in order of sequence.
type queueLog struct {
	tell    sync.Mutex // held while Stored is called, so that the calls come in order
	mu      sync.Mutex
	entries []logEntry
	last    uint64
}

func newQueueLog() *queueLog { return &queueLog{} }

func (l *queueLog) recovered() broker.Recovered {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := broker.Recovered{Last: l.last}
	for _, e := range l.entries {
		if e.kind == state {
			found.State, found.StateSeq = e.payload, e.seq
		}
	}
	return found
}

// add appends an entry. The caller holds mu.
func (l *queueLog) add(kind entryKind, payload []byte) uint64 {
	l.last += broker.SequenceStep
	l.entries = append(l.entries, logEntry{l.last, kind, payload})
	return l.last
}

// Append implements broker.QueueLog. The payload is kept, which its immutability allows. The sequence was told when it
// returns.
func (l *queueLog) Append(payload []byte, stored broker.Stored) uint64 {
	l.tell.Lock()
	defer l.tell.Unlock()
	l.mu.Lock()
	seq := l.add(message, payload)
	l.mu.Unlock()
	stored.Stored(seq, nil)
	return 0
}

// AppendBatch implements broker.QueueLog. It is called with the queue locked, so its answer comes from elsewhere, and
// before that of any later append.
func (l *queueLog) AppendBatch(b broker.Batch, stored broker.BatchStored) {
	go func() {
		l.tell.Lock()
		defer l.tell.Unlock()
		l.mu.Lock()
		first := l.last + broker.SequenceStep
		for _, payload := range b.Messages {
			l.add(message, payload)
		}
		for _, payload := range b.Copies {
			l.add(moved, payload)
		}
		if b.State != nil {
			l.add(state, b.State)
		}
		l.mu.Unlock()
		stored.BatchStored(first, nil)
	}()
}

// WriteState implements broker.QueueLog; see AppendBatch.
func (l *queueLog) WriteState(raw []byte, stored broker.Stored) {
	l.mu.Lock()
	seq := l.add(state, raw)
	l.mu.Unlock()
	go stored.Stored(seq, nil)
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

// Get implements broker.QueueLog.
func (l *queueLog) Get(_ context.Context, seq uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.from(seq); i < len(l.entries) && l.entries[i].seq == seq {
		return l.entries[i].payload, nil
	}
	return nil, notFound("entry")
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
