package jetstream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/portico-mq/portico/broker"
)

const (
	metadataBucket = "portico"
	// metadataHistory is how many values of a key are kept. More than one: the store removes the oldest at once, and
	// nothing may be removed before what replaces it is synced. Each change waits for its sync, so two would do.
	metadataHistory = 8
)

// metadata is the key-value bucket of everything that is declared. Its values are read once, at start; changes are
// published straight to the bucket's stream, so that many can be under way and one sync covers them.
type metadata struct {
	kv       jetstream.KeyValue
	appender *appender
}

// bucketStream is the stream behind a bucket (nats.go: jetstream/kv.go).
const bucketStream = "KV_" + metadataBucket

func (s *Store) openMetadata(ctx context.Context) (*metadata, error) {
	sh, err := s.shardOf(bucketStream)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(sh.nc)
	if err != nil {
		return nil, err
	}
	kv, err := s.openBucket(ctx, js, sh.number)
	if err != nil {
		return nil, fmt.Errorf("jetstream: opening the metadata: %w", err)
	}
	// Markers of deleted keys are dropped now, while nothing else writes; first what they mark, for good, and then they.
	const ever = 1000 * 24 * time.Hour
	err = kv.PurgeDeletes(ctx, jetstream.DeleteMarkersOlderThan(ever))
	if err == nil {
		err = s.syncNow()
	}
	if err == nil {
		err = kv.PurgeDeletes(ctx, jetstream.DeleteMarkersOlderThan(-1))
	}
	if err != nil {
		return nil, fmt.Errorf("jetstream: tidying the metadata: %w", err)
	}
	info, err := s.api.streamInfo(ctx, sh.number, bucketStream)
	if err != nil {
		return nil, err
	}
	a := sh.newAppender(bucketStream, s.nextOpening(), info.State.LastSeq, s.failed)
	return &metadata{kv: kv, appender: a}, nil
}

// openBucket opens the bucket, and makes it in a new directory. One that exists is left as it is: an update would
// rewrite its configuration without a sync, and a power cut then could take all metadata away.
func (s *Store) openBucket(ctx context.Context, js jetstream.JetStream, shard int) (jetstream.KeyValue, error) {
	kv, err := js.KeyValue(ctx, metadataBucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return kv, err
	}
	if err := s.setAsideUnused(shard, bucketStream); err != nil {
		return nil, err
	}
	kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: metadataBucket, History: metadataHistory, Storage: jetstream.FileStorage,
	})
	if err != nil {
		return nil, err
	}
	return kv, s.syncNow()
}

// metadataKey spells a key as the bucket takes it: names may hold any bytes.
func metadataKey(key broker.MetadataKey) string {
	enc := base64.RawURLEncoding
	return key.Kind + ".n" + enc.EncodeToString([]byte(key.Namespace)) + ".n" + enc.EncodeToString([]byte(key.Name))
}

func parseMetadataKey(s string) (broker.MetadataKey, error) {
	bad := fmt.Errorf("jetstream: not a metadata key: %q", s)
	parts := strings.Split(s, ".")
	if len(parts) != 3 || !strings.HasPrefix(parts[1], "n") || !strings.HasPrefix(parts[2], "n") {
		return broker.MetadataKey{}, bad
	}
	ns, err := base64.RawURLEncoding.DecodeString(parts[1][1:])
	if err != nil {
		return broker.MetadataKey{}, bad
	}
	name, err := base64.RawURLEncoding.DecodeString(parts[2][1:])
	if err != nil {
		return broker.MetadataKey{}, bad
	}
	return broker.MetadataKey{Kind: parts[0], Namespace: string(ns), Name: string(name)}, nil
}

// LoadMetadata implements broker.Store.
func (s *Store) LoadMetadata(ctx context.Context, visit func(broker.MetadataKey, []byte) error) error {
	w, err := s.metadata.kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return fmt.Errorf("jetstream: reading the metadata: %w", err)
	}
	defer func() { _ = w.Stop() }() // what was wanted of it has come
	for {
		select {
		case entry := <-w.Updates():
			if entry == nil {
				return nil // all that was there has come
			}
			key, err := parseMetadataKey(entry.Key())
			if err != nil {
				return err
			}
			if err := visit(key, entry.Value()); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// completion makes a Completion a Stored.
type completion struct{ done broker.Completion }

// Stored tells done.
func (c completion) Stored(_ uint64, err error) { c.done.Done(err) }

func keySubject(key broker.MetadataKey) string {
	return "$KV." + metadataBucket + "." + metadataKey(key)
}

// PutMetadata implements broker.Store.
func (s *Store) PutMetadata(key broker.MetadataKey, value []byte, stored broker.Completion) {
	s.metadata.appender.publish(keySubject(key), value, nil, completion{stored}, false)
}

// DeleteMetadata implements broker.Store.
func (s *Store) DeleteMetadata(key broker.MetadataKey, stored broker.Completion) {
	header := nats.Header{"KV-Operation": {"DEL"}}
	s.metadata.appender.publish(keySubject(key), nil, header, completion{stored}, false)
}
