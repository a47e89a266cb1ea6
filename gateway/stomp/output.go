package stomp

import (
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

const (
	// deliveryRoom is how many bytes may wait to be written before deliveries are refused.
	deliveryRoom = 256 << 10
	// answerRoom is how many bytes of answers may wait before the client's next frame is not handled: one that sends
	// but does not read stops itself.
	answerRoom = 64 << 10
	// maxPending is how many receipts of a connection may be owed by the broker before its next frame is not handled.
	maxPending = 16 << 10
	// keepOutput is up to what size an output buffer is kept for the next frames.
	keepOutput = 512 << 10
	// flushTimeout is how long the last words to a client may take.
	flushTimeout = 5 * time.Second
)

// output is what is to be written to a connection. Its writer is the only one that writes to the socket.
type output struct {
	nc     net.Conn
	log    *slog.Logger
	sent   broker.Octets
	wake   chan struct{} // there is something for the writer
	done   chan struct{} // closed when the writer has ended
	framed bool          // each frame is written by itself

	mu      sync.Mutex
	changed sync.Cond // answers, pending or stopped has changed, or the writer has ended
	buf     []byte
	ends    []int           // where the frames in buf end, for a WebSocket, which sends a message for each
	answers int             // bytes of answers, in buf or being written
	pending int             // receipts that the broker owes
	refused []*subscription // that had no room for a delivery
	beat    time.Duration   // at least so often something must be written; 0: no matter
	stopped bool            // the reader must not wait any more
	plain   bool            // answers have no escapes
	closing bool            // nothing is added any more; the writer ends after what there is
	ended   bool            // the writer has ended
}

func newOutput(nc net.Conn, log *slog.Logger) *output {
	o := &output{nc: nc, log: log, wake: make(chan struct{}, 1), done: make(chan struct{})}
	o.changed.L = &o.mu
	_, o.framed = nc.(*webSocket)
	return o
}

// begin gives the buffer to append a frame to, and locks the output until end.
func (o *output) begin() []byte {
	o.mu.Lock()
	return o.buf
}

// end takes the buffer back, longer by an answer.
func (o *output) end(buf []byte) {
	if !o.closing {
		o.answers += len(buf) - len(o.buf)
		o.put(buf)
	}
	o.mu.Unlock()
}

// beginDelivery is begin for a delivery. It reports false, and locks nothing, when there is no room; the subscription's
// consumer is resumed when there is again.
func (o *output) beginDelivery(s *subscription) ([]byte, bool) {
	o.mu.Lock()
	if o.closing || o.ended {
		o.mu.Unlock()
		return nil, false
	}
	if len(o.buf) >= deliveryRoom {
		o.refused = append(o.refused, s)
		o.mu.Unlock()
		return nil, false
	}
	return o.buf, true
}

// endDelivery takes the buffer back, longer by a delivery.
func (o *output) endDelivery(buf []byte) {
	o.put(buf)
	o.mu.Unlock()
}

func (o *output) put(buf []byte) {
	wasEmpty := len(o.buf) == 0
	if o.framed {
		o.ends = append(o.ends, len(buf))
	}
	o.buf = buf
	if wasEmpty {
		o.signal()
	}
}

func (o *output) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// receipt adds a RECEIPT.
func (o *output) receipt(id string) {
	buf := o.begin()
	o.end(o.escaped(appendReceipt(buf, id), len(buf)))
}

// escaped is the buffer with the frame that begins at from escaped as the client's version has it. The caller holds
// o.mu.
func (o *output) escaped(buf []byte, from int) []byte {
	if o.plain {
		return wire.Plain(buf, from)
	}
	return buf
}

// setPlain says whether answers have no escapes.
func (o *output) setPlain(plain bool) {
	o.mu.Lock()
	o.plain = plain
	o.mu.Unlock()
}

// fault adds an ERROR in the dialect's form.
func (o *output) fault(d dialect, f *fault, receipt string) {
	buf := o.begin()
	o.end(o.escaped(d.appendFault(buf, f, receipt), len(buf)))
}

// expect counts a receipt that the broker owes.
func (o *output) expect() {
	o.mu.Lock()
	o.pending++
	o.mu.Unlock()
}

// arrived counts a receipt down, or what takes its place.
func (o *output) arrived() {
	o.mu.Lock()
	o.pending--
	o.changed.Broadcast()
	o.mu.Unlock()
}

// waitRoom waits until there is room for the answer to another frame. It reports false when there will be none.
func (o *output) waitRoom() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.stopped && !o.ended && (o.answers > answerRoom || o.pending > maxPending) {
		o.changed.Wait()
	}
	return !o.stopped && !o.ended
}

// waitPending waits until the broker owes no receipt any more, or the connection is to end.
func (o *output) waitPending() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.stopped && !o.ended && o.pending > 0 {
		o.changed.Wait()
	}
}

// stopWaiting ends all waiting of the reader.
func (o *output) stopWaiting() {
	o.mu.Lock()
	o.stopped = true
	o.changed.Broadcast()
	o.mu.Unlock()
}

// setBeat makes the writer send a line end when nothing else was sent for half of the interval.
func (o *output) setBeat(interval time.Duration) {
	o.mu.Lock()
	o.beat = interval
	o.mu.Unlock()
	o.signal()
}

// close ends the output: what is there is written, for at most flushTimeout, and the writer has ended on return.
func (o *output) close() {
	o.mu.Lock()
	o.closing = true
	o.mu.Unlock()
	_ = o.nc.SetWriteDeadline(time.Now().Add(flushTimeout)) // a socket that is gone already fails the write instead
	o.signal()
	<-o.done
}

// run is the writer.
func (o *output) run() {
	defer func() {
		if p := recover(); p != nil {
			o.log.Error("writer panicked", "panic", p, "stack", string(debug.Stack()))
		}
		o.mu.Lock()
		o.ended, o.buf, o.refused = true, nil, nil
		o.changed.Broadcast()
		o.mu.Unlock()
		o.nc.Close() // ends the reader
		close(o.done)
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var spare []byte
	for {
		o.mu.Lock()
		buf, ends, answers, refused, beat, closing := o.buf, o.ends, o.answers, o.refused, o.beat, o.closing
		o.buf, o.ends, o.refused = spare[:0], nil, nil
		o.mu.Unlock()
		for _, s := range refused {
			s.resume()
		}
		if len(buf) == 0 {
			if closing {
				return
			}
			spare = buf
			if beat == 0 {
				<-o.wake
				continue
			}
			timer.Reset(beat / 2)
			select {
			case <-o.wake:
				continue
			case <-timer.C:
				buf = append(buf, '\n')
			}
		}
		if o.write(buf, ends) != nil {
			return
		}
		spare = buf
		if cap(spare) > keepOutput {
			spare = nil
		}
		o.mu.Lock()
		o.answers -= answers
		o.changed.Broadcast()
		o.mu.Unlock()
	}
}

// write writes frames that end there, or all of buf at once.
func (o *output) write(buf []byte, ends []int) error {
	if len(ends) == 0 {
		ends = []int{len(buf)}
	}
	from := 0
	for _, end := range ends {
		n, err := o.nc.Write(buf[from:end])
		o.sent.Add(n)
		if err != nil {
			return err
		}
		from = end
	}
	return nil
}

func appendReceipt(buf []byte, id string) []byte {
	buf = wire.AppendCommand(buf, wire.Receipt)
	buf = wire.AppendHeader(buf, "receipt-id", id)
	return wire.AppendBody(buf, nil)
}
