package amqp091

import (
	"testing"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// The channel that deletes a queue is answered before it is told of its own consumer's end, as by RabbitMQ.
func TestDeleteIsAnsweredBeforeTheCancel(t *testing.T) {
	s := startServer(t, Options{})
	c := login(t, s, usualTune).openChannel()
	for range 20 {
		b := wire.AppendMethod(nil, 1, &wire.QueueDeclare{Queue: []byte("q")})
		b = wire.AppendMethod(b, 1, &wire.BasicConsume{Queue: []byte("q"), ConsumerTag: []byte("mine")})
		c.send(wire.AppendMethod(b, 1, &wire.QueueDelete{Queue: []byte("q")}))
		for _, id := range []wire.MethodID{
			wire.IDQueueDeclareOk, wire.IDBasicConsumeOk, wire.IDQueueDeleteOk, wire.IDBasicCancel,
		} {
			c.expect(id)
		}
	}
}
