package sqs

import (
	"fmt"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
)

func TestInFlightLimit(t *testing.T) {
	s := newService(t)
	s.ok("CreateQueue", `{"QueueName":"q"}`)
	session := s.session()
	const all = maxInFlight + 5
	stored := make(chan error, all)
	for range all {
		if _, err := session.Publish(broker.NewMessage("", "q", nil, []byte("b")), broker.CompletionFunc(func(err error) { stored <- err })); err != nil {
			t.Fatal(err)
		}
	}
	for range all {
		if err := <-stored; err != nil {
			t.Fatal(err)
		}
	}
	out := 0
	for out < maxInFlight-3 {
		got, _, err := session.Get(t.Context(), "q", broker.GetOptions{Max: maxInFlight - 3 - out, Lease: time.Hour, Wait: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		out += len(got)
	}
	// Ten are asked for, and three may be in flight.
	last, _ := s.ok("ReceiveMessage", `{"QueueUrl":"`+testURL+`","MaxNumberOfMessages":10}`)["Messages"].([]any)
	if len(last) != 3 {
		t.Fatalf("received %d", len(last))
	}
	code, answer := s.json("ReceiveMessage", `{"QueueUrl":"`+testURL+`"}`)
	if code != 403 || answer["__type"] != "com.amazonaws.sqs#OverLimit" {
		t.Errorf("beyond the limit: %d %v", code, answer)
	}
	if answer := s.ok("ReceiveMessage", `{"QueueUrl":"`+testURL+`","WaitTimeSeconds":1}`); answer["Messages"] != nil {
		t.Errorf("a long poll beyond the limit: %v", answer)
	}
	s.ok("DeleteMessage", encode(t, map[string]any{"QueueUrl": testURL, "ReceiptHandle": last[0].(map[string]any)["ReceiptHandle"]}))
	s.receiveOne("")
	counts := s.shown(testURL, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
	if fmt.Sprint(counts) != "map[ApproximateNumberOfMessages:4 ApproximateNumberOfMessagesNotVisible:120000]" {
		t.Errorf("counts %v", counts)
	}
}
