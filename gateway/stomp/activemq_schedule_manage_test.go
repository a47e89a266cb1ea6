package stomp

import (
	"fmt"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

const manage = "SEND\ndestination:/topic/ActiveMQ.Scheduler.Management\nreceipt:r\nreply-to:/temp-queue/m\nAMQ_SCHEDULER_ACTION:"

// browseSchedules asks for what is scheduled, and returns it by its body.
func (p *peer) browseSchedules(headers string, n int) map[string]frame {
	p.Helper()
	p.send(manage + "BROWSE\n" + headers + "\n\x00")
	found := map[string]frame{}
	for receipt := false; len(found) < n || !receipt; {
		p.session = ""
		text := p.next()
		if text == "RECEIPT\nreceipt-id:r\n\n" {
			receipt = true
			continue
		}
		f := parseFrame(text)
		found[f.body] = f
	}
	p.sync()
	return found
}

// publishDue puts a message into a queue that is due later, as a client of another protocol does.
func (g *gateway) publishDue(queue string, at time.Time) {
	g.Helper()
	set := property.Set{Headers: property.Table{{Name: broker.DueHeader, Value: at.UnixMilli()}}}
	block, err := set.Append(nil)
	must(g.T, err)
	if _, err := g.session().Publish(broker.NewMessage("", queue, block, nil), nil); err != nil {
		g.Fatal(err)
	}
}

// TestActiveMQScheduleManagement: what is scheduled is shown and removed, by its job, its time, or all of it.
func TestActiveMQScheduleManagement(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:m\ndestination:/temp-queue/m\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:t\ndestination:/topic/t\nreceipt:r\n\n\x00")
	p.do("SEND\ndestination:/queue/q\nfoo:bar\npriority:7\ncorrelation-id:c\nAMQ_SCHEDULED_DELAY:3600000\nreceipt:r\n\nlater\x00")
	p.do("SEND\ndestination:/topic/t\nAMQ_SCHEDULED_DELAY:7200000\nAMQ_SCHEDULED_PERIOD:1\nAMQ_SCHEDULED_REPEAT:2\nreceipt:r\n\ntopic\x00")
	p.do("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_CRON:0 0 1 1 *\nreceipt:r\n\ncron\x00")
	g.publishDue("q", time.Now().Add(time.Hour)) // not a schedule's
	found := p.browseSchedules("", 3)
	p.has(found["later"], "type", "Advisory", "destination", "/temp-queue/m", "original-destination", "/queue/q", "foo", "bar",
		"priority", "7", "correlation-id", "-", "AMQ_SCHEDULED_DELAY", "3600000", "expires", "0")
	p.has(found["topic"], "original-destination", "/topic/t", "AMQ_SCHEDULED_REPEAT", "2")
	p.has(found["cron"], "original-destination", "/queue/q", "AMQ_SCHEDULED_CRON", "0 0 1 1 *")

	now := time.Now().UnixMilli()
	between := fmt.Sprintf("ACTION_START_TIME:%d\nACTION_END_TIME:%d\n", now, now+4_000_000)
	if found := p.browseSchedules(between, 1); len(found) != 1 || found["later"].command == "" {
		t.Errorf("found %v", found)
	}
	p.do(manage + "REMOVE\nscheduledJobId:" + found["topic"].headers["scheduledJobId"] + "\n\n\x00")
	p.do(manage + "REMOVE\nscheduledJobId:" + found["cron"].headers["scheduledJobId"] + "\n\n\x00")
	p.do(manage + "REMOVE\nscheduledJobId:nope\n\n\x00")
	p.do(manage + "REMOVE\n\n\x00")
	p.do(manage + "NOPE\n\n\x00")
	if found := p.browseSchedules("", 1); len(found) != 1 || found["later"].command == "" {
		t.Errorf("found %v", found)
	}
	p.do(manage + "REMOVEALL\n" + fmt.Sprintf("ACTION_START_TIME:%d\nACTION_END_TIME:%d\n", now-2, now-1) + "\n\x00")
	p.browseSchedules("", 1)
	p.do(manage + "REMOVEALL\n\n\x00")
	p.browseSchedules("", 0)
	if info, _ := g.info("q"); info.Delayed != 1 {
		t.Errorf("%d are delayed", info.Delayed)
	}
	p.do("SEND\ndestination:/topic/ActiveMQ.Scheduler.Management\nreceipt:r\n\n\x00")
	p.do("SEND\ndestination:/topic/ActiveMQ.Scheduler.Management\nAMQ_SCHEDULER_ACTION:BROWSE\nreceipt:r\n\n\x00")
	p.fails(manage+"REMOVEALL\nACTION_START_TIME:x\nACTION_END_TIME:y\n\n\x00", `For input string: "x"`)
}

// TestActiveMQScheduleManagementRights: nobody sees or removes what is in queues that he may not read, or another's job.
func TestActiveMQScheduleManagementRights(t *testing.T) {
	g := amq(t)
	must(t, g.broker.PutUser("other", "other", nil))
	must(t, g.broker.SetPermission("other", "/", broker.Permission{Configure: ".*", Write: ".*", Read: "^ID:"}))
	p := g.login(plain12)
	p.do("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_DELAY:3600000\nreceipt:r\n\nlater\x00")
	p.do("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_CRON:0 0 1 1 *\nreceipt:r\n\ncron\x00")
	other := g.login("CONNECT\naccept-version:1.2\nlogin:other\npasscode:other\n\n\x00")
	other.do("SUBSCRIBE\nid:m\ndestination:/temp-queue/m\nreceipt:r\n\n\x00")
	other.browseSchedules("", 0)
	other.do(manage + "REMOVEALL\n\n\x00")
	p.do("SUBSCRIBE\nid:m\ndestination:/temp-queue/m\nreceipt:r\n\n\x00")
	p.browseSchedules("", 2)
}
