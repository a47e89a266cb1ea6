package crash

import (
	"fmt"
	"net"
	"strconv"

	"github.com/go-stomp/stomp/v3/frame"

	"github.com/portico-mq/portico/test/crash/history"
)

// stompClient speaks STOMP 1.2 in go-stomp's frames: its client has no ACK
// with a receipt, which is what is tried here. It belongs to one goroutine.
type stompClient struct {
	conn     net.Conn
	in       *frame.Reader
	out      *frame.Writer
	receipts int
	// messages that came while a receipt was awaited.
	messages []*frame.Frame
}

func (r *run) dialSTOMP() (*stompClient, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(r.ctx, "tcp", r.broker.stomp)
	if err != nil {
		return nil, err
	}
	r.wg.Go(func() {
		<-r.ctx.Done()
		conn.Close()
	})
	c := &stompClient{conn: conn, in: frame.NewReader(conn), out: frame.NewWriter(conn)}
	err = c.out.Write(frame.New(frame.CONNECT, frame.AcceptVersion, "1.2", frame.Host, "/", frame.Login, "guest", frame.Passcode, "guest"))
	if err != nil {
		return nil, err
	}
	f, err := c.read()
	if err != nil {
		return nil, err
	}
	if f.Command != frame.CONNECTED {
		return nil, fmt.Errorf("answer to CONNECT: %s", f.Command)
	}
	return c, nil
}

// read returns the next frame; heart-beats are passed over, an ERROR is an
// error.
func (c *stompClient) read() (*frame.Frame, error) {
	for {
		f, err := c.in.Read()
		if err != nil {
			return nil, err
		}
		if f == nil {
			continue
		}
		if f.Command == frame.ERROR {
			return nil, fmt.Errorf("ERROR frame: %s: %s", f.Header.Get(frame.Message), f.Body)
		}
		return f, nil
	}
}

// ask sends a frame with a receipt and waits for that.
func (c *stompClient) ask(f *frame.Frame) error {
	c.receipts++
	id := "r" + strconv.Itoa(c.receipts)
	f.Header.Set(frame.Receipt, id)
	if err := c.out.Write(f); err != nil {
		return err
	}
	for {
		f, err := c.read()
		if err != nil {
			return err
		}
		if f.Command == frame.RECEIPT && f.Header.Get(frame.ReceiptId) == id {
			return nil
		}
		c.messages = append(c.messages, f)
	}
}

// next returns the next MESSAGE.
func (c *stompClient) next() (*frame.Frame, error) {
	if len(c.messages) > 0 {
		f := c.messages[0]
		c.messages = c.messages[1:]
		return f, nil
	}
	return c.read()
}

// stompSend sends with a receipt for each message.
func (r *run) stompSend(publisher int, queue string) error {
	c, err := r.dialSTOMP()
	if err != nil {
		return err
	}
	for r.mayPublish(pace) {
		m := r.ids.message(publisher)
		f := frame.New(frame.SEND, frame.Destination, "/queue/"+queue, "persistent", "true", frame.ContentType, "text/plain")
		f.Body = encodeBody(m)
		f.Header.Set(frame.ContentLength, strconv.Itoa(len(f.Body)))
		r.add(history.Event{Kind: history.Sent, Message: m, Queue: queue})
		if err := c.ask(f); err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Confirmed, Message: m})
	}
	return nil
}

// stompSubscribe acks each message with a receipt.
func (r *run) stompSubscribe(queue string) error {
	c, err := r.dialSTOMP()
	if err != nil {
		return err
	}
	err = c.ask(frame.New(frame.SUBSCRIBE, frame.Id, "s", frame.Destination, "/queue/"+queue, frame.Ack, "client-individual", "prefetch-count", "100"))
	if err != nil {
		return err
	}
	for {
		f, err := c.next()
		if err != nil {
			if r.ctx.Err() != nil {
				return nil
			}
			return err
		}
		m, err := decodeBody(f.Body)
		if err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Delivered, Message: m, Queue: queue, Redelivered: f.Header.Get("redelivered") == "true"})
		if r.chance(shareHeld) {
			continue
		}
		r.add(history.Event{Kind: history.SettleSent, Message: m, Queue: queue})
		if err := c.ask(frame.New(frame.ACK, frame.Id, f.Header.Get(frame.Ack))); err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Settled, Message: m, Queue: queue})
	}
}
