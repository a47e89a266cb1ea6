package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/portico-mq/portico/broker"
)

var errCut = &broker.Error{Kind: broker.KindUncertain, Err: errors.New("the store was cut off")}

// cutStore is a store that writes nothing any more after so many writes, as if the process had been killed then.
type cutStore struct {
	broker.Store
	mu   sync.Mutex
	left int
	cut  bool
}

// write counts a write, and reports whether it still happens.
func (s *cutStore) write() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		s.cut = true
		return false
	}
	s.left--
	return true
}

func (s *cutStore) wasCut() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

func (s *cutStore) PutMetadata(key broker.MetadataKey, value []byte, stored broker.Completion) {
	if !s.write() {
		go stored.Done(errCut)
		return
	}
	s.Store.PutMetadata(key, value, stored)
}

func (s *cutStore) DeleteRecordLog(ctx context.Context, id string) error {
	if !s.write() {
		return errCut
	}
	return s.Store.DeleteRecordLog(ctx, id)
}

func (s *cutStore) Sync(done broker.Completion) {
	if s.wasCut() {
		go done.Done(errCut)
		return
	}
	s.Store.Sync(done)
}

func (s *cutStore) CreateRecordLog(ctx context.Context, id string) (broker.RecordLog, error) {
	if !s.write() {
		return nil, errCut
	}
	log, err := s.Store.CreateRecordLog(ctx, id)
	return &cutRecords{log, s}, err
}

func (s *cutStore) OpenRecordLog(ctx context.Context, id string) (broker.RecordLog, error) {
	log, err := s.Store.OpenRecordLog(ctx, id)
	if err != nil {
		return nil, err
	}
	return &cutRecords{log, s}, nil
}

func (s *cutStore) CreateQueueLog(ctx context.Context, id string) (broker.QueueLog, error) {
	log, err := s.Store.CreateQueueLog(ctx, id)
	return &cutQueue{log, s}, err
}

func (s *cutStore) OpenQueueLog(ctx context.Context, id string) (broker.QueueLog, broker.Recovered, error) {
	log, found, err := s.Store.OpenQueueLog(ctx, id)
	if err != nil {
		return nil, found, err
	}
	return &cutQueue{log, s}, found, nil
}

func (s *cutStore) Journal() broker.Journal { return &cutJournal{s.Store.Journal(), s} }

type cutRecords struct {
	broker.RecordLog
	s *cutStore
}

func (l *cutRecords) Append(payload []byte, stored broker.Stored) {
	if !l.s.write() {
		go stored.Stored(0, errCut)
		return
	}
	l.RecordLog.Append(payload, stored)
}

type cutQueue struct {
	broker.QueueLog
	s *cutStore
}

func (l *cutQueue) Append(payload []byte, stored broker.Stored) uint64 {
	if !l.s.write() {
		go stored.Stored(0, errCut)
		return 0
	}
	return l.QueueLog.Append(payload, stored)
}

func (l *cutQueue) WriteState(e broker.StateEntry, stored broker.Stored) {
	if !l.s.write() {
		go stored.Stored(0, errCut)
		return
	}
	l.QueueLog.WriteState(e, stored)
}

type cutJournal struct {
	broker.Journal
	s *cutStore
}

func (j *cutJournal) Append(payload []byte, stored broker.Stored) {
	if !j.s.write() {
		go stored.Stored(0, errCut)
		return
	}
	j.Journal.Append(payload, stored)
}

func (j *cutJournal) Purge(below uint64, done func(error)) {
	if !j.s.write() {
		go done(errCut)
		return
	}
	j.Journal.Purge(below, done)
}
