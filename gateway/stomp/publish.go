package stomp

import (
	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// publish publishes the message of a SEND that is in no transaction. Its receipt means stored and synced; a message that
// reaches no queue is dropped, and its receipt comes at once. declare, if it is not nil, declares the queue that the
// message is for, which was deleted since this connection declared it if the message reaches none.
func (c *conn) publish(f *wire.Frame, m *broker.Message, declare func() error) error {
	var done broker.Completion
	id, wanted := f.Get("receipt")
	if wanted {
		done = c.await(string(id))
	}
	c.lane.Count(broker.Published, 1)
	n, err := c.session.Publish(m, done)
	if n == 0 && err == nil && declare != nil {
		delete(c.declared, m.Key())
		if err = declare(); err == nil {
			n, err = c.session.Publish(m, done)
		}
	}
	switch {
	case n > 0:
	case err == nil:
		c.lane.Count(broker.Dropped, 1)
		if wanted {
			done.Done(nil)
		}
	case wanted:
		c.out.arrived()
	}
	return err
}
