package amqp091

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
)

// What declares queues and exchanges with AMQP's arguments by other ways than this protocol (the management API, files
// of definitions) checks and completes its descriptions here, so that the same declaration always means the same. The
// errors have a method ReplyText() string with RabbitMQ's words.

// QueueSpec completes a queue's description by its arguments, and refuses what cannot be.
func QueueSpec(vhost string, spec broker.QueueSpec, arguments property.Table) (broker.QueueSpec, error) {
	if arguments == nil {
		arguments = property.Table{}
	}
	raw, err := arguments.Raw()
	if err != nil {
		return spec, err
	}
	spec.Attributes = broker.Attributes{attributes: arguments}
	completeQueue(&spec, raw)
	return spec, checkQueue("queue '"+spec.Name+"' in vhost '"+vhost+"'", &spec, raw)
}

// ExchangeSpec is the same for an exchange.
func ExchangeSpec(spec broker.ExchangeSpec, arguments property.Table) (broker.ExchangeSpec, error) {
	if arguments == nil {
		arguments = property.Table{}
	}
	raw, err := arguments.Raw()
	if err != nil {
		return spec, err
	}
	spec.Attributes = broker.Attributes{attributes: arguments}
	err = completeExchange("exchange '"+spec.Name+"'", &spec, raw)
	return spec, err
}

// ReplyText is what is wrong, without the name of the code.
func (f *fault) ReplyText() string { return f.text }
