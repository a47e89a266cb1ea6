package sqs

import "context"

// waiter is a broker.Completion that a request waits for.
type waiter struct {
	done chan error
}

func newWaiter() *waiter { return &waiter{make(chan error, 1)} }

// Done implements broker.Completion.
func (w *waiter) Done(err error) { w.done <- err }

// wait gives the outcome. When the client goes away first, nobody is there to be told it.
func (w *waiter) wait(ctx context.Context) error {
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
