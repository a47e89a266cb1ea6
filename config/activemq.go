package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ActiveMQ is what ActiveMQ's own configuration says of destinations that its clients use.
type ActiveMQ struct {
	// MaximumRedeliveries is how often a message may come back; 0: any number of times.
	MaximumRedeliveries int `key:"maximum_redeliveries"`
	// IndividualDeadLetters gives each queue a dead letter queue of its own.
	IndividualDeadLetters bool `key:"individual_dead_letters"`
	// Policies are those of single destinations and patterns of them.
	Policies ActiveMQPolicies `key:"policies"`
	// Authorization says which groups of users may do what at destinations; empty: the broker's permissions alone do.
	Authorization ActiveMQAuthorization `key:"authorization"`
	// VirtualDestinations are virtual topics, composite destinations and mirrored queues.
	VirtualDestinations ActiveMQVirtualDestinations `key:"virtual_destinations"`
}

// ActiveMQPolicies are policies as they were written, and what they say.
type ActiveMQPolicies struct {
	text string
	All  []ActiveMQPolicy
}

// ActiveMQPolicy is what counts for the destinations that a pattern matches. What is nil it does not speak of.
type ActiveMQPolicy struct {
	VirtualHost string // "" for all
	Topic       bool
	Pattern     string
	DeadLetters *ActiveMQDeadLetters
	Redelivery  *ActiveMQRedelivery
}

// ActiveMQDeadLetters is a dead letter strategy.
type ActiveMQDeadLetters struct {
	Strategy                                           string // shared, individual or discarding
	Queue                                              string // of shared
	QueuePrefix, QueueSuffix, TopicPrefix, TopicSuffix string
	ProcessExpired, ProcessNonPersistent               bool
	Expiration                                         time.Duration // of what is in a dead letter queue; 0: never
}

// ActiveMQRedelivery says how often and after which pauses a message comes back that a client rejects.
type ActiveMQRedelivery struct {
	Maximum             int // -1: any number of times
	InitialDelay, Delay time.Duration
	MaximumDelay        time.Duration // 0: none
	BackOff             bool
	Multiplier          float64
}

// UnmarshalText reads policies separated by commas, such as `queue=orders.> deadLetterStrategy=individual
// queuePrefix=DLQ., queue=> maximumRedeliveries=6`. Attributes have ActiveMQ's names and defaults.
func (p *ActiveMQPolicies) UnmarshalText(text []byte) error {
	entries, err := readEntries(string(text))
	if err != nil {
		return err
	}
	out := ActiveMQPolicies{text: string(text)}
	for _, e := range entries {
		policy, err := readPolicy(e)
		if err != nil {
			return err
		}
		out.All = append(out.All, policy)
	}
	*p = out
	return nil
}

// MarshalText writes what UnmarshalText has read.
func (p ActiveMQPolicies) MarshalText() ([]byte, error) { return []byte(p.text), nil }

func readPolicy(e entry) (ActiveMQPolicy, error) {
	var p ActiveMQPolicy
	if e.kind != "" {
		return p, fmt.Errorf("%q is not NAME=VALUE", e.kind)
	}
	for _, a := range e.attributes {
		if err := p.set(a); err != nil {
			return p, err
		}
	}
	if p.Pattern == "" {
		return p, fmt.Errorf("a policy needs queue=PATTERN or topic=PATTERN")
	}
	if d := p.DeadLetters; d != nil && d.Strategy == "" {
		d.Strategy = "shared"
	}
	return p, nil
}

func (p *ActiveMQPolicy) set(a attribute) error {
	switch a.name {
	case "queue", "topic":
		if p.Pattern != "" {
			return fmt.Errorf("a policy has one of queue= and topic=")
		}
		p.Topic, p.Pattern = a.name == "topic", a.value
		return nil
	case "virtualHost":
		p.VirtualHost = a.value
		return nil
	}
	if known, err := p.setDeadLetters(a); known {
		return err
	}
	if known, err := p.setRedelivery(a); known {
		return err
	}
	return fmt.Errorf("a policy has no attribute %q", a.name)
}

func (p *ActiveMQPolicy) setDeadLetters(a attribute) (known bool, err error) {
	d := ActiveMQDeadLetters{
		Queue: "ActiveMQ.DLQ", QueuePrefix: "ActiveMQ.DLQ.Queue.", TopicPrefix: "ActiveMQ.DLQ.Topic.",
		ProcessExpired: true,
	}
	if p.DeadLetters != nil {
		d = *p.DeadLetters
	}
	switch a.name {
	case "deadLetterStrategy":
		d.Strategy, err = a.oneOf("shared", "individual", "discarding")
	case "deadLetterQueue":
		d.Queue = a.value
	case "queuePrefix":
		d.QueuePrefix = a.value
	case "queueSuffix":
		d.QueueSuffix = a.value
	case "topicPrefix":
		d.TopicPrefix = a.value
	case "topicSuffix":
		d.TopicSuffix = a.value
	case "processExpired":
		d.ProcessExpired, err = a.boolean()
	case "processNonPersistent":
		d.ProcessNonPersistent, err = a.boolean()
	case "expiration":
		d.Expiration, err = a.milliseconds()
	default:
		return false, nil
	}
	p.DeadLetters = &d
	return true, err
}

func (p *ActiveMQPolicy) setRedelivery(a attribute) (known bool, err error) {
	r := ActiveMQRedelivery{Maximum: 6, InitialDelay: time.Second, Delay: time.Second, Multiplier: 5}
	if p.Redelivery != nil {
		r = *p.Redelivery
	}
	switch a.name {
	case "maximumRedeliveries":
		r.Maximum, err = strconv.Atoi(a.value)
		if err != nil || r.Maximum < -1 || r.Maximum > math.MaxInt32 {
			err = a.is("a number from -1 up")
		}
	case "initialRedeliveryDelay":
		r.InitialDelay, err = a.milliseconds()
	case "redeliveryDelay":
		r.Delay, err = a.milliseconds()
	case "maximumRedeliveryDelay":
		r.MaximumDelay, err = a.milliseconds()
	case "useExponentialBackOff":
		r.BackOff, err = a.boolean()
	case "backOffMultiplier":
		r.Multiplier, err = strconv.ParseFloat(a.value, 64)
		if err != nil || !(r.Multiplier >= 1 && r.Multiplier <= 1000) {
			err = a.is("a number from 1 to 1000")
		}
	default:
		return false, nil
	}
	p.Redelivery = &r
	return true, err
}

func (a attribute) is(what string) error { return fmt.Errorf("%s=%q is not %s", a.name, a.value, what) }

func (a attribute) oneOf(words ...string) (string, error) {
	if !slices.Contains(words, a.value) {
		return "", a.is("one of " + strings.Join(words, ", "))
	}
	return a.value, nil
}

func (a attribute) boolean() (bool, error) {
	switch a.value {
	case "true", "false":
		return a.value == "true", nil
	default:
		return false, a.is("true or false")
	}
}

// milliseconds reads a number of them, as ActiveMQ has it; at most a year.
func (a attribute) milliseconds() (time.Duration, error) {
	const year = 365 * 24 * time.Hour
	n, err := strconv.ParseInt(a.value, 10, 64)
	if err != nil || n < 0 || n > year.Milliseconds() {
		return 0, a.is("a number of milliseconds, at most a year")
	}
	return time.Duration(n) * time.Millisecond, nil
}
