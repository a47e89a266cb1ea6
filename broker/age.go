package broker

import (
	"math"
	"strconv"
	"time"
)

// ageUnits are the units of ages.
var ageUnits = map[byte]time.Duration{
	'Y': 365 * 24 * time.Hour, 'M': 30 * 24 * time.Hour, 'D': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second,
}

// ParseAge reads an age as RabbitMQ writes it: a number above 0 and one of the units Y (of 365 days), M (of 30 days), D,
// h, m and s, as in "7D". One of more than 290 years counts as that.
func ParseAge(text string) (age time.Duration, ok bool) {
	if len(text) < 2 || text[0] < '0' || text[0] > '9' {
		return 0, false
	}
	unit, ok := ageUnits[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 63)
	switch {
	case !ok || err != nil || n == 0:
		return 0, false
	case n > uint64(math.MaxInt64/unit):
		return math.MaxInt64, true
	}
	return time.Duration(n) * unit, true
}
