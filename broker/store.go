package broker

import "context"

// Store keeps what survives a restart: metadata, queue logs, the transaction journal, record logs. broker/jetstream
// keeps it in NATS JetStream, broker/memory in memory only. All methods are safe for concurrent use.
type Store interface {
	// LoadMetadata calls visit for every metadata entry, in no order.
	LoadMetadata(ctx context.Context, visit func(MetadataKey, []byte) error) error
	// PutMetadata stores value under key; stored is told when it is (not yet when it is synced: see Sync).
	PutMetadata(key MetadataKey, value []byte, stored Completion)
	// DeleteMetadata removes key; a key that is not there is no error.
	DeleteMetadata(key MetadataKey, stored Completion)

	// CreateQueueLog makes an empty log; id is unique for ever ([A-Za-z0-9]+).
	CreateQueueLog(ctx context.Context, id string) (QueueLog, error)
	// OpenQueueLog opens an existing log and says what was found in it.
	OpenQueueLog(ctx context.Context, id string) (QueueLog, Recovered, error)
	// DeleteQueueLog removes a log and all it holds; one that is not there is no error.
	DeleteQueueLog(ctx context.Context, id string) error
	// QueueLogs lists the ids of all queue logs, so that those whose queue is gone can be deleted.
	QueueLogs(ctx context.Context) ([]string, error)

	// CreateRecordLog, OpenRecordLog and DeleteRecordLog are the same for the append-only logs behind [Log].
	CreateRecordLog(ctx context.Context, id string) (RecordLog, error)
	OpenRecordLog(ctx context.Context, id string) (RecordLog, error)
	DeleteRecordLog(ctx context.Context, id string) error

	// Journal is the log of transactions over several queues.
	Journal() Journal

	// Sync tells done after a group sync that began after the call, so that it covers everything that was stored
	// before the call. After a failed sync every call fails with KindUnavailable, for ever.
	Sync(done Completion)

	// Close flushes and stops the store.
	Close() error
}

// MetadataKey names one metadata entry. Namespace and Name may hold any bytes.
type MetadataKey struct {
	Kind      string // "namespace", "exchange", "queue", "binding", "user", "permission", "log"
	Namespace string
	Name      string
}

// Recovered is what OpenQueueLog found.
type Recovered struct {
	// State is the last state written, nil if none was.
	State []byte
	// StateSeq is the sequence of its entry.
	StateSeq uint64
	// Last is not below the sequence of the newest message of the log, and below what the next entry gets.
	Last uint64
}

// Stored is told where an append went. err is nil, or says that the append is not in the log, or (KindUncertain)
// that it may be. Calls for one log come from one goroutine, in the order of sequences.
type Stored interface {
	Stored(seq uint64, err error)
}

// SequenceStep is what lies between the sequences of two adjacent entries of a queue's log. An entry may hold several
// messages: their sequences are adjacent. It is a power of two.
const SequenceStep = 1 << 10

// QueueLog is the ordered store of one queue: messages, and states, of which the last one counts. Entries get ascending
// sequences, not always adjacent ones. All methods are safe for concurrent use; payloads are not kept after the call
// returns, unless the log says so by holding them unchanged.
type QueueLog interface {
	// Append adds a message. It may wait while too much is in flight. It returns the sequence that stored will be told,
	// if that is certain, unless the append fails, and all messages before it were told theirs; else 0.
	Append(payload []byte, stored Stored) uint64
	// WriteState adds a state with what takes effect together with it, all or nothing; at most one is in flight. stored
	// is told the sequence of the entry, which is that of its first message.
	WriteState(e StateEntry, stored Stored)
	// Read hands out messages (not those that were moved) from sequence from on, at least one if there is one, at most
	// about maxMessages of them and about maxBytes, in order, then calls end once; both from another goroutine. The
	// payload is the receiver's to keep.
	Read(from uint64, maxMessages, maxBytes int, emit func(seq uint64, payload []byte), end func(err error))
	// Fetch returns messages (not those that were moved) from sequence from on, in order and without a hole, at least one
	// if there is one, about maxMessages of them and about maxBytes. Unlike with Read, any number of fetches can be under
	// way. The payloads share memory and must not be changed.
	Fetch(ctx context.Context, from uint64, maxMessages, maxBytes int) ([]LogMessage, error)
	// Moved reads the messages that were moved into the entry that holds seq, of which the first one is at first.
	// KindNotFound when it is gone. The payloads are the caller's, and share memory.
	Moved(ctx context.Context, seq uint64) (first uint64, payloads [][]byte, err error)
	// CountFrom tells how many messages the log holds at or above seq.
	CountFrom(ctx context.Context, seq uint64) (uint64, error)
	// Purge removes entries below seq, whatever their kind, and tells done. What is removed must not be needed
	// even if the machine stops at once.
	Purge(below uint64, done func(err error))
	// Close releases what the open log costs; its entries stay.
	Close()
}

// LogMessage is a message as it stands in a queue's log.
type LogMessage struct {
	Sequence uint64
	Ordinal  uint64 // how many messages the log had been given before it, purged ones included
	Payload  []byte
}

// MaxTogether is the largest number of messages in one StateEntry.
const MaxTogether = 1000

// StateEntry is what one WriteState adds: a state, and at most one of messages and of messages that are moved forward.
type StateEntry struct {
	State    []byte
	Messages [][]byte
	Moved    [][]byte
}

// RecordLog is an append-only log of records, the store of one shard of a [Log].
type RecordLog interface {
	// Append adds a record and tells its sequence, ascending from 1.
	Append(payload []byte, stored Stored)
	// Read returns up to maxRecords records and about maxBytes from sequence from on, in order, possibly none.
	Read(ctx context.Context, from uint64, maxRecords, maxBytes int) ([]LogEntry, error)
	// Last is the sequence of the newest record, 0 if there is none.
	Last(ctx context.Context) (uint64, error)
	// Purge removes records below seq.
	Purge(ctx context.Context, below uint64) error
	Close()
}

// LogEntry is one stored record.
type LogEntry struct {
	Sequence uint64
	Payload  []byte
}

// Journal keeps transactions that concern several queues until they are applied.
type Journal interface {
	// Append stores an entry and tells its number, ascending.
	Append(payload []byte, stored Stored)
	// Load calls visit for each entry still held, in order.
	Load(ctx context.Context, visit func(number uint64, payload []byte) error) error
	// Purge removes entries below number.
	Purge(below uint64, done func(err error))
}
