package management

import "github.com/portico-mq/portico/broker"

func details(rate float64) object { return object{"rate": rate} }

// put adds a number with what is shown beside it.
func put(o object, name string, value any, beside object) {
	o[name] = value
	o[name+"_details"] = beside
}

// statNames are RabbitMQ's names of what is counted.
var statNames = []struct {
	name string
	stat broker.Stat
}{
	{"publish", broker.Published},
	{"confirm", broker.Confirmed},
	{"return_unroutable", broker.Returned},
	{"drop_unroutable", broker.Dropped},
	{"deliver", broker.Delivered},
	{"deliver_no_ack", broker.DeliveredAutoAck},
	{"get", broker.Fetched},
	{"get_no_ack", broker.FetchedAutoAck},
	{"get_empty", broker.FetchedNothing},
	{"ack", broker.Acked},
	{"redeliver", broker.Redelivered},
}

// deliverGet are the stats that make up deliver_get.
var deliverGet = []broker.Stat{broker.Delivered, broker.DeliveredAutoAck, broker.Fetched, broker.FetchedAutoAck}

// messageStats describes counts; nil when nothing was counted, and RabbitMQ leaves them out.
func messageStats(counts broker.Counts, v view) object {
	if counts == (broker.Counts{}) {
		return nil
	}
	o := object{}
	for _, n := range statNames {
		put(o, n.name, counts[n.stat], v.counted(n.stat))
	}
	sum := uint64(0)
	for _, stat := range deliverGet {
		sum += counts[stat]
	}
	put(o, "deliver_get", sum, v.counted(deliverGet...))
	return o
}

// addQueueStats adds the counts of a queue, which knows nothing of its publishers, to o, if there are any.
func addQueueStats(o object, counts broker.Counts, v view) {
	stats := messageStats(counts, v)
	if stats == nil {
		return
	}
	for _, name := range []string{"confirm", "return_unroutable", "drop_unroutable"} {
		delete(stats, name)
		delete(stats, name+"_details")
	}
	o["message_stats"] = stats
}

// addMessageStats adds the counts to o, if there are any.
func addMessageStats(o object, counts broker.Counts, v view) {
	if stats := messageStats(counts, v); stats != nil {
		o["message_stats"] = stats
	}
}

// exchangeStats describes the counts of an exchange; nil when nothing was counted.
func exchangeStats(counts broker.Counts, v view) object {
	if counts == (broker.Counts{}) {
		return nil
	}
	o := object{}
	put(o, "publish_in", counts[broker.Published], v.counted(broker.Published))
	put(o, "publish_out", counts[broker.Routed], v.counted(broker.Routed))
	return o
}

// addTotals adds how many messages there are.
func addTotals(o object, ready_, unacked_ int, v view) {
	put(o, "messages_ready", ready_, v.gauged(spanLengths, ready))
	put(o, "messages_unacknowledged", unacked_, v.gauged(spanLengths, unacked))
	put(o, "messages", ready_+unacked_, v.gauged(spanLengths, ready, unacked))
}
