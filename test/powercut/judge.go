package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// found is what a broker has after a restart: the messages of each queue, in order.
type found map[string][]string

// verdict is what the judge makes of a restart.
type verdict struct {
	Confirmed, Settled, Transactions, Queues, Offsets int // promises that were checked
	Faults                                            []string
}

func (v *verdict) fault(format string, args ...any) {
	v.Faults = append(v.Faults, fmt.Sprintf(format, args...))
}

// judge compares what was promised before a power cut with what is there after it.
func judge(e *events, have found) *verdict {
	v := &verdict{}
	there := map[string]bool{}
	for queue, messages := range have {
		v.checkQueue(queue, messages, there)
	}
	for q := range e.queues {
		_, exists := have[q]
		switch {
		case e.deleted[q] && exists:
			v.fault("queue %s is back after its deletion was answered", q)
		case !e.deleting[q] && !exists:
			v.fault("queue %s is lost", q)
		}
		v.Queues++
	}
	for m := range e.confirmed {
		v.Confirmed++
		if !there[m] && !e.settling[m] && e.takenByTx[m] == "" && !e.deleting[queueOf(m)] {
			v.fault("confirmed message %s is lost", m)
		}
	}
	for m := range e.settled {
		v.Settled++
		if there[m] {
			v.fault("settled message %s is back", m)
		}
	}
	for m := range there {
		if !e.published[m] && e.byTx[m] == "" {
			v.fault("message %s was never published", m)
		}
	}
	v.checkTransactions(e, there)
	v.checkOffsets(e, have[logQueue])
	slices.Sort(v.Faults)
	return v
}

// checkQueue notes what is there. Each message must be there once, and those of one publisher in its order.
func (v *verdict) checkQueue(queue string, messages []string, there map[string]bool) {
	last := -1
	for _, m := range messages {
		if there[m] {
			v.fault("message %s is there twice", m)
		}
		there[m] = true
		_, number, _ := strings.Cut(m, "#")
		n, err := strconv.Atoi(number)
		if err != nil || queueOf(m) != queue {
			v.fault("message %q in queue %s is not one of the load's", m, queue)
		}
		if n < last {
			v.fault("message %s comes after %d", m, last)
		}
		last = n
	}
}

// checkTransactions looks for transactions that happened in part, or not at all although they were answered.
func (v *verdict) checkTransactions(e *events, there map[string]bool) {
	for id, t := range e.txs {
		v.Transactions++
		var done, undone []string
		if t.answered {
			done = append(done, "its answer")
		}
		for _, m := range t.publishes {
			// A message that a later transaction settles tells nothing by being absent.
			if there[m] {
				done = append(done, m)
			} else if e.takenByTx[m] == "" {
				undone = append(undone, m)
			}
		}
		for _, m := range t.settles {
			// It tells something by being absent only if it was there for certain.
			if there[m] {
				undone = append(undone, "-"+m)
			} else if e.confirmed[m] {
				done = append(done, "-"+m)
			}
		}
		if len(done) > 0 && len(undone) > 0 {
			v.fault("transaction %s is half done: %s for it, %s against it", id, strings.Join(done, ", "), strings.Join(undone, ", "))
		}
	}
}
