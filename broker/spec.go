package broker

import (
	"strings"

	"github.com/portico-mq/portico/broker/property"
)

// ExchangeKind says how an exchange routes.
type ExchangeKind string

// The kinds of exchange.
const (
	Direct  ExchangeKind = "direct"
	Fanout  ExchangeKind = "fanout"
	Topic   ExchangeKind = "topic"
	Headers ExchangeKind = "headers"
	// Those that follow are named as RabbitMQ's plugins name them.
	ConsistentHash ExchangeKind = "x-consistent-hash" // one destination, by a hash, in proportion to the bindings' weights
	ModulusHash    ExchangeKind = "x-modulus-hash"    // one destination, by the key's hash
	Random         ExchangeKind = "x-random"          // one destination, by chance
	RecentHistory  ExchangeKind = "x-recent-history"  // all; a new binding also gets the last messages
	Delaying       ExchangeKind = "x-delayed-message" // as Routes says, when the message is due
)

// ExchangeSpec describes an exchange.
type ExchangeSpec struct {
	Name       string
	Kind       ExchangeKind
	Durable    bool // survives a restart
	AutoDelete bool // goes with its last binding
	Internal   bool // takes messages only from other exchanges
	// Alternate is the exchange that gets what this one leads nowhere; "": none does. It need not exist.
	Alternate string
	// Of Delaying: how it routes.
	Routes ExchangeKind
	// Of ConsistentHash: the header or the property (correlation_id, message_id, timestamp) that is hashed; the key when
	// both are "".
	HashHeader, HashProperty string
	// Of RecentHistory: how many messages are kept, in memory; 0: 20.
	History    int
	Attributes Attributes
}

// routes is how the exchange routes.
func (s *ExchangeSpec) routes() ExchangeKind {
	if s.Kind == Delaying {
		return s.Routes
	}
	return s.Kind
}

// QueueSpec describes a queue.
type QueueSpec struct {
	Name       string
	Durable    bool // survives a restart; anything else is in memory only
	AutoDelete bool // goes with its last consumer
	Exclusive  bool // belongs to the session that declares it and goes with it
	Generated  bool // the front end made the name, which may begin with the reserved prefix
	// Stream keeps the messages, whoever reads them, until limits remove them: each consumer reads from where it wants
	// (see ConsumeOptions.Start), and settling only makes room for more. It takes a durable queue that is neither
	// exclusive nor auto-deleted, knows of the limits MaxBytes, MaxAge and SegmentBytes only, and has neither Get nor
	// purge (KindUnsupported).
	Stream bool
	// SingleActive serves one of the consumers at a time; the others wait until it goes.
	SingleActive bool
	// Priorities is the highest priority that counts; 0: the queue knows none. A message of a higher priority, which is
	// a property of its publisher's, is handed out before those of lower ones.
	Priorities uint8
	// Ordered keeps the messages of a group (see [GroupHeader]) in order: while one is under a lease, no later one of the
	// group is handed out, and one that comes back goes first. Those without a group are a group too. Such a queue knows
	// no priorities.
	Ordered bool
	// Fair lets the messages of a group that has many under leases wait for those of groups that have fewer, so that one
	// sender with a backlog is in nobody's way (SQS's fair queues). Among groups that have as many, the older message goes
	// first. It counts from the first message that has a group on. Such a queue is neither Ordered nor has it priorities.
	Fair bool
	// Limits bound what waits in the queue; nil: nothing does.
	Limits     *QueueLimits
	Attributes Attributes
}

// stored reports whether the queue has a log that survives: durable and neither exclusive nor auto-deleted.
func (s *QueueSpec) stored() bool { return s.Durable && !s.Exclusive && !s.AutoDelete }

// Attributes holds what front ends keep with a resource, each under its own name ("amqp", "sqs", ...). The broker
// stores them and never reads them; one front end's are not compared by another's declare.
type Attributes map[string]property.Table

// merged returns a plus those of more whose front end a does not have yet, and whether that added any.
func (a Attributes) merged(more Attributes) (Attributes, bool) {
	var out Attributes
	for name, table := range more {
		if _, ok := a[name]; ok {
			continue
		}
		if out == nil {
			out = make(Attributes, len(a)+len(more))
			for k, v := range a {
				out[k] = v
			}
		}
		out[name] = table
	}
	if out == nil {
		return a, false
	}
	return out, true
}

// with returns a with one front end's table replaced.
func (a Attributes) with(frontEnd string, table property.Table) Attributes {
	out := make(Attributes, len(a)+1)
	for k, v := range a {
		out[k] = v
	}
	out[frontEnd] = table
	return out
}

// DestinationKind says what a binding leads to.
type DestinationKind string

// The kinds of destination.
const (
	ToQueue    DestinationKind = "queue"
	ToExchange DestinationKind = "exchange"
)

// Binding leads messages from an exchange to a queue or another exchange. Source, Destination, Kind, Key and
// Arguments together are its identity.
type Binding struct {
	Source      string
	Destination string
	Kind        DestinationKind
	Key         string
	// Arguments are what a headers exchange matches; other kinds only keep them.
	Arguments property.Table
	// Rule names a [RuleCompiler] of the broker's options that decides on top of the exchange's kind; "" for none.
	Rule string
	// RuleText is what the compiler is given.
	RuleText string
	// Attributes are a front end's own (a subscription's, say).
	Attributes Attributes
}

// validName reports whether s can name an exchange or queue: at most 255 bytes, no NUL.
func validName(s string) bool { return len(s) <= 255 && strings.IndexByte(s, 0) < 0 }
