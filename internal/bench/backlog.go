package bench

import (
	"context"
	"time"
)

// backlogRounds is how often Backlog measures both queues.
const backlogRounds = 5

// runBacklog fills the queue. Then it publishes to it and to new ones in turn,
// so that both meet the machine's better and worse moments.
func runBacklog(ctx context.Context, o Options, queues []string, r *Result) error {
	if err := fill(ctx, o, queues[0]); err != nil {
		return err
	}
	admin, err := dial(o.URL)
	if err != nil {
		return err
	}
	defer admin.Close()
	var deep, empty Result
	publish := func(queues []string, sum *Result) error {
		var one Result
		err := publishTo(ctx, o, o.Connections, queues, &one)
		sum.Messages += one.Messages
		sum.Seconds += one.Seconds
		return err
	}
	for range backlogRounds {
		if err := publish(queues, &deep); err != nil {
			return err
		}
		fresh, err := declareQueues(admin, 1, o.QueueType)
		if err == nil {
			err = publish(fresh, &empty)
		}
		deleteQueues(admin, fresh)
		if err != nil {
			return err
		}
	}
	r.Connections, r.InFlight = o.Connections, o.InFlight
	r.count(deep.Messages, time.Duration(deep.Seconds*float64(time.Second)))
	if empty.Seconds > 0 {
		r.EmptyRate = float64(empty.Messages) / empty.Seconds
	}
	return nil
}
