package kinesis

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// service is an endpoint with this adapter over a broker in memory.
type service struct {
	t       testing.TB
	handler http.Handler
}

// failing is a log that fails the test at an error.
type failing struct{ t testing.TB }

func (f failing) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (f failing) WithAttrs([]slog.Attr) slog.Handler           { return f }
func (f failing) WithGroup(string) slog.Handler                { return f }
func (f failing) Handle(_ context.Context, r slog.Record) error {
	f.t.Error("logged: " + r.Message)
	return nil
}

func newService(t testing.TB) *service {
	t.Helper()
	log := slog.New(failing{t})
	store := memory.NewStore()
	b, err := broker.Open(t.Context(), store, broker.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(Options{Broker: b, Secret: awsproto.NewSecret()})
	if err != nil {
		t.Fatal(err)
	}
	e, err := awsproto.NewEndpoint(awsproto.Options{Services: []*awsproto.Service{s}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return &service{t, e}
}

func (s *service) do(action, body string) (int, map[string]any) {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("X-Amz-Target", "Kinesis_20131202."+action)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		s.t.Fatalf("%s: %v in %.200q", action, err, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != "application/x-amz-json-1.1" {
		s.t.Errorf("content type %s", got)
	}
	return w.Code, out
}

func (s *service) ok(action, body string) map[string]any {
	s.t.Helper()
	code, out := s.do(action, body)
	if code != 200 {
		s.t.Fatalf("%s %.200s: %d %v", action, body, code, out)
	}
	return out
}

func TestErrorTexts(t *testing.T) {
	s := newService(t)
	s.ok("CreateStream", `{"StreamName":"s","ShardCount":2}`)
	record := `{"Data":"AA==","PartitionKey":"k"},`
	for _, tt := range []struct {
		action, body, kind, text string
	}{
		{"CreateStream", `{}`, "ValidationException", "1 validation error detected: Value null at 'streamName' failed to satisfy constraint: Member must not be null"},
		{"CreateStream", `{"StreamName":"a b","ShardCount":0}`, "ValidationException", "2 validation errors detected: Value 'a b' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value '0' at 'shardCount' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{"CreateStream", `{"StreamName":"a"}`, "InvalidArgumentException", "ShardCount must be specified for a stream in the PROVISIONED mode."},
		{"CreateStream", `{"StreamName":"a","ShardCount":1,"Tags":{"a":"b"}}`, "InvalidArgumentException", "Tags are not supported yet."},
		{"CreateStream", `{"StreamName":"s","ShardCount":1}`, "ResourceInUseException", "Stream s under account 000000000000 already exists."},
		{"PutRecord", `{"StreamName":"none","Data":"AA==","PartitionKey":"k"}`, "ResourceNotFoundException", "Stream none under account 000000000000 not found."},
		{"PutRecord", `{"StreamName":"s"}`, "ValidationException", "2 validation errors detected: Value null at 'data' failed to satisfy constraint: Member must not be null; Value null at 'partitionKey' failed to satisfy constraint: Member must not be null"},
		{"PutRecord", `{"StreamName":"s","Data":"AA==","PartitionKey":"k","DryRun":true}`, "InvalidArgumentException", "DryRun is not supported yet."},
		{"PutRecord", `{"StreamName":"s","Data":"AA==","PartitionKey":"k","ExplicitHashKey":"340282366920938463463374607431768211456"}`, "InvalidArgumentException", "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was 340282366920938463463374607431768211456"},
		{"PutRecord", `{"StreamName":"s","Data":"AA==","PartitionKey":"k","SequenceNumberForOrdering":"1"}`, "InvalidArgumentException", "ExclusiveMinimumSequenceNumber 1 used in PutRecord on stream s under account 000000000000 is invalid."},
		{"PutRecord", `{"StreamName":"s","Data":5}`, "SerializationException", "NUMBER_VALUE can not be converted to a Blob"},
		{"PutRecords", `{"StreamName":"s","Records":[` + strings.TrimSuffix(strings.Repeat(record, 501), ",") + `]}`, "ValidationException", "1 validation error detected: Value '[501 records]' at 'records' failed to satisfy constraint: Member must have length less than or equal to 500"},
		{"GetShardIterator", `{"StreamName":"s","ShardId":"shardId-000000000002","ShardIteratorType":"LATEST"}`, "ResourceNotFoundException", "Shard shardId-000000000002 in stream s under account 000000000000 does not exist"},
		{"GetShardIterator", `{"StreamName":"s","ShardId":"shardId-000000000000","ShardIteratorType":"SOONEST"}`, "ValidationException", "1 validation error detected: Value 'SOONEST' at 'shardIteratorType' failed to satisfy constraint: Member must satisfy enum value set: [AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON]"},
		{"GetRecords", `{"ShardIterator":"AAAA"}`, "InvalidArgumentException", "Invalid ShardIterator."},
		{"GetRecords", `{"ShardIterator":"AAAA","Limit":10001}`, "ValidationException", "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"},
		{"DescribeStream", `{}`, "InvalidArgumentException", "Must provide either StreamName or StreamARN."},
		{"DescribeStream", `{"StreamARN":"arn:aws:kinesis:us-east-1:000000000000:stream/none"}`, "ResourceNotFoundException", "Stream none under account 000000000000 not found."},
		{"SplitShard", `{}`, "UnknownOperationException", "The operation SplitShard is not supported yet."},
	} {
		code, out := s.do(tt.action, tt.body)
		text := out["message"]
		if text == nil {
			text = out["Message"]
		}
		if kind := strings.TrimPrefix(fmt.Sprint(out["__type"]), "com.amazon.coral.service#"); code != 400 || kind != tt.kind || text != tt.text {
			t.Errorf("%s %.80s: %d %.500v\nwant %s: %s", tt.action, tt.body, code, fmt.Sprint(out), tt.kind, tt.text)
		}
	}
}

func TestIteratorsAndTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.ok("CreateStream", `{"StreamName":"s","ShardCount":2}`)
		iterator := s.ok("GetShardIterator", `{"StreamName":"s","ShardId":"shardId-000000000000","ShardIteratorType":"TRIM_HORIZON"}`)["ShardIterator"].(string)
		token := s.ok("ListShards", `{"StreamName":"s","MaxResults":1}`)["NextToken"].(string)
		<-time.After(4 * time.Minute)
		s.ok("GetRecords", `{"ShardIterator":"`+iterator+`"}`)
		s.ok("ListShards", `{"NextToken":"`+token+`"}`)
		<-time.After(61 * time.Second)
		if code, out := s.do("GetRecords", `{"ShardIterator":"`+iterator+`"}`); code != 400 || out["__type"] != "ExpiredIteratorException" {
			t.Errorf("%d %v", code, out)
		}
		if code, out := s.do("ListShards", `{"NextToken":"`+token+`"}`); code != 400 || out["__type"] != "ExpiredNextTokenException" {
			t.Errorf("%d %v", code, out)
		}
	})
}

func TestAtTimestamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.ok("CreateStream", `{"StreamName":"s","ShardCount":1}`)
		var times []time.Time
		for i := range 20 {
			times = append(times, time.Now())
			s.ok("PutRecord", fmt.Sprintf(`{"StreamName":"s","PartitionKey":"%d","Data":""}`, i))
			<-time.After(time.Second)
		}
		for i, at := range times {
			for _, early := range []time.Duration{0, 500 * time.Millisecond} {
				in := fmt.Sprintf(`{"StreamName":"s","ShardId":"0","ShardIteratorType":"AT_TIMESTAMP","Timestamp":%.3f}`, epochSeconds(at.Add(-early)))
				iterator := s.ok("GetShardIterator", in)["ShardIterator"].(string)
				records := s.ok("GetRecords", `{"ShardIterator":"`+iterator+`","Limit":1}`)["Records"].([]any)
				if len(records) != 1 || records[0].(map[string]any)["PartitionKey"] != fmt.Sprint(i) {
					t.Errorf("%s before record %d: %v", early, i, records)
				}
			}
		}
		if code, out := s.do("GetShardIterator", fmt.Sprintf(`{"StreamName":"s","ShardId":"0","ShardIteratorType":"AT_TIMESTAMP","Timestamp":%d}`, time.Now().Unix()+5)); code != 400 {
			t.Errorf("a time to come: %d %v", code, out)
		}
	})
}

func TestRecordsPastTheirRetentionGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.ok("CreateStream", `{"StreamName":"s","ShardCount":1}`)
		for i := range 4 {
			s.ok("PutRecord", fmt.Sprintf(`{"StreamName":"s","PartitionKey":"%d","Data":""}`, i))
			<-time.After(10 * time.Hour)
		}
		iterator := s.ok("GetShardIterator", `{"StreamName":"s","ShardId":"0","ShardIteratorType":"TRIM_HORIZON"}`)["ShardIterator"].(string)
		records := s.ok("GetRecords", `{"ShardIterator":"`+iterator+`"}`)["Records"].([]any)
		if len(records) != 2 || records[0].(map[string]any)["PartitionKey"] != "2" { // 40 hours have passed
			t.Errorf("after 40 hours: %v", records)
		}
	})
}
