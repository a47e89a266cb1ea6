package amqp091

import (
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

const (
	// highWater is how many bytes may wait to be written before consumers pause and the reader stops reading. One
	// message may go over it, whatever its size.
	highWater = 1 << 20
	// idlePause is after how long without a word a connection without heartbeats gives its buffers back.
	idlePause = 10 * time.Second
)

// send appends frames of the reader: replies, returns, and what else the reader has to say. While too much waits to be
// written it waits, which is how a client that does not read is kept from costing memory. write is called with mu held.
func (c *conn) send(write func(dst []byte) []byte) {
	c.mu.Lock()
	for len(c.out) >= highWater && !c.dead && !c.interrupted.Load() {
		c.drained.Wait()
	}
	c.append(write(c.out))
	c.mu.Unlock()
}

// sendMethod appends the frame of a method; see send.
func (c *conn) sendMethod(channel uint16, m wire.Method) {
	c.send(func(dst []byte) []byte { return wire.AppendMethod(dst, channel, m) })
}

// notify is send for other goroutines than the reader: it never waits, and must be used for little.
func (c *conn) notify(channel uint16, m wire.Method) {
	c.mu.Lock()
	c.append(wire.AppendMethod(c.out, channel, m))
	c.mu.Unlock()
}

// append makes out the longer buffer and wakes the writer. The caller holds mu.
func (c *conn) append(out []byte) {
	if c.dead {
		return
	}
	c.out = out
	if !c.awake {
		c.wakeWriter()
	}
}

// wakeWriter wakes the writer unless it is awake: then it looks again before it sleeps. The caller holds mu.
func (c *conn) wakeWriter() {
	if c.awake {
		return
	}
	c.awake = true
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// markDirty tells the writer that a channel has confirms to send. It is called from the broker's goroutines.
func (c *conn) markDirty(ch *channel) {
	c.mu.Lock()
	c.dirty = append(c.dirty, ch)
	c.wakeWriter()
	c.mu.Unlock()
}

// writeLoop writes what is appended, as much as there is at a time, and heartbeats when there is nothing. It returns
// when the connection fails, or when it is ending and all is written.
func (c *conn) writeLoop() {
	defer close(c.written)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		buf, more := c.take()
		if len(buf) == 0 {
			if !more {
				return
			}
			if c.sleep(timer) {
				c.idled()
			}
			continue
		}
		n, err := c.nc.Write(buf)
		c.sent.Add(n)
		c.putBack(buf, err)
		if err != nil {
			c.nc.Close() // the reader ends too
			return
		}
	}
}

// idled gives buffers back that nothing was written to for a while, and sends the heartbeat that is due then.
func (c *conn) idled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spare = nil
	if len(c.out) == 0 {
		c.out = nil
	}
	if c.beat.Load() > 0 {
		c.append(wire.AppendHeartbeat(c.out))
	}
}

// sleep waits until there is something to write, and reports whether there was nothing for a while.
func (c *conn) sleep(timer *time.Timer) (idle bool) {
	pause := time.Duration(c.beat.Load()) / 2
	if pause == 0 {
		pause = idlePause
	}
	timer.Reset(pause)
	select {
	case <-c.wake:
		return false
	case <-timer.C:
		return true
	}
}

// take swaps the buffers. With nothing to write, more says whether there may still come something.
func (c *conn) take() (buf []byte, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.awake = true
	for _, ch := range c.dirty {
		var final, good int
		c.out, final, good = ch.confirms.appendFrames(c.out, ch.id)
		ch.lane.Unconfirmed.Add(-int64(final))
		ch.lane.Count(broker.Confirmed, good)
	}
	clear(c.dirty)
	c.dirty = c.dirty[:0]
	if len(c.out) == 0 {
		c.awake = false
		return nil, !c.ending && !c.dead
	}
	buf, c.out = c.out, c.spare[:0]
	c.spare = nil
	return buf, true
}

// putBack gives the buffer back, and lets those go on that wait for room.
func (c *conn) putBack(buf []byte, err error) {
	c.mu.Lock()
	if cap(buf) <= 2*highWater {
		c.spare = buf[:0]
	}
	if err != nil {
		c.dead = true
		c.out = nil
	}
	var paused []*broker.Consumer
	if !c.dead {
		paused, c.paused = c.paused, nil
	}
	c.drained.Broadcast()
	c.mu.Unlock()
	for _, consumer := range paused {
		consumer.Resume()
	}
}
