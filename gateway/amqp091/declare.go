package amqp091

import (
	"context"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// What other front ends declare under the rules of AMQP: RabbitMQ's management plugin does it as a client would, and
// is refused in the same words. The errors are the broker's, or have a method ReplyText with RabbitMQ's words.

// clientless is a channel to declare on without a client.
func clientless(ctx context.Context, s *broker.Session) *channel {
	return &channel{c: &conn{ctx: ctx, session: s}}
}

// DeclareQueue declares a queue whose arguments are in its AMQP attributes.
func DeclareQueue(ctx context.Context, s *broker.Session, spec broker.QueueSpec) error {
	arguments, err := spec.Attributes[attributes].Raw()
	if err != nil {
		return err
	}
	_, err = clientless(ctx, s).declareQueue(spec.Name, &wire.QueueDeclare{
		Durable: spec.Durable, Exclusive: spec.Exclusive, AutoDelete: spec.AutoDelete, Arguments: arguments,
	})
	return err
}

// DeclareExchange declares an exchange whose arguments are in its AMQP attributes.
func DeclareExchange(ctx context.Context, s *broker.Session, spec broker.ExchangeSpec) error {
	arguments, err := spec.Attributes[attributes].Raw()
	if err != nil {
		return err
	}
	return clientless(ctx, s).declareExchange(spec.Name, &wire.ExchangeDeclare{
		Type: []byte(spec.Kind), Durable: spec.Durable, AutoDelete: spec.AutoDelete, Internal: spec.Internal, Arguments: arguments,
	})
}

// Bind adds a binding.
func Bind(ctx context.Context, s *broker.Session, b broker.Binding) error {
	return clientless(ctx, s).bind(b)
}
