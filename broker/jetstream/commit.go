package jetstream

import (
	"fmt"
	"sync"
	"time"

	"github.com/portico-mq/portico/broker"
)

// committer turns "stored" into "synced", for everything in the data directory: it takes all who wait, syncs once,
// releases them, and begins again. Those who come during a sync wait for the next: load makes the batches. It knows
// nothing of NATS's files: a block that was rolled over, an encryption key, a new stream's directory are covered alike,
// which syncing the newest block would not do (see docs/architecture.md).
//
// A failed sync is final. What the kernel did with the pages it could not write is unknown, so nothing is confirmed
// after that.
type committer struct {
	sync  func() error // nil: durability os, where stored is enough
	onErr func(error)

	mu      sync.Mutex
	waiting []broker.Completion
	tasks   []func() // to be run between two rounds
	failed  error
	closed  bool
	wake    chan struct{}
	quit    chan struct{}
	done    chan struct{}
	rounds  uint64
	took    time.Duration
}

func newCommitter(syncAll func() error, onErr func(error)) *committer {
	c := &committer{sync: syncAll, onErr: onErr, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	go c.run()
	return c
}

// add tells done after a sync that begins after this call.
func (c *committer) add(done broker.Completion) {
	c.mu.Lock()
	if c.failed != nil || c.closed {
		err := c.failed
		c.mu.Unlock()
		if err == nil {
			err = broker.ErrClosed
		}
		go done.Done(err) // the caller may hold locks that Done takes
		return
	}
	c.waiting = append(c.waiting, done)
	first := len(c.waiting) == 1
	c.mu.Unlock()
	if first {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// between runs task while no sync is under way, begins one right after it, and tells done after that. When the
// committer ends, task may not be run.
func (c *committer) between(task func(), done broker.Completion) {
	c.mu.Lock()
	c.tasks = append(c.tasks, task)
	c.mu.Unlock()
	c.add(done)
}

func (c *committer) run() {
	defer close(c.done)
	var round []broker.Completion
	for {
		c.mu.Lock()
		round, c.waiting = c.waiting, round[:0]
		tasks := c.tasks
		c.tasks = nil
		c.mu.Unlock()
		for _, task := range tasks {
			task()
		}
		if len(round) == 0 {
			select {
			case <-c.wake:
				continue
			case <-c.quit:
				return
			}
		}
		err := c.syncOnce()
		for i, done := range round {
			done.Done(err)
			round[i] = nil
		}
	}
}

func (c *committer) syncOnce() error {
	c.mu.Lock()
	err := c.failed
	c.mu.Unlock()
	if err != nil {
		return err
	}
	start := time.Now()
	if c.sync != nil {
		err = c.sync()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rounds++
	c.took += time.Since(start)
	if err == nil {
		return nil
	}
	c.failed = &broker.Error{
		Kind: broker.KindUnavailable, Detail: "a sync failed; nothing is stored safely until a restart",
		Err: fmt.Errorf("jetstream: syncing the data directory: %w", err),
	}
	go c.onErr(c.failed)
	return c.failed
}

// fail has every sync fail from now on.
func (c *committer) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed == nil {
		c.failed = err
	}
}

// close finishes what waits and stops.
func (c *committer) close() {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	c.closed = true
	c.mu.Unlock()
	close(c.quit)
	<-c.done
	c.mu.Lock()
	left := c.waiting
	c.waiting = nil
	c.mu.Unlock()
	err := c.syncOnce()
	for _, done := range left {
		done.Done(err)
	}
}
