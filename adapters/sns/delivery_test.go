package sns

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/portico-mq/portico/adapters/invocation"
	"github.com/portico-mq/portico/broker"
)

// verify checks an envelope's signature with the certificate that the endpoint serves.
func (s *service) verify(e map[string]any) {
	s.t.Helper()
	certURL, err := url.Parse(e["SigningCertURL"].(string))
	if err != nil || certURL.Scheme != "https" {
		s.t.Fatalf("certificate at %v", e["SigningCertURL"])
	}
	code, text := s.get(certURL.Path, "192.0.2.1:1") // anybody may fetch it
	block, _ := pem.Decode([]byte(text))
	if code != 200 || block == nil {
		s.t.Fatalf("certificate: %d %s", code, text)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		s.t.Fatal(err)
	}
	names := []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	if e["Type"] != "Notification" {
		names = []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
	}
	var signed strings.Builder
	for _, name := range names {
		if value, ok := e[name]; ok {
			fmt.Fprintf(&signed, "%s\n%s\n", name, value)
		}
	}
	raw, err := base64.StdEncoding.DecodeString(e["Signature"].(string))
	if err != nil {
		s.t.Fatal(err)
	}
	algorithm := x509.SHA1WithRSA
	if e["SignatureVersion"] == "2" {
		algorithm = x509.SHA256WithRSA
	}
	if err := certificate.CheckSignature(algorithm, []byte(signed.String()), raw); err != nil {
		s.t.Errorf("the signature does not verify: %v in %v", err, e)
	}
}

// follow follows a link of an envelope, from anywhere.
func (s *service) follow(link any) (int, string) {
	s.t.Helper()
	u, err := url.Parse(link.(string))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.get(u.RequestURI(), "192.0.2.1:1")
}

func TestMessageStructure(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("sqs", testQueue, "RawMessageDelivery", "true")
	s.ok("Publish", "TopicArn", testTopic, "MessageStructure", "json", "Message", `{"default":"d","sqs":"s"}`)
	s.ok("Publish", "TopicArn", testTopic, "MessageStructure", "json", "Message", `{"default":"d","http":"h"}`)
	got := s.receive("q")
	if len(got) != 2 || string(got[0].Body()) != "s" || string(got[1].Body()) != "d" {
		t.Errorf("received %v", got)
	}
}

func TestEnvelopesInQueuesAreSigned(t *testing.T) {
	s := newService(t)
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("sqs", testQueue)
	for _, version := range []string{"1", "2"} {
		s.ok("SetTopicAttributes", "TopicArn", testTopic, "AttributeName", "SignatureVersion", "AttributeValue", version)
		s.ok("Publish", "TopicArn", testTopic, "Message", "füß", "Subject", "about")
		var e map[string]any
		if err := json.Unmarshal(s.await("q").Body(), &e); err != nil {
			t.Fatal(err)
		}
		if e["SignatureVersion"] != version {
			t.Errorf("version %v, want %s", e["SignatureVersion"], version)
		}
		s.verify(e)
	}
}

func TestSubscriptionOutlivesItsQueue(t *testing.T) {
	s := newService(t)
	s.queue("dead")
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("sqs", testQueue, "RawMessageDelivery", "true", "RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}`)
	publish := func(text string) { s.ok("Publish", "TopicArn", testTopic, "Message", text) }
	publish("no queue yet")
	s.queue("q")
	publish("there")
	if _, err := s.session.DeleteQueue(t.Context(), "q", false, false); err != nil {
		t.Fatal(err)
	}
	publish("gone")
	s.restart()
	publish("still gone")
	s.queue("q")
	publish("back")
	if got := s.receive("q"); len(got) != 1 || string(got[0].Body()) != "back" {
		t.Errorf("the queue has %v", got)
	}
	var dead []string
	for _, m := range s.receive("dead") {
		dead = append(dead, string(m.Body()))
	}
	if fmt.Sprint(dead) != "[no queue yet gone still gone]" {
		t.Errorf("the dead-letter queue has %v", dead)
	}
	if body := s.ok("ListSubscriptions"); strings.Count(body, "<member>") != 1 {
		t.Errorf("subscriptions %s", body)
	}
	s.ok("DeleteTopic", "TopicArn", testTopic)
	s.ok("DeleteTopic", "TopicArn", testTopic)
	if body := s.ok("ListSubscriptions"); strings.Contains(body, "<member>") {
		t.Errorf("subscriptions of a deleted topic: %s", body)
	}
}

func TestHTTPSubscription(t *testing.T) {
	s := newService(t)
	e := newEndpoint(t)
	s.ok("CreateTopic", "Name", "t")
	if body := s.ok("Subscribe", "TopicArn", testTopic, "Protocol", "http", "Endpoint", e.URL+"/in"); element(t, body, "SubscriptionArn") != "pending confirmation" {
		t.Errorf("subscribed as %s", body)
	}
	r, confirmation, _ := e.next(t)
	if r.URL.Path != "/in" || r.Header.Get("X-Amz-Sns-Message-Type") != "SubscriptionConfirmation" || r.Header.Get("X-Amz-Sns-Topic-Arn") != testTopic ||
		r.Header.Get("User-Agent") != userAgent || r.Header.Get("Content-Type") != "text/plain; charset=UTF-8" || r.Header.Get("X-Amz-Sns-Subscription-Arn") != "" {
		t.Errorf("headers %v", r.Header)
	}
	s.verify(confirmation)
	s.ok("Publish", "TopicArn", testTopic, "Message", "before")
	if code, body := s.get("/?Action=ConfirmSubscription&TopicArn="+testTopic+"&Token=ab", "192.0.2.1:1"); code != 400 || !strings.Contains(body, "Invalid parameter: Token") {
		t.Errorf("a wrong token: %d %s", code, body)
	}
	code, body := s.follow(confirmation["SubscribeURL"])
	if code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	arn := element(t, body, "SubscriptionArn")
	if _, again := s.follow(confirmation["SubscribeURL"]); element(t, again, "SubscriptionArn") != arn {
		t.Errorf("confirmed again: %s", again)
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", "after", "Subject", "s")
	r, n, _ := e.next(t)
	if n["Message"] != "after" || n["Type"] != "Notification" || r.Header.Get("X-Amz-Sns-Subscription-Arn") != arn || r.Header.Get("X-Amz-Sns-Message-Id") != n["MessageId"] {
		t.Errorf("%v %v", r.Header, n)
	}
	s.verify(n)
	s.ok("SetSubscriptionAttributes", "SubscriptionArn", arn, "AttributeName", "RawMessageDelivery", "AttributeValue", "true")
	s.ok("SetSubscriptionAttributes", "SubscriptionArn", arn, "AttributeName", "DeliveryPolicy", "AttributeValue", `{"requestPolicy":{"headerContentType":"application/json"}}`)
	s.restart()
	s.ok("Publish", "TopicArn", testTopic, "Message", "{}")
	if r, _, raw := e.next(t); raw != "{}" || r.Header.Get("X-Amz-Sns-Rawdelivery") != "true" || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("raw: %v %s", r.Header, raw)
	}
	// Who has the link can unsubscribe, and the endpoint can take it back.
	if code, body := s.follow(n["UnsubscribeURL"]); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	r, farewell, _ := e.next(t)
	if r.Header.Get("X-Amz-Sns-Message-Type") != "UnsubscribeConfirmation" || farewell["Type"] != "UnsubscribeConfirmation" {
		t.Errorf("%v %v", r.Header, farewell)
	}
	s.verify(farewell)
	if body := s.ok("ListSubscriptions"); strings.Contains(body, "<member>") {
		t.Errorf("subscriptions %s", body)
	}
	if _, body := s.follow(farewell["SubscribeURL"]); element(t, body, "SubscriptionArn") != arn {
		t.Errorf("restored as %s", body)
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", "restored")
	if _, _, raw := e.next(t); raw != "restored" {
		t.Errorf("after the restoration: %s", raw)
	}
}

// A failing endpoint gets its retries, then the dead-letter queue has the message; an endpoint that
// never answers holds up no other.
func TestRetriesAndDeadLetters(t *testing.T) {
	s := newService(t)
	s.queue("dead")
	s.ok("CreateTopic", "Name", "t")
	const dead = `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}`
	confirm := func(e *endpoint, set ...string) string {
		t.Helper()
		arn := s.subscribe("http", e.URL, set...)
		_, fields, _ := e.next(t)
		s.follow(fields["SubscribeURL"])
		return arn
	}
	slow := newEndpoint(t)
	release := make(chan struct{})
	defer close(release)
	confirm(slow)
	slow.answer = func() int { <-release; return 200 }
	failing := newEndpoint(t)
	var fails atomic.Int32
	confirm(failing, "DeliveryPolicy", `{"healthyRetryPolicy":{"numRetries":2,"numNoDelayRetries":2}}`, "RedrivePolicy", dead)
	fails.Store(100)
	failing.answer = func() int {
		if fails.Add(-1) >= 0 {
			return 503
		}
		return 200
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", "never")
	for range 3 {
		failing.next(t)
	}
	var e map[string]any
	if err := json.Unmarshal(s.await("dead").Body(), &e); err != nil || e["Message"] != "never" {
		t.Errorf("dead letter %v %v", e, err)
	}
	fails.Store(2)
	s.ok("Publish", "TopicArn", testTopic, "Message", "third time")
	for range 3 {
		if _, n, _ := failing.next(t); n["Message"] != "third time" {
			t.Errorf("delivered %v", n)
		}
	}
	refusing := newEndpoint(t)
	confirm(refusing, "RedrivePolicy", dead, "RawMessageDelivery", "true")
	refusing.answer = func() int { return 403 }
	s.ok("Publish", "TopicArn", testTopic, "Message", "refused")
	refusing.next(t)
	if m := s.await("dead"); string(m.Body()) != "refused" {
		t.Errorf("dead letter %s", m.Body())
	}
	failing.next(t)
	if got := s.receive("dead"); len(got) != 0 {
		t.Errorf("more dead letters: %v", got)
	}
}

// What waits for an endpoint outlives a restart.
func TestDeliveryAfterARestart(t *testing.T) {
	s := newService(t)
	e := newEndpoint(t)
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("http", e.URL)
	_, fields, _ := e.next(t)
	s.follow(fields["SubscribeURL"])
	hold := make(chan struct{})
	e.answer = func() int { <-hold; return 500 }
	s.ok("Publish", "TopicArn", testTopic, "Message", "once more")
	s.stop() // the delivery is under way, or has not begun
	close(hold)
	s.start()
	for {
		if _, n, _ := e.next(t); n["Message"] == "once more" {
			break
		}
	}
}

func TestQueueOfAnotherAccount(t *testing.T) {
	s := newService(t)
	if _, err := s.broker.Namespace(t.Context(), "123456789012:us-east-1", true); err != nil {
		t.Fatal(err)
	}
	other, err := s.broker.OpenSession(t.Context(), s.broker.Root(), "123456789012:us-east-1")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, _, err := other.DeclareQueue(t.Context(), broker.QueueSpec{Name: "q", Durable: true}); err != nil {
		t.Fatal(err)
	}
	s.queue("q")
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("sqs", "arn:aws:sqs:us-east-1:123456789012:q", "RawMessageDelivery", "true", "FilterPolicy", `{"n":[{"prefix":"a"}]}`, "FilterPolicyScope", "MessageBody")
	s.ok("Publish", "TopicArn", testTopic, "Message", `{"n":"b"}`)
	s.ok("Publish", "TopicArn", testTopic, "Message", `{"n":"a"}`)
	mine := &service{t: t, session: other}
	if m := mine.await("q"); string(m.Body()) != `{"n":"a"}` {
		t.Errorf("received %s", m.Body())
	}
	if got := s.receive("q"); len(got) != 0 {
		t.Errorf("the queue of the same name has %v", got)
	}
}

func TestLambda(t *testing.T) {
	calls := newEndpoint(t)
	s := newServiceWith(t, Options{Functions: invocation.Endpoint(calls.URL)})
	s.ok("CreateTopic", "Name", "t")
	arn := s.subscribe("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f")
	s.ok("Publish", "TopicArn", testTopic, "Message", "m")
	r, event, _ := calls.next(t)
	if r.URL.Path != "/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:f/invocations" || r.Header.Get("X-Amz-Invocation-Type") != "Event" {
		t.Errorf("%s %v", r.URL, r.Header)
	}
	record := event["Records"].([]any)[0].(map[string]any)
	n := record["Sns"].(map[string]any)
	if record["EventSource"] != "aws:sns" || record["EventSubscriptionArn"] != arn || n["Message"] != "m" || n["SigningCertUrl"] == "" || n["Subject"] != nil {
		t.Errorf("event %v", event)
	}
}

// smtpServer takes e-mails and hands their text to the test.
func smtpServer(t *testing.T) (address string, mails chan string) {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	mails = make(chan string, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveSMTP(c, mails)
		}
	}()
	return l.Addr().String(), mails
}

func serveSMTP(c net.Conn, mails chan string) {
	defer c.Close()
	fmt.Fprint(c, "220 test\r\n")
	var text strings.Builder
	data := false
	for lines := bufio.NewScanner(c); lines.Scan(); {
		line := lines.Text()
		switch {
		case data && line == ".":
			data = false
			mails <- text.String()
			text.Reset()
			fmt.Fprint(c, "250 ok\r\n")
		case data:
			text.WriteString(line + "\n")
		case line == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case strings.HasPrefix(line, "QUIT"):
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

func TestMail(t *testing.T) {
	address, mails := smtpServer(t)
	s := newServiceWith(t, Options{Mail: Mail{Address: address, From: "sns@example.com"}})
	s.ok("CreateTopic", append([]string{"Name", "t"}, attributes("DisplayName", "Shop")...)...)
	s.subscribe("email", "a@example.com")
	text := <-mails
	_, link, ok := strings.Cut(strings.ReplaceAll(text, "=\n", ""), "http://")
	if !ok || !strings.Contains(text, "To: <a@example.com>") {
		t.Fatalf("mail %s", text)
	}
	link, _, _ = strings.Cut(link, "\n")
	if code, body := s.follow("http://" + strings.ReplaceAll(link, "=3D", "=")); code != 200 {
		t.Fatalf("%d %s", code, body)
	}
	s.ok("Publish", "TopicArn", testTopic, "Message", "grüße", "Subject", "Hello")
	text = <-mails
	if !strings.Contains(text, "From: \"Shop\" <sns@example.com>") || !strings.Contains(text, "Subject: Hello\n") || !strings.Contains(text, "gr=C3=BC=C3=9Fe") {
		t.Errorf("mail %s", text)
	}
}

func TestOutbox(t *testing.T) {
	s := newService(t)
	s.ok("CreateTopic", "Name", "t")
	s.subscribe("email", "a@example.com")
	s.subscribe("sms", "+15551234567")
	application := element(t, s.ok("CreatePlatformApplication", append([]string{"Name", "a", "Platform", "GCM"}, attributes("PlatformCredential", "secret")...)...), "PlatformApplicationArn")
	device := element(t, s.ok("CreatePlatformEndpoint", "PlatformApplicationArn", application, "Token", "tok"), "EndpointArn")
	if again := element(t, s.ok("CreatePlatformEndpoint", "PlatformApplicationArn", application, "Token", "tok"), "EndpointArn"); again != device {
		t.Errorf("made again as %s", again)
	}
	s.subscribe("application", device)
	s.ok("Publish", "PhoneNumber", "+15557654321", "Message", "direct")
	s.ok("Publish", "TargetArn", device, "Message", `{"default":"d","GCM":"{\"x\":1}"}`, "MessageStructure", "json")
	s.ok("Publish", "TopicArn", testTopic, "Message", "all")
	type entry struct{ Protocol, Endpoint, Message, Token string }
	read := func(query string) (list []entry) {
		t.Helper()
		code, body := s.get("/_aws/sns/outbox"+query, "127.0.0.1:1")
		var out struct{ Messages []entry }
		if err := json.Unmarshal([]byte(body), &out); code != 200 || err != nil {
			t.Fatal(code, body, err)
		}
		return out.Messages
	}
	waitUntil(t, func() bool { return len(read("")) == 5 })
	seen := make(map[string]string)
	for _, e := range read("") {
		seen[e.Protocol+" "+e.Message] = e.Endpoint
		if e.Protocol == "email" && e.Token == "" {
			t.Error("no token in the confirmation")
		}
	}
	for key, endpoint := range map[string]string{"sms direct": "+15557654321", "sms all": "+15551234567", `application {"x":1}`: device, "application all": device} {
		if seen[key] != endpoint {
			t.Errorf("%s went to %q: %v", key, seen[key], seen)
		}
	}
	s.restart()
	if got := read("?protocol=sms"); len(got) != 2 {
		t.Errorf("after a restart: %v", got)
	}
	if _, body := s.get("/_aws/sns/sms-messages?phoneNumber=%2B15557654321", "127.0.0.1:1"); !strings.Contains(body, `"+15557654321":[{"PhoneNumber":"+15557654321"`) || strings.Contains(body, "15551234567") {
		t.Errorf("sms %s", body)
	}
	if _, body := s.get("/_aws/sns/platform-endpoint-messages", "127.0.0.1:1"); !strings.Contains(body, `"TargetArn":"`+device+`"`) {
		t.Errorf("push %s", body)
	}
	if code, _ := s.get("/_aws/sns/outbox", "192.0.2.1:1"); code != 403 {
		t.Errorf("the outbox is shown to strangers: %d", code)
	}
	if _, body := s.get("/_aws/sns/subscription-tokens/"+testTopic+":x", "127.0.0.1:1"); !strings.Contains(body, "not found") {
		t.Errorf("token %s", body)
	}
	r := httptest.NewRequest(http.MethodDelete, "/_aws/sns/outbox", nil)
	r.RemoteAddr = "127.0.0.1:1"
	if code, _ := s.answer(r); code != 204 || len(read("")) != 0 {
		t.Errorf("emptied: %d", code)
	}
}

// waitUntil waits for something that no event tells of.
func waitUntil(t *testing.T, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*1e9)
	defer cancel()
	for !ready() {
		if sleep(ctx, 5e6); ctx.Err() != nil {
			t.Fatal("it did not happen")
		}
	}
}
