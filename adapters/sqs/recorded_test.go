package sqs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What was measured on AWS in 2022 to 2024, by the tests that LocalStack's repository marks as validated there
// (tests/aws/services/sqs/test_sqs.py and its recorded answers).

// bodies are the bodies of the messages that a receive gives, in one text.
func (s *service) bodies(queueURL, options string) (string, []map[string]any) {
	s.t.Helper()
	list, _ := s.ok("ReceiveMessage", `{"QueueUrl":"`+queueURL+`"`+options+`}`)["Messages"].([]any)
	var all []string
	var messages []map[string]any
	for _, m := range list {
		message := m.(map[string]any)
		all = append(all, message["Body"].(string))
		messages = append(messages, message)
	}
	return strings.Join(all, " "), messages
}

// refused sends a request that must fail with the code and the text.
func (s *service) refused(action string, in map[string]any, status int, code, text string) {
	s.t.Helper()
	got, out := s.json(action, encode(s.t, in))
	if got != status || out["query"] != code+";Sender" || out["message"] != text {
		s.t.Errorf("%s %.200v: %d %.700v", action, in, got, out)
	}
}

func TestRecordedAttributeFilters(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"0"}}`)
	sent := s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"msg","MessageAttributes":{
		"Help.Me":{"DataType":"String","StringValue":"Me"},
		"Hello":{"DataType":"String","StringValue":"There"},
		"General":{"DataType":"String","StringValue":"Kenobi"}}}`)
	if sent["MD5OfMessageAttributes"] != "4c360f3fdafd970e05fae2f149d997f5" {
		t.Errorf("sent %v", sent)
	}
	for filter, md5 := range map[string]string{
		`[]`:                  "",
		`["All"]`:             "4c360f3fdafd970e05fae2f149d997f5",
		`["*"]`:               "4c360f3fdafd970e05fae2f149d997f5",
		`[".*"]`:              "4c360f3fdafd970e05fae2f149d997f5",
		`["Foo","Help"]`:      "",
		`["Hello","General"]`: "fca026605781cb4126a1e9044df24232",
		`["Foo","Hello"]`:     "a311262e065454b75da111d535b8dacd",
		`["Hel.*"]`:           "83fee93c1bcd8b9a5a923ffacdc636c7", // Hello and Help.Me
		`["AWS."]`:            "",
		`["..foo"]`:           "",
	} {
		got, _ := s.receiveOne(`,"MessageAttributeNames":` + filter)["MD5OfMessageAttributes"].(string)
		if got != md5 {
			t.Errorf("%s: MD5 %q, want %q", filter, got, md5)
		}
	}
	for _, names := range []string{`["SenderId","SequenceNumber"]`, `["SenderId"]`} {
		if m := s.receiveOne(`,"AttributeNames":` + names); fmt.Sprint(m["Attributes"]) != "map[SenderId:000000000000]" {
			t.Errorf("%s: %v", names, m)
		}
	}
}

func TestRecordedMD5s(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	trace := `{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"}}`
	out := s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"test","MessageSystemAttributes":`+trace+`,"MessageAttributes":{"timestamp":{"DataType":"Number","StringValue":"1493147359900"}}}`)
	again := s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"test","MessageAttributes":{"timestamp":{"DataType":"Number","StringValue":"1493147359900"}}}`)
	if out["MD5OfMessageSystemAttributes"] != "5ae4d5d7636402d80f4eb6d213245a88" || again["MD5OfMessageSystemAttributes"] != nil ||
		out["MD5OfMessageAttributes"] != again["MD5OfMessageAttributes"] {
		t.Errorf("%v, without: %v", out, again)
	}
	binary := encode(t, map[string]any{"QueueUrl": "q", "MessageBody": "test", "MessageAttributes": map[string]any{
		"attr1": map[string]any{"DataType": "Binary", "BinaryValue": []byte("traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01")},
	}})
	if out := s.ok("SendMessage", binary); out["MD5OfMessageAttributes"] != "8cbe4db156db8a94db8b801b7addb984" {
		t.Errorf("binary: %v", out)
	}
	s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"test","MessageAttributes":{"attr.1øßä":{"DataType":"String","StringValue":"Valida"}}}`)
	for _, name := range []string{"aWs.-Invalid", "AMAZON.-Invalid", ".-Invalid", "Invalid.", "Invalid-!", `Invalid-"`, "Invalid-§", "Invalid-(", "Invalid-?", strings.Repeat("L", 257)} {
		code, out := s.json("SendMessage", encode(t, map[string]any{"QueueUrl": "q", "MessageBody": "b", "MessageAttributes": map[string]any{
			name: map[string]any{"DataType": "String", "StringValue": "v"},
		}}))
		if code != 400 || out["query"] != "InvalidParameterValue;Sender" {
			t.Errorf("%s: %d %v", name, code, out)
		}
	}
}

func TestRecordedTraceOfTheRequest(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"QueueUrl":"q","MessageBody":"b"}`))
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("X-Amz-Target", "AmazonSQS.SendMessage")
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	const trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
	r.Header.Set("X-Amzn-Trace-Id", trace)
	s.handler.ServeHTTP(httptest.NewRecorder(), r)
	if m := s.receiveOne(`,"AttributeNames":["AWSTraceHeader"]`); fmt.Sprint(m["Attributes"]) != "map[AWSTraceHeader:"+trace+"]" {
		t.Errorf("received %v", m)
	}
}

func TestRecordedVisibilityByOldHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.ok("CreateQueue", `{"QueueName":"q"}`)
		s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"test"}`)
		change := func(handle any, timeout int) (int, map[string]any) {
			return s.json("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": "q", "ReceiptHandle": handle, "VisibilityTimeout": timeout}))
		}
		old := s.receiveOne(`,"VisibilityTimeout":0`)["ReceiptHandle"]
		s.receiveOne(`,"VisibilityTimeout":30`)
		if code, out := change(old, 0); code != 200 {
			t.Errorf("an old handle: %d %v", code, out)
		}
		expired := s.receiveOne(`,"VisibilityTimeout":1`)["ReceiptHandle"]
		time.Sleep(2 * time.Second)
		if code, out := change(expired, 2); code != 200 {
			t.Errorf("a handle whose timeout is over: %d %v", code, out)
		}
		handle := s.receiveOne("")["ReceiptHandle"]
		s.ok("DeleteMessage", encode(t, map[string]any{"QueueUrl": "q", "ReceiptHandle": handle}))
		for _, h := range []any{handle, old} {
			s.refused("ChangeMessageVisibility", map[string]any{"QueueUrl": "q", "ReceiptHandle": h, "VisibilityTimeout": 42}, 400, "InvalidParameterValue",
				fmt.Sprintf("Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", h))
		}
		s.refused("ChangeMessageVisibility", map[string]any{"QueueUrl": "q", "ReceiptHandle": "INVALID", "VisibilityTimeout": 60}, 404, "ReceiptHandleIsInvalid",
			`The input receipt handle "INVALID" is not a valid receipt handle.`)
	})
}

func TestRecordedExtensions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.ok("CreateQueue", `{"QueueName":"q","Attributes":{"VisibilityTimeout":"2"}}`)
		s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"test"}`)
		handle := s.receiveOne("")["ReceiptHandle"]
		for range 4 {
			time.Sleep(time.Second)
			s.ok("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": "q", "ReceiptHandle": handle, "VisibilityTimeout": 2}))
			if bodies, _ := s.bodies("q", ""); bodies != "" {
				t.Errorf("received %q", bodies)
			}
		}
		if bodies, _ := s.bodies("q", `,"WaitTimeSeconds":5`); bodies != "test" {
			t.Errorf("received %q", bodies)
		}
	})
}

func TestRecordedFIFOOrders(t *testing.T) {
	send := func(s *service, bodies ...string) {
		for i, body := range bodies {
			s.sendFIFO("group-"+body[1:2], fmt.Sprint(i), body)
		}
	}
	t.Run("visible at once", func(t *testing.T) {
		s := newService(t)
		s.createFIFO("")
		send(s, "g1-m1", "g2-m1", "g2-m2", "g3-m1", "g1-m2")
		if bodies, _ := s.bodies(fifoURL, `,"MaxNumberOfMessages":3,"VisibilityTimeout":0`); bodies != "g1-m1 g1-m2 g2-m1" {
			t.Errorf("received %q", bodies)
		}
		if bodies, _ := s.bodies(fifoURL, `,"MaxNumberOfMessages":10,"VisibilityTimeout":0`); bodies != "g3-m1 g1-m1 g1-m2 g2-m1 g2-m2" {
			t.Errorf("received %q", bodies)
		}
	})
	t.Run("a shared timeout", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := newService(t)
			s.createFIFO(`,"VisibilityTimeout":"1"`)
			send(s, "g1-m1", "g1-m2", "g1-m3", "g1-m4", "g2-m1", "g3-m1")
			first, _ := s.bodies(fifoURL, `,"MaxNumberOfMessages":2`)
			second, _ := s.bodies(fifoURL, "")
			time.Sleep(2 * time.Second)
			third, _ := s.bodies(fifoURL, `,"MaxNumberOfMessages":10,"VisibilityTimeout":0`)
			if first != "g1-m1 g1-m2" || second != "g2-m1" || third != "g3-m1 g1-m1 g1-m2 g1-m3 g1-m4 g2-m1" {
				t.Errorf("received %q, %q, %q", first, second, third)
			}
		})
	})
	for _, timeout := range []int{0, 1} {
		t.Run(fmt.Sprint("the first of two comes back after ", timeout), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				s.createFIFO("")
				send(s, "g1-m1", "g1-m2", "g2-m1")
				_, messages := s.bodies(fifoURL, `,"MaxNumberOfMessages":2`)
				s.ok("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": fifoURL, "ReceiptHandle": messages[0]["ReceiptHandle"], "VisibilityTimeout": timeout}))
				time.Sleep(2 * time.Second)
				if bodies, _ := s.bodies(fifoURL, `,"MaxNumberOfMessages":3`); bodies != "g2-m1 g1-m1" {
					t.Errorf("received %q", bodies)
				}
			})
		})
	}
	for all, want := range map[bool]string{true: "g2-m1 g2-m2 g1-m3 g1-m4 g3-m1|g2-m1 g2-m2 g3-m1 g1-m3 g1-m4", false: "g2-m1 g2-m2 g3-m1"} {
		t.Run(fmt.Sprint("all deleted: ", all), func(t *testing.T) {
			s := newService(t)
			s.createFIFO("")
			send(s, "g1-m1", "g2-m1", "g1-m2", "g2-m2", "g1-m3", "g1-m4", "g3-m1")
			_, messages := s.bodies(fifoURL, `,"MaxNumberOfMessages":2`)
			s.deleteFIFO(messages[0])
			if all {
				s.deleteFIFO(messages[1])
			}
			if bodies, _ := s.bodies(fifoURL, `,"MaxNumberOfMessages":10`); !strings.Contains("|"+want+"|", "|"+bodies+"|") {
				t.Errorf("received %q", bodies)
			}
		})
	}
}

func TestRecordedPurges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.createFIFO("")
		s.sendFIFO("g", "id", "message-1")
		s.ok("PurgeQueue", `{"QueueUrl":"`+fifoURL+`"}`)
		s.sendFIFO("g", "id", "message-2") // a purge forgets deduplication ids
		if bodies, _ := s.receiveFIFO(""); bodies != "message-2" {
			t.Errorf("received %q", bodies)
		}
		s.ok("DeleteQueue", `{"QueueUrl":"`+fifoURL+`"}`)
		s.createFIFO("")
		s.sendFIFO("g", "id", "message-3") // and another queue of the name never knew them
		if bodies, _ := s.receiveFIFO(""); bodies != "message-3" {
			t.Errorf("received %q", bodies)
		}
		s.ok("CreateQueue", `{"QueueName":"q"}`)
		s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"in flight"}`)
		s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"delayed","DelaySeconds":2}`)
		s.receiveOne(`,"VisibilityTimeout":3`)
		s.ok("PurgeQueue", `{"QueueUrl":"q"}`)
		time.Sleep(4 * time.Second)
		if bodies, _ := s.bodies("q", ""); bodies != "" {
			t.Errorf("received %q", bodies)
		}
	})
}

func TestRecordedRefusals(t *testing.T) {
	s := newService(t)
	s.createFIFO("")
	s.ok("CreateQueue", `{"QueueName":"q","Attributes":{"DelaySeconds":"1","ReceiveMessageWaitTimeSeconds":"1"}}`)
	s.ok("CreateQueue", `{"QueueName":"q","Attributes":{"DelaySeconds":"1"}}`)
	s.ok("SetQueueAttributes", `{"QueueUrl":"`+fifoURL+`","Attributes":{"FifoQueue":"true"}}`)
	arn := "arn:aws:sqs:us-east-1:000000000000:q"
	redrive := func(policy string) map[string]any {
		return map[string]any{"QueueName": "other", "Attributes": map[string]string{"RedrivePolicy": policy}}
	}
	attributes := func(url, name, value string) map[string]any {
		return map[string]any{"QueueUrl": url, "Attributes": map[string]string{name: value}}
	}
	entries := make([]map[string]any, 20)
	for i := range entries {
		entries[i] = map[string]any{"Id": fmt.Sprint(i), "ReceiptHandle": "x", "VisibilityTimeout": 123}
	}
	const dummy = `{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}`
	for _, tt := range []struct {
		action     string
		in         map[string]any
		code, text string
	}{
		{
			"CreateQueue",
			map[string]any{"QueueName": "q", "Attributes": map[string]string{"ReceiveMessageWaitTimeSeconds": "1", "DelaySeconds": "2"}},
			"QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute DelaySeconds",
		},
		{"CreateQueue", redrive(dummy), "InvalidParameterValue", "Value " + dummy + " for parameter RedrivePolicy is invalid. Reason: Invalid value for deadLetterTargetArn."},
		{"CreateQueue", map[string]any{"QueueName": "queue/x/"}, "InvalidParameterValue", nameText},
		{"SetQueueAttributes", attributes("q", "FifoQueue", "true"), "InvalidAttributeName", "Unknown Attribute FifoQueue."},
		{"SetQueueAttributes", attributes(fifoURL, "FifoQueue", "false"), "InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."},
		{
			"SetQueueAttributes",
			map[string]any{"QueueUrl": "q", "Attributes": map[string]string{"KmsMasterKeyId": "testKeyId", "SqsManagedSseEnabled": "true"}},
			"InvalidAttributeName", "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
		},
		{"SendMessageBatch", map[string]any{"QueueUrl": fifoURL, "Entries": []any{
			map[string]any{"Id": "1", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "1"}, map[string]any{"Id": "2", "MessageBody": "b", "MessageGroupId": "g"},
		}}, "InvalidParameterValue", "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
		{"SendMessageBatch", map[string]any{"QueueUrl": fifoURL, "Entries": []any{
			map[string]any{"Id": "1", "MessageBody": "b", "MessageGroupId": "g", "MessageDeduplicationId": "1"}, map[string]any{"Id": "2", "MessageBody": "b", "MessageDeduplicationId": "2"},
		}}, "InvalidParameterValue", "The request must contain the parameter MessageGroupId."},
		{"DeleteMessageBatch", map[string]any{"QueueUrl": "q", "Entries": entries}, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 20."},
		{"ChangeMessageVisibilityBatch", map[string]any{"QueueUrl": "q", "Entries": entries}, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 20."},
		{
			"DeleteMessageBatch",
			map[string]any{"QueueUrl": "q", "Entries": []any{map[string]any{"Id": "", "ReceiptHandle": "x"}}},
			"AWS.SimpleQueueService.InvalidBatchEntryId", "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
		},
		{"StartMessageMoveTask", map[string]any{"SourceArn": arn}, "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."},
		{"CancelMessageMoveTask", map[string]any{"TaskHandle": "foobared"}, "InvalidParameterValue", "Value for parameter TaskHandle is invalid."},
		{"RemovePermission", map[string]any{"QueueUrl": "q", "Label": "l"}, "InvalidParameterValue", "Value l for parameter Label is invalid. Reason: can't find label."},
	} {
		s.refused(tt.action, tt.in, 400, tt.code, tt.text)
	}
	for _, policy := range []string{`{"deadLetterTargetArn":"` + arn + `"}`, `{"maxReceiveCount":"42"}`, `{"deadLetterTargetArn":"` + arn + `","maxReceiveCount":"invalid"}`} {
		if code, out := s.json("CreateQueue", encode(t, redrive(policy))); code != 400 || out["query"] != "InvalidParameterValue;Sender" {
			t.Errorf("%s: %d %v", policy, code, out)
		}
	}
	s.ok("CreateQueue", encode(t, redrive(`{"deadLetterTargetArn":"`+arn+`","maxReceiveCount":"42"}`)))
}

func TestRecordedBatchWithAnInvalidCharacter(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	out := s.ok("SendMessageBatch", `{"QueueUrl":"q","Entries":[{"Id":"0","MessageBody":"0"},{"Id":"9","MessageBody":"\u0001"}]}`)
	failed, _ := out["Failed"].([]any)
	if len(failed) != 1 || failed[0].(map[string]any)["Id"] != "9" || failed[0].(map[string]any)["Code"] != "InvalidMessageContents" || len(out["Successful"].([]any)) != 1 {
		t.Errorf("batch %v", out)
	}
}

// get sends a request of the query protocol in the URL.
func (s *service) get(path, accept string, parameters url.Values) (int, string) {
	s.t.Helper()
	r := httptest.NewRequest(http.MethodGet, path+"?"+parameters.Encode(), nil)
	r.RemoteAddr = "127.0.0.1:1"
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestRecordedQueryAtAQueue(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	s.ok("CreateQueue", `{"QueueName":"other"}`)
	const path = "/000000000000/q"
	for _, tt := range []struct {
		parameters url.Values
		status     int
		want       string
	}{
		{url.Values{"Action": {"GetQueueAttributes"}, "AttributeName.1": {"All"}}, 200, "<Attribute><Name>QueueArn</Name><Value>arn:aws:sqs:us-east-1:000000000000:q</Value>"},
		{url.Values{"Action": {"GetQueueAttributes"}, "AttributeName.1": {"QueueArn"}, "QueueUrl": {"http://x/000000000000/other"}}, 200, ":other</Value>"},
		{url.Values{"Action": {"GetQueueAttributes"}, "AttributeName.1": {"Foobar"}}, 400, "<Error><Type>Sender</Type><Code>InvalidAttributeName</Code><Message>Unknown Attribute Foobar.</Message>"},
		{url.Values{"Action": {"FooBar"}, "Version": {"2012-11-05"}}, 400, "<Code>InvalidAction</Code><Message>The action FooBar is not valid for this endpoint.</Message>"},
		{url.Values{"Action": {"SendMessage"}}, 400, "<Code>MissingParameter</Code><Message>The request must contain the parameter MessageBody.</Message>"},
		{url.Values{"Action": {"CreateQueue"}, "QueueName": {"new"}}, 400, "<Code>InvalidAction</Code><Message>The action CreateQueue is not valid for this endpoint.</Message>"},
		{url.Values{"Action": {"ListQueues"}}, 400, "<Code>InvalidAction</Code><Message>The action ListQueues is not valid for this endpoint.</Message>"},
		{url.Values{"Action": {"GetQueueUrl"}, "QueueName": {"other"}}, 200, "<QueueUrl>http://example.com/000000000000/other</QueueUrl>"},
		{url.Values{"Action": {"ReceiveMessage"}}, 200, "<ReceiveMessageResult></ReceiveMessageResult>"},
		{url.Values{}, 404, "<UnknownOperationException"},
		{url.Values{"Action": {"DeleteQueue"}}, 200, "<DeleteQueueResponse "},
		{url.Values{"Action": {"GetQueueAttributes"}}, 400, "<Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist for this wsdl version."},
	} {
		if code, body := s.get(path, "", tt.parameters); code != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%v: %d %s", tt.parameters, code, body)
		}
	}
}

func TestRecordedQueryAnswersInJSON(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	const kind, path = "application/json", "/000000000000/q"
	code, body := s.get(path, kind, url.Values{"Action": {"GetQueueAttributes"}, "AttributeName.1": {"QueueArn"}})
	var answer struct {
		GetQueueAttributesResponse struct {
			GetQueueAttributesResult struct {
				Attributes []struct{ Name, Value string }
			}
			ResponseMetadata struct{ RequestId string }
		}
	}
	err := json.Unmarshal([]byte(body), &answer)
	if list := answer.GetQueueAttributesResponse.GetQueueAttributesResult.Attributes; code != 200 || err != nil || len(list) != 1 ||
		list[0].Value != "arn:aws:sqs:us-east-1:000000000000:q" || answer.GetQueueAttributesResponse.ResponseMetadata.RequestId == "" {
		t.Errorf("%d %s", code, body)
	}
	code, body = s.get(path, kind, url.Values{"Action": {"ListQueues"}})
	var refused struct {
		Error struct{ Code, Message, Type string }
	}
	err = json.Unmarshal([]byte(body), &refused)
	if code != 400 || err != nil || refused.Error.Code != "InvalidAction" || refused.Error.Type != "Sender" || refused.Error.Message != "The action ListQueues is not valid for this endpoint." {
		t.Errorf("%d %s", code, body)
	}
	if code, body = s.get(path, kind, nil); code != 404 || !strings.Contains(body, "<UnknownOperationException") {
		t.Errorf("%d %s", code, body)
	}
	code, body = s.get(path, kind, url.Values{"Action": {"SendMessage"}, "MessageBody": {"b"}})
	if code != 200 || !strings.Contains(body, `"SendMessageResult":{"MD5OfMessageAttributes":null,"MD5OfMessageBody":"`+bodyMD5("b")+`"`) {
		t.Errorf("%d %s", code, body)
	}
	code, body = s.get(path, kind, url.Values{"Action": {"ReceiveMessage"}, "AttributeName.1": {"ApproximateReceiveCount"}})
	if code != 200 || !strings.Contains(body, `"ReceiveMessageResult":{"messages":[{"Attributes":[{"Name":"ApproximateReceiveCount","Value":"1"}],"Body":"b"`) {
		t.Errorf("%d %s", code, body)
	}
}
