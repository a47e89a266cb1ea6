package sns

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/adapters/sns/signature"
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/memory"
)

// service is an endpoint with this adapter over a broker in memory.
type service struct {
	t       *testing.T
	store   broker.Store
	options Options
	broker  *broker.Broker
	adapter *Adapter
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

// testKey is made once: a key takes its time.
var testKey = sync.OnceValue(func() []byte {
	key, err := signature.Generate()
	if err != nil {
		panic(err)
	}
	return key
})

func newService(t *testing.T) *service { return newServiceWith(t, Options{}) }

func newServiceWith(t *testing.T, o Options) *service {
	t.Helper()
	o.Secret = awsproto.NewSecret()
	s := &service{t: t, store: memory.NewStore(), options: o}
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
	log := slog.New(failing{s.t})
	o := s.options
	o.Rules, o.Log = NewRules(func() (*signature.Signer, error) { return signature.NewSigner(testKey()) }, true), log
	var err error
	if o.Broker, err = broker.Open(s.t.Context(), s.store, broker.Options{Logger: log, Rules: o.Rules.Compilers()}); err != nil {
		s.t.Fatal(err)
	}
	s.broker = o.Broker
	if s.session, err = s.broker.OpenSession(s.t.Context(), s.broker.Root(), "/"); err != nil {
		s.t.Fatal(err)
	}
	if s.adapter, err = New(o); err != nil {
		s.t.Fatal(err)
	}
	if s.handler, err = awsproto.NewEndpoint(awsproto.Options{Services: []*awsproto.Service{s.adapter.Service()}, Log: log}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) stop() {
	s.session.Close()
	if err := s.adapter.Close(); err != nil {
		s.t.Error(err)
	}
	if err := s.broker.Close(); err != nil {
		s.t.Error(err)
	}
}

func (s *service) restart() {
	s.t.Helper()
	s.stop()
	s.start()
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
	return s.answer(r)
}

func (s *service) answer(r *http.Request) (int, string) {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if strings.Contains(w.Header().Get("Content-Type"), "xml") {
		var any struct{}
		if err := xml.Unmarshal(w.Body.Bytes(), &any); err != nil {
			s.t.Fatalf("%v in %q", err, w.Body)
		}
	}
	return w.Code, w.Body.String()
}

// get fetches a page or link of the endpoint; from says where from.
func (s *service) get(path, from string) (int, string) {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from
	return s.answer(r)
}

func (s *service) ok(action string, pairs ...string) string {
	s.t.Helper()
	code, body := s.do(action, pairs...)
	if code != 200 {
		s.t.Fatalf("%s %v: %d %s", action, pairs, code, body)
	}
	return body
}

// attributes are the parameters of a map of attributes.
func attributes(pairs ...string) []string {
	var list []string
	for i := 0; i < len(pairs); i += 2 {
		n := string(rune('1' + i/2))
		list = append(list, "Attributes.entry."+n+".key", pairs[i], "Attributes.entry."+n+".value", pairs[i+1])
	}
	return list
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

// subscribe gives the ARN.
func (s *service) subscribe(protocol, endpoint string, set ...string) string {
	s.t.Helper()
	body := s.ok("Subscribe", append([]string{
		"TopicArn", testTopic, "Protocol", protocol, "Endpoint", endpoint, "ReturnSubscriptionArn", "true",
	}, attributes(set...)...)...)
	return element(s.t, body, "SubscriptionArn")
}

// element is the text of the first element of a name.
func element(t *testing.T, body, name string) string {
	t.Helper()
	_, rest, ok := strings.Cut(body, "<"+name+">")
	text, _, closed := strings.Cut(rest, "</"+name+">")
	if !ok || !closed {
		t.Fatalf("no %s in %s", name, body)
	}
	return text
}

// shown are the attributes in an answer.
func shownIn(t *testing.T, body string) map[string]string {
	t.Helper()
	var answer struct {
		Entries []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"entry"`
	}
	_, rest, _ := strings.Cut(body, "<Attributes>")
	rest, _, _ = strings.Cut(rest, "</Attributes>")
	if err := xml.Unmarshal([]byte("<a>"+rest+"</a>"), &answer); err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]string)
	for _, e := range answer.Entries {
		shown[e.Key] = e.Value
	}
	return shown
}

// receive gives what the queue holds.
func (s *service) receive(queue string) []*broker.Message {
	s.t.Helper()
	var all []*broker.Message
	for { // one look need not bring all: after a restart they are read bit by bit
		got, _, err := s.session.Get(s.t.Context(), queue, broker.GetOptions{Max: 100, AutoAck: true})
		if err != nil {
			s.t.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		all = append(all, messages(got)...)
	}
}

// await waits for a message in the queue.
func (s *service) await(queue string) *broker.Message {
	s.t.Helper()
	got, _, err := s.session.Get(s.t.Context(), queue, broker.GetOptions{Max: 1, AutoAck: true, Wait: 10 * time.Second})
	if err != nil || len(got) == 0 {
		s.t.Fatal("no message in ", queue, err)
	}
	return got[0].Message
}

func messages(got []broker.Delivery) []*broker.Message {
	var list []*broker.Message
	for _, d := range got {
		list = append(list, d.Message)
	}
	return list
}

// endpoint is an HTTP server that hands its requests to the test.
type endpoint struct {
	*httptest.Server
	requests chan *http.Request
	bodies   chan []byte
	answer   func() int
}

func newEndpoint(t *testing.T) *endpoint {
	e := &endpoint{requests: make(chan *http.Request, 100), bodies: make(chan []byte, 100), answer: func() int { return 200 }}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		code := e.answer()
		e.requests <- r
		e.bodies <- body
		w.WriteHeader(code)
	}))
	t.Cleanup(e.Close)
	return e
}

// next waits for a request.
func (e *endpoint) next(t *testing.T) (*http.Request, map[string]any, string) {
	t.Helper()
	select {
	case r := <-e.requests:
		body := <-e.bodies
		var fields map[string]any
		_ = json.Unmarshal(body, &fields) // raw deliveries are no JSON
		return r, fields, string(body)
	case <-time.After(20 * time.Second):
		t.Fatal("no request came")
		return nil, nil, ""
	}
}
