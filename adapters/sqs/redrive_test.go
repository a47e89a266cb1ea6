package sqs

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	deadURL = "http://example.com/000000000000/dead"
	deadARN = "arn:aws:sqs:us-east-1:000000000000:dead"
	testARN = "arn:aws:sqs:us-east-1:000000000000:q"
)

// redriven makes the queue q with a dead-letter queue.
func (s *service) redriven(maxReceive int) {
	s.t.Helper()
	s.ok("CreateQueue", `{"QueueName":"dead"}`)
	policy := fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":%d}`, deadARN, maxReceive)
	s.ok("CreateQueue", encode(s.t, map[string]any{"QueueName": "q", "Attributes": map[string]string{"RedrivePolicy": policy}}))
}

// dead receives from the dead-letter queue.
func (s *service) dead() []map[string]any {
	s.t.Helper()
	list, _ := s.ok("ReceiveMessage", `{"QueueUrl":"`+deadURL+`","MaxNumberOfMessages":10,"WaitTimeSeconds":1,"MessageSystemAttributeNames":["All"],"MessageAttributeNames":["All"],"VisibilityTimeout":0}`)["Messages"].([]any)
	messages := make([]map[string]any, len(list))
	for i, m := range list {
		messages[i] = m.(map[string]any)
	}
	return messages
}

func TestDeadLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.redriven(2)
		sent := s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b","MessageAttributes":{"a":{"DataType":"Number","StringValue":"1"}}}`)
		at := time.Now()
		for range 2 {
			s.receiveOne("")
			if messages := s.dead(); len(messages) != 0 {
				t.Fatalf("dead too early: %v", messages)
			}
			time.Sleep(31 * time.Second)
		}
		if out := s.ok("ReceiveMessage", `{"QueueUrl":"`+testURL+`"}`); out["Messages"] != nil {
			t.Errorf("a third time: %v", out)
		}
		messages := s.dead()
		if len(messages) != 1 || messages[0]["MessageId"] != sent["MessageId"] || messages[0]["MD5OfMessageAttributes"] != sent["MD5OfMessageAttributes"] {
			t.Fatalf("dead letters %v", messages)
		}
		attributes := messages[0]["Attributes"].(map[string]any)
		if attributes["DeadLetterQueueSourceArn"] != testARN || attributes["ApproximateReceiveCount"] != "3" || attributes["SentTimestamp"] != millis(at) {
			t.Errorf("attributes %v, sent %s", attributes, millis(at))
		}
	})
}

func TestRedrivePolicyIsChecked(t *testing.T) {
	s := newService(t)
	s.redriven(2)
	s.createFIFO("")
	set := func(queue, target string) (int, map[string]any) {
		policy := `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":"5"}`
		return s.json("SetQueueAttributes", encode(t, map[string]any{"QueueUrl": "http://x/000000000000/" + queue, "Attributes": map[string]string{"RedrivePolicy": policy}}))
	}
	for target, reason := range map[string]string{
		"arn:aws:sqs:us-east-1:000000000000:none":   "Dead letter target does not exist.",
		"arn:aws:sqs:us-east-1:111122223333:dead":   "Dead-letter target owner should be same as the source.",
		"arn:aws:sqs:us-east-1:000000000000:q.fifo": "Dead-letter queue must be same type of queue as the source.",
	} {
		if code, out := set("q", target); code != 400 || !strings.HasSuffix(fmt.Sprint(out["message"]), reason) {
			t.Errorf("%s: %d %v", target, code, out)
		}
	}
	s.ok("SetQueueAttributes", encode(t, map[string]any{"QueueUrl": deadURL, "Attributes": map[string]string{"RedriveAllowPolicy": `{"redrivePermission":"denyAll"}`}}))
	if code, out := set("q", deadARN); code != 400 {
		t.Errorf("a queue that takes no dead letters: %d %v", code, out)
	}
	s.ok("SetQueueAttributes", encode(t, map[string]any{"QueueUrl": deadURL, "Attributes": map[string]string{"RedriveAllowPolicy": `{"redrivePermission":"byQueue","sourceQueueArns":["` + testARN + `"]}`}}))
	if code, out := set("q", deadARN); code != 200 {
		t.Error(code, out)
	}
	out := s.ok("ListDeadLetterSourceQueues", `{"QueueUrl":"`+deadURL+`"}`)
	if fmt.Sprint(out) != "map[queueUrls:["+testURL+"]]" {
		t.Errorf("sources %v", out)
	}
	s.ok("SetQueueAttributes", `{"QueueUrl":"`+testURL+`","Attributes":{"RedrivePolicy":""}}`)
	if out := s.ok("ListDeadLetterSourceQueues", `{"QueueUrl":"`+deadURL+`"}`); fmt.Sprint(out) != "map[queueUrls:[]]" {
		t.Errorf("sources %v", out)
	}
	s.ok("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b"}`)
	for range 4 { // no limit any more
		s.receiveOne(`,"VisibilityTimeout":0`)
	}
}

// kill sends n messages and receives each once too often.
func (s *service) kill(n int) {
	s.t.Helper()
	for i := range n {
		s.ok("SendMessage", fmt.Sprintf(`{"QueueUrl":"%s","MessageBody":"%d"}`, testURL, i))
		s.receiveOne(`,"VisibilityTimeout":0`)
	}
	for {
		if got := s.shown(deadURL, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"]; got == fmt.Sprint(n) {
			return
		}
	}
}

// tasks lists the move tasks of the dead-letter queue.
func (s *service) tasks() []map[string]any {
	s.t.Helper()
	var list []map[string]any
	for _, r := range s.ok("ListMessageMoveTasks", `{"SourceArn":"`+deadARN+`","MaxResults":10}`)["Results"].([]any) {
		list = append(list, r.(map[string]any))
	}
	return list
}

func TestMoveTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.redriven(1)
		s.kill(25)
		s.ok("StartMessageMoveTask", `{"SourceArn":"`+deadARN+`"}`)
		synctest.Wait()
		task := s.tasks()[0]
		if task["Status"] != "COMPLETED" || task["ApproximateNumberOfMessagesMoved"] != 25.0 || task["ApproximateNumberOfMessagesToMove"] != 25.0 || task["TaskHandle"] != nil {
			t.Errorf("task %v", task)
		}
		counts := s.shown(testURL, "ApproximateNumberOfMessages")
		if counts["ApproximateNumberOfMessages"] != "25" || len(s.dead()) != 0 {
			t.Errorf("moved %v", counts)
		}
		m := s.receiveOne(`,"AttributeNames":["All"]`)
		attributes := m["Attributes"].(map[string]any)
		if attributes["ApproximateReceiveCount"] != "1" || attributes["DeadLetterQueueSourceArn"] != nil {
			t.Errorf("a message that was sent back: %v", m)
		}
	})
}

func TestMoveTaskWithRateAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.redriven(1)
		s.ok("CreateQueue", `{"QueueName":"other"}`)
		s.kill(30)
		start := `{"SourceArn":"` + deadARN + `","DestinationArn":"arn:aws:sqs:us-east-1:000000000000:other","MaxNumberOfMessagesPerSecond":2}`
		handle := s.ok("StartMessageMoveTask", start)["TaskHandle"].(string)
		if code, out := s.json("StartMessageMoveTask", start); code != 400 || out["message"] != "There is already a task running. Only one active task is allowed for a source queue arn at a given time." {
			t.Error(code, out)
		}
		time.Sleep(4*time.Second + time.Second/2)
		synctest.Wait()
		task := s.tasks()[0]
		if task["Status"] != "RUNNING" || task["ApproximateNumberOfMessagesMoved"] != 10.0 || task["TaskHandle"] != handle || task["MaxNumberOfMessagesPerSecond"] != 2.0 {
			t.Errorf("after 4.5 s: %v", task)
		}
		if out := s.ok("CancelMessageMoveTask", encode(t, map[string]any{"TaskHandle": handle})); out["ApproximateNumberOfMessagesMoved"] != 10.0 {
			t.Errorf("cancelled: %v", out)
		}
		synctest.Wait()
		if task := s.tasks()[0]; task["Status"] != "CANCELLED" {
			t.Errorf("after the cancellation: %v", task)
		}
		if code, out := s.json("CancelMessageMoveTask", encode(t, map[string]any{"TaskHandle": handle})); code != 404 || out["message"] != "Task does not exist." {
			t.Error(code, out)
		}
	})
}

func TestMoveTaskGoesOnAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.redriven(1)
		s.kill(30)
		s.ok("StartMessageMoveTask", `{"SourceArn":"`+deadARN+`","MaxNumberOfMessagesPerSecond":1}`)
		time.Sleep(10*time.Second + time.Second/2)
		s.restart()
		time.Sleep(time.Minute)
		synctest.Wait()
		if task := s.tasks()[0]; task["Status"] != "COMPLETED" || task["ApproximateNumberOfMessagesMoved"] != 30.0 {
			t.Errorf("task %v", task)
		}
		if counts := s.shown(testURL, "ApproximateNumberOfMessages"); counts["ApproximateNumberOfMessages"] != "30" {
			t.Errorf("moved %v", counts)
		}
	})
}

func TestMoveTaskErrors(t *testing.T) {
	s := newService(t)
	s.redriven(1)
	s.createFIFO("")
	for _, tt := range []struct {
		action, body string
		status       int
		text         string
	}{
		{"StartMessageMoveTask", `{}`, 400, "The request must contain the parameter SourceArn."},
		{"StartMessageMoveTask", `{"SourceArn":"x"}`, 400, "You must use this format to specify the SourceArn: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"},
		{"StartMessageMoveTask", `{"SourceArn":"` + testARN + `"}`, 400, "Source queue must be configured as a Dead Letter Queue."},
		{"StartMessageMoveTask", `{"SourceArn":"` + testARN + `x"}`, 404, "The resource that you specified for the SourceArn parameter doesn't exist."},
		{"StartMessageMoveTask", `{"SourceArn":"` + deadARN + `","DestinationArn":"` + testARN + `x"}`, 404, "The resource that you specified for the DestinationArn parameter doesn't exist."},
		{"StartMessageMoveTask", `{"SourceArn":"` + deadARN + `","DestinationArn":"` + testARN + `.fifo"}`, 400, "Source queue and destination queue must be of the same type."},
		{"StartMessageMoveTask", `{"SourceArn":"` + deadARN + `","MaxNumberOfMessagesPerSecond":501}`, 400, "Value 501 for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500, if provided."},
		{"CancelMessageMoveTask", `{"TaskHandle":"x"}`, 400, "Value for parameter TaskHandle is invalid."},
		{"ListMessageMoveTasks", `{"SourceArn":"` + deadARN + `","MaxResults":11}`, 400, "Value 11 for parameter MaxResults is invalid. Reason: Must be between 1 and 10, if provided."},
	} {
		if code, out := s.json(tt.action, tt.body); code != tt.status || out["message"] != tt.text {
			t.Errorf("%s: %d %v", tt.body, code, out)
		}
	}
}

func TestReceiveCountsOverARestart(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	s.ok("SendMessage", `{"QueueUrl":"q","MessageBody":"b"}`)
	s.receiveOne(`,"VisibilityTimeout":0`)
	handle := s.receiveOne("")["ReceiptHandle"]
	s.restart()
	code, out := s.json("ChangeMessageVisibility", encode(t, map[string]any{"QueueUrl": "q", "ReceiptHandle": handle, "VisibilityTimeout": 60}))
	if code != 400 || out["query"] != "InvalidParameterValue;Sender" { // it is visible again, and says so
		t.Errorf("a handle from before the restart: %d %v", code, out)
	}
	if m := s.receiveOne(`,"AttributeNames":["ApproximateReceiveCount"]`); m["Attributes"].(map[string]any)["ApproximateReceiveCount"] != "3" {
		t.Errorf("received %v", m)
	}
	s.ok("DeleteMessage", encode(t, map[string]any{"QueueUrl": "q", "ReceiptHandle": handle}))
	if out := s.shown(testURL, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"); out["ApproximateNumberOfMessages"] != "0" || out["ApproximateNumberOfMessagesNotVisible"] != "0" {
		t.Errorf("after the delete: %v", out)
	}
}
