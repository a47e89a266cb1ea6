package lambda_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const streamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"

func (b *bench) kinesis(action string, in map[string]any) map[string]any {
	b.Helper()
	var out map[string]any
	if err := b.streams.Do(b.Context(), "000000000000", "us-east-1", "us-east-1", action, in, &out); err != nil {
		b.Fatal(action, err)
	}
	return out
}

func (b *bench) stream() {
	b.Helper()
	b.kinesis("CreateStream", map[string]any{"StreamName": "s", "ShardCount": 1})
}

func (b *bench) put(records ...string) {
	b.Helper()
	for _, data := range records {
		b.kinesis("PutRecord", map[string]any{"StreamName": "s", "PartitionKey": "key", "Data": []byte(data)})
	}
}

func (b *bench) createFor(source, more string) string {
	b.Helper()
	status, out := b.rest("POST", "", `{"EventSourceArn":"`+source+`","FunctionName":"f"`+more+`}`)
	if status != 202 {
		b.Fatal(status, out)
	}
	return out["UUID"].(string)
}

// taken waits for an invocation with these records, and answers it.
func (b *bench) taken(answer string, records ...string) call {
	b.Helper()
	c := b.next()
	if fmt.Sprint(c.bodies) != fmt.Sprint(records) {
		b.Fatalf("the function got %v, want %v", c.bodies, records)
	}
	c.answer <- answer
	return c
}

func TestStreamBatches(t *testing.T) {
	b := newBench(t)
	b.stream()
	b.put("1", "2", "3")
	uuid := b.createFor(streamARN, `,"StartingPosition":"TRIM_HORIZON","BatchSize":2`)
	c := b.taken("", "1", "2")
	for _, want := range []string{
		`"kinesisSchemaVersion":"1.0","partitionKey":"key","sequenceNumber":"` + c.ids[0] + `","data":"MQ==","approximateArrivalTimestamp":1`,
		`"eventSource":"aws:kinesis","eventVersion":"1.0","eventID":"shardId-000000000000:` + c.ids[0] + `","eventName":"aws:kinesis:record"`,
		`"awsRegion":"us-east-1","eventSourceARN":"` + streamARN + `"`,
	} {
		if !strings.Contains(c.event, want) {
			t.Errorf("no %s in %s", want, c.event)
		}
	}
	b.taken("", "3")
	_, out := b.rest("GET", uuid, "")
	if out["StartingPosition"] != "TRIM_HORIZON" || out["MaximumRetryAttempts"] != -1.0 || out["ParallelizationFactor"] != 1.0 || out["BatchSize"] != 2.0 {
		t.Errorf("shown %v", out)
	}
	b.stop() // the third is kept by then, or comes again
	b.start()
	b.put("4")
	if c := b.next(); fmt.Sprint(c.bodies) == "[3]" {
		c.answer <- ""
		b.taken("", "4")
	} else if c.answer <- ""; fmt.Sprint(c.bodies) != "[4]" {
		t.Errorf("after a restart: %v", c.bodies)
	}
}

func TestStreamStartsWhereItIsTold(t *testing.T) {
	b := newBench(t)
	b.stream()
	b.put("old")
	before := float64(time.Now().UnixMilli()+1) / 1000
	for time.Now().UnixMilli() < int64(before*1000) {
		// the clock has to pass the record's time
	}
	b.createFor(streamARN, `,"StartingPosition":"LATEST"`)
	b.put("new")
	b.taken("", "new")
	b.rest("POST", "", `{"EventSourceArn":"`+streamARN+`","FunctionName":"g","StartingPosition":"AT_TIMESTAMP","StartingPositionTimestamp":`+fmt.Sprintf("%.3f", before)+`}`)
	if c := b.taken("", "new"); !strings.Contains(c.path, ":function:g/") {
		t.Errorf("called %s", c.path)
	}
}

func TestStreamPartialFailures(t *testing.T) {
	b := newBench(t)
	b.stream()
	b.put("1", "2", "3")
	b.createFor(streamARN, `,"StartingPosition":"TRIM_HORIZON","FunctionResponseTypes":["ReportBatchItemFailures"]`)
	c := b.next()
	if fmt.Sprint(c.bodies) != "[1 2 3]" {
		t.Fatalf("the function got %v", c.bodies)
	}
	c.answer <- `{"batchItemFailures":[{"itemIdentifier":"` + c.ids[1] + `"}]}`
	b.taken(`{"batchItemFailures":[]}`, "2", "3")
	b.put("4")
	b.taken("", "4")
}

func TestStreamBisectsAndGivesUp(t *testing.T) {
	b := newBench(t)
	b.stream()
	b.put("1", "2", "3", "4")
	b.createFor(streamARN, `,"StartingPosition":"TRIM_HORIZON","BisectBatchOnFunctionError":true,"MaximumRetryAttempts":1`)
	b.taken("!", "1", "2", "3", "4")
	b.taken("", "1", "2")
	b.taken("!", "3", "4")
	b.taken("!", "3")
	b.taken("!", "3") // the one retry that it has
	b.taken("", "4")
	b.put("5")
	b.taken("", "5")
}

func TestStreamRetriesInOrder(t *testing.T) {
	b := newBench(t)
	b.stream()
	b.put("1")
	uuid := b.createFor(streamARN, `,"StartingPosition":"TRIM_HORIZON"`)
	b.taken("!", "1")
	b.put("2")
	b.taken("!", "1")
	b.taken("", "1")
	b.taken("", "2")
	if status, out := b.rest("DELETE", uuid, ""); status != 202 {
		t.Error(status, out)
	}
	b.put("3")
	b.createFor(streamARN, `,"StartingPosition":"TRIM_HORIZON"`) // another mapping knows nothing of where that one was
	b.taken("", "1", "2", "3")
}

func TestStreamWindow(t *testing.T) {
	b := newBench(t)
	b.stream()
	b.createFor(streamARN, `,"StartingPosition":"TRIM_HORIZON","BatchSize":2,"MaximumBatchingWindowInSeconds":60`)
	b.put("1", "2") // it is full long before the window is over
	b.taken("", "1", "2")
}

func TestStreamRefusals(t *testing.T) {
	b := newBench(t)
	b.stream()
	for more, want := range map[string]string{
		``:                                   "'startingPosition' failed to satisfy constraint: Member must not be null",
		`,"StartingPosition":"NOW"`:          "enum value set",
		`,"StartingPosition":"AT_TIMESTAMP"`: "StartingPositionTimestamp is required",
		`,"StartingPosition":"LATEST","StartingPositionTimestamp":1`:            "only for the StartingPosition AT_TIMESTAMP",
		`,"StartingPosition":"LATEST","ParallelizationFactor":2`:                "not supported yet",
		`,"StartingPosition":"LATEST","MaximumRetryAttempts":10001`:             "between -1 and 10000",
		`,"StartingPosition":"LATEST","MaximumRecordAgeInSeconds":59`:           "between 60 and 604800",
		`,"StartingPosition":"LATEST","ScalingConfig":{"MaximumConcurrency":2}`: "only for SQS",
		`,"StartingPosition":"LATEST","TumblingWindowInSeconds":1`:              `"TumblingWindowInSeconds" is not supported yet`,
		`,"StartingPosition":"LATEST","DestinationConfig":{"OnFailure":{}}`:     `"DestinationConfig" is not supported yet`,
	} {
		if status, out := b.rest("POST", "", `{"EventSourceArn":"`+streamARN+`","FunctionName":"f"`+more+`}`); status != 400 || !strings.Contains(fmt.Sprint(out["Message"]), want) {
			t.Errorf("%s: %d %v", more, status, out)
		}
	}
	for _, arn := range []string{streamARN + "x", streamARN + "/consumer/c:1"} {
		if status, out := b.rest("POST", "", `{"EventSourceArn":"`+arn+`","FunctionName":"f","StartingPosition":"LATEST"}`); status != 400 {
			t.Errorf("%s: %d %v", arn, status, out)
		}
	}
}
