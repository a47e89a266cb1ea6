package sqs

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awsmessage"
	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
	"github.com/portico-mq/portico/broker/property"
)

// service is an endpoint with this adapter over a broker in memory.
type service struct {
	t       testing.TB
	options Options
	store   *memory.Store
	adapter *Adapter
	handler http.Handler
	broker  *broker.Broker
	close   func()
}

func newService(t testing.TB) *service { return newServiceWith(t, Options{}) }

func newServiceWith(t testing.TB, o Options) *service {
	t.Helper()
	o.Log, o.Secret = slog.New(failing{t}), awsproto.NewSecret()
	s := &service{t: t, options: o, store: memory.NewStore()}
	s.start()
	t.Cleanup(func() {
		s.stop()
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *service) start() {
	s.t.Helper()
	b, err := broker.Open(s.t.Context(), s.store, broker.Options{Logger: s.options.Log, MarkDeath: markDeath})
	if err != nil {
		s.t.Fatal(err)
	}
	s.broker, s.options.Broker = b, b
	if s.adapter, err = New(s.options); err != nil {
		s.t.Fatal(err)
	}
	e, err := awsproto.NewEndpoint(awsproto.Options{Services: []*awsproto.Service{s.adapter.Service()}, Log: s.options.Log})
	if err != nil {
		s.t.Fatal(err)
	}
	s.handler, s.close = e, e.Close
}

func (s *service) stop() {
	s.t.Helper()
	if err := errors.Join(s.adapter.Close(), s.broker.Close()); err != nil {
		s.t.Error(err)
	}
}

// restart stops everything but the store, and starts it again.
func (s *service) restart() {
	s.t.Helper()
	s.stop()
	s.start()
}

// markDeath marks dead letters as the server does, with as much of RabbitMQ's headers as SQS reads.
func markDeath(m *broker.Message, d broker.Death) (property.Block, []string, error) {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil, nil, err
	}
	set.Headers = append(set.Headers, property.Field{Name: "x-last-death-queue", Value: d.Queue})
	block, err := set.Append(nil)
	if err == nil {
		block, err = awsmessage.MarkDeath(m, d, block)
	}
	return block, nil, err
}

// failing is a log that fails the test at an error.
type failing struct{ t testing.TB }

func (f failing) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelError }
func (f failing) WithAttrs([]slog.Attr) slog.Handler           { return f }
func (f failing) WithGroup(string) slog.Handler                { return f }
func (f failing) Handle(_ context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += " " + a.String(); return true })
	f.t.Error("logged: " + text)
	return nil
}

const testURL = "http://example.com/000000000000/q"

// json sends a JSON request and decodes its answer.
func (s *service) json(action, body string) (int, map[string]any) {
	s.t.Helper()
	return s.jsonIn(s.t.Context(), action, body)
}

func (s *service) jsonIn(ctx context.Context, action, body string) (int, map[string]any) {
	s.t.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	r.Header.Set("X-Amzn-Query-Mode", "true")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var out map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		s.t.Fatalf("%s: %v in %q", action, err, w.Body)
	}
	if q := w.Header().Get("X-Amzn-Query-Error"); q != "" {
		out["query"] = q
	}
	return w.Code, out
}

// ok is json for a request that must succeed.
func (s *service) ok(action, body string) map[string]any {
	s.t.Helper()
	code, out := s.json(action, body)
	if code != 200 {
		s.t.Fatalf("%s %.200s: %d %v", action, body, code, out)
	}
	return out
}

// query sends a query request and gives its answer.
func (s *service) query(path string, form url.Values) (int, string) {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var any struct{}
	if err := xml.Unmarshal(w.Body.Bytes(), &any); err != nil {
		s.t.Fatalf("%v in %q", err, w.Body)
	}
	return w.Code, w.Body.String()
}

func (s *service) session() *broker.Session {
	s.t.Helper()
	session, err := s.broker.OpenSession(s.t.Context(), s.broker.Root(), "/")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(session.Close)
	return session
}

func (s *service) receiveOne(options string) map[string]any {
	s.t.Helper()
	messages, _ := s.ok("ReceiveMessage", `{"QueueUrl":"`+testURL+`"`+options+`}`)["Messages"].([]any)
	if len(messages) != 1 {
		s.t.Fatalf("received %v", messages)
	}
	return messages[0].(map[string]any)
}

func TestErrorTexts(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	q := `"QueueUrl":"` + testURL + `"`
	many := strings.TrimSuffix(strings.Repeat(`{"Id":"x","MessageBody":"b"},`, 11), ",")
	for _, tt := range []struct {
		action, body      string
		status            int
		kind, query, text string
	}{
		{"SendMessage", `{"QueueUrl":"http://x/000000000000/none","MessageBody":"b"}`, 400, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."},
		{"SendMessage", `{"QueueUrl":"none","MessageBody":"b"}`, 400, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."},
		{"SendMessage", `{"QueueUrl":"http://x/none","MessageBody":"b"}`, 404, "com.amazonaws.sqs#InvalidAddress", "InvalidAddress", "The address http://x/none is not valid for this endpoint."},
		{"SendMessage", `{"MessageBody":"b"}`, 400, "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter QueueUrl."},
		{"SendMessage", `{` + q + `}`, 400, "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter MessageBody."},
		{"SendMessage", `{` + q + `,"MessageBody":"\u0000"}`, 400, "com.amazonaws.sqs#InvalidMessageContents", "InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."},
		{"SendMessage", `{` + q + `,"MessageBody":"` + strings.Repeat("x", 1<<20+1) + `"}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes."},
		{"SendMessage", `{` + q + `,"MessageBody":"b","DelaySeconds":901}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."},
		{"SendMessage", `{` + q + `,"MessageBody":"b","MessageDeduplicationId":"d"}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type."},
		{"SendMessage", `{` + q + `,"MessageBody":"b","MessageAttributes":{"a":{"DataType":"String","StringValue":""}}}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Message (user) attribute 'a' must contain a non-empty value of type 'String'."},
		{"SendMessage", `{` + q + `,"MessageBody":"b","MessageAttributes":{"a":{"DataType":"Blob","StringValue":"x"}}}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."},
		{"SendMessage", `{` + q + `,"MessageBody":"b","MessageAttributes":{"a":{"DataType":"Number","StringValue":"1e999999999"}}}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Can't cast the value of message (user) attribute 'a' to a number."},
		{"SendMessageBatch", `{` + q + `,"Entries":[]}`, 400, "com.amazonaws.sqs#EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."},
		{"SendMessageBatch", `{` + q + `,"Entries":[` + many + `]}`, 400, "com.amazonaws.sqs#TooManyEntriesInBatchRequest", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 11."},
		{"SendMessageBatch", `{` + q + `,"Entries":[{"Id":"a","MessageBody":"b"},{"Id":"a","MessageBody":"b"}]}`, 400, "com.amazonaws.sqs#BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated."},
		{"SendMessageBatch", `{` + q + `,"Entries":[{"Id":"a b","MessageBody":"b"}]}`, 400, "com.amazonaws.sqs#InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."},
		{"SendMessageBatch", `{` + q + `,"Entries":[{"Id":"a","MessageBody":"` + strings.Repeat("x", 1<<19) + `"},{"Id":"b","MessageBody":"` + strings.Repeat("x", 1<<19+1) + `"}]}`, 400, "com.amazonaws.sqs#BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."},
		{"ReceiveMessage", `{` + q + `,"MaxNumberOfMessages":11}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."},
		{"ReceiveMessage", `{` + q + `,"WaitTimeSeconds":21}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."},
		{"ReceiveMessage", `{` + q + `,"AttributeNames":["Nonsense"]}`, 400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute Nonsense."},
		{"DeleteMessage", `{` + q + `,"ReceiptHandle":"x"}`, 404, "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", `The input receipt handle "x" is not a valid receipt handle.`},
		{"GetQueueAttributes", `{` + q + `,"AttributeNames":["Nonsense"]}`, 400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute Nonsense."},
		{"SetQueueAttributes", `{` + q + `,"Attributes":{"QueueArn":"x"}}`, 400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute QueueArn."},
		{"SetQueueAttributes", `{` + q + `,"Attributes":{"FifoQueue":"true"}}`, 400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute FifoQueue."},
		{"CreateQueue", `{"QueueName":"` + strings.Repeat("q", 300<<10) + `"}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"},
		{"CreateQueue", `{"QueueName":"a.fifo"}`, 400, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"},
		{"CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"31"}}`, 400, "com.amazonaws.sqs#QueueNameExists", "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute VisibilityTimeout"},
		{"CreateQueue", `{"QueueName":"f","Attributes":{"FifoThroughputLimit":"perQueue"}}`, 400, "com.amazonaws.sqs#InvalidAttributeName", "InvalidAttributeName", "You can specify the FifoThroughputLimit only when FifoQueue is set to true."},
	} {
		t.Run(fmt.Sprintf("%s %.60s", tt.action, tt.body), func(t *testing.T) {
			code, out := s.json(tt.action, tt.body)
			if code != tt.status || out["__type"] != tt.kind || out["message"] != tt.text || out["query"] != tt.query+";Sender" {
				t.Errorf("got %d %.600v", code, fmt.Sprint(out))
			}
		})
	}
}

func TestQueryProtocol(t *testing.T) {
	s := newService(t)
	code, body := s.query("/", url.Values{"Action": {"CreateQueue"}, "Version": {"2012-11-05"}, "QueueName": {"q"}, "Attribute.1.Name": {"VisibilityTimeout"}, "Attribute.1.Value": {"40"}})
	if code != 200 || !strings.Contains(body, `<CreateQueueResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><CreateQueueResult><QueueUrl>http://example.com/000000000000/q</QueueUrl></CreateQueueResult><ResponseMetadata><RequestId>`) {
		t.Fatal(code, body)
	}
	code, body = s.query("/000000000000/q", url.Values{ // the queue by the request's own path
		"Action": {"SendMessage"}, "MessageBody": {"line\r\n<&\">"},
		"MessageAttribute.1.Name": {"a"}, "MessageAttribute.1.Value.DataType": {"Binary"}, "MessageAttribute.1.Value.BinaryValue": {"AQI="},
	})
	if code != 200 || !strings.Contains(body, "<MD5OfMessageBody>"+bodyMD5("line\r\n<&\">")+"</MD5OfMessageBody><MD5OfMessageAttributes>") {
		t.Fatal(code, body)
	}
	code, body = s.query("/", url.Values{
		"Action": {"ReceiveMessage"}, "QueueUrl": {testURL}, "AttributeName.1": {"ApproximateReceiveCount"}, "MessageAttributeName.1": {"a"},
	})
	for _, want := range []string{
		"<ReceiveMessageResult><Message><MessageId>", "<Body>line&#xD;\n&lt;&amp;&quot;&gt;</Body>",
		"<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>",
		"<MessageAttribute><Name>a</Name><Value><BinaryValue>AQI=</BinaryValue><DataType>Binary</DataType></Value></MessageAttribute>",
	} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("no %s in %d %s", want, code, body)
		}
	}
	form := url.Values{"Action": {"SendMessageBatch"}, "QueueUrl": {testURL}}
	for i := range 3 {
		prefix := fmt.Sprintf("SendMessageBatchRequestEntry.%d.", i+1)
		form.Set(prefix+"Id", fmt.Sprint("m", i))
		form.Set(prefix+"MessageBody", strings.Repeat("b", i))
	}
	code, body = s.query("/", form)
	if code != 200 || !strings.Contains(body, "<SendMessageBatchResultEntry><Id>m1</Id><MD5OfMessageBody>") ||
		!strings.Contains(body, "<BatchResultErrorEntry><Id>m0</Id><SenderFault>true</SenderFault><Code>InvalidParameterValue</Code><Message>The request must contain the parameter MessageBody.</Message></BatchResultErrorEntry>") {
		t.Error(code, body)
	}
	code, body = s.query("/", url.Values{"Action": {"GetQueueUrl"}, "QueueName": {"none"}})
	if code != 400 || !strings.Contains(body, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist for this wsdl version.</Message><Detail/>") {
		t.Error(code, body)
	}
	code, body = s.query("/", url.Values{"Action": {"Nonsense"}, "Version": {"2012-11-05"}})
	if code != 400 || !strings.Contains(body, "<Code>InvalidAction</Code><Message>The action Nonsense is not valid for this endpoint.</Message>") {
		t.Error(code, body)
	}
}

func publish(t *testing.T, session *broker.Session, m *broker.Message) {
	t.Helper()
	done := make(chan error, 1)
	if n, err := session.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestMessagesOfOtherFrontEnds(t *testing.T) {
	s := newService(t)
	session := s.session()
	if _, _, err := session.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		t.Fatal(err)
	}
	set := property.Set{Headers: property.Table{
		{Name: "count", Value: int32(-7)},
		{Name: "ratio", Value: 0.5},
		{Name: "flag", Value: true},
		{Name: "text", Value: "käse"},
		{Name: "bytes", Value: []byte{1, 0xff}},
		{Name: "no string", Value: "x"},
		{Name: "table", Value: property.Table{{Name: "a", Value: "b"}}},
		{Name: "x-broken", Value: "\xff"},
	}}
	block, err := set.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, session, broker.NewMessage("", "q", block, []byte("plain")))
	publish(t, session, broker.NewMessage("", "q", nil, []byte{0xff, 0x00}))
	publish(t, session, broker.NewMessage("", "q", nil, nil))

	first := s.receiveOne(`,"MessageAttributeNames":["All"],"AttributeNames":["SenderId"]`)
	want := `map[bytes:map[BinaryValue:Af8= DataType:Binary] count:map[DataType:Number StringValue:-7] flag:map[DataType:String StringValue:true] ` +
		`ratio:map[DataType:Number StringValue:0.5] text:map[DataType:String StringValue:käse] x-broken:map[BinaryValue:/w== DataType:Binary]]`
	if got := fmt.Sprint(first["MessageAttributes"]); got != want {
		t.Errorf("attributes\n%s, want\n%s", got, want)
	}
	if first["Body"] != "plain" || len(first["MessageId"].(string)) != 36 || fmt.Sprint(first["Attributes"]) != "map[SenderId:000000000000]" {
		t.Errorf("message %v", first)
	}
	second := s.receiveOne("")
	if second["Body"] != "/wA=" || fmt.Sprint(second["MessageAttributes"]) != "map[Portico.BodyEncoding:map[DataType:String StringValue:base64]]" {
		t.Errorf("a body of bytes: %v", second)
	}
	if third := s.receiveOne(""); third["Body"] != "" {
		t.Errorf("an empty body: %v", third)
	}
}

func TestMessagesForOtherFrontEnds(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	sent := s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b","MessageAttributes":{"n":{"DataType":"Number","StringValue":"5"},"f":{"DataType":"Number","StringValue":"1.50"}}}`)
	got, _, err := s.session().Get(t.Context(), "q", broker.GetOptions{Wait: time.Minute})
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	props, err := got[0].Message.Properties().Decode()
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := props.Headers.Get("n"); n != int64(5) {
		t.Errorf("an integer became %v", n)
	}
	if f, _ := props.Headers.Get("f"); f != "1.50" {
		t.Errorf("a number with a fraction became %v", f)
	}
	if props.MessageID != sent["MessageId"] || props.DeliveryMode != property.Persistent || string(got[0].Message.Body()) != "b" {
		t.Errorf("%+v %s", props, got[0].Message.Body())
	}
	// What another front end has out is hidden here, and counted.
	if out := s.ok("ReceiveMessage", `{"QueueUrl":"`+testURL+`"}`); out["Messages"] != nil {
		t.Errorf("received %v", out)
	}
	out := s.ok("GetQueueAttributes", `{"QueueUrl":"`+testURL+`","AttributeNames":["ApproximateNumberOfMessagesNotVisible","ApproximateNumberOfMessages"]}`)
	if fmt.Sprint(out["Attributes"]) != "map[ApproximateNumberOfMessages:0 ApproximateNumberOfMessagesNotVisible:1]" {
		t.Errorf("counts %v", out)
	}
}

func TestReceiptHandles(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	s.ok("CreateQueue", `{"QueueName":"other"}`)
	s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b"}`)
	handle := s.receiveOne(`,"VisibilityTimeout":0`)["ReceiptHandle"].(string)
	again := s.receiveOne(`,"AttributeNames":["ApproximateReceiveCount"]`) // visible at once
	if fmt.Sprint(again["Attributes"]) != "map[ApproximateReceiveCount:2]" {
		t.Errorf("the second receive: %v", again)
	}
	remove := func(queue, handle string) (int, map[string]any) {
		return s.json("DeleteMessage", `{"QueueUrl":"http://x/000000000000/`+queue+`","ReceiptHandle":"`+handle+`"}`)
	}
	if code, out := remove("other", handle); code != 404 {
		t.Errorf("at another queue: %d %v", code, out)
	}
	changed := []byte(handle)
	changed[5] ^= 1
	if code, out := remove("q", string(changed)); code != 404 {
		t.Errorf("a changed handle: %d %v", code, out)
	}
	if code, out := remove("q", handle); code != 200 { // an old handle deletes
		t.Errorf("an old handle: %d %v", code, out)
	}
	if code, out := remove("q", again["ReceiptHandle"].(string)); code != 200 { // it is deleted already
		t.Errorf("deleting again: %d %v", code, out)
	}
	s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b"}`)
	handle = s.receiveOne("")["ReceiptHandle"].(string)
	s.ok("DeleteQueue", `{"QueueUrl":"`+testURL+`"}`)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"new"}`)
	if code, out := remove("q", handle); code != 404 {
		t.Errorf("a handle of a queue that was deleted: %d %v", code, out)
	}
}

func TestClientThatGoesAwayWhileItPolls(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		s.jsonIn(ctx, "ReceiveMessage", `{"QueueUrl":"`+testURL+`","WaitTimeSeconds":20}`)
	}()
	cancel()
	<-answered
	s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b"}`)
	if m := s.receiveOne(`,"AttributeNames":["All"]`); m["Attributes"].(map[string]any)["ApproximateReceiveCount"] != "1" {
		t.Errorf("received %v", m)
	}
}

func TestNamespaces(t *testing.T) {
	s := newService(t)
	as := func(key, region, action, body string) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
		r.Header.Set("Content-Type", "application/x-amz-json-1.0")
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20260101/"+region+"/sqs/aws4_request, SignedHeaders=host, Signature=00")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	if code, body := as("111122223333", "eu-west-1", "ListQueues", `{}`); code != 200 || body != "{}" {
		t.Errorf("a namespace that is not there yet: %d %s", code, body)
	}
	if len(s.broker.Namespaces()) != 1 {
		t.Errorf("a listing made a namespace: %v", s.broker.Namespaces())
	}
	for _, at := range [][2]string{{"111122223333", "eu-west-1"}, {"111122223333", "us-east-1"}, {"AKIA", "us-east-1"}} {
		if code, body := as(at[0], at[1], "CreateQueue", `{"QueueName":"same"}`); code != 200 {
			t.Error(code, body)
		}
		if code, body := as(at[0], at[1], "ListQueues", `{}`); code != 200 || strings.Count(body, "/same") != 1 {
			t.Errorf("%v: %d %s", at, code, body)
		}
	}
	if _, err := s.broker.Namespace(t.Context(), "111122223333:eu-west-1", false); err != nil {
		t.Error(err)
	}
	if _, err := s.session().Queue(t.Context(), "same"); err != nil {
		t.Error("the default account's queue is not in the default namespace:", err)
	}
	// A queue URL of another account leads to that account's queue.
	if code, body := as("AKIA", "us-east-1", "SendMessage", `{"QueueUrl":"http://x/111122223333/same","MessageBody":"b"}`); code != 200 {
		t.Error(code, body)
	}
}

func TestLongPollEndsWithTheEndpoint(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	answers := make(chan map[string]any, 1)
	go func() {
		_, out := s.json("ReceiveMessage", `{"QueueUrl":"`+testURL+`","WaitTimeSeconds":20}`)
		answers <- out
	}()
	s.close()
	if out := <-answers; out["Messages"] != nil {
		t.Errorf("received %v", out)
	}
}

func TestAlarmStopsSendersOnly(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	send := `{"QueueUrl":"` + testURL + `","MessageBody":"b"}`
	s.ok("SendMessage", send)
	s.broker.SetAlarm(broker.AlarmDisk, true)
	if code, out := s.json("SendMessage", send); code != 503 {
		t.Errorf("sending: %d %v", code, out)
	}
	batch := s.ok("SendMessageBatch", `{"QueueUrl":"`+testURL+`","Entries":[{"Id":"a","MessageBody":"b"}]}`)
	if fmt.Sprint(batch["Failed"]) != "[map[Code:ServiceUnavailable Id:a Message:The service is unavailable. Please try again. SenderFault:false]]" {
		t.Errorf("sending a batch: %v", batch)
	}
	s.ok("DeleteMessage", `{"QueueUrl":"`+testURL+`","ReceiptHandle":"`+s.receiveOne("")["ReceiptHandle"].(string)+`"}`)
	s.broker.SetAlarm(broker.AlarmDisk, false)
	s.ok("SendMessage", send)
}
