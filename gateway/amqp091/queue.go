package amqp091

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// The methods of the class queue. Those that change something answer when the change is stored and synced.

// background is the context of broker calls: a shutdown lets them finish.
func (c *conn) background() context.Context { return context.WithoutCancel(c.ctx) }

// resource names a thing in texts.
func (ch *channel) resource(kind, name string) string {
	return fmt.Sprintf("%s '%s' in vhost '%s'", kind, name, ch.c.session.Namespace())
}

// stripped is a name without line ends, which RabbitMQ takes out of those that are declared.
func stripped(name []byte) string {
	return strings.NewReplacer("\r", "", "\n", "").Replace(string(name))
}

// queueName resolves the empty name, which means the queue that was declared last.
func (ch *channel) queueName(name []byte) (string, error) {
	if len(name) > 0 {
		return string(name), nil
	}
	if ch.lastQueue == "" {
		return "", channelFault(wire.NotFound, "no previously declared queue")
	}
	return ch.lastQueue, nil
}

func (ch *channel) handleQueueDeclare(m *wire.QueueDeclare) error {
	name := stripped(m.Queue)
	var info broker.QueueInfo
	var err error
	switch {
	case m.Passive && strings.HasPrefix(name, directReplyQueue):
		return ch.declareDirectReply(name, m.NoWait)
	case m.Passive:
		info, err = ch.c.session.Queue(ch.c.background(), name)
	default:
		info, err = ch.declareQueue(name, m)
	}
	if err != nil {
		return err
	}
	ch.lastQueue = info.Spec.Name
	consumers := info.Consumers
	if info.Spec.Stream { // RabbitMQ does not count them here
		consumers = 0
	}
	ch.answerDeclare(info.Spec.Name, info.Ready, consumers, m.NoWait)
	return nil
}

func (ch *channel) answerDeclare(name string, ready, consumers int, noWait bool) {
	if noWait {
		return
	}
	ch.c.sendMethod(ch.id, &wire.QueueDeclareOk{
		Queue: []byte(name), MessageCount: uint32(ready), ConsumerCount: uint32(consumers),
	})
}

// declareDirectReply answers a passive declaration of the queue of direct replies, or of a channel's address: that is
// how a server asks whether its client is still there.
func (ch *channel) declareDirectReply(name string, noWait bool) error {
	if name != directReplyQueue && ch.c.srv.directReplyTo(name) == nil {
		return channelFault(wire.NotFound, "no %s", ch.resource("queue", name))
	}
	ch.lastQueue = name
	ch.answerDeclare(name, 0, 1, noWait)
	return nil
}

func (ch *channel) declareQueue(name string, m *wire.QueueDeclare) (broker.QueueInfo, error) {
	s := ch.c.session
	arguments, err := m.Arguments.Decode()
	if err != nil {
		return broker.QueueInfo{}, err
	}
	if arguments == nil {
		arguments = property.Table{} // none, which is not the same as not declared over this protocol
	}
	arguments, raw, err := ch.withDefaultType(arguments, m)
	if err != nil {
		return broker.QueueInfo{}, err
	}
	spec := broker.QueueSpec{
		Name: name, Durable: m.Durable, Exclusive: m.Exclusive, AutoDelete: m.AutoDelete,
		Attributes: broker.Attributes{attributes: arguments},
	}
	completeQueue(&spec, raw)
	if refused := checkQueue(ch.resource("queue", name), &spec, raw); refused != nil {
		// What is wrong with a queue that exists is that it is another one.
		if info, err := s.Queue(ch.c.background(), name); err == nil {
			if err := compareQueueArguments(ch.resource("queue", name), info.Spec.Attributes[attributes], raw); err != nil {
				return info, err
			}
		}
		return broker.QueueInfo{}, refused
	}
	if name == "" {
		spec.Name, spec.Generated = "amq.gen-"+broker.UniqueName(), true
	}
	info, created, err := s.DeclareQueue(ch.c.background(), spec)
	if err != nil || created {
		return info, err
	}
	return info, compareQueueArguments(ch.resource("queue", name), info.Spec.Attributes[attributes], raw)
}

// withDefaultType adds the virtual host's default type to the arguments of a queue that may have another than classic,
// when they name none.
func (ch *channel) withDefaultType(arguments property.Table, m *wire.QueueDeclare) (property.Table, property.RawTable, error) {
	_, named := arguments.Get(queueTypeArgument)
	if named || !m.Durable || m.Exclusive || m.AutoDelete {
		return arguments, m.Arguments, nil
	}
	kind := ch.c.session.DefaultQueueType()
	if kind == "" {
		return arguments, m.Arguments, nil
	}
	arguments = append(arguments, property.Field{Name: queueTypeArgument, Value: kind})
	raw, err := arguments.Raw()
	return arguments, raw, err
}

// QueueType is the type that a queue was declared with over AMQP; those of other front ends are
// classic.
func QueueType(spec *broker.QueueSpec) string { return queueType(spec.Attributes[attributes]) }

// completeQueue adds what the arguments ask for to a queue's description. They may still have to be refused.
func completeQueue(spec *broker.QueueSpec, arguments property.RawTable) {
	spec.Limits = limits(arguments)
	spec.Stream = queueType(spec.Attributes[attributes]) == streamQueue
	if v, ok := arguments.Lookup("x-single-active-consumer"); ok {
		spec.SingleActive, _ = v.Bool()
	}
	if v, ok := arguments.Lookup("x-max-priority"); ok {
		n, _ := v.Int()
		spec.Priorities = uint8(max(0, min(n, 255)))
	}
}

// checkQueue refuses a queue that cannot be.
func checkQueue(resource string, spec *broker.QueueSpec, arguments property.RawTable) error {
	if err := checkQueueArguments(resource, arguments); err != nil {
		return err
	}
	kind := queueType(spec.Attributes[attributes])
	if kind == "classic" {
		return nil
	}
	for _, p := range []struct {
		has  bool
		name string
	}{{spec.AutoDelete, "auto-delete"}, {spec.Exclusive, "exclusive-owner"}, {!spec.Durable, "non-durable"}} {
		if p.has {
			return channelFault(wire.PreconditionFailed, "invalid property '%s' for %s", p.name, resource)
		}
	}
	if spec.Name == "" {
		return channelFault(wire.PreconditionFailed, "Cannot declare a server-named queue for type rabbit_%s_queue", kind)
	}
	return nil
}

// bindingOf puts a binding together. The shortcut is the specification's [AMQP queue.bind]: without queue and key,
// both are the last queue's name.
func (ch *channel) bindingOf(queue, exchange, key []byte, arguments property.RawTable) (broker.Binding, error) {
	name, err := ch.queueName(queue)
	if err != nil {
		return broker.Binding{}, err
	}
	if len(queue) == 0 && len(key) == 0 {
		key = []byte(name)
	}
	return ch.binding(string(exchange), name, broker.ToQueue, string(key), arguments)
}

func (ch *channel) binding(source, destination string, kind broker.DestinationKind, key string, arguments property.RawTable) (broker.Binding, error) {
	table, err := arguments.Decode()
	if err != nil {
		return broker.Binding{}, err
	}
	return broker.Binding{Source: source, Destination: destination, Kind: kind, Key: key, Arguments: table}, nil
}

func (ch *channel) handleQueueBind(m *wire.QueueBind) error {
	b, err := ch.bindingOf(m.Queue, m.Exchange, m.RoutingKey, m.Arguments)
	if err != nil {
		return err
	}
	if err := ch.bind(b); err != nil {
		return err
	}
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.QueueBindOk{})
	}
	return nil
}

// bind adds a binding, whose arguments are checked if a headers exchange is to match them.
func (ch *channel) bind(b broker.Binding) error {
	if v, ok := b.Arguments.Get("x-match"); ok {
		x, err := ch.c.session.Exchange(ch.c.background(), b.Source)
		if err == nil && (x.Kind == broker.Headers || x.Routes == broker.Headers) {
			if err := checkMatch(v); err != nil {
				return err
			}
		}
	}
	err := ch.c.session.Bind(ch.c.background(), b)
	if refused := bindingFault(err, b.Key); refused != nil {
		return refused
	}
	return err
}

func checkMatch(value any) error {
	name, ok := value.(string)
	if !ok {
		kind := ""
		if raw, err := (property.Table{{Name: "x", Value: value}}).Raw(); err == nil {
			x, _ := raw.Lookup("x")
			kind = typeName(x.Type)
		}
		return channelFault(wire.PreconditionFailed, "Invalid x-match field type %s (value %v); expected longstr", kind, value)
	}
	switch name {
	case "all", "any", "all-with-x", "any-with-x":
		return nil
	default:
		return channelFault(wire.PreconditionFailed,
			`Invalid x-match field value <<"%s">>; expected all, any, all-with-x, or any-with-x`, name)
	}
}

// unbind removes a binding; one that is not there, for whatever reason, is no error.
func (ch *channel) unbind(b broker.Binding) error {
	err := ch.c.session.Unbind(ch.c.background(), b)
	switch {
	case broker.IsKind(err, broker.KindNotFound), errors.Is(err, broker.ErrNoInteger), errors.Is(err, broker.ErrWeightTooLow):
		return nil
	default:
		return err
	}
}

func (ch *channel) handleQueueUnbind(m *wire.QueueUnbind) error {
	b, err := ch.bindingOf(m.Queue, m.Exchange, m.RoutingKey, m.Arguments)
	if err != nil {
		return err
	}
	if err := ch.unbind(b); err != nil {
		return err
	}
	ch.c.sendMethod(ch.id, &wire.QueueUnbindOk{})
	return nil
}

func (ch *channel) handleQueuePurge(m *wire.QueuePurge) error {
	name, err := ch.queueName(m.Queue)
	if err != nil {
		return err
	}
	n, err := ch.c.session.PurgeQueue(ch.c.background(), name)
	if broker.IsKind(err, broker.KindUnsupported) {
		return connectionFault(wire.NotImplemented, "queue.purge not supported by stream queues %s", ch.resource("queue", name))
	}
	if err != nil {
		return err
	}
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.QueuePurgeOk{MessageCount: uint32(n)})
	}
	return nil
}

func (ch *channel) handleQueueDelete(m *wire.QueueDelete) error {
	name, err := ch.queueName(m.Queue)
	if err != nil {
		return err
	}
	ch.holdCancels()
	defer ch.sendCancels()
	n, err := ch.c.session.DeleteQueue(ch.c.background(), name, m.IfUnused, m.IfEmpty)
	if err != nil && !broker.IsKind(err, broker.KindNotFound) { // deleting what is not there is no error since RabbitMQ 3.2
		return err
	}
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.QueueDeleteOk{MessageCount: uint32(n)})
	}
	return nil
}
