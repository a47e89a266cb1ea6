package stomp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cronEntry is a value of AMQ_SCHEDULED_CRON, as ActiveMQ's CronParser reads it: the minutes, hours, days of the month,
// months and days of the week (0 is Sunday) that it is for. Of a field each is a bit.
type cronEntry struct {
	fields [cronFields]uint64
	// days and weekdays are not all: of two that are not, either will do, as in crontab.
	days, weekdays bool
}

const (
	cronMinutes = iota
	cronHours
	cronDays
	cronMonths
	cronWeekdays
	cronFields
)

// cronBounds are ActiveMQ's names of the fields and what it lets be in them, which is one too many for some: there is no
// minute 60.
var cronBounds = [cronFields]struct {
	name        string
	first, last int
}{{"Minutes", 0, 60}, {"Hours", 0, 24}, {"DayOfMonth", 1, 32}, {"Month", 1, 12}, {"DayOfWeek", 0, 6}}

// parseCron reads a CRON entry. Its errors have ActiveMQ's words.
func parseCron(text string) (*cronEntry, error) {
	tokens := strings.Fields(text)
	if len(tokens) != cronFields {
		return nil, fmt.Errorf("Not a valid cron entry - wrong number of tokens(%d): %s", len(tokens), text)
	}
	c := &cronEntry{}
	for i, token := range tokens {
		field, err := cronValues(token, i)
		if err != nil {
			return nil, err
		}
		if field == 0 {
			return nil, cronInvalid(token, i)
		}
		c.fields[i] = field
	}
	c.days, c.weekdays = !isAll(tokens[cronDays]), !isAll(tokens[cronWeekdays])
	return c, nil
}

func isAll(token string) bool { return token == "*" || token == "?" }

func cronInvalid(token string, field int) error {
	return fmt.Errorf("Invalid token: %s:%s", cronBounds[field].name, token)
}

// cronValues are the values that a token names: all, those of a list, a range or one, and of them with a step those that it
// divides.
func cronValues(token string, field int) (values uint64, err error) {
	bounds := cronBounds[field]
	if from, step, ok := strings.Cut(token, "/"); ok {
		n, err := cronNumber(step)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, fmt.Errorf("/ by zero")
		}
		all, err := cronValues(from, field)
		for i := bounds.first; i <= bounds.last; i++ {
			if i%n != 0 {
				all &^= 1 << i
			}
		}
		return all, err
	}
	if isAll(token) {
		return cronRange(bounds.first, bounds.last), nil
	}
	if strings.Contains(token, ",") {
		for part := range strings.SplitSeq(token, ",") {
			if part == "" {
				continue
			}
			more, err := cronValues(part, field)
			if err != nil {
				return 0, err
			}
			values |= more
		}
		return values, nil
	}
	first, last, isRange := strings.Cut(token, "-")
	if !isRange {
		last = first
	}
	from, err := cronNumber(first)
	if err != nil {
		return 0, err
	}
	to, err := cronNumber(last)
	if err != nil {
		return 0, err
	}
	if from < bounds.first || to > bounds.last {
		return 0, cronInvalid(token, field)
	}
	return cronRange(from, to), nil
}

func cronRange(from, to int) (values uint64) {
	for i := from; i <= to; i++ {
		values |= 1 << i
	}
	return values
}

func cronNumber(text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("For input string: %q", text)
	}
	return int(n), nil
}

// cronHorizon is how far ahead a time is looked for: the next 29th of February may be eight years away.
const cronHorizon = 9 * 366

// next is the first minute after a time that the entry names, in the time's zone; the zero time when there is none.
func (c *cronEntry) next(after time.Time) time.Time {
	if c.fields[cronMinutes]&^(1<<60) == 0 || c.fields[cronHours]&^(1<<24) == 0 { // which there are not
		return time.Time{}
	}
	start := after.Truncate(time.Minute).Add(time.Minute)
	year, month, day := start.Date()
	for n := range cronHorizon {
		date := time.Date(year, month, day+n, 0, 0, 0, 0, after.Location())
		if !c.matchesDay(date) {
			continue
		}
		for at := date; at.Day() == date.Day(); at = at.Add(time.Minute) {
			if !at.Before(start) && c.has(cronHours, at.Hour()) && c.has(cronMinutes, at.Minute()) {
				return at
			}
		}
	}
	return time.Time{}
}

func (c *cronEntry) has(field, value int) bool { return c.fields[field]&(1<<value) != 0 }

func (c *cronEntry) matchesDay(date time.Time) bool {
	if !c.has(cronMonths, int(date.Month())) {
		return false
	}
	day, weekday := c.has(cronDays, date.Day()), c.has(cronWeekdays, int(date.Weekday()))
	if c.days && c.weekdays {
		return day || weekday
	}
	return day && weekday
}
