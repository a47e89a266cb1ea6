package sqs

import (
	"context"

	"github.com/portico-mq/portico/broker"
)

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

// sending is a message on its way into its queue.
type sending struct {
	done    chan error
	receipt broker.Receipt
}

func newSending() *sending { return &sending{done: make(chan error, 1)} }

// told is what Session.Send tells.
func (s *sending) told(r broker.Receipt, err error) {
	s.receipt = r
	s.done <- err
}

// wait gives the outcome, after which the receipt can be read.
func (s *sending) wait(ctx context.Context) error {
	select {
	case err := <-s.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
