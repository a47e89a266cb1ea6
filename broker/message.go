package broker

import (
	"encoding/binary"
	"errors"
	"time"
	"unsafe"

	"github.com/portico-mq/portico/broker/property"
)

// MaxMessageSize is the largest body the broker takes by default, in bytes (16 MiB, as RabbitMQ 4.x).
const MaxMessageSize = 16 << 20

// LargestMessageSize is the most that [Options.MaxMessageSize] can be, in bytes: a message is stored in one entry, of
// which a store has to take 32 MiB, with its properties and what else stands there.
const LargestMessageSize = 30 << 20

const (
	envelopeVersion = 1
	envelopeHead    = 1 + 1 + 8 // version, flags, time of publishing
)

var errBadEnvelope = errors.New("broker: not a message envelope")

// Message is a published message: where it was published to, its property block, its body. It is encoded once, when
// it is made, in the form in which it is stored and handed out; its parts are views into that one buffer. A Message
// is immutable once published and then safe for concurrent use; the views live as long as they are referenced.
type Message struct {
	raw      []byte
	exchange string
	key      string
	props    property.Block
	bodyAt   int
}

// NewMessage encodes a message for the exchange and routing key. props and body are copied; the time of publishing is
// now.
func NewMessage(exchange, key string, props property.Block, body []byte) *Message {
	return StartMessage(exchange, key, props, len(body)).Append(body)
}

// startingCapacity bounds what an announced but unsent body costs, in bytes.
const startingCapacity = 64 << 10

// StartMessage is NewMessage for a body that arrives in pieces: bodySize bytes are expected, and added with Append.
// Memory grows with what has arrived, not with what was announced.
func StartMessage(exchange, key string, props property.Block, bodySize int) *Message {
	head := envelopeHead + 4 + len(exchange) + 4 + len(key) + 4 + len(props)
	raw := make([]byte, 0, head+min(bodySize, startingCapacity))
	raw = append(raw, envelopeVersion, 0)
	raw = binary.BigEndian.AppendUint64(raw, uint64(time.Now().UnixMicro()))
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(exchange)))
	raw = append(raw, exchange...)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(key)))
	raw = append(raw, key...)
	raw = binary.BigEndian.AppendUint32(raw, uint32(len(props)))
	raw = append(raw, props...)
	m := &Message{}
	if err := m.setRaw(raw); err != nil {
		panic(err) // unreachable: the layout above is the one setRaw reads
	}
	return m
}

// Append adds a piece of the body and returns m. It must not be called after the message was published, nor
// concurrently.
func (m *Message) Append(piece []byte) *Message {
	if len(m.raw)+len(piece) > cap(m.raw) {
		grown := make([]byte, len(m.raw), max(len(m.raw)+len(piece), 2*cap(m.raw)))
		copy(grown, m.raw)
		m.raw = grown
		m.view()
	}
	m.raw = append(m.raw, piece...)
	return m
}

// decodeMessage views raw, an envelope read from a log, as a message. raw must not change any more.
func decodeMessage(raw []byte) (*Message, error) {
	m := &Message{}
	if err := m.setRaw(raw); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Message) setRaw(raw []byte) error {
	if len(raw) < envelopeHead || raw[0] != envelopeVersion {
		return errBadEnvelope
	}
	at := envelopeHead
	for range 3 { // exchange, key, properties
		if len(raw)-at < 4 {
			return errBadEnvelope
		}
		n := int(binary.BigEndian.Uint32(raw[at:]))
		if at += 4; len(raw)-at < n {
			return errBadEnvelope
		}
		at += n
	}
	m.raw, m.bodyAt = raw, at
	m.view()
	return nil
}

// view sets the views into m.raw, whose layout setRaw has checked.
func (m *Message) view() {
	at := envelopeHead
	n := int(binary.BigEndian.Uint32(m.raw[at:]))
	m.exchange = viewString(m.raw[at+4 : at+4+n])
	at += 4 + n
	n = int(binary.BigEndian.Uint32(m.raw[at:]))
	m.key = viewString(m.raw[at+4 : at+4+n])
	at += 4 + n
	m.props = property.Block(m.raw[at+4 : m.bodyAt : m.bodyAt])
}

// viewString shares b's memory: sound because an envelope never changes once its views are used.
func viewString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Exchange is the exchange the message was published to; "" is the default exchange.
func (m *Message) Exchange() string { return m.exchange }

// Key is the routing key the message was published with.
func (m *Message) Key() string { return m.key }

// Properties is the property block, as the publisher sent it. The caller must not change it.
func (m *Message) Properties() property.Block { return m.props }

// Body is the message's content. The caller must not change it.
func (m *Message) Body() []byte { return m.raw[m.bodyAt:] }

// Published is when the broker took the message, in microseconds' precision.
func (m *Message) Published() time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(m.raw[2:])))
}

// Expiration is how long the publisher lets the message wait in a queue: its expiration property, in milliseconds as
// decimal digits. What is not such a number, or is more than a century, does not bound it.
func (m *Message) Expiration() (d time.Duration, bounded bool) {
	digits, ok := m.props.Expiration()
	if !ok || len(digits) == 0 || len(digits) > 12 {
		return 0, false
	}
	ms := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		ms = ms*10 + int64(c-'0')
	}
	return time.Duration(ms) * time.Millisecond, true
}

// Size is what the message costs in memory and on disk, in bytes.
func (m *Message) Size() int { return len(m.raw) }

// Completion is told once when what it waits for is final: nil means stored and covered by a group sync (durability
// fsync), or stored (durability os). It is called from the broker's goroutines and must neither block nor call the
// broker. An error means not stored, or uncertain (KindUncertain).
type Completion interface{ Done(err error) }

// CompletionFunc makes a function a Completion.
type CompletionFunc func(err error)

// Done calls f.
func (f CompletionFunc) Done(err error) { f(err) }
