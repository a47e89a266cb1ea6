package sns

import (
	"context"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// service is an endpoint with this adapter over a broker in memory.
type service struct {
	t       *testing.T
	handler http.Handler
	session *broker.Session
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

func newService(t *testing.T) *service {
	t.Helper()
	log := slog.New(failing{t})
	store := memory.NewStore()
	b, err := broker.Open(t.Context(), store, broker.Options{Logger: log, Rules: Rules()})
	if err != nil {
		t.Fatal(err)
	}
	session, err := b.OpenSession(t.Context(), b.Root(), "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		session.Close()
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
	return &service{t, e, session}
}

// do sends a request; pairs are parameters and their values in turn.
func (s *service) do(action string, pairs ...string) (int, string) {
	s.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-03-31"}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(form.Encode()))
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

func (s *service) ok(action string, pairs ...string) string {
	s.t.Helper()
	code, body := s.do(action, pairs...)
	if code != 200 {
		s.t.Fatalf("%s %v: %d %s", action, pairs, code, body)
	}
	return body
}

func (s *service) queue(name string) {
	s.t.Helper()
	if _, _, err := s.session.DeclareQueue(s.t.Context(), broker.QueueSpec{Name: name, Durable: true}); err != nil {
		s.t.Fatal(err)
	}
}

const (
	testTopic = "arn:aws:sns:us-east-1:000000000000:t"
	testQueue = "arn:aws:sqs:us-east-1:000000000000:q"
)

func TestErrorTexts(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	for _, tt := range []struct {
		action string
		pairs  []string
		status int
		code   string
		text   string
	}{
		{"CreateTopic", []string{"Name", "a b"}, 400, "InvalidParameter", "Invalid parameter: Topic Name"},
		{"CreateTopic", []string{"Name", strings.Repeat("t", 300<<10)}, 400, "InvalidParameter", "Invalid parameter: Topic Name"},
		{"CreateTopic", []string{"Name", "f.fifo", "Attributes.entry.1.key", "FifoTopic", "Attributes.entry.1.value", "true"}, 400, "InvalidParameter", "Invalid parameter: Attributes Reason: FifoTopic is not supported yet"},
		{"Publish", []string{"TopicArn", "x", "Message", "m"}, 400, "InvalidParameter", "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"},
		{"Publish", []string{"TopicArn", testTopic + "x", "Message", "m"}, 404, "NotFound", "Topic does not exist"},
		{"Publish", []string{"TopicArn", testTopic}, 400, "InvalidParameter", "Invalid parameter: Empty message"},
		{"Publish", []string{"TopicArn", testTopic, "Message", strings.Repeat("x", 256<<10+1)}, 400, "InvalidParameter", "Invalid parameter: Message too long"},
		{"Publish", []string{"TopicArn", testTopic, "Message", "m", "Subject", "a\nb"}, 400, "InvalidParameter", "Invalid parameter: Subject"},
		{"Publish", []string{"TopicArn", testTopic, "Message", "m", "MessageStructure", "json"}, 400, "InvalidParameter", "Invalid parameter: Message Structure - JSON message body failed to parse"},
		{"Publish", []string{"TopicArn", testTopic, "Message", `{"sqs":"m"}`, "MessageStructure", "json"}, 400, "InvalidParameter", "Invalid parameter: Message Structure - No default entry in JSON message body"},
		{"Publish", []string{"PhoneNumber", "+1", "Message", "m"}, 400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: sending SMS is not supported yet"},
		{"Publish", []string{"TopicArn", testTopic, "Message", "m", "MessageAttributes.entry.1.Name", "a^b", "MessageAttributes.entry.1.Value.DataType", "String", "MessageAttributes.entry.1.Value.StringValue", "x"}, 400, "ParameterValueInvalid", "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."},
		{"Subscribe", []string{"TopicArn", testTopic, "Protocol", "pigeon", "Endpoint", "x"}, 400, "InvalidParameter", "Invalid parameter: Amazon SNS does not support this protocol string: pigeon"},
		{"Subscribe", []string{"TopicArn", testTopic, "Protocol", "https", "Endpoint", "x"}, 400, "InvalidParameter", "Invalid parameter: Protocol Reason: the protocol https is not supported yet"},
		{"Subscribe", []string{"TopicArn", testTopic, "Protocol", "sqs", "Endpoint", "x"}, 400, "InvalidParameter", "Invalid parameter: SQS endpoint ARN"},
		{"Subscribe", []string{"TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue + "x"}, 400, "InvalidParameter", "Invalid parameter: Endpoint Reason: The queue qx does not exist"},
		{"Subscribe", []string{"TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue + ".fifo"}, 400, "InvalidParameter", "Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"},
		{"GetSubscriptionAttributes", []string{"SubscriptionArn", testTopic + ":x"}, 404, "NotFound", "Subscription does not exist"},
		{"PublishBatch", []string{"TopicArn", testTopic}, 400, "EmptyBatchRequest", "The batch request doesn&apos;t contain any entries."},
		{"ListTopics", []string{"NextToken", "x"}, 400, "InvalidParameter", "Invalid parameter: NextToken"},
		{"ConfirmSubscription", nil, 400, "InvalidAction", "The action ConfirmSubscription is not supported yet."},
		{"Nonsense", nil, 400, "InvalidAction", "Could not find operation Nonsense for version 2010-03-31"},
	} {
		code, body := s.do(tt.action, tt.pairs...)
		body = strings.ReplaceAll(body, "doesn't", "doesn&apos;t")
		if want := "<Type>Sender</Type><Code>" + tt.code + "</Code><Message>" + tt.text + "</Message></Error>"; code != tt.status || !strings.Contains(body, want) {
			t.Errorf("%s %.80s: %d %.600s\nwant %d %s", tt.action, strings.Join(tt.pairs, " "), code, body, tt.status, want)
		}
	}
}

// receive gives what the queue holds.
func (s *service) receive(queue string) []*broker.Message {
	s.t.Helper()
	got, _, err := s.session.Get(s.t.Context(), queue, broker.GetOptions{Max: 100, AutoAck: true})
	if err != nil {
		s.t.Fatal(err)
	}
	var list []*broker.Message
	for _, d := range got {
		list = append(list, d.Message)
	}
	return list
}

func TestExchangesOfOtherFrontEndsAreTopics(t *testing.T) {
	s := newService(t)
	s.queue("q")
	for name, kind := range map[string]broker.ExchangeKind{"t": broker.Fanout, "direct": broker.Direct} {
		if _, _, err := s.session.DeclareExchange(t.Context(), broker.ExchangeSpec{Name: name, Kind: kind, Durable: true}); err != nil {
			t.Fatal(err)
		}
	}
	if body := s.ok("ListTopics"); strings.Count(body, "<TopicArn>") != 1 || !strings.Contains(body, testTopic) {
		t.Errorf("topics %s", body)
	}
	if code, body := s.do("CreateTopic", "Name", "direct"); code != 400 || !strings.Contains(body, "already exists with different attributes") {
		t.Errorf("%d %s", code, body)
	}
	s.ok("Subscribe", "TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue)
	done := make(chan error, 1)
	m := broker.NewMessage("t", "", nil, []byte{0xff})
	if n, err := s.session.Publish(m, broker.CompletionFunc(func(err error) { done <- err })); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	got := s.receive("q")
	if len(got) != 1 || !strings.Contains(string(got[0].Body()), `"Message":"/w==","Timestamp":"`+time.Now().UTC().Format("2006-01-")) ||
		!strings.Contains(string(got[0].Body()), `"Portico.BodyEncoding":{"Type":"String","Value":"base64"}`) {
		t.Errorf("wrapped as %s", got[0].Body())
	}
}

func TestMessageStructure(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.ok("Subscribe", "TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue, "Attributes.entry.1.key", "RawMessageDelivery", "Attributes.entry.1.value", "true")
	s.ok("Publish", "TopicArn", testTopic, "MessageStructure", "json", "Message", `{"default":"d","sqs":"s"}`)
	s.ok("Publish", "TopicArn", testTopic, "MessageStructure", "json", "Message", `{"default":"d","http":"h"}`)
	got := s.receive("q")
	if len(got) != 2 || string(got[0].Body()) != "s" || string(got[1].Body()) != "d" {
		t.Errorf("received %v", got)
	}
}

func TestSubscriptionsGoWithTheirQueue(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.ok("Subscribe", "TopicArn", testTopic, "Protocol", "sqs", "Endpoint", testQueue)
	if _, err := s.session.DeleteQueue(t.Context(), "q", false, false); err != nil {
		t.Fatal(err)
	}
	if body := s.ok("ListSubscriptions"); strings.Contains(body, "<member>") {
		t.Errorf("subscriptions %s", body)
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", "to nobody")
	s.ok("DeleteTopic", "TopicArn", testTopic)
	s.ok("DeleteTopic", "TopicArn", testTopic)
}
