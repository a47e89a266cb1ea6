package app

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-stomp/stomp/v3/frame"
	amqp "github.com/rabbitmq/amqp091-go"
)

// crossings are clients of one broker, one for each protocol and dialect.
type crossings struct {
	*testing.T
	amqp            *amqp.Channel
	stomp, activeMQ *stompFrames
	aws             string
	topics          int
}

func newCrossings(t *testing.T) *crossings {
	r := start(t, "amqp.listen=127.0.0.1:0", "stomp.listen=127.0.0.1:0", "aws.listen=127.0.0.1:0")
	conn, err := amqp.Dial("amqp://guest:guest@" + r.started["amqp"] + "/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	return &crossings{
		T: t, amqp: ch, aws: "http://" + r.started["aws"] + "/",
		stomp: dialFrames(t, r.started["stomp"], ""), activeMQ: dialFrames(t, r.started["stomp"], "matrix"),
	}
}

func (c *crossings) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *crossings) declare(queue string) {
	_, err := c.amqp.QueueDeclare(queue, true, false, false, false, nil)
	c.must(err)
}

// near tells whether a time in milliseconds is some minutes from another at most.
func near(ms, other int64) bool { return max(ms-other, other-ms) < 5*60*1000 }

func now() int64 { return time.Now().UnixMilli() }

// madeUp is an id as the tables show it: those that a broker makes are different each time.
func madeUp(id string) string {
	if id == "" || id == "id-1" {
		return id
	}
	return "made"
}

func quote(body string) string {
	switch body {
	case crossingText, crossingHeader:
		return "the same"
	case crossingBinary:
		return "the same"
	case base64.StdEncoding.EncodeToString([]byte(crossingBinary)):
		return "in base64"
	default:
		return fmt.Sprintf("%q", body)
	}
}

func (c *crossings) sendAMQP(queue string) seen {
	everything := amqp.Publishing{
		ContentType: "text/plain", CorrelationId: "corr", ReplyTo: "answers", Priority: 5, Expiration: strconv.Itoa(livesMillis),
		MessageId: "id-1", Timestamp: time.Unix(sentSeconds, 0), DeliveryMode: amqp.Persistent, Type: "greeting", Body: []byte(crossingText),
		Headers: amqp.Table{
			"text": "hi", "any": crossingHeader, "integer": int32(7), "decimal": 1.5, "boolean": true, "bytes": []byte(crossingBinary),
			"table": amqp.Table{"a": "b"}, "JMSXGroupID": "g",
		},
	}
	for _, p := range []amqp.Publishing{everything, {Body: []byte(crossingBinary)}} {
		confirm, err := c.amqp.PublishWithDeferredConfirm("", queue, true, false, p)
		c.must(err)
		if !confirm.Wait() {
			c.Fatal("not confirmed")
		}
	}
	return amqpSeen(amqp.Delivery{
		ContentType: "text/plain", CorrelationId: "corr", ReplyTo: "answers", Priority: 5, Expiration: everything.Expiration,
		MessageId: "id-1", Timestamp: everything.Timestamp, DeliveryMode: amqp.Persistent, Type: "greeting", Headers: everything.Headers,
		Body: everything.Body,
	}, amqp.Delivery{Body: []byte(crossingBinary)})
}

func (c *crossings) receiveAMQP(queue string) seen {
	var got [2]amqp.Delivery
	for i := range got {
		d, ok, err := c.amqp.Get(queue, true)
		c.must(err)
		if !ok {
			c.Fatalf("nothing is in %s", queue)
		}
		got[i] = d
	}
	return amqpSeen(got[0], got[1])
}

func amqpSeen(d, binary amqp.Delivery) seen {
	s := seen{
		"text": quote(string(d.Body)), "bytes": quote(string(binary.Body)), "content type": d.ContentType, "correlation id": d.CorrelationId,
		"reply-to": d.ReplyTo, "message id": madeUp(d.MessageId), "type": d.Type,
	}
	if d.Priority != 0 {
		s["priority"] = strconv.Itoa(int(d.Priority))
	}
	if ms, err := strconv.ParseInt(d.Expiration, 10, 64); err == nil {
		s["lives for"] = d.Expiration + " ms"
		if near(ms, endOfTime-now()) {
			s["lives for"] = "ms until then"
		}
	}
	if !d.Timestamp.IsZero() {
		s["time"] = strconv.FormatInt(d.Timestamp.Unix(), 10)
		if near(d.Timestamp.UnixMilli(), now()) {
			s["time"] = "of sending"
		}
	}
	if d.DeliveryMode != 0 {
		s["persistent"] = "delivery_mode " + strconv.Itoa(int(d.DeliveryMode))
	}
	for row, name := range headerRows() {
		if v, ok := d.Headers[name]; ok {
			s[row] = amqpHeader(v)
		}
	}
	return s
}

// headerRows are the rows of headers with the names that they are sent under.
func headerRows() map[string]string {
	return map[string]string{
		"header: text": "text", "header: any text": "any", "header: integer": "integer", "header: decimal": "decimal",
		"header: boolean": "boolean", "header: bytes": "bytes", "header: table": "table", "group": "JMSXGroupID",
	}
}

func amqpHeader(v any) string {
	switch v := v.(type) {
	case string:
		if v == crossingHeader {
			return "string, the same"
		}
		return fmt.Sprintf("string `%s`", v)
	case []byte:
		if string(v) == crossingBinary {
			return "byte string, the same"
		}
		return fmt.Sprintf("byte string %q", v)
	case int32:
		return fmt.Sprintf("32-bit %d", v)
	case int64:
		return fmt.Sprintf("64-bit %d", v)
	case float64:
		return fmt.Sprintf("double %v", v)
	case amqp.Table:
		return "table"
	default:
		return fmt.Sprintf("%T %v", v, v)
	}
}

// stompFrames speaks STOMP 1.2 in go-stomp's frames.
type stompFrames struct {
	t        *testing.T
	in       *frame.Reader
	out      *frame.Writer
	activeMQ bool
}

func dialFrames(t *testing.T, addr, clientID string) *stompFrames {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	s := &stompFrames{t: t, in: frame.NewReader(nc), out: frame.NewWriter(nc), activeMQ: clientID != ""}
	f := frame.New(frame.CONNECT, frame.AcceptVersion, "1.2", frame.Host, "/", frame.Login, "guest", frame.Passcode, "guest")
	if clientID != "" {
		f.Header.Set("client-id", clientID)
	}
	s.ask(f, frame.CONNECTED)
	return s
}

// ask sends a frame and wants an answer.
func (s *stompFrames) ask(f *frame.Frame, command string) *frame.Frame {
	s.t.Helper()
	if f != nil {
		if err := s.out.Write(f); err != nil {
			s.t.Fatal(err)
		}
	}
	got, err := s.in.Read()
	for ; err == nil && got == nil; got, err = s.in.Read() { // line ends
	}
	if err != nil || got.Command != command {
		s.t.Fatalf("%v is answered by %v, %v", f, got, err)
	}
	return got
}

func (s *stompFrames) send(queue string, body string, headers ...string) {
	s.t.Helper()
	f := frame.New(frame.SEND, append([]string{frame.Destination, "/queue/" + queue, frame.Receipt, "r"}, headers...)...)
	f.Body = []byte(body)
	s.ask(f, frame.RECEIPT)
}

func (c *crossings) sendSTOMP(queue string) seen {
	headers := []string{
		"content-type", "text/plain", "correlation-id", "corr", "reply-to", "/queue/answers", "priority", "5", "expiration", strconv.Itoa(livesMillis),
		"amqp-message-id", "id-1", "timestamp", strconv.Itoa(sentSeconds), "persistent", "true", "type", "greeting",
		"text", "hi", "any", crossingHeader, "integer", "7", "decimal", "1.5", "boolean", "true", "JMSXGroupID", "g",
	}
	length := strconv.Itoa(len(crossingBinary))
	c.stomp.send(queue, crossingText, headers...)
	c.stomp.send(queue, crossingBinary, "content-length", length)
	return stompSeen(&frame.Frame{Header: frame.NewHeader(headers...), Body: []byte(crossingText)},
		&frame.Frame{Header: frame.NewHeader("content-length", length), Body: []byte(crossingBinary)}, false)
}

func (c *crossings) sendActiveMQ(queue string) seen {
	headers := []string{
		"content-type", "text/plain", "correlation-id", "corr", "reply-to", "/queue/answers", "priority", "5", "expires", strconv.Itoa(endOfTime),
		"timestamp", strconv.Itoa(sentMillis), "persistent", "true", "type", "greeting",
		"text", "hi", "any", crossingHeader, "integer", "7", "decimal", "1.5", "boolean", "true", "JMSXGroupID", "g",
	}
	length := strconv.Itoa(len(crossingBinary))
	c.activeMQ.send(queue, crossingText, headers...)
	c.activeMQ.send(queue, crossingBinary, "content-length", length)
	return stompSeen(&frame.Frame{Header: frame.NewHeader(headers...), Body: []byte(crossingText)},
		&frame.Frame{Header: frame.NewHeader("content-length", length), Body: []byte(crossingBinary)}, true)
}

func (c *crossings) receiveSTOMP(queue string) seen    { return c.stomp.receive(queue) }
func (c *crossings) receiveActiveMQ(queue string) seen { return c.activeMQ.receive(queue) }

func (s *stompFrames) receive(queue string) seen {
	s.t.Helper()
	s.ask(frame.New(frame.SUBSCRIBE, frame.Id, queue, frame.Destination, "/queue/"+queue, frame.Ack, "auto", frame.Receipt, "r"), frame.RECEIPT)
	text := s.ask(nil, frame.MESSAGE)
	binary := s.ask(nil, frame.MESSAGE)
	s.ask(frame.New(frame.UNSUBSCRIBE, frame.Id, queue, frame.Receipt, "r"), frame.RECEIPT)
	return stompSeen(text, binary, s.activeMQ)
}

func stompSeen(f, binary *frame.Frame, activeMQ bool) seen {
	h := f.Header
	s := seen{
		"text": quote(string(f.Body)), "bytes": quote(string(binary.Body)), "content type": h.Get("content-type"), "correlation id": h.Get("correlation-id"),
		"reply-to": h.Get("reply-to"), "priority": h.Get("priority"), "type": h.Get("type"), "group": h.Get("JMSXGroupID"),
	}
	if _, ok := binary.Header.Contains("content-length"); !ok {
		s["bytes"] += " (no content-length)"
	}
	if v, ok := h.Contains("persistent"); ok {
		s["persistent"] = "`persistent:" + v + "`"
	}
	at := h.Get("timestamp")
	if ms, err := strconv.ParseInt(at, 10, 64); err == nil && (near(ms, now()) || near(1000*ms, now())) {
		at = "of sending"
	}
	s["time"] = at
	if activeMQ {
		s["message id"] = madeUp(h.Get("message-id"))
		s["lives for"] = ""
		if ms, err := strconv.ParseInt(h.Get("expires"), 10, 64); err == nil && ms != 0 {
			s["lives for"] = "until " + h.Get("expires")
			if near(ms, now()+livesMillis) {
				s["lives for"] = fmt.Sprintf("until %d ms after sending", livesMillis)
			}
		}
	} else {
		s["message id"] = madeUp(h.Get("amqp-message-id"))
		if v, ok := h.Contains("expiration"); ok {
			s["lives for"] = v + " ms"
			if ms, err := strconv.ParseInt(v, 10, 64); err == nil && near(ms, endOfTime-now()) {
				s["lives for"] = "ms until then"
			}
		}
	}
	for row, name := range headerRows() {
		if v, ok := h.Contains(name); ok && row != "group" {
			if s[row] = "`" + v + "`"; v == crossingHeader || v == strings.ReplaceAll(crossingBinary, "\x00", "\uFFFD") {
				s[row] = "the same"
			}
		}
	}
	return s
}

// call calls an action of SQS in AWS JSON 1.0.
func (c *crossings) call(action string, request map[string]any) map[string]any {
	c.Helper()
	body, err := json.Marshal(request)
	c.must(err)
	return c.post("AmazonSQS."+action, "application/x-amz-json-1.0", string(body))
}

func (c *crossings) post(target, kind, body string) map[string]any {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.aws, strings.NewReader(body))
	c.must(err)
	r.Header.Set("Content-Type", kind)
	service := "sns"
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
		service = "sqs"
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=00")
	resp, err := http.DefaultClient.Do(r)
	c.must(err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	c.must(err)
	if resp.StatusCode != http.StatusOK {
		c.Fatalf("%s%.200s: %s: %s", target, body, resp.Status, answer)
	}
	var values map[string]any
	if target != "" {
		c.must(json.Unmarshal(answer, &values))
	}
	return values
}

func (c *crossings) queueURL(queue string) string { return c.aws + "000000000000/" + queue }

// awsAttributes are message attributes: data type and value.
var awsAttributes = map[string][2]string{
	"text": {"String", "hi"}, "any": {"String", crossingHeader}, "integer": {"Number", "7"}, "decimal": {"Number", "1.50"},
	"boolean": {"String.boolean", "true"}, "bytes": {"Binary", crossingBinary},
}

func sqsAttributes(attributes map[string][2]string) map[string]any {
	all := map[string]any{}
	for name, a := range attributes {
		value := map[string]any{"DataType": a[0], "StringValue": a[1]}
		if a[0] == "Binary" {
			value = map[string]any{"DataType": a[0], "BinaryValue": []byte(a[1])}
		}
		all[name] = value
	}
	return all
}

func (c *crossings) sendSQS(queue string) seen {
	c.call("SendMessage", map[string]any{
		"QueueUrl": c.queueURL(queue), "MessageBody": crossingText, "MessageGroupId": "g", "MessageAttributes": sqsAttributes(awsAttributes),
	})
	c.call("SendMessage", map[string]any{"QueueUrl": c.queueURL(queue), "MessageBody": base64.StdEncoding.EncodeToString([]byte(crossingBinary))})
	s := awsSent()
	s["group"] = "`g`"
	return s
}

// awsSent is what both messages of SQS and SNS have.
func awsSent() seen {
	s := seen{"text": "the same", "bytes": "in base64", "message id": "", "time": ""}
	for row, name := range headerRows() {
		if a, ok := awsAttributes[name]; ok {
			s[row] = awsHeader(a[0], a[1])
		}
	}
	return s
}

func awsHeader(kind, value string) string {
	if value == crossingHeader || value == crossingBinary {
		return kind + ", the same"
	}
	return fmt.Sprintf("%s `%s`", kind, value)
}

// sendSNS publishes to a topic with the queue as its only subscriber.
func (c *crossings) sendSNS(queue string) seen {
	const account = ":us-east-1:000000000000:"
	c.topics++
	topic := "crossing-" + strconv.Itoa(c.topics)
	c.sns("CreateTopic", url.Values{"Name": {topic}})
	arn := "arn:aws:sns" + account + topic
	c.sns("Subscribe", url.Values{
		"TopicArn": {arn}, "Protocol": {"sqs"}, "Endpoint": {"arn:aws:sqs" + account + queue},
		"Attributes.entry.1.key": {"RawMessageDelivery"}, "Attributes.entry.1.value": {"true"},
	})
	everything, i := url.Values{"TopicArn": {arn}, "Message": {crossingText}}, 0
	for name, a := range maps.All(awsAttributes) {
		i++
		prefix := fmt.Sprintf("MessageAttributes.entry.%d.", i)
		everything.Set(prefix+"Name", name)
		everything.Set(prefix+"Value.DataType", a[0])
		if a[0] == "Binary" {
			everything.Set(prefix+"Value.BinaryValue", base64.StdEncoding.EncodeToString([]byte(a[1])))
			continue
		}
		everything.Set(prefix+"Value.StringValue", a[1])
	}
	c.sns("Publish", everything)
	c.sns("Publish", url.Values{"TopicArn": {arn}, "Message": {base64.StdEncoding.EncodeToString([]byte(crossingBinary))}})
	return awsSent()
}

func (c *crossings) sns(action string, request url.Values) {
	c.Helper()
	request.Set("Action", action)
	request.Set("Version", "2010-03-31")
	c.post("", "application/x-www-form-urlencoded", request.Encode())
}

func (c *crossings) receiveSQS(queue string) seen {
	var got [2]map[string]any
	for i := range got {
		answer := c.call("ReceiveMessage", map[string]any{
			"QueueUrl": c.queueURL(queue), "WaitTimeSeconds": 20, "MessageAttributeNames": []string{"All"}, "MessageSystemAttributeNames": []string{"All"},
		})
		messages, _ := answer["Messages"].([]any)
		if len(messages) != 1 {
			c.Fatalf("%s: %v", queue, answer)
		}
		got[i], _ = messages[0].(map[string]any)
		c.call("DeleteMessage", map[string]any{"QueueUrl": c.queueURL(queue), "ReceiptHandle": got[i]["ReceiptHandle"]})
	}
	text := func(m map[string]any, name string) string { s, _ := m[name].(string); return s }
	s := seen{"text": quote(text(got[0], "Body")), "bytes": quote(text(got[1], "Body")), "message id": madeUp(text(got[0], "MessageId"))}
	system, _ := got[0]["Attributes"].(map[string]any)
	if ms, err := strconv.ParseInt(text(system, "SentTimestamp"), 10, 64); err == nil && near(ms, now()) {
		s["time"] = "of sending"
	}
	if g := text(system, "MessageGroupId"); g != "" {
		s["group"] = "MessageGroupId `" + g + "`"
	}
	attributes, _ := got[0]["MessageAttributes"].(map[string]any)
	for row, name := range headerRows() {
		a, ok := attributes[name].(map[string]any)
		if !ok {
			continue
		}
		value := text(a, "StringValue")
		if raw, err := base64.StdEncoding.DecodeString(text(a, "BinaryValue")); err == nil && len(raw) > 0 {
			value = string(raw)
		}
		s[row] = awsHeader(text(a, "DataType"), value)
	}
	return s
}
