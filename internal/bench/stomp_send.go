package bench

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
)

// stompSender keeps its window full and belongs to one goroutine.
type stompSender struct {
	conn      *stompConn
	frame     []byte // of one SEND
	stamp     int    // where in it the receipt's number is
	window    int
	sent      uint64
	answered  []bool // by number, in a ring of the window's size
	unsettled int
	left      int // to be sent; negative for any number
	confirmed *atomic.Int64
}

// receiptDigits is how many digits a receipt's number has: a frame is changed where it stands.
const receiptDigits = 10

func (b *stompBench) sender(ctx context.Context, window, messages int, confirmed *atomic.Int64) (*stompSender, error) {
	conn, err := b.dial(ctx, stompIn)
	if err != nil {
		return nil, err
	}
	s := &stompSender{conn: conn, window: window, answered: make([]bool, window), left: messages, confirmed: confirmed}
	s.frame = fmt.Appendf(nil, "SEND\ndestination:/queue/%s\npersistent:true\ncontent-length:%d\nreceipt:", b.name, b.Size)
	s.stamp = len(s.frame)
	s.frame = fmt.Appendf(s.frame, "%0*d\n\n", receiptDigits, 0)
	s.frame = append(append(s.frame, bytes.Repeat([]byte{'x'}, b.Size)...), 0)
	return s, nil
}

// run fills the window, writes, and reads receipts, in turn.
func (s *stompSender) run(ctx context.Context) error {
	defer s.conn.Close()
	stop := context.AfterFunc(ctx, func() { s.conn.Close() })
	defer stop()
	for {
		for s.unsettled < s.window && s.left != 0 && !s.answered[s.sent%uint64(s.window)] {
			if err := s.append(); err != nil {
				return ended(ctx, err)
			}
		}
		if s.unsettled == 0 {
			return nil
		}
		f, err := s.conn.answer()
		for ok := true; ok && err == nil; {
			if err = s.receipt(f); err == nil {
				f, ok, err = s.conn.next()
			}
		}
		if err != nil {
			return ended(ctx, err)
		}
	}
}

// append adds a SEND to what is to be sent.
func (s *stompSender) append() error {
	out := &s.conn.out
	*out = append(*out, s.frame...)
	number := (*out)[len(*out)-len(s.frame)+s.stamp:][:receiptDigits]
	for i, n := receiptDigits-1, s.sent; i >= 0; i, n = i-1, n/10 {
		number[i] = byte('0' + n%10)
	}
	s.answered[s.sent%uint64(s.window)] = true
	s.sent++
	s.unsettled++
	if s.left > 0 {
		s.left--
	}
	if len(*out) >= framesOut {
		return s.conn.flush()
	}
	return nil
}

// receipt takes one receipt: of a SEND that has none yet.
func (s *stompSender) receipt(f stompFrame) error {
	if string(f.command) != "RECEIPT" {
		return f.unexpected()
	}
	n, err := strconv.ParseUint(string(f.header("receipt-id")), 10, 64)
	if err != nil || n >= s.sent || s.sent-n > uint64(s.window) || !s.answered[n%uint64(s.window)] {
		return errConfirmedTwice
	}
	s.answered[n%uint64(s.window)] = false
	s.unsettled--
	s.confirmed.Add(1)
	return nil
}

// senders starts one on each connection.
func (b *stompBench) senders(g *group, connections, window, messages int) (confirmed *atomic.Int64, err error) {
	confirmed = new(atomic.Int64)
	for i := range connections {
		share := -1
		if messages > 0 {
			share = (messages + connections - 1 - i) / connections
		}
		s, err := b.sender(g.ctx, window, share, confirmed)
		if err != nil {
			return nil, err
		}
		g.start(s.run)
	}
	return confirmed, nil
}
