package sqs

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const fifoURL = "http://example.com/000000000000/q.fifo"

func (s *service) createFIFO(attributes string) {
	s.t.Helper()
	s.ok("CreateQueue", `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true"`+attributes+`}}`)
}

// sendFIFO sends a message of a group; with no deduplication id, the queue makes one of the body.
func (s *service) sendFIFO(group, dedup, body string) map[string]any {
	s.t.Helper()
	in := map[string]any{"QueueUrl": fifoURL, "MessageBody": body, "MessageGroupId": group}
	if dedup != "" {
		in["MessageDeduplicationId"] = dedup
	}
	return s.ok("SendMessage", encode(s.t, in))
}

// receiveFIFO receives up to ten messages, and gives their bodies in one text.
func (s *service) receiveFIFO(options string) (bodies string, messages []map[string]any) {
	s.t.Helper()
	list, _ := s.ok("ReceiveMessage", `{"QueueUrl":"`+fifoURL+`","MaxNumberOfMessages":10`+options+`}`)["Messages"].([]any)
	var all []string
	for _, m := range list {
		message := m.(map[string]any)
		all = append(all, message["Body"].(string))
		messages = append(messages, message)
	}
	return strings.Join(all, " "), messages
}

func (s *service) deleteFIFO(m map[string]any) {
	s.t.Helper()
	s.ok("DeleteMessage", encode(s.t, map[string]any{"QueueUrl": fifoURL, "ReceiptHandle": m["ReceiptHandle"]}))
}

func TestFIFOGroups(t *testing.T) {
	s := newService(t)
	s.createFIFO(`,"ContentBasedDeduplication":"true"`)
	for _, m := range []string{"a 1", "b 2", "a 3", "b 4", "a 5"} {
		s.sendFIFO(m[:1], "", m)
	}
	bodies, messages := s.receiveFIFO(`,"MessageSystemAttributeNames":["All"]`)
	if bodies != "a 1 a 3 a 5 b 2 b 4" {
		t.Errorf("received %q", bodies)
	}
	last := ""
	for _, m := range messages[:3] {
		attributes := m["Attributes"].(map[string]any)
		number := attributes["SequenceNumber"].(string)
		if attributes["MessageGroupId"] != "a" || len(attributes["MessageDeduplicationId"].(string)) != 64 || len(number) != 20 || number <= last {
			t.Errorf("attributes %v", attributes)
		}
		last = number
	}
	s.sendFIFO("a", "", "a 6")
	s.sendFIFO("c", "", "c 7")
	if bodies, _ = s.receiveFIFO(""); bodies != "c 7" { // the others are locked
		t.Errorf("received %q", bodies)
	}
	for _, m := range messages[:3] {
		s.deleteFIFO(m)
	}
	if bodies, _ = s.receiveFIFO(""); bodies != "a 6" {
		t.Errorf("received %q", bodies)
	}
}

func TestFIFODeduplication(t *testing.T) {
	s := newService(t)
	s.createFIFO("")
	first := s.sendFIFO("a", "id", "one")
	again := s.sendFIFO("b", "id", "two")
	if first["MessageId"] != again["MessageId"] || first["SequenceNumber"] != again["SequenceNumber"] || again["MD5OfMessageBody"] != bodyMD5("two") {
		t.Errorf("first %v, again %v", first, again)
	}
	_, messages := s.receiveFIFO("")
	if len(messages) != 1 {
		t.Fatalf("received %v", messages)
	}
	s.deleteFIFO(messages[0])
	s.sendFIFO("a", "id", "three") // it is remembered although it was deleted
	if bodies, _ := s.receiveFIFO(""); bodies != "" {
		t.Errorf("received %q", bodies)
	}
	code, out := s.json("SendMessage", `{"QueueUrl":"`+fifoURL+`","MessageBody":"b","MessageGroupId":"g"}`)
	if code != 400 || out["message"] != "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly" {
		t.Error(code, out)
	}
	s.ok("SetQueueAttributes", `{"QueueUrl":"`+fifoURL+`","Attributes":{"DeduplicationScope":"messageGroup","FifoThroughputLimit":"perMessageGroupId"}}`)
	s.sendFIFO("b", "x", "four")
	s.sendFIFO("c", "x", "five")
	if bodies, _ := s.receiveFIFO(""); bodies != "four five" {
		t.Errorf("received %q", bodies)
	}
}

func TestFIFOBatch(t *testing.T) {
	s := newService(t)
	s.createFIFO("")
	out := s.ok("SendMessageBatch", `{"QueueUrl":"`+fifoURL+`","Entries":[
		{"Id":"1","MessageBody":"one","MessageGroupId":"g","MessageDeduplicationId":"1"},
		{"Id":"2","MessageBody":"","MessageGroupId":"g","MessageDeduplicationId":"2"},
		{"Id":"3","MessageBody":"three","MessageGroupId":"g","MessageDeduplicationId":"3"},
		{"Id":"4","MessageBody":"one again","MessageGroupId":"g","MessageDeduplicationId":"1"}]}`)
	good, bad := out["Successful"].([]any), out["Failed"].([]any)
	if len(good) != 3 || len(bad) != 1 || good[0].(map[string]any)["MessageId"] != good[2].(map[string]any)["MessageId"] {
		t.Errorf("batch %v", out)
	}
	bodies, messages := s.receiveFIFO("")
	if bodies != "one three" {
		t.Errorf("received %q", bodies)
	}
	for _, entry := range []string{`{"Id":"1","MessageBody":"b"}`, `{"Id":"1","MessageBody":"b","MessageGroupId":"g"}`} {
		code, out := s.json("SendMessageBatch", `{"QueueUrl":"`+fifoURL+`","Entries":[`+entry+`]}`)
		if code != 400 || out["query"] != "InvalidParameterValue;Sender" {
			t.Error(code, out)
		}
	}
	// A part of a batch that comes back waits for what is before it.
	s.ok("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": fifoURL, "ReceiptHandle": messages[1]["ReceiptHandle"], "VisibilityTimeout": 0}))
	if bodies, _ := s.receiveFIFO(""); bodies != "" {
		t.Errorf("received %q", bodies)
	}
	s.ok("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": fifoURL, "ReceiptHandle": messages[0]["ReceiptHandle"], "VisibilityTimeout": 0}))
	if bodies, _ := s.receiveFIFO(""); bodies != "one three" {
		t.Errorf("received %q", bodies)
	}
}

func TestFIFOParameters(t *testing.T) {
	s := newService(t)
	s.createFIFO("")
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	for _, tt := range [][3]string{
		{"CreateQueue", `{"QueueName":"x","Attributes":{"FifoQueue":"true"}}`, fifoNameText},
		{"CreateQueue", `{"QueueName":"x.fifo"}`, nameText},
		{"CreateQueue", `{"QueueName":".fifo","Attributes":{"FifoQueue":"true"}}`, fifoNameText},
		{"CreateQueue", `{"QueueName":"` + strings.Repeat("x", 76) + `.fifo","Attributes":{"FifoQueue":"true"}}`, fifoNameText},
		{"CreateQueue", `{"QueueName":"x.fifo","Attributes":{"FifoQueue":"false"}}`, "Unknown Attribute FifoQueue."},
		{"CreateQueue", `{"QueueName":"q.fifo","Attributes":{"FifoQueue":"true","ContentBasedDeduplication":"true"}}`, "A queue already exists with the same name and a different value for attribute ContentBasedDeduplication"},
		{"CreateQueue", `{"QueueName":"x.fifo","Attributes":{"FifoQueue":"true","FifoThroughputLimit":"perMessageGroupId"}}`, "Invalid value for the parameter FifoThroughputLimit. Reason: The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."},
		{"SetQueueAttributes", `{"QueueUrl":"` + testURL + `","Attributes":{"FifoQueue":"true"}}`, "Unknown Attribute FifoQueue."},
		{"SetQueueAttributes", `{"QueueUrl":"` + fifoURL + `","Attributes":{"FifoQueue":"false"}}`, "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."},
		{"SetQueueAttributes", `{"QueueUrl":"` + testURL + `","Attributes":{"ContentBasedDeduplication":"true"}}`, "You can specify the ContentBasedDeduplication only when FifoQueue is set to true."},
		{"SendMessage", `{"QueueUrl":"` + fifoURL + `","MessageBody":"b"}`, "The request must contain the parameter MessageGroupId."},
		{"SendMessage", `{"QueueUrl":"` + fifoURL + `","MessageBody":"b","MessageGroupId":"ä","MessageDeduplicationId":"d"}`, "Value ä for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."},
		{"SendMessage", `{"QueueUrl":"` + fifoURL + `","MessageBody":"b","MessageGroupId":"g","MessageDeduplicationId":"d d"}`, "Value d d for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length."},
		{"SendMessage", `{"QueueUrl":"` + fifoURL + `","MessageBody":"b","MessageGroupId":"g","MessageDeduplicationId":"d","DelaySeconds":2}`, "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."},
		{"ReceiveMessage", `{"QueueUrl":"` + testURL + `","ReceiveRequestAttemptId":"x"}`, "Value x for parameter ReceiveRequestAttemptId is invalid. Reason: The request include parameter that is not valid for this queue type."},
	} {
		if code, out := s.json(tt[0], tt[1]); code != 400 || out["message"] != tt[2] {
			t.Errorf("%.100s: %d %v", tt[1], code, out)
		}
	}
	s.ok("SendMessage", `{"QueueUrl":"`+fifoURL+`","MessageBody":"b","MessageGroupId":"g","MessageDeduplicationId":"d","DelaySeconds":0}`)
	s.createFIFO("") // the same again
	if got := s.shown(fifoURL, "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"); fmt.Sprint(got) != "map[ContentBasedDeduplication:false DeduplicationScope:queue FifoQueue:true FifoThroughputLimit:perQueue]" {
		t.Errorf("attributes %v", got)
	}
}

func TestFIFOHandleThatExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.createFIFO(`,"VisibilityTimeout":"5"`)
		s.sendFIFO("g", "1", "one")
		_, messages := s.receiveFIFO("")
		time.Sleep(6 * time.Second)
		code, out := s.json("DeleteMessage", encode(t, map[string]any{"QueueUrl": fifoURL, "ReceiptHandle": messages[0]["ReceiptHandle"]}))
		if code != 400 || !strings.HasSuffix(out["message"].(string), "for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.") {
			t.Error(code, out)
		}
		_, messages = s.receiveFIFO("")
		s.deleteFIFO(messages[0])
		s.deleteFIFO(messages[0]) // twice is no error
	})
}

func TestFIFODeduplicationEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.createFIFO("")
		s.sendFIFO("g", "1", "one")
		time.Sleep(5*time.Minute - time.Second)
		s.sendFIFO("g", "1", "two")
		time.Sleep(2 * time.Second)
		s.sendFIFO("g", "1", "three")
		s.sendFIFO("g", "1", "four")
		if bodies, _ := s.receiveFIFO(""); bodies != "one three" {
			t.Errorf("received %q", bodies)
		}
	})
}

func TestReceiveRequestAttemptID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.createFIFO("")
		for i := range 3 {
			s.sendFIFO("g", fmt.Sprint(i), fmt.Sprint(i))
		}
		attempt := `,"VisibilityTimeout":30,"ReceiveRequestAttemptId":"try"`
		_, first := s.receiveFIFO(attempt)
		time.Sleep(20 * time.Second)
		bodies, again := s.receiveFIFO(attempt)
		if bodies != "0 1 2" || again[0]["ReceiptHandle"] != first[0]["ReceiptHandle"] {
			t.Errorf("repeated: %q", bodies)
		}
		time.Sleep(20 * time.Second) // the visibility timeout began anew
		if bodies, _ := s.receiveFIFO(""); bodies != "" {
			t.Errorf("received %q", bodies)
		}
		s.deleteFIFO(again[0])
		if bodies, _ := s.receiveFIFO(attempt); bodies != "" {
			t.Errorf("repeated after a delete: %q", bodies)
		}
		time.Sleep(11 * time.Second)
		if bodies, again = s.receiveFIFO(attempt); bodies != "1 2" || again[0]["ReceiptHandle"] == first[1]["ReceiptHandle"] {
			t.Errorf("after the timeout: %q", bodies)
		}
		s.ok("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": fifoURL, "ReceiptHandle": again[1]["ReceiptHandle"], "VisibilityTimeout": 60}))
		if bodies, _ := s.receiveFIFO(attempt); bodies != "" {
			t.Errorf("repeated after a change: %q", bodies)
		}
	})
}
