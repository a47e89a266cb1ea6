package stomp

import (
	"strconv"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// Scheduled messages. One that is to come later waits in its queue until it is due; of one that is to be repeated, each
// repetition is a message of its own, stored together with the others. What a topic's subscribers are is decided when
// the message is sent.

const (
	scheduledDelay  = "AMQ_SCHEDULED_DELAY"  // ms until the first time
	scheduledPeriod = "AMQ_SCHEDULED_PERIOD" // ms from one time to the next
	scheduledRepeat = "AMQ_SCHEDULED_REPEAT" // how many times more
	scheduledCron   = "AMQ_SCHEDULED_CRON"
	// scheduledJobHeader names the schedule that a message came from.
	scheduledJobHeader = "scheduledJobId"
	// maxRepeat bounds the repetitions of a message.
	maxRepeat = 1000
	// longestSchedule bounds delay and period, in milliseconds: a year.
	longestSchedule = 365 * 24 * 60 * 60 * 1000
)

// scheduleHeaders are the frame's own: they are not delivered.
var scheduleHeaders = []string{scheduledDelay, scheduledPeriod, scheduledRepeat}

// schedule are the times at which a SEND is to be delivered; nil for now.
func schedule(f *wire.Frame, now time.Time) ([]time.Time, error) {
	var values [3]int64
	asked := false
	for i, name := range scheduleHeaders {
		text, ok := f.Get(name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return nil, activeMQFault("For input string: \"" + string(text) + "\"")
		}
		values[i], asked = n, true
	}
	delay, period, repeat := values[0], values[1], values[2]
	switch {
	case !asked:
		return nil, nil
	case repeat < 0 || repeat > maxRepeat:
		return nil, activeMQFault("Not supported: " + scheduledRepeat + " is from 0 to " + strconv.Itoa(maxRepeat))
	case delay < 0 || delay > longestSchedule || period < 0 || period > longestSchedule:
		return nil, activeMQFault("Not supported: " + scheduledDelay + " and " + scheduledPeriod + " are from 0 to a year")
	}
	if delay == 0 {
		delay = period // ActiveMQ waits for a period before the first time, too
	}
	when := make([]time.Time, 0, repeat+1)
	for i := range repeat + 1 {
		when = append(when, now.Add(time.Duration(delay+i*period)*time.Millisecond))
	}
	return when, nil
}

// scheduled are the properties of a message that is due at a time: with an id and a job of its own.
func scheduled(props property.Block, id string, at time.Time) (property.Block, error) {
	set, err := props.Decode()
	if err != nil {
		return nil, err
	}
	set.MessageID = id
	set.Headers = append(
		set.Headers, property.Field{Name: scheduledJobHeader, Value: id}, property.Field{Name: broker.DueHeader, Value: at.UnixMilli()},
	)
	return set.Append(nil)
}
