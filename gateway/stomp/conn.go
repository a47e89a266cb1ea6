package stomp

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/portico-mq/portico/broker"
	"github.com/portico-mq/portico/broker/property"
	"github.com/portico-mq/portico/gateway/stomp/wire"
)

// maxTransactions is how many transactions a connection may have open (rabbit_stomp_processor.erl MAX_TRANSACTIONS).
const maxTransactions = 16

// maxLogged is how much of an error's text is logged, in bytes: clients can make it long.
const maxLogged = 300

// conn is one connection. What is not under mu belongs to the reader.
type conn struct {
	server *Server
	nc     net.Conn
	log    *slog.Logger
	live   *liveReader
	in     *wire.Reader
	out    *output

	dialect         dialect
	fixed           bool   // the dialect was set, or recognised
	unmarked        []byte // the last destination that bore no mark of a dialect, and the command of its frame
	unmarkedCommand string
	version         string              // "" before CONNECT
	id              string              // the session header
	ownID           string              // begins what the connection makes up names for
	clientID        string              // ActiveMQ: who the client is; "" when it does not say
	loginName       string              // the login header
	lastTopic       string              // ActiveMQ: the last topic that was used
	consumers       int                 // ActiveMQ: subscriptions so far
	givenBack       map[uint64]struct{} // ActiveMQ: the tags of deliveries that went back when their subscription ended
	sent            uint64              // ActiveMQ: messages that got an id
	session         *broker.Session
	listed          *broker.Connection
	lane            *broker.Lane
	cancel          context.CancelFunc     // set before the connection is listed
	forced          atomic.Pointer[string] // why an operator ends the connection
	rootSession     *broker.Session        // nil until it is used
	declared        map[string]struct{}    // queues that were declared, which is done once
	txs             map[string]*transaction
	txBytes         int               // of all of them
	replies         map[string]string // queues for replies, by the client's name for them

	set     property.Set // scratch
	block   []byte
	taken   []unacked
	leases  []broker.Lease
	ackName string // the header that names a message in ACK and NACK

	broken atomic.Bool // a completion has failed

	mu      sync.Mutex
	subs    map[string]*subscription // by consumer tag
	temps   map[string]string        // ActiveMQ: temporary destinations; the reader may read it without mu
	unacked ledger
	lastTag uint64
}

func newConn(s *Server, nc net.Conn) *conn {
	log := s.log.With("conn", nc.RemoteAddr().String())
	c := &conn{
		server: s, nc: nc, ownID: ownIDPrefix + broker.UniqueName(), log: log, live: &liveReader{nc: nc}, out: newOutput(nc, log),
		declared: make(map[string]struct{}), txs: make(map[string]*transaction), replies: make(map[string]string),
		subs: make(map[string]*subscription),
	}
	c.dialect = rabbitmq{}
	c.in = wire.NewReader(c.live, loginLimits)
	go c.out.run()
	return c
}

// liveReader reads from a connection within a time: whatever arrives counts as a sign of life, parts of frames too.
type liveReader struct {
	nc      net.Conn
	until   time.Time     // before login
	timeout time.Duration // after it; 0 for none
	stopped atomic.Bool

	received broker.Octets
}

// Read reads once.
func (r *liveReader) Read(p []byte) (int, error) {
	deadline := r.until
	if deadline.IsZero() && r.timeout > 0 {
		deadline = time.Now().Add(r.timeout)
	}
	if err := r.nc.SetReadDeadline(deadline); err != nil {
		return 0, err
	}
	if r.stopped.Load() { // the deadline that stop has set may have been overwritten
		return 0, net.ErrClosed
	}
	n, err := r.nc.Read(p)
	r.received.Add(n)
	return n, err
}

// stop ends reading. It is safe for concurrent use and does not block.
func (r *liveReader) stop() {
	r.stopped.Store(true)
	_ = r.nc.SetReadDeadline(time.Unix(1, 0)) // a socket that is gone ends the reader itself
}

// errDisconnected ends a connection after DISCONNECT.
var errDisconnected = errors.New("stomp: disconnected")

// serve handles frames until the connection is to end.
func (c *conn) serve(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	stop := context.AfterFunc(ctx, c.stop)
	defer stop()
	c.live.until = time.Now().Add(c.server.opts.LoginTimeout)
	for {
		f, err := c.in.Read()
		if err == nil {
			err = c.handle(ctx, f)
		} else {
			f = nil
		}
		if err == nil && !c.out.waitRoom() {
			err = net.ErrClosed
		}
		if ctx.Err() != nil {
			c.tell(c.forcedFault(), nil)
			return
		}
		if err != nil && c.failed(f, err) {
			return
		}
	}
}

// evicted ends the connection because its user or namespace was deleted.
func (c *conn) evicted(e broker.Eviction) {
	c.log.Info("connection ended by a deletion", "type", e.Type, "name", e.Name)
	c.stop()
}

// stop ends the reader's waiting, for frames or anything else.
func (c *conn) stop() {
	c.out.stopWaiting()
	c.live.stop()
}

// tell sends an ERROR; f is the frame that is refused, nil for none.
func (c *conn) tell(e *fault, f *wire.Frame) {
	receipt := ""
	if f != nil {
		receipt = value(f, "receipt", "")
	}
	c.out.fault(c.dialect, e, receipt)
}

// failed tells the client about an error, and reports whether the connection ends with it. f is nil for bytes that are
// no frame.
func (c *conn) failed(f *wire.Frame, err error) bool {
	var syntax *wire.SyntaxError
	switch {
	case errors.Is(err, errDisconnected):
		return true
	case errors.As(err, &syntax):
		c.log.Info("malformed frame", "err", err)
		c.tell(c.dialect.say(malformedFrame, "", syntax.Reason.String()), nil)
		return true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isNetwork(err):
		c.log.Info("connection ended", "err", err)
		return true
	}
	e, known := faultOf(c.dialect, err)
	if known {
		c.log.Info("error sent", "message", e.message, "detail", e.body[:min(len(e.body), maxLogged)])
	} else {
		id := broker.UniqueName()
		c.log.Error("internal error", "err", err, "err_id", id)
		e = c.dialect.say(ownFault, "", id)
	}
	c.tell(e, f)
	return e.fatal
}

func isNetwork(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, net.ErrClosed)
}

// end returns what the connection holds, and closes it after its last words.
func (c *conn) end() {
	c.server.unwatchAll(c)
	if c.session != nil {
		c.session.Close()
	}
	if c.rootSession != nil {
		c.rootSession.Close()
	}
	c.server.leave(c)
	c.server.advisories.leave(c)
	c.server.advisories.disconnected(c)
	c.listed.Unregister()
	c.out.close()
}

// handle handles one frame.
func (c *conn) handle(ctx context.Context, f *wire.Frame) error {
	if f.Command == wire.Connect || f.Command == wire.Stomp {
		return c.connect(ctx, f)
	}
	if c.session == nil {
		return c.dialect.say(notConnected, f.Command, "")
	}
	if c.version == "1.0" {
		f.Trim()
	}
	c.recognise(f)
	switch f.Command {
	case wire.Send:
		return c.dialect.send(ctx, c, f)
	case wire.Ack, wire.Nack:
		return c.dialect.settle(c, f)
	case wire.Subscribe:
		return c.dialect.subscribe(ctx, c, f)
	case wire.Unsubscribe:
		return c.dialect.unsubscribe(ctx, c, f)
	case wire.Begin:
		return c.begin(f)
	case wire.Commit:
		return c.commit(f)
	case wire.Abort:
		return c.abort(f)
	case wire.Disconnect:
		return c.disconnect(f)
	default:
		return c.dialect.say(unknownCommand, f.Command, "")
	}
}

// disconnect says goodbye after all receipts that the broker owes: a client that disconnects knows then what was stored.
func (c *conn) disconnect(f *wire.Frame) error {
	c.out.waitPending()
	c.receipt(f)
	return errDisconnected
}

// receipt answers a frame that was handled, if it asks for that.
func (c *conn) receipt(f *wire.Frame) {
	if id, ok := f.Get("receipt"); ok {
		c.out.receipt(string(id))
	}
}

// completion is what follows when the broker has done what a frame asked for. It is told once.
type completion struct {
	c        *conn
	dialect  dialect  // that of the frame
	receipts []string // the receipts to be sent then
}

// await counts the completion as pending and returns it.
func (c *conn) await(receipts ...string) broker.Completion {
	c.out.expect()
	return &completion{c: c, dialect: c.dialect, receipts: receipts}
}

// Done sends the receipts, or, when it was not done, an error that ends the connection: to go on would let the client
// believe that it was.
func (d *completion) Done(err error) {
	if err != nil {
		d.c.log.Error("not stored", "err", err)
		if !d.c.broken.Swap(true) {
			receipt := ""
			if len(d.receipts) > 0 {
				receipt = d.receipts[0]
			}
			f, _ := faultOf(d.dialect, err)
			d.c.out.fault(d.dialect, f, receipt)
		}
		d.c.stop()
	} else if len(d.receipts) > 0 {
		for _, id := range d.receipts {
			d.c.out.receipt(id)
		}
	}
	d.c.out.arrived()
}
