package stomp

import (
	"errors"
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// Scheduled messages. One that is to come later waits in its queue until it is due; of one that is to be repeated, each
// repetition is a message of its own, stored together with the others. What a topic's subscribers are is decided when
// the message is sent. One that comes by a CRON entry, or more often than is stored at once, is a job: see
// activemq_scheduler.go.

const (
	scheduledPrefix = "AMQ_SCHEDULED_"
	scheduledDelay  = "AMQ_SCHEDULED_DELAY"  // ms until the first time
	scheduledPeriod = "AMQ_SCHEDULED_PERIOD" // ms from one time to the next
	scheduledRepeat = "AMQ_SCHEDULED_REPEAT" // how many times more
	scheduledCron   = "AMQ_SCHEDULED_CRON"
	// scheduledJobHeader names the schedule that a message came from.
	scheduledJobHeader = "scheduledJobId"
	// maxRepeat is how many repetitions are stored at once.
	maxRepeat = 1000
	// longestSchedule bounds delay and period, in milliseconds: a year.
	longestSchedule = 365 * 24 * 60 * 60 * 1000
)

// plan is when a message is to be delivered.
type plan struct {
	delay, period time.Duration // until the first time, and from one to the next
	repeat        int64
	cron          *cronEntry // it is delivered so at each of these times; nil: at once
	entry         string     // as it was written
}

// planOf reads a SEND's schedule; nil for now. Its errors end the connection, as in ActiveMQ, which says them to its log.
func planOf(f *wire.Frame) (*plan, error) {
	p := &plan{}
	var err error
	number := func(name string, bits int) (int64, bool) {
		text, ok := f.Get(name)
		if !ok || err != nil {
			return 0, false
		}
		n, failed := strconv.ParseInt(string(text), 10, bits)
		switch {
		case failed != nil:
			err = activeMQFatal("For input string: \"" + string(text) + "\"")
		case n < 0:
			err = activeMQFatal(name + " must not be a negative value")
		case n > longestSchedule:
			err = activeMQFault("Not supported: " + name + " is at most " + strconv.Itoa(longestSchedule))
		}
		return n, true
	}
	delay, hasDelay := number(scheduledDelay, 64)
	period, hasPeriod := number(scheduledPeriod, 64)
	p.repeat, _ = number(scheduledRepeat, 32)
	p.entry = value(f, scheduledCron, "")
	_, hasCron := f.Get(scheduledCron)
	if err == nil && hasCron {
		var failed error
		if p.cron, failed = parseCron(p.entry); failed != nil {
			err = activeMQFatal(failed.Error())
		}
	}
	if err != nil || !hasDelay && !hasPeriod && !hasCron {
		return nil, err
	}
	p.delay, p.period = time.Duration(delay)*time.Millisecond, time.Duration(period)*time.Millisecond
	if delay == 0 {
		p.delay = p.period // ActiveMQ waits for a period before the first time, too
	}
	return p, nil
}

// isJob reports whether its messages cannot be stored at once.
func (p *plan) isJob() bool { return p != nil && (p.cron != nil || p.repeat > maxRepeat) }

// times are the times of a plan that begins now.
func (p *plan) times(now time.Time) []time.Time {
	when := make([]time.Time, 0, p.repeat+1)
	for i := range p.repeat + 1 {
		when = append(when, now.Add(p.delay+time.Duration(i)*p.period))
	}
	return when
}

// errSchedulesTooLarge says that the messages of a schedule are more than a transaction holds.
var errSchedulesTooLarge = errors.New("too many bytes in a scheduled message's repetitions")

// scheduledMessages are the messages of a schedule for its places, each with an id of its own. They wait until they are due.
func (s *Server) scheduledMessages(
	places []place, props property.Block, body []byte, job string, when []time.Time, nextID func() string,
) ([]*broker.Message, error) {
	if len(places)*len(when)*(len(body)+len(props)) > maxTransactionBytes {
		return nil, errSchedulesTooLarge
	}
	set, err := props.Decode()
	if err != nil {
		return nil, err
	}
	set.Headers = append(
		set.Headers, property.Field{Name: scheduledJobHeader, Value: job}, property.Field{Name: broker.DueHeader, Value: int64(0)},
	)
	now, due := time.Now(), &set.Headers[len(set.Headers)-1]
	life, lives := int64(0), false
	if set.Expiration != "" {
		life, err = strconv.ParseInt(set.Expiration, 10, 64)
		lives = err == nil
	}
	all := make([]*broker.Message, 0, len(when)*len(places))
	for _, at := range when {
		set.MessageID = nextID()
		due.Value = at.UnixMilli()
		if lives { // it begins when the message comes
			set.Expiration = strconv.FormatInt(life+max(at.Sub(now).Milliseconds(), 0), 10)
			for i := range set.Headers {
				if h := &set.Headers[i]; h.Name == expiresHeader {
					h.Value = strconv.FormatInt(at.UnixMilli()+life, 10)
				}
			}
		}
		block, err := set.Append(nil)
		if err != nil {
			return nil, err
		}
		for _, p := range places {
			all = append(all, s.messageFor(p, block, body))
		}
	}
	return all, nil
}
