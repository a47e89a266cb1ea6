package lambda

import (
	"log/slog"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// Records that are older than a mapping lets them be are given up, and do not come again.
func TestOldRecordsAreGivenUp(t *testing.T) {
	store := memory.NewStore()
	b, err := broker.Open(t.Context(), store, broker.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	a := &Adapter{Options: Options{Broker: b, Log: slog.New(slog.DiscardHandler)}}
	m := &mapping{UUID: "m", SourceARN: "arn:aws:kinesis:us-east-1:000000000000:stream/s", Stream: &streamSettings{MaxAge: 60}}
	if err := a.keep(m); err != nil {
		t.Fatal(err)
	}
	r := &shardReader{streamPoller: &streamPoller{caller{a, m}}, shard: "shardId-000000000000"}
	now := float64(time.Now().Unix())
	left := r.dropOld([]streamRecord{
		{SequenceNumber: "1", ApproximateArrivalTimestamp: now - 100}, {SequenceNumber: "2", ApproximateArrivalTimestamp: now - 70}, {SequenceNumber: "3", ApproximateArrivalTimestamp: now},
	})
	kept, _ := b.Document(placeKey("m", r.shard))
	if len(left) != 1 || left[0].SequenceNumber != "3" || string(kept) != `"2"` {
		t.Errorf("left %v, kept %s", left, kept)
	}
	r.took(&streamRecord{SequenceNumber: "1"}) // who comes late does not take it back
	if kept, _ = b.Document(placeKey("m", r.shard)); string(kept) != `"2"` {
		t.Errorf("kept %s", kept)
	}
}
