package stomp

import (
	"testing"
	"time"
)

// TestCron: the next time that an entry names, over the ends of days, months and years and the changes of a zone's clocks.
func TestCron(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	must(t, err)
	const layout = "2006-01-02 15:04:05"
	for _, c := range []struct{ entry, after, want string }{
		{"* * * * *", "2026-01-31 23:59:30", "2026-02-01 00:00:00"},
		{"* * * * *", "2026-01-31 23:58:00", "2026-01-31 23:59:00"},
		{"0 12 * * *", "2026-01-31 12:00:00", "2026-02-01 12:00:00"},
		{"*/15 * * * *", "2026-01-31 10:16:00", "2026-01-31 10:30:00"},
		{"10-20/5 3,4 * * ?", "2026-01-31 03:15:00", "2026-01-31 03:20:00"},
		{"10/5 * * * *", "2026-01-31 03:15:00", "2026-01-31 04:10:00"},
		{"0 0 31 * *", "2026-01-31 00:00:00", "2026-03-31 00:00:00"},
		{"0 0 29 2 *", "2026-01-31 00:00:00", "2028-02-29 00:00:00"},
		{"0 0 * * 1", "2026-01-31 00:00:00", "2026-02-02 00:00:00"}, // a Saturday, and the Monday after
		{"0 0 1 * 1", "2026-02-02 00:00:00", "2026-02-09 00:00:00"},
		{"0 0 8 * 1", "2026-02-02 00:00:00", "2026-02-08 00:00:00"},
		{"0 0 1 1 *", "2026-02-02 00:00:00", "2027-01-01 00:00:00"},
		{"30 2 * * *", "2026-03-28 12:00:00", "2026-03-30 02:30:00"}, // the clocks go forward on the 29th
		{"59,60 23 * * *", "2026-01-31 23:59:00", "2026-02-01 23:59:00"},
	} {
		entry, err := parseCron(c.entry)
		if err != nil {
			t.Errorf("%s: %v", c.entry, err)
			continue
		}
		after, err := time.ParseInLocation(layout, c.after, berlin)
		must(t, err)
		if got := entry.next(after).Format(layout); got != c.want {
			t.Errorf("%s after %s: %s, want %s", c.entry, c.after, got, c.want)
		}
	}
	for _, never := range []string{"0 0 31 2 *", "60 * * * *", "0 24 * * *", "0 0 32 * *"} {
		entry, err := parseCron(never)
		if err != nil || !entry.next(time.Unix(0, 0)).IsZero() {
			t.Errorf("%s: %v", never, err)
		}
	}
}

// TestCronRefused: what ActiveMQ's parser refuses, in its words.
func TestCronRefused(t *testing.T) {
	for entry, want := range map[string]string{
		"": "Not a valid cron entry - wrong number of tokens(0): ", "x": "Not a valid cron entry - wrong number of tokens(1): x",
		"* * * * * *": "Not a valid cron entry - wrong number of tokens(6): * * * * * *",
		"* 25 * * *":  "Invalid token: Hours:25", "* * 0 * *": "Invalid token: DayOfMonth:0", "* * * 13 *": "Invalid token: Month:13",
		"* * * * 7": "Invalid token: DayOfWeek:7", "5-1 * * * *": "Invalid token: Minutes:5-1", "1-99 * * * *": "Invalid token: Minutes:1-99",
		"1-2000000000 * * * *": "Invalid token: Minutes:1-2000000000", ", * * * *": "Invalid token: Minutes:,",
		"* * * JAN *": `For input string: "JAN"`, "-1 * * * *": `For input string: ""`, "*-5 * * * *": `For input string: "*"`,
		"*/0 * * * *": "/ by zero", "*/x * * * *": `For input string: "x"`, "61/61 * * * *": "Invalid token: Minutes:61",
	} {
		if _, err := parseCron(entry); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", entry, err, want)
		}
	}
}

func FuzzCron(f *testing.F) {
	f.Add("*/15 1-2,3 * 1 ?")
	f.Fuzz(func(t *testing.T, text string) {
		entry, err := parseCron(text)
		if err != nil {
			return
		}
		after := time.Unix(1_700_000_000, 0).UTC()
		if at := entry.next(after); !at.IsZero() && (!at.After(after) || at.Second() != 0) {
			t.Errorf("%q: %v", text, at)
		}
	})
}
