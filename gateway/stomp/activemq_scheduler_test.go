package stomp

import (
	"fmt"
	"testing"
	"time"

	"github.com/portico-mq/portico/broker"
)

// aJob is the first job in the namespace.
func (g *gateway) aJob() job {
	g.Helper()
	jobs := g.handler.scheduler.jobs("/")
	if len(jobs) != 1 {
		g.Fatalf("the jobs are %v", jobs)
	}
	return jobs[0]
}

// TestActiveMQCron: a message comes at each time of its CRON entry, as often as it is to be repeated then, to queues and
// topics, also after a restart.
func TestActiveMQCron(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:1\ndestination:/topic/t\nreceipt:r\n\n\x00")
	p.do("SEND\ndestination:/queue/q,/topic/t\npersistent:true\nfoo:bar\nAMQ_SCHEDULED_CRON:* * * * *\nAMQ_SCHEDULED_DELAY:20\n" +
		"AMQ_SCHEDULED_PERIOD:10\nAMQ_SCHEDULED_REPEAT:1\nreceipt:r\n\nx\x00")
	first := time.UnixMilli(g.aJob().Next)
	if first.Second() != 0 || time.Until(first) > time.Minute {
		t.Errorf("it comes at %v", first)
	}
	g.handler.scheduler.run(first.Add(-time.Millisecond))
	p.sync()
	again := startWith(t, g.store, Options{Dialect: ActiveMQ}) // it has read the same jobs
	again.handler.scheduler.run(first)
	if next := time.UnixMilli(again.aJob().Next); !next.Equal(first.Add(time.Minute)) {
		t.Errorf("it comes next at %v after %v", next, first)
	}
}

// TestActiveMQCronDelivers: the messages of a job arrive, with one job's id and ids of their own.
func TestActiveMQCronDelivers(t *testing.T) {
	g := amq(t)
	p := g.login(plain12)
	p.do("SUBSCRIBE\nid:1\ndestination:/topic/t\nreceipt:r\n\n\x00")
	p.do("SUBSCRIBE\nid:2\ndestination:/queue/q\nreceipt:r\n\n\x00")
	p.do("SEND\ndestination:/queue/q,/topic/t\nfoo:bar\nAMQ_SCHEDULED_CRON:* * * * *\nreceipt:r\n\nx\x00")
	seen := map[string]bool{}
	for range 2 { // at times that have come already
		j := g.aJob()
		must(t, g.handler.scheduler.remove("/", j.ID))
		j.Next = time.Now().Add(-time.Minute).UnixMilli()
		must(t, g.handler.scheduler.add("/", &j))
		for range 2 {
			f := p.read("MESSAGE")
			p.has(f, "foo", "bar", "scheduledJobId", j.ID, "original-destination", "/queue/q,topic://t", "AMQ_SCHEDULED_CRON", "-")
			seen[f.headers["message-id"]] = true
		}
	}
	if len(seen) != 2 { // one for each time, whatever the places
		t.Errorf("the ids are %v", seen)
	}
	must(t, g.handler.scheduler.remove("/", g.aJob().ID))

	// More repetitions than are stored at once come by the timer.
	p.do("SUBSCRIBE\nid:3\ndestination:/topic/u\nreceipt:r\n\n\x00")
	p.do("SEND\ndestination:/topic/u\nfoo:bar\nAMQ_SCHEDULED_DELAY:1\nAMQ_SCHEDULED_REPEAT:1500\nreceipt:r\n\nx\x00")
	clear(seen)
	jobs := map[string]bool{}
	for range 1501 {
		f := p.read("MESSAGE")
		p.has(f, "destination", "/topic/u", "foo", "bar", "AMQ_SCHEDULED_DELAY", "-", "AMQ_SCHEDULED_REPEAT", "-")
		seen[f.headers["message-id"]], jobs[f.headers["scheduledJobId"]] = true, true
	}
	if len(seen) != 1501 || len(jobs) != 1 {
		t.Errorf("%d ids of %d jobs", len(seen), len(jobs))
	}
}

// TestActiveMQCronRefused: what a job cannot be, and who may not send has none.
func TestActiveMQCronRefused(t *testing.T) {
	g := amq(t)
	must(t, g.broker.PutUser("reader", "reader", nil))
	must(t, g.broker.SetPermission("reader", "/", broker.Permission{Configure: ".*", Read: ".*"}))
	p := g.login("CONNECT\naccept-version:1.2\nlogin:reader\npasscode:reader\n\n\x00")
	cron := "AMQ_SCHEDULED_CRON:* * * * *\nreceipt:r\n"
	p.fails("SEND\ndestination:/topic/t\n"+cron+"\nx\x00", "User reader is not authorized to write to: exchange amq.topic")
	p = g.login(plain12)
	p.fails("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_CRON:0 0 31 2 *\nreceipt:r\n\nx\x00",
		"Not supported: AMQ_SCHEDULED_CRON names no time that comes: 0 0 31 2 *")
	p.fails("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_REPEAT:1001\n"+cron+"\nx\x00",
		"Not supported: with AMQ_SCHEDULED_CRON, AMQ_SCHEDULED_REPEAT is at most 1000")
	p.fails("SEND\ndestination:/temp-queue/q\n"+cron+"\nx\x00", "Not supported: a schedule with AMQ_SCHEDULED_CRON for a temporary destination")
	p.send("BEGIN\ntransaction:t\n\n\x00")
	p.fails("SEND\ndestination:/queue/q\ntransaction:t\n"+cron+"\nx\x00", "Not supported: a schedule with AMQ_SCHEDULED_CRON in a transaction")
	if jobs := g.handler.scheduler.jobs("/"); len(jobs) != 0 {
		t.Errorf("%v", jobs)
	}
}

// TestActiveMQCronOfNobody: a job whose user is gone ends; one in a namespace that is gone, too.
func TestActiveMQCronOfNobody(t *testing.T) {
	g := amq(t)
	must(t, g.broker.PutUser("going", "going", nil))
	must(t, g.broker.SetPermission("going", "/", broker.Permission{Configure: ".*", Write: ".*", Read: ".*"}))
	p := g.login("CONNECT\naccept-version:1.2\nlogin:going\npasscode:going\n\n\x00")
	p.do("SEND\ndestination:/queue/q\nAMQ_SCHEDULED_CRON:* * * * *\nreceipt:r\n\nx\x00")
	j := g.aJob()
	must(t, g.broker.DeleteUser("going"))
	g.handler.scheduler.run(time.UnixMilli(j.Next))
	if jobs := g.handler.scheduler.jobs("/"); len(jobs) != 0 {
		t.Errorf("%v", jobs)
	}
}

func TestJobsAdvance(t *testing.T) {
	for _, c := range []struct {
		job        job
		now        int64
		want       []int64
		next, left int64
	}{
		{job{Next: 1000, Left: 3, Period: 100}, 1000, []int64{1000}, 1100, 2},
		{job{Next: 1000, Left: 3, Period: 100}, 1150, []int64{1000, 1100}, 1200, 1},
		{job{Next: 1000, Left: 3, Period: 100}, 9000, []int64{1000, 1100, 1200}, 0, 0},
		{job{Next: 1000, Left: 2}, 1000, []int64{1000, 1000}, 0, 0},
		{job{Next: 60_000, Cron: "* * * * *", Delay: 5, Period: 10, Repeat: 1}, 60_000, []int64{60_005, 60_015}, 120_000, 0},
		{job{Next: 60_000, Cron: "* * * * *"}, 300_001, []int64{60_000}, 360_000, 0}, // those in between are gone
	} {
		was := c.job
		when, err := c.job.advance(time.UnixMilli(c.now))
		must(t, err)
		var got []int64
		for _, at := range when {
			got = append(got, at.UnixMilli())
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) || c.job.Next != c.next || c.job.Left != c.left {
			t.Errorf("%+v at %d: %v, then %d, %d", was, c.now, got, c.job.Next, c.job.Left)
		}
	}
}
