package stomp

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// TestActiveMQSchedule: a message waits for its delay, and comes as often as it is to be repeated, each time anew.
func TestActiveMQSchedule(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:r\n\n\x00")
	p.do("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_DELAY:100\nAMQ_SCHEDULED_PERIOD:20\nAMQ_SCHEDULED_REPEAT:2\nfoo:bar\nreceipt:r\n\nlater\x00")
	if info, _ := g.info("q"); info.Delayed != 3 {
		t.Errorf("%d are delayed", info.Delayed)
	}
	p.send("SEND\ndestination:/queue/q\n\nnow\x00")
	if f := p.read("MESSAGE"); f.body != "now" {
		t.Errorf("%v", f)
	}
	ids, jobs := map[string]bool{}, map[string]bool{}
	for range 3 {
		f := p.read("MESSAGE")
		p.has(f, "foo", "bar", "AMQ_SCHEDULED_DELAY", "-", "AMQ_SCHEDULED_REPEAT", "-", "portico:due", "-", "AMQ_SCHEDULED_PERIOD", "-")
		ids[f.headers["message-id"]], jobs[f.headers["scheduledJobId"]] = true, true
	}
	if len(ids) != 3 || len(jobs) != 1 {
		t.Errorf("the ids are %v, of the jobs %v", ids, jobs)
	}
	p.send("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_REPEAT:2\n\nat once\x00")
	p.has(p.read("MESSAGE"), "AMQ_SCHEDULED_REPEAT", "2", "scheduledJobId", "-")
	p.fails("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_DELAY:99999999999\nreceipt:r\n\n\x00",
		"Not supported: AMQ_SCHEDULED_DELAY is at most 31536000000")
}

// TestActiveMQScheduleExpires: a scheduled message's life begins when it comes.
func TestActiveMQScheduleExpires(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:1\ndestination:/queue/q\nreceipt:r\n\n\x00")
	before := time.Now().UnixMilli()
	p.send(fmt.Sprintf("SEND\ndestination:/queue/q\nexpires:%d\nAMQ_SCHEDULED_DELAY:2000\n\nx\x00", before+1000))
	f := p.read("MESSAGE")
	expires, err := strconv.ParseInt(f.headers["expires"], 10, 64)
	if must(t, err); expires < before+2900 {
		t.Errorf("expires %d ms after it was sent", expires-before)
	}
}

// TestActiveMQScheduleRefused: a schedule that makes no sense ends the connection, in ActiveMQ's words.
func TestActiveMQScheduleRefused(t *testing.T) {
	g := amq(t)
	for headers, message := range map[string]string{
		"AMQ_SCHEDULED_DELAY:soon":                        `For input string: "soon"`,
		"AMQ_SCHEDULED_DELAY:-1":                          "AMQ_SCHEDULED_DELAY must not be a negative value",
		"AMQ_SCHEDULED_PERIOD:1\nAMQ_SCHEDULED_REPEAT:-1": "AMQ_SCHEDULED_REPEAT must not be a negative value",
		"AMQ_SCHEDULED_REPEAT:99999999999":                `For input string: "99999999999"`,
		"AMQ_SCHEDULED_CRON:* 25 * * *":                   "Invalid token: Hours:25",
		"AMQ_SCHEDULED_CRON:":                             "Not a valid cron entry - wrong number of tokens(0): ",
	} {
		p := g.login(plain12)
		p.fails("SEND\ndestination:/queue/q\n"+headers+"\nreceipt:r\n\n\x00", message)
		p.wantClosed()
	}
}

func TestTimesOfASchedule(t *testing.T) {
	now := time.UnixMilli(1000)
	for _, c := range []struct {
		delay, period, repeat string
		want                  []int64
	}{
		{"500", "0", "0", []int64{1500}},
		{"0", "10", "2", []int64{1010, 1020, 1030}},
		{"5", "10", "1", []int64{1005, 1015}},
	} {
		plan, err := planOf(&wire.Frame{Headers: []wire.Header{
			{Name: []byte(scheduledDelay), Value: []byte(c.delay)},
			{Name: []byte(scheduledPeriod), Value: []byte(c.period)},
			{Name: []byte(scheduledRepeat), Value: []byte(c.repeat)},
		}})
		must(t, err)
		var got []int64
		for _, at := range plan.times(now) {
			got = append(got, at.UnixMilli())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
