package management

import "github.com/portico-mq/portico/broker"

func details(rate float64) object { return object{"rate": rate} }

// put adds a count with its rate.
func put(o object, name string, value any, rate float64) {
	o[name] = value
	o[name+"_details"] = details(rate)
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
func messageStats(counts broker.Counts, s *series) object {
	if counts == (broker.Counts{}) {
		return nil
	}
	o := object{}
	for _, n := range statNames {
		put(o, n.name, counts[n.stat], s.rate(n.stat))
	}
	sum, rate := uint64(0), 0.0
	for _, stat := range deliverGet {
		sum += counts[stat]
		rate += s.rate(stat)
	}
	put(o, "deliver_get", sum, rate)
	return o
}

// addQueueStats adds the counts of a queue, which knows nothing of its publishers, to o, if there are any.
func addQueueStats(o object, counts broker.Counts, s *series) {
	stats := messageStats(counts, s)
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
func addMessageStats(o object, counts broker.Counts, s *series) {
	if stats := messageStats(counts, s); stats != nil {
		o["message_stats"] = stats
	}
}

// exchangeStats describes the counts of an exchange; nil when nothing was counted.
func exchangeStats(counts broker.Counts, s *series) object {
	if counts == (broker.Counts{}) {
		return nil
	}
	o := object{}
	put(o, "publish_in", counts[broker.Published], s.rate(broker.Published))
	put(o, "publish_out", counts[broker.Routed], s.rate(broker.Routed))
	return o
}

// addTotals adds how many messages there are.
func addTotals(o object, ready_, unacked_ int, s *series) {
	put(o, "messages_ready", ready_, s.slope(ready))
	put(o, "messages_unacknowledged", unacked_, s.slope(unacked))
	put(o, "messages", ready_+unacked_, s.slope(ready)+s.slope(unacked))
}
