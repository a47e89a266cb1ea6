package stomp

import (
	"strings"
	"sync/atomic"
	"time"
)

// Destinations are what ActiveMQ's configuration says of destinations: policies, dead letter strategies, redelivery. They
// are made before the broker, which asks them what becomes of dead messages, and then handed to the server. They are safe
// for concurrent use.
type Destinations struct {
	opts       DestinationOptions
	advisories atomic.Pointer[advisories] // of the server that they were handed to
}

// DestinationOptions configure destinations. The zero value is ActiveMQ's default.
type DestinationOptions struct {
	// MaximumRedeliveries is how often a message of a queue that a client of ActiveMQ's declares may come back before it
	// goes to the dead letter queue, where no policy says it; 0: any number of times, as for STOMP clients of ActiveMQ
	// without a plugin.
	MaximumRedeliveries int
	// IndividualDeadLetters gives each such queue a dead letter queue of its own, ActiveMQ.DLQ.Queue.NAME.
	IndividualDeadLetters bool
	// Policies are those of single destinations and patterns.
	Policies []Policy
	Virtual  VirtualDestinations
}

// Policy is what counts for the destinations that a pattern matches (a policyEntry or a redeliveryPolicy in a
// broker.xml). What is nil it does not speak of: of each thing that policy counts which speaks of it and whose pattern is
// the closest, and of two as close the first.
type Policy struct {
	Namespace   string // "" for all
	Topic       bool
	Pattern     string // a name, or a pattern in ActiveMQ's spelling
	DeadLetters *DeadLetterStrategy
	Redelivery  *RedeliveryPolicy
}

// DeadLetterStrategy says where dead messages go.
type DeadLetterStrategy struct {
	Discard bool // nowhere
	// Individual gives each destination one of its own: its name between prefix and suffix.
	Individual                                         bool
	QueuePrefix, QueueSuffix, TopicPrefix, TopicSuffix string
	Queue                                              string // that of all others; "" is ActiveMQ.DLQ
	// DropExpired lets what has expired be gone.
	DropExpired bool
	// NonPersistent lets messages be dead letters, too, that are not persistent. They are from then on.
	NonPersistent bool
	Expiration    time.Duration // how long a dead letter waits; 0: for ever
}

// RedeliveryPolicy says how often a message comes back that a client rejects, and when.
type RedeliveryPolicy struct {
	Maximum             int // -1: any number of times
	InitialDelay, Delay time.Duration
	BackOff             bool    // each pause is Multiplier times the one before
	Multiplier          float64 // at least 1
	MaximumDelay        time.Duration
}

// NewDestinations makes them.
func NewDestinations(opts DestinationOptions) *Destinations { return &Destinations{opts: opts} }

// policyFor is the policy that counts for a place, of those that speak of something.
func (d *Destinations) policyFor(namespace string, p place, speaks func(*Policy) bool) *Policy {
	var best *Policy
	for i := range d.opts.Policies {
		one := &d.opts.Policies[i]
		if one.Topic != p.topic || (one.Namespace != "" && one.Namespace != namespace) || !speaks(one) ||
			!(place{name: one.Pattern}).matches(p.name) {
			continue
		}
		if best == nil || closer(one, best) {
			best = one
		}
	}
	return best
}

// closer reports whether a policy's pattern is closer to what it matches than another's: it has no wildcard, or more words
// before the first one.
func closer(a, b *Policy) bool { return literalWords(a.Pattern) > literalWords(b.Pattern) }

func literalWords(pattern string) int {
	words := strings.Split(pattern, ".")
	for i, word := range words {
		if word == "*" || word == ">" {
			return i
		}
	}
	return len(words) + 1
}

// strategyFor is the dead letter strategy of a place.
func (d *Destinations) strategyFor(namespace string, p place) *DeadLetterStrategy {
	if policy := d.policyFor(namespace, p, func(p *Policy) bool { return p.DeadLetters != nil }); policy != nil {
		return policy.DeadLetters
	}
	if d.opts.IndividualDeadLetters {
		return &individualByDefault
	}
	return &sharedByDefault
}

var (
	sharedByDefault     DeadLetterStrategy
	individualByDefault = DeadLetterStrategy{
		Individual: true, QueuePrefix: deadLetterQueue + ".Queue.", TopicPrefix: deadLetterQueue + ".Topic.",
	}
)

// redeliveryFor is the redelivery policy of a queue; nil for none.
func (d *Destinations) redeliveryFor(namespace, queue string) *RedeliveryPolicy {
	policy := d.policyFor(namespace, place{name: queue}, func(p *Policy) bool { return p.Redelivery != nil })
	if policy == nil {
		return nil
	}
	return policy.Redelivery
}

// deadLetterFor is the queue of a place's dead letters; ok is false for none.
func (s *DeadLetterStrategy) deadLetterFor(p place) (queue string, ok bool) {
	switch {
	case s.Discard:
		return "", false
	case s.Individual && p.topic:
		queue = s.TopicPrefix + p.name + s.TopicSuffix
	case s.Individual:
		queue = s.QueuePrefix + p.name + s.QueueSuffix
	}
	if queue == "" || len(queue) > maxPlaceName {
		queue = s.Queue
	}
	if queue == "" {
		queue = deadLetterQueue
	}
	return queue, p.topic || queue != p.name
}
