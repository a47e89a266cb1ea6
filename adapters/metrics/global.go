package metrics

import (
	"github.com/portico-mq/portico/broker"
)

// What flows through the whole broker, by protocol and type of queue, as RabbitMQ's rabbit_global_counters has it.

// globalCounter is a counter of messages.
type globalCounter struct {
	name, help string
	stats      []broker.Stat
}

// ofProtocol are counted by protocol, ofQueues by protocol and type of queue.
var ofProtocol = []globalCounter{
	{"received_total", "Total number of messages received from publishers", []broker.Stat{broker.Published}},
	{"received_confirm_total", "Total number of messages received from publishers expecting confirmations", []broker.Stat{broker.Awaited}},
	{"routed_total", "Total number of messages routed to queues or streams", []broker.Stat{broker.Routed}},
	{"confirmed_total", "Total number of messages confirmed to publishers", []broker.Stat{broker.Confirmed}},
	{"unroutable_returned_total", "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable", []broker.Stat{broker.Returned}},
	{"unroutable_dropped_total", "Total number of messages published as non-mandatory into an exchange and dropped as unroutable", []broker.Stat{broker.Dropped}},
}

var ofQueues = []globalCounter{
	{"delivered_total", "Total number of messages delivered to consumers", []broker.Stat{broker.Delivered, broker.DeliveredAutoAck, broker.Fetched, broker.FetchedAutoAck}},
	{"delivered_consume_manual_ack_total", "Total number of messages delivered to consumers using basic.consume with manual acknowledgment", []broker.Stat{broker.Delivered}},
	{"delivered_consume_auto_ack_total", "Total number of messages delivered to consumers using basic.consume with automatic acknowledgment", []broker.Stat{broker.DeliveredAutoAck}},
	{"delivered_get_manual_ack_total", "Total number of messages delivered to consumers using basic.get with manual acknowledgment", []broker.Stat{broker.Fetched}},
	{"delivered_get_auto_ack_total", "Total number of messages delivered to consumers using basic.get with automatic acknowledgment", []broker.Stat{broker.FetchedAutoAck}},
	{"get_empty_total", "Total number of times basic.get operations fetched no message", []broker.Stat{broker.FetchedNothing}},
	{"acknowledged_total", "Total number of messages acknowledged by consumers", []broker.Stat{broker.Acked}},
	{"redelivered_total", "Total number of messages redelivered to consumers", []broker.Stat{broker.Redelivered}},
}

func sum(counts broker.Counts, stats []broker.Stat) (n uint64) {
	for _, s := range stats {
		n += counts[s]
	}
	return n
}

// alwaysShown is the protocol, and the types of queue, whose counters are there before anything was counted, so that
// the first count is seen as an increase.
const alwaysShown = "amqp091"

var alwaysShownTypes = []string{"classic", "quorum"}

// flowKey is what counters are told apart by; no queue type: by protocol only.
type flowKey struct{ protocol, queueType string }

// global measures what flows through the whole broker.
func (c *collector) global() {
	byProtocol := map[string]broker.Counts{alwaysShown: {}}
	byQueue := make(map[flowKey]broker.Counts)
	for _, t := range alwaysShownTypes {
		byQueue[flowKey{alwaysShown, t}] = broker.Counts{}
	}
	for _, f := range c.opts.Broker.Flows() {
		if f.Counts == (broker.Counts{}) {
			continue
		}
		protocol := protocolName(f.FrontEnd)
		if f.QueueType == "" {
			byProtocol[protocol] = byProtocol[protocol].Plus(f.Counts)
			continue
		}
		key := flowKey{protocol, f.QueueType}
		byQueue[key] = byQueue[key].Plus(f.Counts)
	}
	for protocol, counts := range byProtocol {
		for _, m := range ofProtocol {
			c.counter("global_messages_"+m.name, m.help, sum(counts, m.stats), label{"protocol", protocol})
		}
	}
	for key, counts := range byQueue {
		for _, m := range ofQueues {
			c.counter("global_messages_"+m.name, m.help, sum(counts, m.stats),
				label{"protocol", key.protocol}, label{"queue_type", queueTypeLabel(key.queueType)})
		}
	}
	c.deaths()
}

// protocolName is the label of a front end.
func protocolName(frontEnd string) string {
	if frontEnd == "" {
		return "other"
	}
	return frontEnd
}

// queueTypeLabel is RabbitMQ's module of a type of queue.
func queueTypeLabel(queueType string) string { return "rabbit_" + queueType + "_queue" }

// deathNames are the metrics of the reasons, strategies the labels of the fates.
var deathNames = map[broker.DeathReason][2]string{
	broker.DiedOfRejection:  {"rejected", "Total number of messages dead-lettered due to basic.reject or basic.nack"},
	broker.DiedOfAge:        {"expired", "Total number of messages dead-lettered due to message TTL exceeded"},
	broker.DiedOfLength:     {"maxlen", "Total number of messages dead-lettered due to overflow drop-head or reject-publish-dlx"},
	broker.DiedOfDeliveries: {"delivery_limit", "Total number of messages dead-lettered due to delivery-limit exceeded"},
}

var strategies = map[broker.Fate]string{
	broker.GoneForGood: "disabled", broker.DeadLettered: "at_most_once", broker.DeadLetteredTill: "at_least_once",
}

// deathKey is what counters of dead letters are told apart by.
type deathKey struct {
	queueType string
	fate      broker.Fate
	reason    broker.DeathReason
}

// alwaysShownDeaths are counters of dead letters that RabbitMQ shows from the start.
func alwaysShownDeaths() map[deathKey]uint64 {
	shown := make(map[deathKey]uint64)
	for _, fate := range []broker.Fate{broker.GoneForGood, broker.DeadLettered} {
		for _, reason := range []broker.DeathReason{broker.DiedOfRejection, broker.DiedOfAge, broker.DiedOfLength} {
			for _, t := range alwaysShownTypes {
				shown[deathKey{t, fate, reason}] = 0
			}
		}
		shown[deathKey{"quorum", fate, broker.DiedOfDeliveries}] = 0
	}
	for _, reason := range []broker.DeathReason{broker.DiedOfRejection, broker.DiedOfAge, broker.DiedOfDeliveries} {
		shown[deathKey{"quorum", broker.DeadLetteredTill, reason}] = 0
	}
	return shown
}

// deaths measures what queues got rid of.
func (c *collector) deaths() {
	died := alwaysShownDeaths()
	stored := map[string]uint64{"quorum": 0}
	for _, d := range c.opts.Broker.Deaths() {
		died[deathKey{d.QueueType, d.Fate, d.Reason}] = d.Count
		if d.Fate == broker.DeadLetteredTill {
			stored[d.QueueType] += d.Stored
		}
	}
	for key, n := range died {
		m := deathNames[key.reason]
		c.counter("global_messages_dead_lettered_"+m[0]+"_total", m[1], n,
			label{"queue_type", queueTypeLabel(key.queueType)}, label{"dead_letter_strategy", strategies[key.fate]})
	}
	for queueType, n := range stored {
		c.counter("global_messages_dead_lettered_confirmed_total",
			"Total number of messages dead-lettered and confirmed by target queues", n,
			label{"queue_type", queueTypeLabel(queueType)}, label{"dead_letter_strategy", "at_least_once"})
	}
}

// clients measures who publishes and consumes now, by protocol.
func (c *collector) clients(publishers, consumers map[string]int) {
	for _, m := range []struct {
		name, help string
		of         map[string]int
	}{
		{"global_publishers", "Current number of publishers", publishers},
		{"global_consumers", "Current number of consumers", consumers},
	} {
		for protocol, n := range m.of {
			c.gauge(m.name, m.help, float64(n), label{"protocol", protocol})
		}
	}
}
