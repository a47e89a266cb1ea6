package sqs

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// sendFrom sends a message of a tenant to the standard queue.
func (s *service) sendFrom(tenant, body string) {
	s.t.Helper()
	in := map[string]any{"QueueUrl": testURL, "MessageBody": body}
	if tenant != "" {
		in["MessageGroupId"] = tenant
	}
	s.ok("SendMessage", encode(s.t, in))
}

func TestFairQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.ok("CreateQueue", `{"QueueName":"q"}`)
		s.sendFrom("", "plain 1")
		s.sendFrom("", "plain 2")
		handle := s.receiveOne("")["ReceiptHandle"]
		for i := range 50 {
			s.sendFrom("noisy", fmt.Sprint("noisy ", i))
		}
		s.sendFrom("quiet", "quiet")
		// The noisy tenant's backlog came before, but has some in flight.
		got := make(map[string]int)
		for i := range 6 {
			m := s.receiveOne(`,"MessageSystemAttributeNames":["MessageGroupId"]`)
			attributes, _ := m["Attributes"].(map[string]any)
			got[fmt.Sprint(attributes["MessageGroupId"])]++
			if i == 2 && (got["quiet"] != 1 || got["noisy"] != 1 || got["<nil>"] != 1) {
				t.Errorf("the first three: %v", got)
			}
		}
		if got["noisy"] != 4 {
			t.Errorf("received %v", got)
		}
		s.ok("DeleteMessage", encode(t, map[string]any{"QueueUrl": testURL, "ReceiptHandle": handle}))
		time.Sleep(31 * time.Second) // all but the deleted one come back
		synctest.Wait()
		counts := s.shown(testURL, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
		if fmt.Sprint(counts) != "map[ApproximateNumberOfMessages:52 ApproximateNumberOfMessagesNotVisible:0]" {
			t.Errorf("counts %v", counts)
		}
		s.ok("PurgeQueue", `{"QueueUrl":"`+testURL+`"}`)
		s.sendFrom("quiet", "again")
		if m := s.receiveOne(""); m["Body"] != "again" {
			t.Errorf("after a purge: %v", m)
		}
	})
}

func TestFairQueueParameters(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	code, out := s.json("SendMessage", `{"QueueUrl":"`+testURL+`","MessageBody":"b","MessageGroupId":"g g"}`)
	if code != 400 || out["query"] != "InvalidParameterValue;Sender" {
		t.Error(code, out)
	}
}
