package storetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
)

func (f *fixture) declareStream(name string, limits *broker.QueueLimits) {
	f.Helper()
	if _, _, err := f.s.DeclareQueue(f.ctx(), broker.QueueSpec{Name: name, Durable: true, Stream: true, Limits: limits}); err != nil {
		f.Fatal(err)
	}
}

// read reads the messages first to last-1, whose bodies are their offsets, with a credit of 100.
func (f *fixture) read(stream string, start broker.StreamPosition, first, last int) {
	f.Helper()
	c, r := f.consume(stream, broker.ConsumeOptions{Start: start, Credits: []*broker.Credit{broker.NewCredit(100)}})
	defer c.Cancel()
	f.expectOffsets(r, first, last)
}

// expectOffsets takes messages whose bodies begin with their offsets, and settles each.
func (f *fixture) expectOffsets(r *receiver, first, last int) {
	f.Helper()
	for i := first; i < last; i++ {
		d := f.next(r)
		body, _, _ := strings.Cut(string(d.Message.Body()), " ")
		if body != strconv.Itoa(i) || d.Sequence != uint64(i) || d.Redelivered {
			f.Fatalf("got %s at offset %d, want %d", body, d.Sequence, i)
		}
		if err := f.s.Settle(broker.Ack, nil, d.Lease); err != nil {
			f.Fatal(err)
		}
	}
}

// publishSized publishes messages whose bodies begin with first to last-1.
func (f *fixture) publishSized(queue string, first, last, size int) {
	f.Helper()
	done := make(waiter, last-first)
	for i := first; i < last; i++ {
		body := append(fmt.Appendf(nil, "%d ", i), bytes.Repeat([]byte{'x'}, size)...)
		if _, err := f.s.Publish(broker.NewMessage("", queue, nil, body), done); err != nil {
			f.Fatal(err)
		}
	}
	for range last - first {
		f.wait(done)
	}
}

func at(offset int) broker.StreamPosition {
	return broker.StreamPosition{Kind: broker.AtOffset, Offset: uint64(offset)}
}

func streamPositions(f *fixture) {
	f.declareStream("s", nil)
	_, early := f.consume("s", broker.ConsumeOptions{Start: at(1050)})
	f.publish("s", 0, 1000)
	between := time.Now()
	f.publish("s", 1000, 1100)
	f.counts("s", 1100, 0)
	f.expectOffsets(early, 1050, 1100)
	f.read("s", broker.StreamPosition{Kind: broker.AtFirst}, 0, 1100)
	f.read("s", broker.StreamPosition{Kind: broker.AtLast}, 1099, 1100)
	for _, offset := range []int{0, 1, 255, 256, 257, 700, 999, 1099} {
		f.read("s", at(offset), offset, 1100)
	}
	f.read("s", broker.StreamPosition{Kind: broker.AtTime, Time: between}, 1000, 1100)
	f.read("s", broker.StreamPosition{Kind: broker.AtTime}, 0, 1100)
	_, next := f.consume("s", broker.ConsumeOptions{})
	_, future := f.consume("s", broker.ConsumeOptions{Start: broker.StreamPosition{Kind: broker.AtTime, Time: time.Now().Add(time.Hour)}})
	_, thirds := f.consume("s", broker.ConsumeOptions{
		Start:  broker.StreamPosition{Kind: broker.AtFirst},
		Filter: oneDigit{},
	})
	f.publish("s", 1100, 1110)
	f.expectOffsets(next, 1100, 1110)
	f.expectOffsets(future, 1100, 1110)
	f.expectOffsets(early, 1100, 1110)
	f.expectOffsets(thirds, 0, 10)
	if _, _, err := f.s.Get(f.ctx(), "s", broker.GetOptions{}); !broker.IsKind(err, broker.KindUnsupported) {
		f.Errorf("get: %v", err)
	}
	if _, err := f.s.PurgeQueue(f.ctx(), "s"); !broker.IsKind(err, broker.KindUnsupported) {
		f.Errorf("purge: %v", err)
	}
	f.counts("s", 1110, 0)
	if _, err := f.s.DeleteQueue(f.ctx(), "s", false, false); err != nil {
		f.Fatal(err)
	}
	<-next.cancelled
	if len(thirds.got) > 0 {
		f.Errorf("%d messages got through the filter", len(thirds.got))
	}
}

func streamRestart(f *fixture) {
	f.declareStream("s", nil)
	f.declareStream("empty", nil)
	f.publish("s", 0, 600)
	f.restart()
	f.counts("s", 600, 0)
	c, r := f.consume("s", broker.ConsumeOptions{Start: at(590), Credits: []*broker.Credit{broker.NewCredit(5)}})
	f.publish("s", 600, 620)
	f.expectOffsets(r, 590, 620)
	c.Cancel()
	f.restart()
	f.read("s", broker.StreamPosition{Kind: broker.AtFirst}, 0, 620)
	f.restart()
	f.publish("s", 620, 621)
	f.publish("empty", 0, 1)
	f.read("s", at(300), 300, 621)
	f.read("empty", broker.StreamPosition{Kind: broker.AtFirst}, 0, 1)
	f.counts("s", 621, 0)
}

// streamBacklog has many readers, each elsewhere, in what does not fit into memory, while more comes.
func streamBacklog(f *fixture) {
	const n, readers = 2000, 15
	f.declareStream("s", nil)
	f.publishSized("s", 0, n, 4096)
	all := make([]*receiver, readers)
	for i := range all {
		_, all[i] = f.consume("s", broker.ConsumeOptions{
			Start: at(n / readers * i), Credits: []*broker.Credit{broker.NewCredit(1 + 7*i)},
		})
	}
	f.publishSized("s", n, n+500, 4096)
	for i, r := range all {
		f.expectOffsets(r, n/readers*i, n+500)
	}
}

// within checks that limits bound a stream of messages of about 2,000 bytes.
func (f *fixture) within(stream string, limit int64) broker.QueueInfo {
	f.Helper()
	info := f.info(stream)
	if info.ReadyBytes > limit+limit/8+2200 || info.ReadyBytes < limit/2 {
		f.Fatalf("%s has %d bytes, limit %d", stream, info.ReadyBytes, limit)
	}
	return info
}

// streamSegments has a limit remove the oldest segments.
func streamSegments(f *fixture) {
	f.declareStream("s", &broker.QueueLimits{HasMaxBytes: true, MaxBytes: 1 << 20})
	f.publishSized("s", 0, 2000, 2000)
	info := f.within("s", 1<<20)
	if info.First == 0 || info.First+uint64(info.Ready) != 2000 {
		f.Fatalf("first %d, %d messages", info.First, info.Ready)
	}
	f.read("s", broker.StreamPosition{Kind: broker.AtFirst}, int(info.First), 2000)
	f.read("s", at(3), int(info.First), 2000)
	f.restart()
	if again := f.info("s"); again.First != info.First || again.Ready != info.Ready || again.ReadyBytes != info.ReadyBytes {
		f.Fatalf("after a restart: %+v, before: %+v", again, info)
	}
	f.publishSized("s", 2000, 3000, 2000)
	info = f.within("s", 1<<20)
	f.read("s", broker.StreamPosition{Kind: broker.AtFirst}, int(info.First), 3000)
}

// streamPolicies change the limits of a stream.
func streamPolicies(f *fixture) {
	f.declareStream("s", nil)
	f.publishSized("s", 0, 1000, 2000)
	policy := broker.Policy{
		Namespace: "/", Name: "p", Pattern: "^s", ApplyTo: broker.PolicyForQueues, Definition: json.RawMessage("{}"),
		Limits: broker.QueueLimits{HasMaxBytes: true, MaxBytes: 1 << 19, HasTTL: true},
	}
	put := func() {
		if _, err := f.b.PutPolicy(policy); err != nil {
			f.Fatal(err)
		}
	}
	put() // streams have no time to live, so this one is not for them
	f.publishSized("s", 1000, 1100, 2000)
	f.counts("s", 1100, 0)
	policy.Limits.HasTTL = false
	put()
	f.publishSized("s", 1100, 1400, 2000) // from now on, segments end where the limit says
	f.within("s", 1<<19)
	policy.Limits.MaxBytes = 1 << 18
	put() // at once
	info := f.info("s")
	if info.ReadyBytes > 1<<18 {
		f.Fatalf("%d bytes after the policy", info.ReadyBytes)
	}
	f.read("s", broker.StreamPosition{Kind: broker.AtFirst}, int(info.First), 1400)
}

func streamAge(f *fixture) {
	f.declareStream("s", &broker.QueueLimits{MaxAge: 400 * time.Millisecond})
	f.publish("s", 0, 10)
	for n := 10; f.info("s").First == 0; n++ {
		f.publish("s", n, n+1)
	}
	info := f.info("s")
	last := int(info.First) + info.Ready
	for f.info("s").Segments > 1 { // they go without more being published
		<-time.After(10 * time.Millisecond)
	}
	info = f.info("s")
	if info.Ready == 0 || int(info.First)+info.Ready != last {
		f.Fatalf("first %d, %d messages, want %d", info.First, info.Ready, last)
	}
	f.restart()
	f.publish("s", last, last+1)
	f.read("s", broker.StreamPosition{Kind: broker.AtLast}, last, last+1)
}

func streamTransaction(f *fixture) {
	f.declareStream("s", nil)
	f.declare("q")
	f.publish("s", 0, 2)
	commit := func(tx *broker.Tx) {
		done := make(waiter, 1)
		if err := tx.Commit(done); err != nil {
			f.Fatal(err)
		}
		f.wait(done)
	}
	publish := func(tx *broker.Tx, queue string, n int) {
		if _, err := tx.Publish(broker.NewMessage("", queue, nil, fmt.Append(nil, n))); err != nil {
			f.Fatal(err)
		}
	}
	_, r := f.consume("s", broker.ConsumeOptions{Start: at(0), Credits: []*broker.Credit{broker.NewCredit(1)}})
	first := f.next(r)
	tx := f.s.Begin()
	tx.Settle(broker.Ack, first.Lease)
	publish(tx, "s", 2)
	publish(tx, "q", 7)
	publish(tx, "s", 3)
	commit(tx)
	f.expectOffsets(r, 1, 4)
	tx = f.s.Begin()
	publish(tx, "s", 4)
	commit(tx)
	f.expectOffsets(r, 4, 5)
	f.restart()
	f.publish("s", 5, 6)
	f.read("s", at(0), 0, 6)
	f.expect("q", false, 7)
}

// oneDigit takes messages of one byte.
type oneDigit struct{}

func (oneDigit) Match(m *broker.Message) bool { return len(m.Body()) == 1 }
func (oneDigit) String() string               { return "one digit" }
