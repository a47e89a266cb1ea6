package lambda

import (
	"context"
	"encoding/base64"
	"errors"
	"time"
)

// The pauses between attempts with one batch double from the first to the last.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 30 * time.Second
)

// hand invokes the function with a batch until it took all of it, or what it did not take is given up: it was tried as
// often as it may be, or is too old. Taking may end before; the batch comes again then.
func (r *shardReader) hand(taking context.Context, batch []streamRecord) {
	wait := firstPause
	for attempt := 0; taking.Err() == nil; attempt++ {
		batch = r.dropOld(batch)
		if len(batch) == 0 {
			return
		}
		done, err := r.invoke(r.adapter.ctx, batch)
		if done > 0 {
			r.took(&batch[done-1])
			batch = batch[done:]
		}
		if len(batch) == 0 {
			return
		}
		r.warn(taking, "a function did not take its records", err)
		if r.Stream.Bisect && done == 0 && len(batch) > 1 { // which does not count as an attempt
			half := len(batch) / 2
			r.hand(taking, batch[:half])
			batch = batch[half:]
			attempt = -1
			continue
		}
		if r.Stream.Retries >= 0 && attempt >= r.Stream.Retries {
			r.warn(taking, "records are given up: they were tried as often as they may be", err)
			r.took(&batch[len(batch)-1])
			return
		}
		rest(taking, wait)
		wait = min(2*wait, lastPause)
	}
}

// dropOld gives up the records that are older than they may be.
func (r *shardReader) dropOld(batch []streamRecord) []streamRecord {
	if r.Stream.MaxAge < 0 {
		return batch
	}
	oldest := float64(time.Now().UnixMilli())/1000 - float64(r.Stream.MaxAge)
	n := 0
	for n < len(batch) && batch[n].ApproximateArrivalTimestamp < oldest {
		n++
	}
	if n > 0 {
		r.warn(context.Background(), "records are given up: they are too old", nil)
		r.took(&batch[n-1])
	}
	return batch[n:]
}

// streamEvent is what a function gets [Lambda developer guide, "Using Lambda with Kinesis"].
type streamEvent struct{ Records []streamEventRecord }

type streamEventRecord struct {
	Kinesis        kinesisRecord `json:"kinesis"`
	EventSource    string        `json:"eventSource"`
	EventVersion   string        `json:"eventVersion"`
	EventID        string        `json:"eventID"`
	EventName      string        `json:"eventName"`
	InvokeIdentity string        `json:"invokeIdentityArn"`
	Region         string        `json:"awsRegion"`
	EventSourceARN string        `json:"eventSourceARN"`
}

type kinesisRecord struct {
	SchemaVersion  string  `json:"kinesisSchemaVersion"`
	PartitionKey   string  `json:"partitionKey"`
	SequenceNumber string  `json:"sequenceNumber"`
	Data           string  `json:"data"`
	Arrival        float64 `json:"approximateArrivalTimestamp"`
}

var errNotTaken = errors.New("it reported a record that it did not take")

// invoke calls the function and tells how many records it took: all before the first that it reports.
func (r *shardReader) invoke(ctx context.Context, batch []streamRecord) (done int, err error) {
	from, _ := parseSource(r.SourceARN) // it was checked when it was set
	var e streamEvent
	ids := make([]string, len(batch))
	for i := range batch {
		ids[i] = batch[i].SequenceNumber
		e.Records = append(e.Records, streamEventRecord{
			Kinesis: kinesisRecord{
				SchemaVersion: "1.0", PartitionKey: batch[i].PartitionKey, SequenceNumber: ids[i],
				Data: base64.StdEncoding.EncodeToString(batch[i].Data), Arrival: batch[i].ApproximateArrivalTimestamp,
			},
			EventSource: "aws:kinesis", EventVersion: "1.0", EventID: r.shard + ":" + ids[i], EventName: "aws:kinesis:record",
			InvokeIdentity: "arn:aws:iam::" + from.account + ":root", Region: from.region, EventSourceARN: r.SourceARN,
		})
	}
	failed, err := r.call(ctx, &e, ids)
	if err != nil {
		return 0, err
	}
	for i, id := range ids {
		if failed[id] {
			return i, errNotTaken
		}
	}
	return len(batch), nil
}
