// Package jetstream is the store that keeps everything in NATS JetStream, in a server embedded in this process. It is
// the only package of Portico that imports NATS.
//
// Layout: each durable queue is a stream of its own with three subjects (messages, states, sync marks); each shard of a
// log is a stream; metadata is a key-value bucket, the journal a stream. Streams are spread over accounts by a hash
// of their name, since NATS's cost of creating and recovering a stream grows with the streams of its account
// (measured: 10,000 streams in 6.8 s over 32 accounts, in 37 s over one). Nothing is said to be stored before its
// PubAck, nor to be synced before a syncfs(2) that began after that; see [committer].
package jetstream

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// maxPayload bounds one entry: the largest message, its envelope, or a transaction in the journal. The server's file
	// store takes no more, and takes a larger one that it finds for damage.
	maxPayload = 32 << 20
	// maxPending bounds what the server buffers towards one of our connections.
	maxPending = 256 << 20
	// syncInterval is how often the server itself syncs and closes idle files. Our own rounds make what is confirmed
	// safe; the pass is still needed to close descriptors.
	syncInterval = 5 * time.Minute
	startTimeout = 2 * time.Minute
)

// embedded is the server in this process: accounts to connect to, and no listener.
type embedded struct {
	server   *server.Server
	password string

	mu    sync.Mutex
	conns []*nats.Conn // by shard; nil until used
}

func startServer(dir string, shards int, key string, log *slog.Logger, writeFailed func(error)) (*embedded, error) {
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	e := &embedded{password: hex.EncodeToString(secret), conns: make([]*nats.Conn, shards)}
	opts := &server.Options{
		ServerName: "portico", DontListen: true, NoSigs: true,
		JetStream: true, StoreDir: dir,
		JetStreamMaxMemory: 256 << 20, JetStreamMaxStore: math.MaxInt64 / 4,
		MaxPayload: maxPayload, MaxPending: maxPending, MaxControlLine: 4096,
		SyncInterval: syncInterval, JetStreamRequestQueueLimit: 100_000,
		SystemAccount: "SYS",
	}
	if key != "" {
		opts.JetStreamKey, opts.JetStreamCipher = key, server.ChaCha
	}
	opts.Accounts = []*server.Account{server.NewAccount("SYS")}
	for i := range shards {
		account := server.NewAccount(shardName(i))
		opts.Accounts = append(opts.Accounts, account)
		opts.Users = append(opts.Users, &server.User{Username: shardName(i), Password: e.password, Account: account})
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("jetstream: %w", err)
	}
	logger := &serverLog{log: log.With("component", "nats"), writeFailed: writeFailed}
	s.SetLoggerV2(logger, false, false, false)
	e.server = s
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		s.Shutdown()
		return nil, fmt.Errorf("jetstream: the server did not start within %s", startTimeout)
	}
	if err := e.enable(shards); err != nil {
		s.Shutdown()
		return nil, err
	}
	logger.started.Store(true)
	return e, nil
}

// enable opens JetStream in every account, which recovers its streams, a few at a time.
func (e *embedded) enable(shards int) error {
	errs := make(chan error, shards)
	slots := make(chan struct{}, 4)
	unlimited := map[string]server.JetStreamAccountLimits{"": {
		MaxMemory: -1, MaxStore: -1, MaxStreams: -1, MaxConsumers: -1, MaxAckPending: -1,
		MemoryMaxStreamBytes: -1, StoreMaxStreamBytes: -1,
	}}
	for i := range shards {
		go func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			account, err := e.server.LookupAccount(shardName(i))
			if err == nil {
				err = account.EnableJetStream(unlimited, nil)
			}
			errs <- err
		}()
	}
	var first error
	for range shards {
		if err := <-errs; err != nil && first == nil {
			first = fmt.Errorf("jetstream: opening an account: %w", err)
		}
	}
	return first
}

func shardName(i int) string { return fmt.Sprintf("S%02d", i) }

// conn returns the connection to a shard's account. All that concerns one stream goes over one connection: its
// PubAcks then come in the order of the publishes.
func (e *embedded) conn(shard int) (*nats.Conn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.conns[shard] != nil {
		return e.conns[shard], nil
	}
	nc, err := nats.Connect("",
		nats.InProcessServer(e.server), nats.UserInfo(shardName(shard), e.password),
		nats.NoReconnect(), nats.Name("portico"), nats.SkipHostLookup())
	if err != nil {
		return nil, fmt.Errorf("jetstream: connecting in process: %w", err)
	}
	e.conns[shard] = nc
	return nc, nil
}

func (e *embedded) stop() {
	e.mu.Lock()
	for _, nc := range e.conns {
		if nc != nil {
			nc.Close()
		}
	}
	e.mu.Unlock()
	e.server.Shutdown()
	e.server.WaitForShutdown()
}

func storeDir(dataDir string) string { return filepath.Join(dataDir, "jetstream") }

// serverLog passes the server's log on. Its notices are details of ours, and what it warns of while it starts are our
// own choices: passwords made for this run alone, and room for large messages.
type serverLog struct {
	writeFailed func(error) // is told that something could not be written
	log         *slog.Logger
	started     atomic.Bool
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any) {
	level := slog.LevelDebug
	if l.started.Load() {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, fmt.Sprintf(format, v...))
}
func (l *serverLog) Fatalf(format string, v ...any) { l.log.Error(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.log.Error(text)
	// The server leaves a publish that it could not write without an answer, on purpose, and says so only here
	// (nats-server 2.15.2, setWriteErr of streams and of their files).
	if strings.Contains(format, "ritical write error") {
		go l.writeFailed(fmt.Errorf("jetstream: %s", text))
	}
}
func (l *serverLog) Debugf(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
