package sqs

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// raw sends a request as it is, JSON or query, and gives status, code and text of the answer.
func (s *service) raw(method, path, target, contentType, body string) (status int, answer string) {
	s.t.Helper()
	r := httptest.NewRequestWithContext(s.t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1"
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code, w.Header().Get("X-Amzn-Query-Error") + " " + w.Body.String()
}

func TestMalformedRequests(t *testing.T) {
	const json, form = "application/x-amz-json-1.0", "application/x-www-form-urlencoded"
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for _, tt := range []struct {
		name, method, path, target, contentType, body string
		status                                        int
		want                                          string
	}{
		{"no JSON", "POST", "/", "AmazonSQS.SendMessage", json, `{`, 400, "SerializationException"},
		{"a list", "POST", "/", "AmazonSQS.SendMessage", json, `[1]`, 400, "SerializationException"},
		{"a string where a number is", "POST", "/", "AmazonSQS.SendMessage", json, `{"DelaySeconds":"1"}`, 400, "STRING_VALUE can not be converted to an Integer"},
		{"a number where a string is", "POST", "/", "AmazonSQS.SendMessage", json, `{"MessageBody":1}`, 400, "NUMBER_VALUE can not be converted to a String"},
		{"no base64", "POST", "/", "AmazonSQS.SendMessage", json, `{"MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"?"}}}`, 400, "SerializationException"},
		{"too deep", "POST", "/", "AmazonSQS.SendMessage", json, deep, 400, "SerializationException"},
		{"too many values", "POST", "/", "AmazonSQS.SendMessage", json, `{"a":[` + strings.Repeat("1,", 20000) + `1]}`, 400, "SerializationException"},
		{"no UTF-8", "POST", "/", "AmazonSQS.SendMessage", json, "{\"MessageBody\":\"\xff\"}", 400, "SerializationException"},
		{"a string that does not end", "POST", "/", "AmazonSQS.SendMessage", json, `{"MessageBody":"`, 400, "SerializationException"},
		{"an unknown action", "POST", "/", "AmazonSQS.Nonsense", json, `{}`, 400, "UnknownOperationException"},
		{"another service", "POST", "/", "AmazonXYZ.SendMessage", json, `{}`, 400, "UnknownOperationException"},
		{"another JSON", "POST", "/", "AmazonSQS.SendMessage", "application/x-amz-json-1.1", `{}`, 415, "UnsupportedMediaType"},
		{"too large", "POST", "/", "AmazonSQS.SendMessage", json, strings.Repeat(" ", maxBody+1), 413, "RequestEntityTooLarge"},
		{"a GET with a target", "GET", "/", "AmazonSQS.SendMessage", json, `{}`, 403, "AccessDenied"},
		{"no action", "POST", "/", "", form, "Version=2012-11-05", 400, "<Code>MissingAction</Code>"},
		{"an unknown action in a form", "POST", "/", "", form, "Version=2012-11-05&Action=Nonsense", 400, "<Code>InvalidAction</Code>"},
		{"another version", "POST", "/", "", form, "Version=2000-01-01&Action=SendMessage", 400, "<Code>NoSuchVersion</Code>"},
		{"no URL encoding", "POST", "/", "", form, "Version=2012-11-05&Action=SendMessage&MessageBody=%zz", 400, "<Code>MalformedQueryString</Code>"},
		{"no UTF-8 in a form", "POST", "/", "", form, "Version=2012-11-05&Action=SendMessage&MessageBody=%ff", 400, "<Code>MalformedQueryString</Code>"},
		{"too many parameters", "POST", "/", "", form, "Version=2012-11-05&Action=SendMessage" + strings.Repeat("&a=b", 3000), 400, "<Code>MalformedQueryString</Code>"},
		{"a number that is none", "POST", "/", "", form, "Version=2012-11-05&Action=ReceiveMessage&MaxNumberOfMessages=x&QueueUrl=" + url.QueryEscape(testURL), 400, "<Code>MalformedInput</Code>"},
		{"XML in a parameter", "POST", "/", "", form, "Version=2012-11-05&Action=GetQueueUrl&QueueName=" + url.QueryEscape(`</Error><x a="b">&`), 400, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>"},
		{"control characters", "POST", "/", "", form, "Version=2012-11-05&Action=AddPermission&Label=%00%01&QueueUrl=q", 400, "<Code>InvalidParameterValue</Code>"},
		{"a PUT", "PUT", "/", "", form, "Action=ListQueues", 405, "<Code>UnsupportedMethod</Code>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, answer := s.raw(tt.method, tt.path, tt.target, tt.contentType, tt.body)
			if status != tt.status || !strings.Contains(answer, tt.want) || len(answer) > 2048 {
				t.Errorf("%d %.400s", status, answer)
			}
		})
	}
	s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"it goes on"}`)
}

// TestOutOfRange tries values just beyond each limit, in both protocols.
func TestOutOfRange(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	eleven := make([]map[string]any, 11)
	for i := range eleven {
		eleven[i] = map[string]any{"Id": fmt.Sprint(i), "ReceiptHandle": "x", "VisibilityTimeout": 1}
	}
	attributes := make(map[string]any)
	for i := range 11 {
		attributes[fmt.Sprint("a", i)] = map[string]string{"DataType": "String", "StringValue": "v"}
	}
	text := func(v string) map[string]any {
		return map[string]any{"a": map[string]string{"DataType": "String", "StringValue": v}}
	}
	for _, tt := range []struct {
		action string
		in     map[string]any
		want   string
	}{
		{"SendMessage", map[string]any{"MessageBody": strings.Repeat("x", 1<<20+1)}, "InvalidParameterValue"},
		{"SendMessage", map[string]any{"MessageBody": strings.Repeat("x", 1<<20-7), "MessageAttributes": text("v")}, "InvalidParameterValue"},
		{"SendMessage", map[string]any{"MessageBody": "b", "MessageAttributes": attributes}, "InvalidParameterValue"},
		{"SendMessage", map[string]any{"MessageBody": "b", "MessageAttributes": text("")}, "InvalidParameterValue"},
		{"SendMessage", map[string]any{"MessageBody": "b", "MessageAttributes": text("\u0001")}, "InvalidParameterValue"},
		{"SendMessage", map[string]any{"MessageBody": "\u0001"}, "InvalidMessageContents"},
		{"SendMessage", map[string]any{"MessageBody": "\uffff"}, "InvalidMessageContents"},
		{"SendMessage", map[string]any{"MessageBody": "b", "DelaySeconds": -1}, "InvalidParameterValue"},
		{"SendMessage", map[string]any{"MessageBody": "b", "MessageGroupId": strings.Repeat("g", 129)}, "InvalidParameterValue"},
		{"SendMessage", map[string]any{"MessageBody": "b", "MessageSystemAttributes": text("v")}, "InvalidParameterValue"},
		{"ReceiveMessage", map[string]any{"MaxNumberOfMessages": 0}, "InvalidParameterValue"},
		{"ReceiveMessage", map[string]any{"VisibilityTimeout": 43201}, "InvalidParameterValue"},
		{"ReceiveMessage", map[string]any{"VisibilityTimeout": -1}, "InvalidParameterValue"},
		{"ReceiveMessage", map[string]any{"WaitTimeSeconds": -1}, "InvalidParameterValue"},
		{"ChangeMessageVisibility", map[string]any{"ReceiptHandle": "x", "VisibilityTimeout": 1}, "ReceiptHandleIsInvalid"},
		{"ChangeMessageVisibility", map[string]any{"VisibilityTimeout": 1}, "MissingParameter"},
		{"DeleteMessage", map[string]any{}, "MissingParameter"},
		{"DeleteMessageBatch", map[string]any{"Entries": eleven}, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		{"DeleteMessageBatch", map[string]any{"Entries": []any{}}, "AWS.SimpleQueueService.EmptyBatchRequest"},
		{"ChangeMessageVisibilityBatch", map[string]any{"Entries": eleven}, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"},
		{"DeleteMessageBatch", map[string]any{"Entries": []any{eleven[0], eleven[0]}}, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"},
		{"ListDeadLetterSourceQueues", map[string]any{"MaxResults": 1001}, "InvalidParameterValue"},
	} {
		tt.in["QueueUrl"] = testURL
		code, out := s.json(tt.action, encode(t, tt.in))
		if code < 400 || code >= 500 || out["query"] != tt.want+";Sender" {
			t.Errorf("%s %.80v: %d %.300v", tt.action, tt.in, code, out)
		}
	}
	if out := s.ok("SendMessage", encode(t, map[string]any{"QueueUrl": testURL, "MessageBody": strings.Repeat("x", 1<<20)})); out["MessageId"] == nil {
		t.Errorf("a message of 1 MiB: %v", out)
	}
}

func TestReceiptHandlesThatAreNotOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.ok("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"5"}}`)
		s.ok("CreateQueue", `{"QueueName":"other"}`)
		s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b"}`)
		handle := s.receiveOne("")["ReceiptHandle"].(string)
		sealed, err := base64.StdEncoding.DecodeString(handle)
		if err != nil {
			t.Fatal(err)
		}
		try := func(queue, handle string) (int, map[string]any) {
			return s.json("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": queue, "ReceiptHandle": handle, "VisibilityTimeout": 100}))
		}
		for i := range sealed { // every byte of it is needed
			forged := append([]byte(nil), sealed...)
			forged[i] ^= 0x40
			if code, out := try(testURL, base64.StdEncoding.EncodeToString(forged)); code != 404 || out["query"] != "ReceiptHandleIsInvalid;Sender" {
				t.Errorf("a handle with another byte %d: %d %v", i, code, out)
			}
		}
		for _, bad := range []string{handle[:len(handle)-4], handle + "AAAA", strings.Repeat("A", 5000), "AQEB", "\u00e4"} {
			if code, _ := try(testURL, bad); code != 404 {
				t.Errorf("%.20s: %d", bad, code)
			}
		}
		if code, _ := try("other", handle); code != 404 {
			t.Errorf("a foreign handle: %d", code)
		}
		time.Sleep(6 * time.Second)
		if code, out := try(testURL, handle); code != 200 {
			t.Errorf("an expired handle: %d %v", code, out)
		}
		second := s.receiveOne(`,"VisibilityTimeout":43200`)["ReceiptHandle"].(string)
		time.Sleep(2 * time.Hour)
		code, out := s.json("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": testURL, "ReceiptHandle": second, "VisibilityTimeout": 36001}))
		if code != 400 || !strings.HasSuffix(fmt.Sprint(out["message"]), "Total VisibilityTimeout for the message is beyond the limit [43200 seconds].") {
			t.Errorf("beyond twelve hours: %d %v", code, out)
		}
		s.ok("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": testURL, "ReceiptHandle": second, "VisibilityTimeout": 36000}))
		if code, _ := try("other", second); code != http.StatusNotFound {
			t.Errorf("a foreign handle: %d", code)
		}
	})
}
