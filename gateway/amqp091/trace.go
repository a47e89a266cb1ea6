package amqp091

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// TraceExchange is where RabbitMQ's firehose goes.
const TraceExchange = "amq.rabbitmq.trace"

// Trace describes what is published and handed out as RabbitMQ's firehose does (rabbit_trace.erl of 3.13): under
// publish.EXCHANGE or deliver.QUEUE, with the message's own properties in a header. node is the node's name.
func Trace(node string) *broker.TraceOptions {
	return &broker.TraceOptions{Exchange: TraceExchange, Describe: func(t broker.Traced) (string, property.Block, error) {
		set, err := t.Message.Properties().Decode()
		if err != nil {
			return "", nil, err
		}
		keys := []any{t.Message.Key()}
		for _, key := range t.Keys {
			keys = append(keys, key)
		}
		if t.Queue != "" { // the further keys of a publication are in its header later
			keys = append(keys, copiedKeys(set.Headers)...)
		}
		headers := property.Table{
			{Name: "exchange_name", Value: t.Message.Exchange()},
			{Name: "routing_keys", Value: keys},
			{Name: "properties", Value: propertyTable(&set)},
			{Name: "node", Value: node},
		}
		key := "publish." + t.Message.Exchange()
		if t.Queue != "" {
			key = "deliver." + t.Queue
			redelivered := int32(0)
			if t.Redelivered {
				redelivered = 1
			}
			headers = append(headers, property.Field{Name: "redelivered", Value: redelivered})
		}
		headers = append(headers, property.Table{
			{Name: "vhost", Value: t.Namespace},
			{Name: "connection", Value: t.Connection},
			{Name: "channel", Value: int32(t.Lane)},
			{Name: "user", Value: t.User},
		}...)
		if t.Queue == "" {
			routed := make([]any, len(t.Routed))
			for i, queue := range t.Routed {
				routed[i] = queue
			}
			headers = append(headers, property.Field{Name: "routed_queues", Value: routed})
		}
		traced := property.Set{Headers: headers}
		block, err := traced.Append(nil)
		return key, block, err
	}}
}

// copiedKeys are the routing keys in the header CC.
func copiedKeys(headers property.Table) []any {
	v, _ := headers.Get("CC")
	list, _ := v.([]any)
	return list
}

// propertyTable is a message's properties as a table, those that it has.
func propertyTable(set *property.Set) property.Table {
	table := property.Table{}
	text := func(name, value string) {
		if value != "" {
			table = append(table, property.Field{Name: name, Value: value})
		}
	}
	text("content_type", set.ContentType)
	text("content_encoding", set.ContentEncoding)
	if len(set.Headers) > 0 {
		table = append(table, property.Field{Name: "headers", Value: set.Headers})
	}
	for _, number := range []struct {
		name  string
		value uint8
	}{{"delivery_mode", set.DeliveryMode}, {"priority", set.Priority}} {
		if number.value > 0 {
			table = append(table, property.Field{Name: number.name, Value: int32(number.value)})
		}
	}
	text("correlation_id", set.CorrelationID)
	text("reply_to", set.ReplyTo)
	text("expiration", set.Expiration)
	text("message_id", set.MessageID)
	if !set.Timestamp.IsZero() {
		table = append(table, property.Field{Name: "timestamp", Value: set.Timestamp})
	}
	text("type", set.Type)
	text("user_id", set.UserID)
	text("app_id", set.AppID)
	return table
}
