package broker

import (
	"sync"
	"sync/atomic"
)

// Credit bounds the unsettled deliveries of one or several consumers (a consumer's prefetch, a channel's). It is
// safe for concurrent use.
type Credit struct {
	limit atomic.Int64 // 0: no bound
	used  atomic.Int64

	mu        sync.Mutex
	consumers []*Consumer // those to wake when there is room again
}

// NewCredit makes a credit of limit deliveries; 0 means no bound.
func NewCredit(limit int) *Credit {
	c := &Credit{}
	c.limit.Store(int64(limit))
	return c
}

// SetLimit changes the bound; consumers that have room again go on.
func (c *Credit) SetLimit(limit int) {
	c.limit.Store(int64(limit))
	c.wake(nil)
}

// Used is the number of unsettled deliveries that count.
func (c *Credit) Used() int { return int(c.used.Load()) }

func (c *Credit) hasRoom() bool {
	limit := c.limit.Load()
	return limit == 0 || c.used.Load() < limit
}

// room is how many deliveries there is room for, at most a window full.
func (c *Credit) room() int {
	limit := c.limit.Load()
	if limit == 0 {
		return windowMessages
	}
	return int(min(windowMessages, max(0, limit-c.used.Load())))
}

// take claims one delivery, and reports false when there is no room.
func (c *Credit) take() bool {
	for {
		used, limit := c.used.Load(), c.limit.Load()
		if limit != 0 && used >= limit {
			return false
		}
		if c.used.CompareAndSwap(used, used+1) {
			return true
		}
	}
}

// release gives n deliveries back and reports whether that made room where there was none.
func (c *Credit) release(n int64) bool {
	after := c.used.Add(-n)
	limit := c.limit.Load()
	return limit != 0 && after < limit && after+n >= limit
}

func (c *Credit) add(consumer *Consumer) {
	c.mu.Lock()
	c.consumers = append(c.consumers, consumer)
	c.mu.Unlock()
}

func (c *Credit) remove(consumer *Consumer) {
	c.mu.Lock()
	for i, other := range c.consumers {
		if other == consumer {
			c.consumers = append(c.consumers[:i:i], c.consumers[i+1:]...)
			break
		}
	}
	c.mu.Unlock()
}

// wake lets the consumers that share the credit go on, but for those of the queue that the caller serves itself.
func (c *Credit) wake(except *Queue) {
	c.mu.Lock()
	consumers := c.consumers
	c.mu.Unlock()
	for _, consumer := range consumers {
		if consumer.queue != except {
			consumer.queue.Kick()
		}
	}
}
