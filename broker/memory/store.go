// Package memory is a store that keeps everything in memory and nothing over a restart.
package memory

import (
	"context"
	"sync"

	"github.com/portico-mq/portico/broker"
)

// Store is a broker.Store in memory. It is safe for concurrent use.
type Store struct {
	mu       sync.Mutex
	metadata map[broker.MetadataKey][]byte
	queues   map[string]*queueLog
	records  map[string]*recordLog
	journal  journal
}

// NewStore makes an empty store.
func NewStore() *Store {
	return &Store{
		metadata: make(map[broker.MetadataKey][]byte),
		queues:   make(map[string]*queueLog), records: make(map[string]*recordLog),
	}
}

// LoadMetadata implements broker.Store.
func (s *Store) LoadMetadata(_ context.Context, visit func(broker.MetadataKey, []byte) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, value := range s.metadata {
		if err := visit(key, value); err != nil {
			return err
		}
	}
	return nil
}

// PutMetadata implements broker.Store.
func (s *Store) PutMetadata(key broker.MetadataKey, value []byte, stored broker.Completion) {
	s.mu.Lock()
	s.metadata[key] = append([]byte(nil), value...)
	s.mu.Unlock()
	stored.Done(nil)
}

// DeleteMetadata implements broker.Store.
func (s *Store) DeleteMetadata(key broker.MetadataKey, stored broker.Completion) {
	s.mu.Lock()
	delete(s.metadata, key)
	s.mu.Unlock()
	stored.Done(nil)
}

// CreateQueueLog implements broker.Store.
func (s *Store) CreateQueueLog(_ context.Context, id string) (broker.QueueLog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := newQueueLog()
	s.queues[id] = l
	return l, nil
}

// OpenQueueLog implements broker.Store.
func (s *Store) OpenQueueLog(_ context.Context, id string) (broker.QueueLog, broker.Recovered, error) {
	s.mu.Lock()
	l := s.queues[id]
	s.mu.Unlock()
	if l == nil {
		return nil, broker.Recovered{}, notFound(id)
	}
	return l, l.recovered(), nil
}

func notFound(id string) error { return &broker.Error{Kind: broker.KindNotFound, Name: id} }

// DeleteQueueLog implements broker.Store.
func (s *Store) DeleteQueueLog(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.queues, id)
	return nil
}

// QueueLogs implements broker.Store.
func (s *Store) QueueLogs(context.Context) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.queues))
	for id := range s.queues {
		ids = append(ids, id)
	}
	return ids, nil
}

// CreateRecordLog implements broker.Store.
func (s *Store) CreateRecordLog(_ context.Context, id string) (broker.RecordLog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &recordLog{}
	s.records[id] = l
	return l, nil
}

// OpenRecordLog implements broker.Store.
func (s *Store) OpenRecordLog(_ context.Context, id string) (broker.RecordLog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.records[id]; l != nil {
		return l, nil
	}
	return nil, notFound(id)
}

// DeleteRecordLog implements broker.Store.
func (s *Store) DeleteRecordLog(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
	return nil
}

// Journal implements broker.Store.
func (s *Store) Journal() broker.Journal { return &s.journal }

// Sync implements broker.Store: there is nothing to sync.
func (s *Store) Sync(done broker.Completion) { done.Done(nil) }

// Close implements broker.Store. What the store holds stays, for another broker to open.
func (s *Store) Close() error { return nil }

var _ broker.Store = (*Store)(nil)
