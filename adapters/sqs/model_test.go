package sqs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Random operations on a queue, under a virtual clock, against a small model of what SQS promises. A
// disagreement is reduced to a short script.

// op is one step of a script.
type op struct {
	kind  string // send, receive, delete, change, sleep, purge, restart
	n     int    // send: body; receive: how many; delete, change: which receipt, counted from the newest
	group int
	dedup int // 0: the body's
	delay int // of a send, in seconds; FIFO queues take none
	secs  int // of receive and change: the visibility timeout; of sleep
}

func (o op) String() string {
	return fmt.Sprintf("{kind: %q, n: %d, group: %d, dedup: %d, delay: %d, secs: %d}", o.kind, o.n, o.group, o.dedup, o.delay, o.secs)
}

// world is a configuration that scripts are played in.
type world struct {
	fifo       bool
	maxReceive int // 0: no dead-letter queue
	retention  int // in seconds; 0: days
}

// modelMessage is a message in the model. Times are seconds since the start.
type modelMessage struct {
	body      string
	group     int
	sent      int
	due       int
	visibleAt int // while it is in flight
	inFlight  bool
	turn      int // receives
	gone      bool
}

// receipt is a handle that the client has.
type modelReceipt struct {
	handle string
	m      *modelMessage
	turn   int
	at     int
}

// model is what the queue should be.
type model struct {
	world
	now      int
	messages []*modelMessage
	receipts []*modelReceipt
	names    map[string]int // by deduplication id: when it was sent
	dead     int
}

// pass lets time come to now: what is over becomes visible, dies of receives, or of age.
func (m *model) pass(now int) {
	for m.now < now {
		m.now++
		for _, x := range m.messages {
			if !x.gone && x.inFlight && x.visibleAt <= m.now {
				m.comeBack(x)
			}
			if m.retention > 0 && m.now-x.sent >= m.retention {
				x.gone = true
			}
		}
	}
}

func (m *model) comeBack(x *modelMessage) {
	x.inFlight = false
	if m.maxReceive > 0 && x.turn >= m.maxReceive {
		x.gone = true
		m.dead++
	}
}

// available are the messages that a receive may give, in the order of each group.
func (m *model) available() []*modelMessage {
	locked := make(map[int]bool)
	var list []*modelMessage
	for _, x := range m.messages {
		switch {
		case x.gone:
		case x.inFlight:
			locked[x.group] = true
		case x.due > m.now:
		case !m.fifo || !locked[x.group]:
			list = append(list, x)
		}
	}
	return list
}

func (m *model) counts() string {
	visible, inFlight, delayed := 0, 0, 0
	for _, x := range m.messages {
		switch {
		case x.gone:
		case x.inFlight:
			inFlight++
		case x.due > m.now:
			delayed++
		default:
			visible++
		}
	}
	return fmt.Sprintf("map[ApproximateNumberOfMessages:%d ApproximateNumberOfMessagesDelayed:%d ApproximateNumberOfMessagesNotVisible:%d]", visible, delayed, inFlight)
}

// player plays a script on a queue and on the model.
type player struct {
	s     *service
	url   string
	model model
}

// play gives the first disagreement; "" when there is none.
func play(t *testing.T, w world, script []op) (found string) {
	synctest.Test(t, func(t *testing.T) {
		p := &player{s: newService(t), url: testURL, model: model{world: w, names: make(map[string]int)}}
		p.create()
		for i, o := range script {
			if found = p.step(o); found == "" {
				found = p.compare()
			}
			if found != "" {
				found = fmt.Sprintf("step %d: %s", i, found)
				return
			}
		}
	})
	return found
}

func (p *player) create() {
	attributes := map[string]string{}
	name, dead := "q", "dead"
	if p.model.fifo {
		p.url, name, dead = fifoURL, "q.fifo", "dead.fifo"
		attributes["FifoQueue"] = "true"
		attributes["ContentBasedDeduplication"] = "true"
	}
	p.s.ok("CreateQueue", encode(p.s.t, map[string]any{"QueueName": dead, "Attributes": attributes}))
	if p.model.maxReceive > 0 {
		attributes["RedrivePolicy"] = fmt.Sprintf(`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:%s","maxReceiveCount":%d}`, dead, p.model.maxReceive)
	}
	if p.model.retention > 0 {
		attributes["MessageRetentionPeriod"] = fmt.Sprint(p.model.retention)
	}
	p.s.ok("CreateQueue", encode(p.s.t, map[string]any{"QueueName": name, "Attributes": attributes}))
}

func (p *player) step(o op) string {
	switch o.kind {
	case "send":
		return p.send(o)
	case "receive":
		return p.receive(o)
	case "delete", "change":
		return p.settle(o)
	case "sleep":
		time.Sleep(time.Duration(o.secs) * time.Second)
		synctest.Wait()
		p.model.pass(p.model.now + o.secs)
	case "purge":
		p.s.ok("PurgeQueue", `{"QueueUrl":"`+p.url+`"}`)
		for _, x := range p.model.messages {
			x.gone = true
		}
		clear(p.model.names)
	}
	return ""
}

func (p *player) send(o op) string {
	m := &p.model
	x := &modelMessage{body: fmt.Sprint("b", o.n), group: o.group, sent: m.now}
	in := map[string]any{"QueueUrl": p.url, "MessageBody": x.body}
	name := x.body
	if m.fifo {
		in["MessageGroupId"] = fmt.Sprint("g", o.group)
		if o.dedup > 0 {
			name = fmt.Sprint("d", o.dedup)
			in["MessageDeduplicationId"] = name
		}
	} else {
		if o.delay > 0 {
			in["DelaySeconds"], x.due = o.delay, m.now+o.delay
		}
		if o.dedup > 0 { // one of the fair queue's tenants
			in["MessageGroupId"] = fmt.Sprint("t", o.dedup)
		}
	}
	if code, out := p.s.json("SendMessage", encode(p.s.t, in)); code != 200 {
		return fmt.Sprintf("send: %d %v", code, out)
	}
	synctest.Wait()
	if m.fifo {
		if at, again := m.names[name]; again && m.now-at < 300 {
			return ""
		}
		m.names[name] = m.now
	}
	m.messages = append(m.messages, x)
	return ""
}

func (p *player) receive(o op) string {
	m := &p.model
	code, out := p.s.json("ReceiveMessage", encode(p.s.t, map[string]any{
		"QueueUrl": p.url, "MaxNumberOfMessages": o.n, "VisibilityTimeout": o.secs, "AttributeNames": []string{"ApproximateReceiveCount", "MessageGroupId"},
	}))
	if code != 200 {
		return fmt.Sprintf("receive: %d %v", code, out)
	}
	synctest.Wait()
	list, _ := out["Messages"].([]any)
	may := m.available()
	if want := min(o.n, len(may)); len(list) != want {
		return fmt.Sprintf("received %d of %d", len(list), want)
	}
	for _, one := range list {
		got := one.(map[string]any)
		at := slices.IndexFunc(may, func(x *modelMessage) bool { return x.body == got["Body"] })
		if at < 0 {
			return fmt.Sprintf("received %v, which is not available", got["Body"])
		}
		x := may[at]
		if m.fifo && slices.ContainsFunc(may[:at], func(y *modelMessage) bool { return y.group == x.group }) {
			return fmt.Sprintf("received %s before an earlier one of its group", x.body)
		}
		may = slices.Delete(may, at, at+1)
		x.turn++
		if count := got["Attributes"].(map[string]any)["ApproximateReceiveCount"]; count != fmt.Sprint(x.turn) {
			return fmt.Sprintf("%s was received %v times, not %d", x.body, count, x.turn)
		}
		x.inFlight, x.visibleAt = true, m.now+o.secs
		m.receipts = append(m.receipts, &modelReceipt{got["ReceiptHandle"].(string), x, x.turn, m.now})
	}
	if o.secs == 0 {
		for _, r := range m.receipts[len(m.receipts)-len(list):] {
			m.comeBack(r.m)
		}
	}
	return ""
}

func (p *player) settle(o op) string {
	m := &p.model
	if len(m.receipts) == 0 {
		return ""
	}
	r := m.receipts[len(m.receipts)-1-o.n%len(m.receipts)]
	held := !r.m.gone && r.m.inFlight && r.m.turn == r.turn
	in := map[string]any{"QueueUrl": p.url, "ReceiptHandle": r.handle}
	if o.kind == "delete" {
		code, out := p.s.json("DeleteMessage", encode(p.s.t, in))
		synctest.Wait()
		if want := held || r.m.gone || !m.fifo; (code == 200) != want {
			return fmt.Sprintf("delete of %s, in flight by it %v: %d %v", r.m.body, held, code, out)
		}
		r.m.gone = r.m.gone || code == 200
		return ""
	}
	in["VisibilityTimeout"] = o.secs
	code, out := p.s.json("ChangeMessageVisibility", encode(p.s.t, in))
	synctest.Wait()
	if want := held || (!m.fifo && !r.m.gone); (code == 200) != want {
		return fmt.Sprintf("change of %s, in flight by it %v: %d %v", r.m.body, held, code, out)
	}
	if held || (code == 200 && r.m.inFlight) {
		r.m.visibleAt = m.now + o.secs
		if o.secs == 0 {
			m.comeBack(r.m)
		}
	}
	return ""
}

// compare looks at the counts.
func (p *player) compare() string {
	names := []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}
	if got, want := fmt.Sprint(p.s.shown(p.url, names...)), p.model.counts(); got != want {
		return fmt.Sprintf("counts %s, want %s", got, want)
	}
	dead := strings.Replace(p.url, "/q", "/dead", 1)
	if got := p.s.shown(dead, names[0])[names[0]]; got != fmt.Sprint(p.model.dead) {
		return fmt.Sprintf("%v dead letters, want %d", got, p.model.dead)
	}
	return ""
}

// randomScript makes a script of n steps.
func randomScript(r *rand.Rand, w world, n int) []op {
	script := make([]op, n)
	for i := range script {
		o := op{n: i, group: r.IntN(4), secs: r.IntN(12)}
		switch k := r.IntN(100); {
		case k < 30:
			o.kind = "send"
			if r.IntN(3) == 0 {
				o.dedup = 1 + r.IntN(5)
			}
			if r.IntN(3) == 0 && !w.fifo {
				o.delay = r.IntN(25)
			}
		case k < 55:
			o.kind, o.n = "receive", 1+r.IntN(10)
		case k < 70:
			o.kind, o.n = "delete", r.IntN(6)
		case k < 80:
			o.kind, o.n = "change", r.IntN(6)
		case k < 99:
			o.kind, o.secs = "sleep", 1+r.IntN(15)
			if r.IntN(20) == 0 {
				o.secs = 200
			}
		default:
			o.kind = "purge"
		}
		script[i] = o
	}
	return script
}

// shorten drops steps from a script as long as it still disagrees.
func shorten(t *testing.T, w world, script []op) []op {
	for size := len(script) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(script); {
			if shorter := slices.Delete(slices.Clone(script), at, at+size); play(t, w, shorter) != "" {
				script = shorter
				continue
			}
			at += size
		}
	}
	return script
}

func TestModel(t *testing.T) {
	for _, w := range []world{{}, {fifo: true}, {maxReceive: 2}, {fifo: true, maxReceive: 3}, {retention: 60}, {fifo: true, retention: 60}} {
		t.Run(fmt.Sprintf("%+v", w), func(t *testing.T) {
			for seed := range uint64(15) {
				script := randomScript(rand.New(rand.NewPCG(seed, 1)), w, 80)
				if play(t, w, script) == "" {
					continue
				}
				script = shorten(t, w, script)
				lines := make([]string, len(script))
				for i, o := range script {
					lines[i] = o.String()
				}
				t.Fatalf("seed %d: %s\n%s", seed, play(t, w, script), strings.Join(lines, ",\n"))
			}
		})
	}
}
