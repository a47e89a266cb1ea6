package crash

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

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

// stompParty is one end of a destination, as history names it: by its queues.
type stompParty struct {
	destination string
	queues      []string // a sender's message goes to all of them, a subscriber has one
	// client is the client-id, which makes the connection speak ActiveMQ's dialect; RabbitMQ's without.
	client string
	// durable: it subscribes to a topic under the name durableName.
	durable bool
}

// rabbitQueue is an end of a queue in RabbitMQ's dialect, activeMQQueue one in ActiveMQ's.
func rabbitQueue(queue string) stompParty {
	return stompParty{destination: "/queue/" + queue, queues: []string{queue}}
}

func activeMQQueue(queue, client string) stompParty {
	return stompParty{destination: "queue://" + queue, queues: []string{queue}, client: client}
}

// newsTo is the topic with the clients that subscribe to it durably.
func newsTo(client string, subscribers ...string) stompParty {
	p := stompParty{destination: "/topic/" + topicNews, client: client, durable: true}
	for _, s := range subscribers {
		p.queues = append(p.queues, durableQueue(s))
	}
	return p
}

// durableName is the name of every durable subscription.
const durableName = "news"

// durableQueue is the queue in which a durable subscription keeps its messages.
func durableQueue(client string) string { return "durable." + client + "." + durableName }

// dialSTOMP connects as a client with an id, in ActiveMQ's dialect, or without.
func (r *run) dialSTOMP(client string) (*stompClient, error) {
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
	f := frame.New(frame.CONNECT, frame.AcceptVersion, "1.2", frame.Host, "/", frame.Login, "guest", frame.Passcode, "guest")
	if client != "" {
		f.Header.Set("client-id", client)
	}
	if err := c.out.Write(f); err != nil {
		return nil, err
	}
	f, err = c.read()
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

// stompSend sends with a receipt for each message. What goes to durable subscribers waits until there are such; from then
// on they need not be there.
func (r *run) stompSend(publisher int, to stompParty) error {
	if to.durable && !r.ids.waitMade(r.ctx, to.queues) {
		return nil
	}
	c, err := r.dialSTOMP(to.client)
	if err != nil {
		return err
	}
	for r.mayPublish(pace) {
		m := r.ids.message(publisher)
		f := frame.New(frame.SEND, frame.Destination, to.destination, "persistent", "true", frame.ContentType, "text/plain")
		f.Body = encodeBody(m)
		f.Header.Set(frame.ContentLength, strconv.Itoa(len(f.Body)))
		for _, q := range to.queues {
			r.add(history.Event{Kind: history.Sent, Message: m, Queue: q})
		}
		if err := c.ask(f); err != nil {
			return err
		}
		r.add(history.Event{Kind: history.Confirmed, Message: m})
		if to.client != "" && !to.durable {
			r.ids.make(to.queues[0])
		}
	}
	return nil
}

// longestAbsence is how long a durable subscriber stays away after a start.
const longestAbsence = 500 * time.Millisecond

// stompSubscribe acks each message with a receipt.
func (r *run) stompSubscribe(to stompParty) error {
	if to.durable && r.ids.made(to.queues[0]) {
		wait(r.ctx, rand.N(longestAbsence))
	}
	c, err := r.dialSTOMP(to.client)
	if err != nil {
		return err
	}
	f := frame.New(frame.SUBSCRIBE, frame.Id, "s", frame.Destination, to.destination, frame.Ack, "client-individual")
	if to.client == "" {
		f.Header.Set("prefetch-count", "100")
	} else {
		f.Header.Set("activemq.prefetchSize", "100")
	}
	if to.durable {
		f.Header.Set("activemq.subscriptionName", durableName)
	}
	if err := c.ask(f); err != nil {
		return err
	}
	queue := to.queues[0]
	if to.client != "" {
		r.ids.make(queue)
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
