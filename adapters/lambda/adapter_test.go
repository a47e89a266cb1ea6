package lambda_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/invocation"
	"github.com/portico-mq/portico/adapters/kinesis"
	"github.com/portico-mq/portico/adapters/lambda"
	"github.com/portico-mq/portico/adapters/sqs"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// call is one invocation, which the test answers.
type call struct {
	path   string
	bodies []string
	ids    []string
	event  string
	answer chan<- string // "!" for a failed function
}

// bench is the adapter with queues and functions.
type bench struct {
	*testing.T
	store     broker.Store
	broker    *broker.Broker
	queues    *sqs.Adapter
	streams   *awsproto.Service
	adapter   *lambda.Adapter
	handler   http.Handler
	functions *httptest.Server
	calls     chan call
	secret    []byte
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, store: memory.NewStore(), calls: make(chan call, 100), secret: awsproto.NewSecret()}
	b.functions = httptest.NewServer(http.HandlerFunc(b.function))
	b.start()
	t.Cleanup(func() {
		b.stop()
		b.functions.Close()
		_ = b.store.Close()
	})
	return b
}

func (b *bench) start() {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	if b.broker, err = broker.Open(b.Context(), b.store, broker.Options{Logger: log}); err != nil {
		b.Fatal(err)
	}
	if b.queues, err = sqs.New(sqs.Options{Broker: b.broker, Secret: b.secret, Log: log}); err != nil {
		b.Fatal(err)
	}
	if b.streams, err = kinesis.New(kinesis.Options{Broker: b.broker, Secret: b.secret}); err != nil {
		b.Fatal(err)
	}
	b.adapter, err = lambda.New(lambda.Options{
		Broker: b.broker, SQS: b.queues.Service(), Kinesis: b.streams, Functions: invocation.Endpoint(b.functions.URL), Home: "us-east-1", Log: log,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.handler, err = awsproto.NewEndpoint(awsproto.Options{Services: []*awsproto.Service{b.queues.Service(), b.adapter.Service()}, Log: log})
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) stop() {
	for _, closing := range []io.Closer{b.adapter, b.queues, b.broker} {
		if err := closing.Close(); err != nil {
			b.Error(err)
		}
	}
}

func (b *bench) function(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var event struct {
		Records []struct {
			MessageID, Body string
			Kinesis         *struct {
				SequenceNumber string
				Data           []byte
			}
		}
	}
	if err := json.Unmarshal(body, &event); err != nil {
		b.Error(err)
	}
	answer := make(chan string, 1)
	c := call{path: r.URL.Path, event: string(body), answer: answer}
	for _, record := range event.Records {
		if k := record.Kinesis; k != nil {
			record.Body, record.MessageID = string(k.Data), k.SequenceNumber
		}
		c.bodies, c.ids = append(c.bodies, record.Body), append(c.ids, record.MessageID)
	}
	b.calls <- c
	text := <-answer
	if text == "!" {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		text = `{"errorMessage":"x"}`
	}
	_, _ = io.WriteString(w, text)
}

// next waits for an invocation.
func (b *bench) next() call {
	b.Helper()
	select {
	case c := <-b.calls:
		return c
	case <-time.After(20 * time.Second):
		b.Fatal("no invocation came")
		return call{}
	}
}

// rest makes a call of Lambda's.
func (b *bench) rest(method, path, body string) (int, map[string]any) {
	b.Helper()
	r := httptest.NewRequest(method, "/2015-03-31/event-source-mappings/"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		b.Fatalf("%v in %q", err, w.Body)
	}
	return w.Code, out
}

func (b *bench) sqs(action string, in map[string]any) map[string]any {
	b.Helper()
	var out map[string]any
	if err := b.queues.Service().Do(b.Context(), "000000000000", "us-east-1", "us-east-1", action, in, &out); err != nil {
		b.Fatal(action, err)
	}
	return out
}

const (
	queueURL = "http://localhost/000000000000/q"
	queueARN = "arn:aws:sqs:us-east-1:000000000000:q"
)

func (b *bench) queue(visibility int) {
	b.Helper()
	b.sqs("CreateQueue", map[string]any{"QueueName": "q", "Attributes": map[string]string{"VisibilityTimeout": fmt.Sprint(visibility)}})
}

func (b *bench) send(bodies ...string) {
	b.Helper()
	for _, body := range bodies {
		b.sqs("SendMessage", map[string]any{
			"QueueUrl": queueURL, "MessageBody": body,
			"MessageAttributes": map[string]any{"a": map[string]any{"DataType": "String", "StringValue": "v"}},
		})
	}
}

// empty waits until the queue holds nothing.
func (b *bench) empty() {
	b.Helper()
	look := time.NewTicker(5 * time.Millisecond) // no event tells of it
	defer look.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-look.C {
		got := b.sqs("GetQueueAttributes", map[string]any{"QueueUrl": queueURL, "AttributeNames": []string{"All"}})["Attributes"].(map[string]any)
		if got["ApproximateNumberOfMessages"] == "0" && got["ApproximateNumberOfMessagesNotVisible"] == "0" {
			return
		}
		if time.Now().After(deadline) {
			b.Fatal("the queue holds ", got)
		}
	}
}

func (b *bench) create(more string) string {
	b.Helper()
	status, out := b.rest("POST", "", `{"EventSourceArn":"`+queueARN+`","FunctionName":"f"`+more+`}`)
	if status != 202 || out["State"] != "Creating" {
		b.Fatal(status, out)
	}
	return out["UUID"].(string)
}

func TestBatchesGoToTheFunction(t *testing.T) {
	b := newBench(t)
	b.queue(30)
	b.send("one", "two")
	b.create("")
	c := b.next()
	if c.path != "/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations" || fmt.Sprint(c.bodies) != "[one two]" ||
		!strings.Contains(c.event, `"eventSource":"aws:sqs","eventSourceARN":"`+queueARN+`","awsRegion":"us-east-1"`) ||
		!strings.Contains(c.event, `"messageAttributes":{"a":{"stringValue":"v","stringListValues":[],"binaryListValues":[],"dataType":"String"}}`) ||
		!strings.Contains(c.event, `"ApproximateReceiveCount":"1"`) {
		t.Errorf("%s\n%s", c.path, c.event)
	}
	c.answer <- "done"
	b.empty()
}

func TestWhatFailsComesAgain(t *testing.T) {
	b := newBench(t)
	b.queue(1)
	b.send("whole")
	b.create(`,"FunctionResponseTypes":["ReportBatchItemFailures"]`)
	b.next().answer <- "!"
	b.next().answer <- `{"batchItemFailures":[{"itemIdentifier":"nobody"}]}`
	b.next().answer <- `not json`
	b.next().answer <- `{"batchItemFailures":[]}`
	b.empty()
	b.send("one", "two", "three")
	seen := 0
	for seen < 3 {
		c := b.next()
		seen += len(c.ids)
		var failures []string
		for i := range c.ids {
			if c.bodies[i] == "two" {
				failures = append(failures, `{"itemIdentifier":"`+c.ids[i]+`"}`)
			}
		}
		c.answer <- `{"batchItemFailures":[` + strings.Join(failures, ",") + `]}`
	}
	if c := b.next(); fmt.Sprint(c.bodies) != "[two]" {
		t.Errorf("came again: %v", c.bodies)
	} else {
		c.answer <- ""
	}
	b.empty()
}

func TestWindowGathersABatch(t *testing.T) {
	b := newBench(t)
	b.queue(30)
	b.create(`,"BatchSize":25,"MaximumBatchingWindowInSeconds":300`)
	for i := range 25 {
		b.send(fmt.Sprint(i))
	}
	c := b.next()
	if len(c.bodies) != 25 {
		t.Errorf("a batch of %d", len(c.bodies))
	}
	c.answer <- ""
	b.empty()
}

func TestConcurrencyIsBounded(t *testing.T) {
	b := newBench(t)
	b.queue(30)
	b.create(`,"BatchSize":1,"ScalingConfig":{"MaximumConcurrency":2}`)
	b.send("1", "2", "3")
	first, second := b.next(), b.next()
	select {
	case c := <-b.calls:
		t.Errorf("a third invocation: %v", c.bodies)
	case <-time.After(100 * time.Millisecond):
	}
	first.answer <- ""
	b.next().answer <- ""
	second.answer <- ""
	b.empty()
}

func TestMappingsOutliveARestart(t *testing.T) {
	b := newBench(t)
	b.queue(30)
	uuid := b.create(`,"Enabled":false`)
	if status, out := b.rest("GET", uuid, ""); status != 200 || out["State"] != "Disabled" || out["BatchSize"] != 10.0 {
		t.Error(status, out)
	}
	if status, out := b.rest("PUT", uuid, `{"Enabled":true,"BatchSize":5}`); status != 202 || out["State"] != "Updating" {
		t.Error(status, out)
	}
	b.stop()
	b.start()
	b.send("after")
	b.next().answer <- ""
	b.empty()
	if status, out := b.rest("GET", "?FunctionName=f&EventSourceArn="+queueARN, ""); status != 200 || len(out["EventSourceMappings"].([]any)) != 1 {
		t.Error(status, out)
	}
	if status, out := b.rest("DELETE", uuid, ""); status != 202 || out["State"] != "Deleting" {
		t.Error(status, out)
	}
	if status, out := b.rest("GET", uuid, ""); status != 404 || out["Message"] != "The resource you requested does not exist." {
		t.Error(status, out)
	}
}

func TestRefusals(t *testing.T) {
	b := newBench(t)
	b.queue(30)
	b.sqs("CreateQueue", map[string]any{"QueueName": "q.fifo", "Attributes": map[string]string{"FifoQueue": "true"}})
	b.create("")
	for body, want := range map[string]string{
		`{`: "Could not parse request body into json.",
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"f"}`:                                          "already exists",
		`{"EventSourceArn":"` + queueARN + `x","FunctionName":"f"}`:                                         "The specified queue does not exist.",
		`{"EventSourceArn":"arn:aws:dynamodb:us-east-1:000000000000:table/s","FunctionName":"f"}`:           "only SQS queues and Kinesis streams are",
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"g","MaximumRetryAttempts":1}`:                 "not for SQS event sources",
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"f g"}`:                                        "functionName",
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"g","BatchSize":10001}`:                        "BatchSize must be between 1 and 10000",
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"g","BatchSize":11}`:                           "must be greater than 0",
		`{"EventSourceArn":"` + queueARN + `.fifo","FunctionName":"g","BatchSize":11}`:                      "FIFO",
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"g","FilterCriteria":{}}`:                      `"FilterCriteria" is not supported yet`,
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"g","ScalingConfig":{"MaximumConcurrency":1}}`: "MaximumConcurrency",
		`{"EventSourceArn":"` + queueARN + `","FunctionName":"` + strings.Repeat("x", 70<<10) + `"}`:        "too large",
	} {
		if status, out := b.rest("POST", "", body); status < 400 || status >= 500 || !strings.Contains(fmt.Sprint(out["Message"]), want) {
			t.Errorf("%.100s: %d %v", body, status, out)
		}
	}
}
