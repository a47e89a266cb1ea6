package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// processorTime measures how much processor time the client and the broker
// take while messages are counted. On a machine that both share, the two
// together bound the rate.
type processorTime struct {
	broker         int // process id; 0 when it is not known
	before, during [2]time.Duration
}

func (p *processorTime) start() { p.before = p.read() }

func (p *processorTime) stop() {
	now := p.read()
	for i := range now {
		p.during[i] = now[i] - p.before[i]
	}
}

// read returns what the client and the broker have used; 0 where that cannot
// be told.
func (p *processorTime) read() (used [2]time.Duration) {
	used[0], _ = usedBy(os.Getpid())
	if p.broker != 0 {
		used[1], _ = usedBy(p.broker)
	}
	return used
}

// perMessage sets what one of the counted messages cost.
func (p *processorTime) perMessage(r *Result) {
	if r.Messages > 0 {
		r.ClientMicros = float64(p.during[0].Microseconds()) / float64(r.Messages)
		r.BrokerMicros = float64(p.during[1].Microseconds()) / float64(r.Messages)
	}
}

// usedBy reads the processor time of a process, of which Linux tells
// hundredths of a second (proc(5), /proc/pid/stat: fields 14 and 15).
func usedBy(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field, in parentheses, may hold spaces.
	fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
	const user, system = 14 - 3, 15 - 3
	if len(fields) <= system {
		return 0, fmt.Errorf("/proc/%d/stat holds %q", pid, raw)
	}
	ticks := 0
	for _, i := range []int{user, system} {
		n, err := strconv.Atoi(string(fields[i]))
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil
}
