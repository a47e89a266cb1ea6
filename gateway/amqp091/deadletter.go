package amqp091

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// The headers of dead letters, as RabbitMQ 3.13 writes them: x-death has a table for each queue and reason, the latest
// first, with how often it came to that; x-first-death-* and x-last-death-* name the first and the last. Applications
// read them to count their retries.

var deathNames = map[broker.DeathReason]string{
	broker.DiedOfRejection: "rejected", broker.DiedOfAge: "expired", broker.DiedOfLength: "maxlen",
	broker.DiedOfDeliveries: "delivery_limit",
}

// MarkDeath is the broker's DeathMarker. A copy does not go to a queue again that it left by itself, with no
// rejection since: it would go round for ever.
func MarkDeath(m *broker.Message, d broker.Death) (property.Block, []string, error) {
	set, err := m.Properties().Decode()
	if err != nil {
		return nil, nil, err
	}
	reason := deathNames[d.Reason]
	deaths := deathsOf(set.Headers)
	var not []string
	if d.Reason != broker.DiedOfRejection {
		not = circle(deaths, d.Queue)
	}
	latest, others := takeDeath(deaths, d.Queue, reason)
	if latest == nil {
		latest = newDeath(m, d, reason, set.Headers)
		if set.Expiration != "" {
			latest = append(latest, property.Field{Name: "original-expiration", Value: set.Expiration})
		}
	}
	set.Headers = setHeader(set.Headers, "x-death", append([]any{latest}, others...))
	if _, ok := set.Headers.Get("x-first-death-queue"); !ok {
		set.Headers = setPlace(set.Headers, "x-first-death-", m, d, reason)
	}
	set.Headers = setPlace(set.Headers, "x-last-death-", m, d, reason)
	if d.NewKey {
		set.Headers = withoutFields(set.Headers, "CC")
	}
	// A message that was to expire in its queue is not to expire in that of the dead.
	set.Expiration, set.Flags = "", set.Flags&^property.FlagExpiration
	block, err := set.Append(nil)
	return block, not, err
}

// deathsOf are the tables of the header x-death.
func deathsOf(headers property.Table) []any {
	v, _ := headers.Get("x-death")
	list, _ := v.([]any)
	return list
}

// takeDeath finds the table of a queue and reason, counts one more in it, and returns it apart from the others.
func takeDeath(deaths []any, queue, reason string) (found property.Table, others []any) {
	for _, one := range deaths {
		table, ok := one.(property.Table)
		q, _ := table.Get("queue")
		r, _ := table.Get("reason")
		if !ok || found != nil || q != queue || r != reason {
			others = append(others, one)
			continue
		}
		count, _ := table.Get("count")
		n, _ := count.(int64)
		found = setHeader(table, "count", n+1)
	}
	return found, others
}

func newDeath(m *broker.Message, d broker.Death, reason string, headers property.Table) property.Table {
	keys := []any{m.Key()}
	if cc, ok := headers.Get("CC"); ok {
		if list, ok := cc.([]any); ok {
			keys = append(keys, list...)
		}
	}
	return property.Table{
		{Name: "count", Value: int64(1)},
		{Name: "reason", Value: reason},
		{Name: "queue", Value: d.Queue},
		{Name: "time", Value: d.Time},
		{Name: "exchange", Value: m.Exchange()},
		{Name: "routing-keys", Value: keys},
	}
}

// circle lists the queues that the message has passed since it was last rejected.
func circle(deaths []any, now string) []string {
	passed := []string{now}
	for _, one := range deaths {
		table, _ := one.(property.Table)
		if reason, _ := table.Get("reason"); reason == deathNames[broker.DiedOfRejection] {
			return passed // whoever rejects decides that it goes round
		}
		if queue, ok := table.Get("queue"); ok {
			if name, ok := queue.(string); ok {
				passed = append(passed, name)
			}
		}
	}
	return passed
}

func setPlace(headers property.Table, prefix string, m *broker.Message, d broker.Death, reason string) property.Table {
	headers = setHeader(headers, prefix+"exchange", m.Exchange())
	headers = setHeader(headers, prefix+"queue", d.Queue)
	return setHeader(headers, prefix+"reason", reason)
}

// setHeader replaces a field, or adds it.
func setHeader(headers property.Table, name string, value any) property.Table {
	for i := range headers {
		if headers[i].Name == name {
			headers[i].Value = value
			return headers
		}
	}
	return append(headers, property.Field{Name: name, Value: value})
}

// withoutFields removes the fields of a name.
func withoutFields(table property.Table, name string) property.Table {
	kept := table[:0]
	for _, f := range table {
		if f.Name != name {
			kept = append(kept, f)
		}
	}
	return kept
}

var _ broker.DeathMarker = MarkDeath
