package sns

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
)

const (
	fifoARN   = "arn:aws:sns:us-east-1:000000000000:t.fifo"
	fifoQueue = "arn:aws:sqs:us-east-1:000000000000:q.fifo"
)

func (s *service) orderedQueue(name string) {
	s.t.Helper()
	_, _, err := s.session.DeclareQueue(s.t.Context(), broker.QueueSpec{
		Name: name, Durable: true, Ordered: true, Limits: &broker.QueueLimits{Deduplicate: broker.DeduplicateInQueue},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) createFIFO(set ...string) {
	s.t.Helper()
	s.ok("CreateTopic", append([]string{"Name", "t.fifo"}, attributes(append([]string{"FifoTopic", "true"}, set...)...)...)...)
}

func (s *service) subscribeFIFO(endpoint string, set ...string) string {
	s.t.Helper()
	return element(s.t, s.ok("Subscribe", append([]string{"TopicArn", fifoARN, "Protocol", "sqs", "Endpoint", endpoint}, attributes(set...)...)...), "SubscriptionArn")
}

func (s *service) publishFIFO(text, group, name string) (id, sequence string) {
	s.t.Helper()
	body := s.ok("Publish", "TopicArn", fifoARN, "Message", text, "MessageGroupId", group, "MessageDeduplicationId", name)
	return element(s.t, body, "MessageId"), element(s.t, body, "SequenceNumber")
}

// some waits for n messages and gives their bodies.
func (s *service) some(queue string, n int) []*broker.Message {
	s.t.Helper()
	var list []*broker.Message
	for len(list) < n {
		list = append(list, s.await(queue))
	}
	return list
}

func TestFIFOTopic(t *testing.T) {
	s := newService(t)
	s.orderedQueue("q.fifo")
	s.queue("q")
	s.createFIFO()
	s.createFIFO() // the same again
	s.subscribeFIFO(fifoQueue, "RawMessageDelivery", "true")
	s.subscribeFIFO(testQueue)
	first, number := s.publishFIFO("one", "g", "1")
	if again, same := s.publishFIFO("one again", "g", "1"); again != first || same != number {
		t.Errorf("a duplicate: %s %s, not %s %s", again, same, first, number)
	}
	_, later := s.publishFIFO("two", "g", "2")
	if len(number) != 20 || later <= number {
		t.Errorf("numbers %s, %s", number, later)
	}
	s.restart()
	if again, same := s.publishFIFO("one after a restart", "g", "1"); again != first || same != number {
		t.Errorf("a duplicate after a restart: %s %s, not %s %s", again, same, first, number)
	}
	s.publishFIFO("three", "h", "3")
	var texts []string
	for _, m := range s.some("q.fifo", 3) {
		texts = append(texts, string(m.Body())+" "+m.Group()+" "+m.DeduplicationID())
	}
	if fmt.Sprint(texts) != "[one g 1 two g 2 three h 3]" {
		t.Errorf("received %v", texts)
	}
	standard := s.some("q", 3)
	var e map[string]any
	if err := json.Unmarshal(standard[0].Body(), &e); err != nil || e["SequenceNumber"] != number || e["Message"] != "one" || e["MessageId"] != first || e["Signature"] != nil {
		t.Errorf("envelope %s", standard[0].Body())
	}
	if standard[0].Group() != "" || standard[0].DeduplicationID() != "" {
		t.Error("a standard queue got the group")
	}
	if got := append(s.receive("q"), s.receive("q.fifo")...); len(got) != 0 {
		t.Errorf("more: %v", got)
	}
	s.ok("DeleteTopic", "TopicArn", fifoARN)
	if names := s.session.QueueNames(); strings.Contains(fmt.Sprint(names), "sns.topic") {
		t.Errorf("queues left: %v", names)
	}
}

func TestFIFOErrors(t *testing.T) {
	s := newService(t)
	s.createFIFO()
	s.ok("CreateTopic", "Name", "t")
	for _, tt := range []struct {
		text  string
		pairs []string
	}{
		{"Invalid parameter: The MessageGroupId parameter is required for FIFO topics", []string{"TopicArn", fifoARN, "Message", "m"}},
		{"Invalid parameter: The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly", []string{"TopicArn", fifoARN, "Message", "m", "MessageGroupId", "g"}},
		{"Invalid parameter: MessageGroupId Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.", []string{"TopicArn", fifoARN, "Message", "m", "MessageGroupId", "g g"}},
		{"Invalid parameter: MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type", []string{"TopicArn", testTopic, "Message", "m", "MessageDeduplicationId", "1"}},
	} {
		if code, body := s.do("Publish", tt.pairs...); code != 400 || !strings.Contains(body, "<Message>"+tt.text+"</Message>") {
			t.Errorf("%d %s\nwant %s", code, body, tt.text)
		}
	}
	if code, body := s.do("Subscribe", "TopicArn", fifoARN, "Protocol", "http", "Endpoint", "http://x"); code != 400 {
		t.Errorf("%d %s", code, body)
	}
	for _, bad := range [][]string{{"FifoTopic", "true"}, {"ContentBasedDeduplication", "x"}, {"FifoThroughputScope", "x"}, {"ArchivePolicy", `{"MessageRetentionPeriod":"366"}`}} {
		if code, body := s.do("SetTopicAttributes", "TopicArn", fifoARN, "AttributeName", bad[0], "AttributeValue", bad[1]); code != 400 {
			t.Errorf("%v: %d %s", bad, code, body)
		}
	}
	if code, body := s.do("SetTopicAttributes", "TopicArn", testTopic, "AttributeName", "ContentBasedDeduplication", "AttributeValue", "true"); code != 400 {
		t.Errorf("%d %s", code, body)
	}
}

func TestContentBasedDeduplication(t *testing.T) {
	s := newService(t)
	s.orderedQueue("q.fifo")
	s.createFIFO("ContentBasedDeduplication", "true", "FifoThroughputScope", "MessageGroup")
	s.subscribeFIFO(fifoQueue, "RawMessageDelivery", "true")
	publish := func(text, group string) string {
		t.Helper()
		return element(t, s.ok("Publish", "TopicArn", fifoARN, "Message", text, "MessageGroupId", group), "MessageId")
	}
	if a, b := publish("m", "g"), publish("m", "g"); a != b {
		t.Error("the same content was taken twice")
	}
	if a, b := publish("n", "g"), publish("n", "h"); a == b {
		t.Error("another group's message was taken for a duplicate")
	}
}

func TestArchiveAndReplay(t *testing.T) {
	s := newService(t)
	s.orderedQueue("q.fifo")
	s.createFIFO("ArchivePolicy", `{"MessageRetentionPeriod":"1"}`)
	begin := time.Now().UTC()
	for i := range 250 {
		s.publishFIFO(fmt.Sprintf(`{"n":%d}`, i), "g", fmt.Sprint(i))
	}
	waitUntil(t, func() bool {
		log, err := s.session.Log(archiveName("t.fifo"), broker.AccessRead)
		if err != nil {
			t.Fatal(err)
		}
		last, err := log.Last(t.Context(), 0)
		return err == nil && last >= 250
	})
	if shown := shownIn(t, s.ok("GetTopicAttributes", "TopicArn", fifoARN)); shown["BeginningArchiveTime"] < timestamp(begin) {
		t.Errorf("the archive begins %s", shown["BeginningArchiveTime"])
	}
	policy := `{"PointType":"Timestamp","StartingPoint":"` + begin.Add(-time.Minute).Format(time.RFC3339) + `"}`
	arn := s.subscribeFIFO(fifoQueue, "ReplayPolicy", policy, "FilterPolicy", `{"n":[{"numeric":[">=",100]}]}`, "FilterPolicyScope", "MessageBody")
	for i, m := range s.some("q.fifo", 150) {
		var e map[string]any
		if err := json.Unmarshal(m.Body(), &e); err != nil || e["Message"] != fmt.Sprintf(`{"n":%d}`, i+100) || e["Replayed"] != "true" || m.Group() != "g" {
			t.Fatalf("message %d is %s", i, m.Body())
		}
	}
	status := func() string {
		return shownIn(t, s.ok("GetSubscriptionAttributes", "SubscriptionArn", arn))["ReplayStatus"]
	}
	waitUntil(t, func() bool { return status() == "Completed" })
	s.restart()
	if status() != "Completed" {
		t.Error("the restart forgot the replay")
	}
	s.publishFIFO(`{"n":1000}`, "g", "new")
	if m := s.await("q.fifo"); strings.Contains(string(m.Body()), "Replayed") {
		t.Errorf("new: %s", m.Body())
	}
	if code, body := s.do("DeleteTopic", "TopicArn", fifoARN); code != 400 || !strings.Contains(body, "InvalidState") {
		t.Errorf("%d %s", code, body)
	}
	if err := trimArchive(t.Context(), s.session, "t.fifo", time.Now()); err != nil {
		t.Error(err)
	}
	s.ok("SetTopicAttributes", "TopicArn", fifoARN, "AttributeName", "ArchivePolicy", "AttributeValue", "{}")
	s.ok("DeleteTopic", "TopicArn", fifoARN)
}

// A FIFO queue of another account gets each group in order.
func TestFIFOQueueOfAnotherAccount(t *testing.T) {
	s := newService(t)
	const namespace = "123456789012:us-east-1"
	if _, err := s.broker.Namespace(t.Context(), namespace, true); err != nil {
		t.Fatal(err)
	}
	session, err := s.broker.OpenSession(t.Context(), s.broker.Root(), namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	other := &service{t: t, session: session}
	other.orderedQueue("q.fifo")
	s.createFIFO()
	s.subscribeFIFO("arn:aws:sqs:us-east-1:123456789012:q.fifo", "RawMessageDelivery", "true")
	const each = 40
	for i := range 2 * each {
		s.publishFIFO(fmt.Sprint(i/2), fmt.Sprint("g", i%2), fmt.Sprint(i))
	}
	next := make(map[string]int)
	for _, m := range other.some("q.fifo", 2*each) {
		if string(m.Body()) != fmt.Sprint(next[m.Group()]) {
			t.Fatalf("group %s: %s where %d is due", m.Group(), m.Body(), next[m.Group()])
		}
		next[m.Group()]++
	}
}
