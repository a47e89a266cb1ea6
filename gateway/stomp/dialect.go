package stomp

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// dialect is what one family of brokers makes of STOMP: destinations, headers, settling, and the words and ends of
// errors. What the specification fixes for all of them is conn's. A dialect holds no state: what a connection has made
// in one dialect (a subscription, a receipt that is owed) ends in it, even when the connection speaks another by then.
//
// The files of a dialect begin with its name: rabbitmq_*.go, activemq_*.go, artemis.go.
type dialect interface {
	// String is the dialect's name in the configuration.
	String() string
	// product is the server header of CONNECTED.
	product(o *Options) string
	// heartBeat reads a heart-beat header, what the client can send and wants to get, as how often we send and expect
	// something.
	heartBeat(header string) (send, receive time.Duration, ok bool)
	// anyHost tells that a host header which names no virtual host means the default one.
	anyHost() bool
	// admit takes what CONNECT says besides, and returns the session header of CONNECTED.
	admit(c *conn, f *wire.Frame) (session string, err error)
	// plain tells that frames of the version have no escapes; "" is that of CONNECTED and what comes before.
	plain(version string) bool
	// appendConnected appends further headers to CONNECTED.
	appendConnected(buf []byte, f *wire.Frame) []byte
	// send, subscribe, unsubscribe, settle (ACK and NACK) and begin handle a frame to its end, its receipt included.
	send(ctx context.Context, c *conn, f *wire.Frame) error
	subscribe(ctx context.Context, c *conn, f *wire.Frame) error
	unsubscribe(ctx context.Context, c *conn, f *wire.Frame) error
	settle(c *conn, f *wire.Frame) error
	// beginAgain says what a BEGIN is for a transaction that is open: an error, or nil to begin it anew.
	beginAgain(id string) error
	// appendMessage appends the MESSAGE for a delivery. It is called with c.mu held, which guards the scratch of s.
	appendMessage(buf []byte, c *conn, u *unacked, d *broker.Delivery) []byte
	// cancelled is what a client is told whose subscription ends with its queue.
	cancelled(s *subscription) *fault
	// say words what the protocol itself forbids. command is the frame's, detail what it is about.
	say(p problem, command, detail string) *fault
	// ofBroker words an error of the broker's.
	ofBroker(e *broker.Error) *fault
	// appendFault appends an ERROR frame; receipt is what the frame asked for that was refused.
	appendFault(buf []byte, f *fault, receipt string) []byte
}

// problem is a fault in the use of the protocol, which each dialect has words for.
type problem uint8

const (
	notConnected        problem = iota + 1 // a frame before CONNECT
	connectedAlready                       // a second CONNECT
	unknownCommand                         // no client's command
	malformedFrame                         // detail: what is wrong with it
	noCommonVersion                        // detail: those that the client takes
	badHeartBeat                           // detail: the header
	unknownNamespace                       // or one that the user may not enter; detail: its name
	notFromHere                            // the user may come from this machine only
	noTransactionID                        // in BEGIN, COMMIT or ABORT
	unknownTransaction                     // detail: its id
	tooManyTransactions                    // of one connection; detail: the limit
	tooMuchInOne                           // more bytes in transactions than may be; detail: the limit
	shuttingDown                           // detail: why
	ownFault                               // ours; detail: where the log has it
)

// problems lists every problem.
var problems = func() (all []problem) {
	for p := notConnected; p <= ownFault; p++ {
		all = append(all, p)
	}
	return all
}()

// Dialect names a dialect in options.
type Dialect string

// The dialects.
const (
	// Automatic is RabbitMQ's until a frame bears an unmistakable mark of another, and that one's from then on.
	Automatic Dialect = "auto"
	// RabbitMQ is the dialect of RabbitMQ's STOMP plugin.
	RabbitMQ Dialect = "rabbitmq"
	// ActiveMQ is the dialect of ActiveMQ Classic.
	ActiveMQ Dialect = "activemq"
	// Artemis is the dialect of ActiveMQ Artemis.
	Artemis Dialect = "artemis"
)

// dialects has the dialect of each name; Automatic is none.
var dialects = map[Dialect]dialect{RabbitMQ: rabbitmq{}, ActiveMQ: activemq{}, Artemis: artemis{}}

// recognise changes the connection's dialect at an unmistakable mark, unless it was set.
func (c *conn) recognise(f *wire.Frame) {
	if c.fixed {
		return
	}
	if d := c.markOf(f); d != nil {
		c.become(d)
	}
}

// become makes the connection speak a dialect for good.
func (c *conn) become(d dialect) {
	c.log.Info("dialect recognised", "dialect", d.String())
	c.dialect, c.fixed = d, true
	c.out.setPlain(d.plain(c.version))
}

// markOf is the dialect that alone would have such a frame; nil when several do. The destination that bore no mark last is
// not looked at again: most clients have few.
func (c *conn) markOf(f *wire.Frame) dialect {
	var found dialect
	for i := range f.Headers {
		h := &f.Headers[i]
		switch {
		case string(h.Name) == "destination":
			if f.Command == c.unmarkedCommand && bytes.Equal(h.Value, c.unmarked) {
				continue
			}
			if d := markOfDestination(f.Command, string(h.Value)); d != nil {
				found = d
				continue
			}
			c.unmarkedCommand, c.unmarked = f.Command, append(c.unmarked[:0], h.Value...)
		case f.Command == wire.Subscribe && artemisMarks[string(h.Name)],
			f.Command == wire.Send && string(h.Name) == "destination-type":
			return artemis{}
		case bytes.HasPrefix(h.Name, []byte("activemq.")),
			string(h.Name) == "client-id" && (f.Command == wire.Connect || f.Command == wire.Stomp),
			f.Command == wire.Subscribe && subscriptionMarks[string(h.Name)],
			f.Command == wire.Send && bytes.HasPrefix(h.Name, []byte("AMQ_SCHEDULED_")),
			f.Command == wire.Send && string(h.Name) == transformationHeader && bytes.HasPrefix(h.Value, []byte("jms-")):
			if found == nil {
				found = activemq{}
			}
		}
	}
	return found
}

func markOfDestination(command, text string) dialect {
	switch {
	case artemisDestination(text):
		return artemis{}
	case activeMQDestination(command, text):
		return activemq{}
	default:
		return nil
	}
}

// artemisMarks are headers of SUBSCRIBE that only Artemis knows.
var artemisMarks = map[string]bool{
	"subscription-type": true, "durable-subscription-name": true, "durable-subscriber-name": true,
	"consumer-window-size": true,
}

func artemisDestination(text string) bool {
	return strings.HasPrefix(text, "anycast://") || strings.HasPrefix(text, "multicast://")
}

// subscriptionMarks are headers of SUBSCRIBE that ActiveMQ knows and RabbitMQ passes over.
var subscriptionMarks = map[string]bool{"selector": true, "browser": true, "transformation": true}

// activeMQDestination recognises the destinations that only ActiveMQ has.
func activeMQDestination(command, text string) bool {
	queue, isQueue := strings.CutPrefix(text, "/queue/")
	topic, isTopic := strings.CutPrefix(text, "/topic/")
	_, virtual := virtualTopic(queue)
	switch {
	case strings.HasPrefix(text, "queue://"), strings.HasPrefix(text, "topic://"),
		strings.HasPrefix(text, "temp-queue://"), strings.HasPrefix(text, "temp-topic://"),
		strings.HasPrefix(text, "/temp-topic/"), strings.HasPrefix(text, "/remote-temp-"),
		strings.Contains(text, ",/queue/"), strings.Contains(text, ",/topic/"),
		strings.HasPrefix(text, tempPrefix) && (command == wire.Send || command == wire.Subscribe),
		strings.Contains(text, "?consumer."), virtual:
		return true
	case isQueue:
		return strings.HasPrefix(queue, "ActiveMQ.") || queue == ">" || strings.HasSuffix(queue, ".>")
	case isTopic:
		return strings.HasPrefix(topic, "ActiveMQ.") || strings.HasPrefix(topic, "VirtualTopic.") ||
			topic == ">" || strings.HasSuffix(topic, ".>")
	default:
		return false
	}
}
