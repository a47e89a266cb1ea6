package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// streamPoller hands the records of a stream to a function: each shard's in order, one batch after the other. What the
// function took of a shard is kept, so that a restart goes on behind it.
type streamPoller struct{ caller }

// pollInterval is how often a shard that has nothing is asked, as Lambda does.
const pollInterval = time.Second

// run reads every shard until taking ends. Streams here are never split or merged.
func (p *streamPoller) run(taking context.Context) {
	from, _ := parseSource(p.SourceARN) // it was checked when it was set
	for taking.Err() == nil {
		var out struct {
			Shards []struct {
				ID string `json:"ShardId"`
			}
		}
		if err := p.do(taking, "ListShards", map[string]any{"StreamName": from.name}, &out); err != nil {
			p.warn(taking, "an event source mapping cannot read its stream", err)
			rest(taking, pollInterval)
			continue
		}
		for _, shard := range out.Shards {
			r := &shardReader{streamPoller: p, shard: shard.ID, stream: from.name}
			p.adapter.work.Go(func() { r.run(taking) })
		}
		return
	}
}

func (c *caller) warn(ctx context.Context, text string, err error) {
	if ctx.Err() == nil {
		c.adapter.Log.Warn(text, "proto", "lambda", "mapping", c.UUID, "source", c.SourceARN, "function", c.FunctionARN, "err", err)
	}
}

func (p *streamPoller) do(ctx context.Context, action string, in, out any) error {
	from, bad := parseSource(p.SourceARN)
	if bad != nil {
		return bad
	}
	return p.adapter.Kinesis.Do(ctx, from.account, from.region, p.adapter.Home, action, in, out)
}

// placeCollection is where it is kept what of a shard was taken: a sequence number.
const placeCollection = "lambda.place"

func placeKey(uuid, shard string) broker.DocumentKey {
	return broker.DocumentKey{Collection: placeCollection, Name: uuid + "/" + shard}
}

// forgetPlaces forgets how far a mapping has come.
func (a *Adapter) forgetPlaces(uuid string) error {
	for key := range a.Broker.Documents(placeCollection) {
		if strings.HasPrefix(key.Name, uuid+"/") {
			if err := a.Broker.DeleteDocument(key); err != nil && !broker.IsKind(err, broker.KindNotFound) {
				return err
			}
		}
	}
	return nil
}

// streamRecord is a record as GetRecords gives it.
type streamRecord struct {
	SequenceNumber              string
	ApproximateArrivalTimestamp float64
	Data                        []byte
	PartitionKey                string
}

// shardReader reads one shard.
type shardReader struct {
	*streamPoller
	shard, stream string

	iterator string // "": to be made
	last     string // the sequence number of the last record that was read; "" for none
}

func (r *shardReader) run(taking context.Context) {
	if text, ok := r.adapter.Broker.Document(placeKey(r.UUID, r.shard)); ok {
		_ = json.Unmarshal(text, &r.last) // it was written here
	}
	for taking.Err() == nil {
		if batch := r.gather(taking); len(batch) > 0 {
			r.hand(taking, batch)
		}
	}
}

// gather reads a batch: as much as there is at once, or within the window as much as it may hold.
func (r *shardReader) gather(ctx context.Context) []streamRecord {
	var batch []streamRecord
	var until time.Time
	for size := 0; len(batch) < r.BatchSize && size < eventSize && ctx.Err() == nil; {
		got, err := r.read(ctx, r.BatchSize-len(batch))
		if err != nil {
			r.warn(ctx, "an event source mapping cannot read a shard", err)
			r.iterator = ""
		}
		if len(batch) == 0 && len(got) > 0 {
			until = time.Now().Add(time.Duration(r.Window) * time.Second)
		}
		for i := range got {
			size += base64.StdEncoding.EncodedLen(len(got[i].Data))
		}
		batch = append(batch, got...)
		if len(batch) > 0 && !time.Now().Before(until) {
			break
		}
		if len(got) == 0 {
			wait := pollInterval
			if len(batch) > 0 {
				wait = min(wait, time.Until(until))
			}
			rest(ctx, wait)
		}
	}
	return batch
}

// read reads what comes next.
func (r *shardReader) read(ctx context.Context, most int) ([]streamRecord, error) {
	if r.iterator == "" {
		if err := r.begin(ctx); err != nil {
			return nil, err
		}
	}
	var out struct {
		Records           []streamRecord
		NextShardIterator string
	}
	err := r.do(ctx, "GetRecords", map[string]any{"ShardIterator": r.iterator, "Limit": most}, &out)
	if err != nil {
		return nil, err
	}
	r.iterator = out.NextShardIterator
	if n := len(out.Records); n > 0 {
		r.last = out.Records[n-1].SequenceNumber
	}
	return out.Records, nil
}

// begin makes an iterator behind what was read, or where the mapping says. A place in a stream that was made anew is
// none: that stream is read from its beginning.
func (r *shardReader) begin(ctx context.Context) error {
	in := map[string]any{"StreamName": r.stream, "ShardId": r.shard}
	switch {
	case r.last != "":
		in["ShardIteratorType"], in["StartingSequenceNumber"] = "AFTER_SEQUENCE_NUMBER", r.last
	case r.Stream.Position == trimHorizon:
		in["ShardIteratorType"] = trimHorizon
	default:
		in["ShardIteratorType"], in["Timestamp"] = atTimestamp, r.Stream.Timestamp
	}
	var out struct{ ShardIterator string }
	err := r.do(ctx, "GetShardIterator", in, &out)
	var known *awsproto.Error
	if r.last != "" && errors.As(err, &known) && known.Shape == "InvalidArgumentException" {
		r.last = ""
		err = r.do(ctx, "GetShardIterator", map[string]any{"StreamName": r.stream, "ShardId": r.shard, "ShardIteratorType": trimHorizon}, &out)
	}
	r.iterator = out.ShardIterator
	return err
}

// took keeps that the function is done with everything up to a record. A reader that was replaced while its function
// was called does not take the newer one back, nor keeps anything of a mapping that was removed.
func (r *shardReader) took(last *streamRecord) {
	if _, there := r.adapter.Broker.Document(key(r.UUID)); !there {
		return
	}
	var kept string
	if text, ok := r.adapter.Broker.Document(placeKey(r.UUID, r.shard)); ok {
		_ = json.Unmarshal(text, &kept) // it was written here
	}
	if len(kept) == len(last.SequenceNumber) && kept >= last.SequenceNumber { // the numbers of a later stream are larger too
		return
	}
	text, err := json.Marshal(last.SequenceNumber)
	if err == nil {
		err = r.adapter.Broker.PutDocument(placeKey(r.UUID, r.shard), text)
	}
	if err != nil {
		r.warn(context.Background(), "what a function took of a shard could not be kept; it may come again", err)
	}
}
