package sqs

import (
	"maps"
	"slices"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// frontEnd is the name under which the queues' attributes are kept.
const frontEnd = "sqs"

// keptModified is the time of the last change, beside the attributes.
const keptModified = "modified"

// keptAttributes is the form in which attributes are kept with a queue.
func keptAttributes(attributes map[string]string) broker.Attributes {
	table := property.Table{{Name: keptModified, Value: time.Now()}}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		table = append(table, property.Field{Name: name, Value: attributes[name]})
	}
	return broker.Attributes{frontEnd: table}
}

// readAttributes gives the attributes that are kept with a queue, and when they were last changed.
func readAttributes(info *broker.QueueInfo) (map[string]string, time.Time) {
	kept := make(map[string]string)
	modified := info.Created
	for _, field := range info.Spec.Attributes[frontEnd] {
		switch value := field.Value.(type) {
		case string:
			kept[field.Name] = value
		case time.Time:
			modified = value
		}
	}
	return kept, modified
}
