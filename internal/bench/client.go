package bench

import (
	"context"
	"fmt"
	"sync/atomic"
)

// A client drives a broker. There are two: an unmodified library, which is what
// an application would see, and one that costs so little itself that it is the
// broker that is measured.
type client interface {
	// name is what the result calls it.
	name() string
	// publish opens a connection and adds to the group what publishes over it,
	// on a channel and with a window for each of the queues: until the context
	// ends or, when messages is not zero, until so many are confirmed. The
	// connection is closed with the returned function.
	publish(g *group, o Options, queues []string, messages int, confirmed *atomic.Int64) (closeAll func(), err error)
	// consume opens a connection with a consumer on the queue.
	consume(ctx context.Context, o Options, queue string, taken *atomic.Int64) (taker, error)
}

// taker takes messages out of a queue and acks them.
type taker interface {
	// run takes until the context ends or, when limit is not zero, until all
	// takers that share the count have taken that many.
	run(ctx context.Context, limit int64) error
	// settle returns when the broker has taken every ack that was sent: it
	// answers a channel's methods in order.
	settle() error
	close()
}

// The clients that Options.Client names.
const (
	// LibraryClient is amqp091-go, unmodified.
	LibraryClient = "amqp091-go"
	// FramesClient writes frames and reads frames: many in one system call
	// where they come together, and in one goroutine a connection.
	FramesClient = "frames"
)

func (o *Options) client() (client, error) {
	switch o.Client {
	case LibraryClient:
		return libraryClient{}, nil
	case FramesClient:
		return framesClient{}, nil
	}
	return nil, fmt.Errorf("unknown client %q", o.Client)
}

// publishAll starts publishers over the connections of o, which share out n
// channels, and these the queues.
func publishAll(g *group, o Options, n int, queues []string, messages int, confirmed *atomic.Int64) (closeAll func(), err error) {
	c, err := o.client()
	if err != nil {
		return nil, err
	}
	var closers []func()
	closeAll = func() {
		for _, f := range closers {
			f()
		}
	}
	for i := range o.Connections {
		var own []string
		for j := i; j < n; j += o.Connections {
			own = append(own, queues[j%len(queues)])
		}
		share := 0
		if messages > 0 {
			share = (messages + o.Connections - 1 - i) / o.Connections
		}
		f, err := c.publish(g, o, own, share, confirmed)
		if err != nil {
			closeAll()
			return nil, err
		}
		closers = append(closers, f)
	}
	return closeAll, nil
}
