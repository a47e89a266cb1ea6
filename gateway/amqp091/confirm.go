package amqp091

import (
	"sync"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// Publisher confirms. Each publication of a confirming channel has a number, counted from 1. The broker tells when it
// is final; that is only marked. The writer turns marks into frames: one basic.ack with multiple for all that are
// final in a row, a basic.nack of its own for each that was not stored. Confirms go out in the order of publishing.

// confirms is what a channel has not confirmed yet.
type confirms struct {
	mu      sync.Mutex
	first   uint64     // the number of the first one not confirmed
	marks   []mark     // a ring of a power of two; that of number n is at n modulo its length
	count   int        // how many are not confirmed
	dirty   bool       // the writer was told
	stopped bool       // the channel is closed
	last    uint64     // the last number given
	pool    []*confirm // to be used again
}

type mark uint8

const (
	outstanding mark = iota
	stored
	failed
)

// confirm waits for one publication. It implements broker.Completion.
type confirm struct {
	ch     *channel
	number uint64
}

// next numbers a publication.
func (f *confirms) next(ch *channel) *confirm {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	if f.count == 0 {
		f.first = f.last
	}
	if f.count == len(f.marks) {
		f.grow()
	}
	f.marks[f.last&uint64(len(f.marks)-1)] = outstanding
	f.count++
	if n := len(f.pool); n > 0 {
		p := f.pool[n-1]
		f.pool = f.pool[:n-1]
		p.number = f.last
		return p
	}
	return &confirm{ch: ch, number: f.last}
}

func (f *confirms) grow() {
	bigger := make([]mark, max(64, 2*len(f.marks)))
	for n := f.first; n < f.first+uint64(f.count); n++ {
		bigger[n&uint64(len(bigger)-1)] = f.marks[n&uint64(len(f.marks)-1)]
	}
	f.marks = bigger
}

// keepConfirms is how many of them are kept for the next publications.
const keepConfirms = 1024

// Done marks the publication. It never waits.
func (p *confirm) Done(err error) {
	f := &p.ch.confirms
	f.mu.Lock()
	if f.stopped {
		f.mu.Unlock()
		return
	}
	m := stored
	if err != nil {
		m = failed
	}
	f.marks[p.number&uint64(len(f.marks)-1)] = m
	tell := !f.dirty && p.number == f.first
	f.dirty = f.dirty || tell
	if len(f.pool) < keepConfirms {
		f.pool = append(f.pool, p)
	}
	f.mu.Unlock()
	if tell {
		p.ch.c.markDirty(p.ch)
	}
	if err != nil && !broker.IsKind(err, broker.KindFull) {
		p.ch.c.log.Error("publication not stored", "channel", p.ch.id, "number", p.number, "err", err)
	}
}

// appendFrames confirms what is final, and tells how many publications that is, and how many were stored. It is
// called by the writer, with conn.mu held.
func (f *confirms) appendFrames(dst []byte, channel uint16) (out []byte, final, good int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirty = false
	acked, run := uint64(0), 0
	for f.count > 0 {
		m := f.marks[f.first&uint64(len(f.marks)-1)]
		if m == outstanding {
			break
		}
		if m == failed {
			dst = appendAck(dst, channel, acked, run)
			run = 0
			nack := wire.BasicNack{DeliveryTag: f.first}
			b, at := wire.BeginMethod(dst, channel, wire.IDBasicNack)
			dst = wire.EndFrame(nack.AppendTo(b), at)
		} else {
			acked = f.first
			run++
			good++
		}
		f.first++
		f.count--
		final++
	}
	return appendAck(dst, channel, acked, run), final, good
}

// appendAck confirms run publications, the last of which has the number tag.
func appendAck(dst []byte, channel uint16, tag uint64, run int) []byte {
	if run == 0 {
		return dst
	}
	m := wire.BasicAck{DeliveryTag: tag, Multiple: run > 1}
	b, at := wire.BeginMethod(dst, channel, wire.IDBasicAck)
	return wire.EndFrame(m.AppendTo(b), at)
}

// stop forgets what is not confirmed: the channel is closed.
func (f *confirms) stop() {
	f.mu.Lock()
	f.stopped = true
	f.count, f.marks, f.pool = 0, nil, nil
	f.mu.Unlock()
}

func (ch *channel) handleConfirmSelect(m *wire.ConfirmSelect) error {
	if ch.tx != nil {
		return channelFault(wire.PreconditionFailed, "cannot switch from tx to confirm mode")
	}
	ch.confirming = true
	ch.lane.Confirming.Store(true)
	if !m.NoWait {
		ch.c.sendMethod(ch.id, &wire.ConfirmSelectOk{})
	}
	return nil
}

var _ broker.Completion = (*confirm)(nil)
