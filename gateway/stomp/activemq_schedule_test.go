package stomp

import (
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
	ids := map[string]bool{}
	for range 3 {
		f := p.read("MESSAGE")
		p.has(f, "foo", "bar", "AMQ_SCHEDULED_DELAY", "-", "AMQ_SCHEDULED_REPEAT", "-", "portico:due", "-", "scheduledJobId", f.headers["message-id"])
		ids[f.headers["message-id"]] = true
	}
	if len(ids) != 3 {
		t.Errorf("the ids are %v", ids)
	}
	p.fails("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_DELAY:soon\nreceipt:r\n\n\x00", `For input string: "soon"`)
	p.fails("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_PERIOD:1\nAMQ_SCHEDULED_REPEAT:-1\nreceipt:r\n\n\x00",
		"Not supported: AMQ_SCHEDULED_REPEAT is from 0 to 1000")
	p.fails("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_DELAY:-1\nreceipt:r\n\n\x00",
		"Not supported: AMQ_SCHEDULED_DELAY and AMQ_SCHEDULED_PERIOD are from 0 to a year")
}

func TestTimesOfASchedule(t *testing.T) {
	now := time.UnixMilli(1000)
	for _, c := range []struct {
		delay, period, repeat int64
		want                  []int64
	}{
		{500, 0, 0, []int64{1500}}, {0, 10, 2, []int64{1010, 1020, 1030}}, {5, 10, 1, []int64{1005, 1015}},
	} {
		f := &wire.Frame{}
		for i, n := range []int64{c.delay, c.period, c.repeat} {
			f.Headers = append(f.Headers, wire.Header{Name: []byte(scheduleHeaders[i]), Value: []byte(strconv.FormatInt(n, 10))})
		}
		when, err := schedule(f, now)
		must(t, err)
		if len(when) != len(c.want) {
			t.Fatalf("%+v: %v", c, when)
		}
		for i := range when {
			if when[i].UnixMilli() != c.want[i] {
				t.Errorf("%+v: %v", c, when)
			}
		}
	}
}
