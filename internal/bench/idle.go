package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// dialers is how many connections Idle opens at a time.
const dialers = 16

// runIdle opens the connections, each with a channel, lets them rest for the
// duration, in which heartbeats go, and reads the broker's memory.
func runIdle(ctx context.Context, o Options, _ []string, r *Result) error {
	if o.BrokerPID == 0 {
		return errors.New("the broker's process is needed to read its memory")
	}
	r.Connections, r.Size = o.Connections, 0
	g := newGroup(ctx)
	defer g.stop()
	var open sync.WaitGroup
	for i := range dialers {
		n := (o.Connections + dialers - 1 - i) / dialers
		open.Add(1)
		g.start(func(ctx context.Context) error {
			conns, closeAll, err := dialAll(o.URL, n)
			if err == nil {
				defer closeAll()
				err = openChannels(conns)
			}
			open.Done()
			if err == nil {
				<-ctx.Done()
			}
			return err
		})
	}
	open.Wait()
	if g.pass(o.Duration) {
		var err error
		if r.IdleMB, err = residentMB(o.BrokerPID); err != nil {
			return err
		}
	}
	g.stop()
	return g.wait()
}

func openChannels(conns []*amqp.Connection) error {
	for _, conn := range conns {
		if _, err := conn.Channel(); err != nil {
			return fmt.Errorf("open a channel: %w", err)
		}
	}
	return nil
}
