package management

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
)

// What policies may set, how RabbitMQ checks it (rabbit_policies.erl), and what it means. A setting that is not built is
// refused as one that RabbitMQ does not know; those that only say where queues are kept, or how, are taken and change
// nothing that can be seen from outside.

// setting is one key of a policy's definition.
type setting struct {
	// what is said of a bad value, after it.
	what string
	// check reports whether the value is good. It is a string, json.Number or something else.
	check func(v any) bool
	// apply says what it means; nil when it changes nothing that can be seen.
	apply func(l *broker.QueueLimits, v any)
	// operator says that operator policies may set it.
	operator bool
}

var settings = map[string]setting{
	"message-ttl": {what: "is not a valid message TTL", check: atLeast(0), operator: true, apply: func(l *broker.QueueLimits, v any) {
		l.HasTTL, l.TTL = true, time.Duration(integer(v))*time.Millisecond
	}},
	"expires": {what: "is not a valid queue expiry", check: atLeast(1), operator: true, apply: func(l *broker.QueueLimits, v any) {
		l.Expires = time.Duration(integer(v)) * time.Millisecond
	}},
	"max-length": {what: "is not a valid maximum length", check: atLeast(0), operator: true, apply: func(l *broker.QueueLimits, v any) {
		l.HasMaxLength, l.MaxLength = true, integer(v)
	}},
	"dead-letter-exchange": {what: "is not a valid dead letter exchange name", check: isText, apply: func(l *broker.QueueLimits, v any) {
		l.HasDeadLetter, l.DeadLetter = true, v.(string)
	}},
	"dead-letter-routing-key": {what: "is not a valid dead letter routing key", check: isText, apply: func(l *broker.QueueLimits, v any) {
		l.HasDeadLetterKey, l.DeadLetterKey = true, v.(string)
	}},
	"dead-letter-strategy": {what: "is not a valid dead letter strategy", check: oneOf("at-most-once", "at-least-once"), apply: func(l *broker.QueueLimits, v any) {
		l.KeepUndelivered = v == "at-least-once"
	}},
	"max-length-bytes": {what: "is not a valid maximum length in bytes", check: atLeast(0), operator: true, apply: func(l *broker.QueueLimits, v any) {
		l.HasMaxBytes, l.MaxBytes = true, integer(v)
	}},
	"overflow": {what: "is not a valid overflow value", check: oneOf("drop-head", "reject-publish", "reject-publish-dlx"), apply: func(l *broker.QueueLimits, v any) {
		l.Overflow = overflows[v.(string)]
	}},
	"delivery-limit": {what: "is not a valid delivery limit", check: atLeast(0), operator: true, apply: func(l *broker.QueueLimits, v any) {
		l.HasDeliveryLimit, l.DeliveryLimit = true, integer(v)
	}},
	"consumer-timeout": {what: "is not a valid consumer timeout", check: atLeast(1), apply: func(l *broker.QueueLimits, v any) {
		l.ConsumerTimeout = time.Duration(integer(v)) * time.Millisecond
	}},
	"max-age": {what: "is not a valid max age", check: isAge, apply: func(l *broker.QueueLimits, v any) {
		l.MaxAge, _ = broker.ParseAge(v.(string))
	}},
	"stream-max-segment-size-bytes": {what: "is not a valid segment size", check: atLeast(0), apply: func(l *broker.QueueLimits, v any) {
		l.SegmentBytes = integer(v)
	}},
	"stream-filter-size-bytes": {what: "is not a valid filter size. Valid range is 16-255", check: func(v any) bool {
		n := integer(v)
		return n >= 16 && n <= 255
	}},
	"initial-cluster-size": {what: "is not a valid cluster size", check: atLeast(0)},
	alternateExchange:      {what: "is not a valid alternate exchange name", check: isText},
	"queue-mode":           {what: "is not a valid queue-mode value", check: oneOf("default", "lazy")},
	"queue-version":        {what: "is not a valid queue-version value", check: func(v any) bool { n := integer(v); return n == 1 || n == 2 }},
	"queue-master-locator": {what: "invalid queue-master-locator value", check: oneOf("min-masters", "client-local", "random")},
	"queue-leader-locator": {what: "is not a valid queue-leader-locator value", check: oneOf("client-local", "balanced")},
	"ha-mode":              {what: "is not a valid ha-mode value", check: oneOf("all", "exactly", "nodes")},
	"ha-params":            {what: "is not a valid ha-params value", check: func(any) bool { return true }},
	"ha-sync-mode":         {what: "is not a valid ha-sync-mode", check: oneOf("automatic", "manual")},
	"ha-sync-batch-size":   {what: "is not a valid ha-sync-batch-size", check: atLeast(1)},
	"ha-promote-on-shutdown": {
		what: "is not a valid ha-promote-on-shutdown", check: oneOf("always", "when-synced"),
	},
	"ha-promote-on-failure": {what: "is not a valid ha-promote-on-failure", check: oneOf("always", "when-synced")},
}

// alternateExchange is the one setting of exchanges.
const alternateExchange = "alternate-exchange"

var overflows = map[string]broker.Overflow{
	"drop-head": broker.DropOldest, "reject-publish": broker.RejectNew, "reject-publish-dlx": broker.RejectNewDeadLetter,
}

// maxTimer is the longest time RabbitMQ takes, in milliseconds.
const maxTimer = 4294967295

func integer(v any) int64 {
	number, _ := v.(json.Number)
	n, err := number.Int64()
	if err != nil {
		return -1
	}
	return n
}

func atLeast(least int64) func(any) bool {
	return func(v any) bool { n := integer(v); return n >= least && n <= maxTimer }
}

func isAge(v any) bool {
	text, _ := v.(string)
	_, ok := broker.ParseAge(text)
	return ok
}

func isText(v any) bool { _, ok := v.(string); return ok }

func oneOf(values ...string) func(any) bool {
	return func(v any) bool { text, ok := v.(string); return ok && slices.Contains(values, text) }
}

// failedValidation is RabbitMQ's error for a parameter, of which policies are one kind.
func failedValidation(format string, args ...any) error {
	return invalid("Validation failed\n\n" + fmt.Sprintf(format, args...) + "\n")
}

// policy checks the body and says what it means.
func (b *policyBody) policy(operator bool) (broker.Policy, error) {
	p := broker.Policy{Namespace: b.Vhost, Name: b.Name, Operator: operator, ApplyTo: broker.PolicyForAll}
	switch {
	case b.Pattern == nil:
		return p, invalid("[{key_missing,pattern}]")
	case b.Definition == nil:
		return p, invalid("[{key_missing,definition}]")
	}
	if json.Unmarshal(b.Pattern, &p.Pattern) != nil {
		return p, failedValidation("pattern should be a binary, actually was %s", erlangTerm(b.Pattern))
	}
	if _, err := regexp.Compile(p.Pattern); err != nil {
		return p, failedValidation(`pattern should be regular expression but is invalid: {"%s",%d}`, patternFault(err), len(p.Pattern))
	}
	if b.Priority != nil && json.Unmarshal(b.Priority, &p.Priority) != nil {
		return p, failedValidation("priority should be a number, actually was %s", erlangTerm(b.Priority))
	}
	if err := b.readTarget(&p); err != nil {
		return p, err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, b.Definition); err != nil {
		return p, invalid("not_json")
	}
	p.Definition = compact.Bytes()
	return p, readDefinition(&p)
}

func (b *policyBody) readTarget(p *broker.Policy) error {
	if b.ApplyTo == nil {
		return nil
	}
	var name string
	if json.Unmarshal(b.ApplyTo, &name) != nil {
		name = string(b.ApplyTo)
	}
	switch name {
	case "all", "queues", "exchanges":
		p.ApplyTo = broker.PolicyTarget(name)
	case "classic_queues", "quorum_queues":
		p.ApplyTo, p.QueueType = broker.PolicyForQueues, strings.TrimSuffix(name, "_queues")
	case streams:
		p.ApplyTo, p.QueueType = broker.PolicyForQueues, "stream"
	default:
		return failedValidation("apply-to '%s' unrecognised; should be 'queues', 'exchanges' or 'all'", name)
	}
	return nil
}

// readDefinition fills in the limits that the definition sets.
func readDefinition(p *broker.Policy) error {
	decoder := json.NewDecoder(bytes.NewReader(p.Definition))
	decoder.UseNumber()
	var definition map[string]any
	if err := decoder.Decode(&definition); err != nil || definition == nil {
		return failedValidation("definition must be a dictionary: %s", erlangTerm(p.Definition))
	}
	if len(definition) == 0 {
		return failedValidation("no policy provided")
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(definition)) {
		v := definition[name]
		s, ok := settings[name]
		if !ok || (p.Operator && !s.operator) {
			unknown = append(unknown, fmt.Sprintf(`{<<"%s">>,%s}`, name, erlangValue(v)))
			continue
		}
		if !s.check(v) {
			return failedValidation("%s %s", erlangValue(v), s.what)
		}
		if name == alternateExchange {
			p.Alternate = v.(string)
		}
		if s.apply != nil {
			s.apply(&p.Limits, v)
		}
	}
	if len(unknown) > 0 {
		return failedValidation("[%s] are not recognised policy settings", strings.Join(unknown, ","))
	}
	return nil
}
