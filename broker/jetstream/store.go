package jetstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker"
)

// Durability says what a confirm means.
type Durability string

// The durabilities.
const (
	// Fsync: what is confirmed survives a power cut.
	Fsync Durability = "fsync"
	// OS: what is confirmed is in the operating system's hands: it survives a killed process.
	OS Durability = "os"
)

// Options configures a store. The zero value of each field but Dir is usable.
type Options struct {
	// Dir is the data directory; it is made if it does not exist, and locked while the store is open.
	Dir string
	// Durability is Fsync if empty.
	Durability Durability
	// EncryptionKey encrypts what is stored (ChaCha20-Poly1305); empty: no encryption. A directory keeps the key that it
	// was made with.
	EncryptionKey string
	// Logger gets the store's events; nil means slog.Default().
	Logger *slog.Logger
	// OnFailure is told, at most once, that the store has failed for good: a sync or a write was refused. It is called
	// from a goroutine of its own.
	OnFailure func(err error)
	// Sync replaces how the data directory is synced; nil: syncfs(2), or file by file elsewhere than on Linux. For
	// file systems that need something else, and for tests of what happens when it fails.
	Sync func() error
}

// Store keeps a broker's state in an embedded JetStream server. It is safe for concurrent use.
type Store struct {
	opts     Options
	log      *slog.Logger
	shards   int
	server   *embedded
	api      *api
	commit   *committer
	unlock   func() error
	closeDir func() error
	opening  atomic.Uint64
	failOnce sync.Once

	mu   sync.Mutex
	open []*shard

	metadata *metadata
	journal  *journal
}

var _ broker.Store = (*Store)(nil)

// Open starts the embedded server on the data directory and recovers what is in it. The directory is refused when it
// is another process's, or of a newer format.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if opts.Durability == "" {
		opts.Durability = Fsync
	}
	if opts.Durability != Fsync && opts.Durability != OS {
		return nil, fmt.Errorf("jetstream: unknown durability %q", opts.Durability)
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	s := &Store{opts: opts, log: opts.Logger}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	if err := s.boot(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// prepare locks the directory and reads or writes its format.
func (s *Store) prepare() error {
	if err := os.MkdirAll(s.opts.Dir, 0o700); err != nil {
		return fmt.Errorf("jetstream: making the data directory: %w", err)
	}
	unlock, err := lockDir(s.opts.Dir)
	if err != nil {
		return err
	}
	s.unlock = unlock
	if s.shards, err = readFormat(s.opts.Dir, s.opts.EncryptionKey); err != nil {
		return errors.Join(err, unlock())
	}
	return nil
}

func (s *Store) boot(ctx context.Context) error {
	syncAll, closeDir, err := syncDir(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("jetstream: opening the data directory: %w", err)
	}
	s.closeDir = closeDir
	if s.opts.Sync != nil {
		syncAll = s.opts.Sync
	}
	if s.opts.Durability == OS {
		syncAll = nil
	}
	s.commit = newCommitter(syncAll, s.failed)
	if s.opts.EncryptionKey != "" {
		if err := s.removeKeyless(); err != nil {
			return err
		}
	}
	if s.server, err = startServer(storeDir(s.opts.Dir), s.shards, s.opts.EncryptionKey, s.log, s.writeFailed); err != nil {
		return err
	}
	// What a killed process left in the page cache is safe before anything is built on it.
	if err := s.syncNow(); err != nil {
		return err
	}
	s.api = newAPI(s.server)
	s.open = make([]*shard, s.shards)
	if s.metadata, err = s.openMetadata(ctx); err != nil {
		return err
	}
	s.journal, err = s.openJournal(ctx)
	return err
}

// writeFailed ends the store: what waits for an answer gets none, and nothing is synced any more.
func (s *Store) writeFailed(err error) {
	s.commit.fail(&broker.Error{
		Kind: broker.KindUnavailable, Detail: "a write failed; nothing is stored safely until a restart", Err: err,
	})
	s.mu.Lock()
	shards := slices.Clone(s.open)
	s.mu.Unlock()
	for _, sh := range shards {
		if sh != nil {
			sh.fail(err)
		}
	}
	s.failed(err)
}

// failed tells the owner once that the store has failed.
func (s *Store) failed(err error) {
	s.failOnce.Do(func() {
		s.log.Error("the store has failed; nothing is confirmed until a restart", "err", err)
		if s.opts.OnFailure != nil {
			go s.opts.OnFailure(err)
		}
	})
}

// nextOpening numbers the openings of streams in this run.
func (s *Store) nextOpening() string { return strconv.FormatUint(s.opening.Add(1), 36) }

// shardOf returns the shard that holds the stream.
func (s *Store) shardOf(stream string) (*shard, error) {
	n := shardOf(stream, s.shards)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[n] != nil {
		return s.open[n], nil
	}
	if err := s.keepDirectory(n); err != nil {
		return nil, err
	}
	nc, err := s.server.conn(n)
	if err != nil {
		return nil, err
	}
	sh, err := openShard(n, nc)
	if err != nil {
		return nil, err
	}
	s.open[n] = sh
	return sh, nil
}

// QueueLogs implements broker.Store.
func (s *Store) QueueLogs(ctx context.Context) ([]string, error) {
	var ids []string
	for n := range s.shards {
		names, err := s.api.streamNames(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if id, ok := strings.CutPrefix(name, queuePrefix); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// Sync implements broker.Store.
func (s *Store) Sync(done broker.Completion) { s.commit.add(done) }

// Rounds tells how many sync rounds there were and how long all of them took together.
func (s *Store) Rounds() (n uint64, took time.Duration) {
	s.commit.mu.Lock()
	defer s.commit.mu.Unlock()
	return s.commit.rounds, s.commit.took
}

// Journal implements broker.Store.
func (s *Store) Journal() broker.Journal { return s.journal }

// Close implements broker.Store: what was stored is synced, and the server stops.
func (s *Store) Close() error {
	if s.commit != nil {
		s.commit.close()
	}
	if s.server != nil {
		s.server.stop()
	}
	var err error
	if s.commit != nil && s.commit.sync != nil && s.commit.failed == nil {
		err = s.commit.sync() // the server wrote its indexes while it stopped
	}
	if s.closeDir != nil {
		err = errors.Join(err, s.closeDir())
	}
	if s.unlock != nil {
		err = errors.Join(err, s.unlock())
	}
	return err
}
