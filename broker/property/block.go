package property

import (
	"encoding/binary"
	"time"
)

// Flags says which properties a [Block] holds, one bit each, in the order in
// which they follow.
type Flags uint16

// The properties. The two lowest bits are never set.
const (
	FlagContentType     Flags = 1 << 15
	FlagContentEncoding Flags = 1 << 14
	FlagHeaders         Flags = 1 << 13
	FlagDeliveryMode    Flags = 1 << 12
	FlagPriority        Flags = 1 << 11
	FlagCorrelationID   Flags = 1 << 10
	FlagReplyTo         Flags = 1 << 9
	FlagExpiration      Flags = 1 << 8
	FlagMessageID       Flags = 1 << 7
	FlagTimestamp       Flags = 1 << 6
	FlagType            Flags = 1 << 5
	FlagUserID          Flags = 1 << 4
	FlagAppID           Flags = 1 << 3
	FlagClusterID       Flags = 1 << 2
)

// Persistent is the delivery mode of a message that survives a restart.
const Persistent = 2

// Block is the encoded properties of a message: two bytes of [Flags], then the
// value of each property that is there. The accessors return views, allocate
// nothing, and never read outside of it even if it is malformed; on one that is
// not [Block.Valid] they may find less than was meant. Nil is a block without
// properties.
type Block []byte

// Flags says which properties are there.
func (b Block) Flags() Flags {
	if len(b) < 2 {
		return 0
	}
	return Flags(binary.BigEndian.Uint16(b))
}

// Valid checks that the block holds what its flags announce and nothing more,
// headers included. It fails with [ErrMalformed] or [ErrDepth] and allocates
// nothing.
func (b Block) Valid() error {
	if len(b) == 0 {
		return nil
	}
	if len(b) < 2 || b.Flags()&3 != 0 {
		return ErrMalformed
	}
	_, rest, ok := b.seek(0)
	if !ok || len(rest) != 0 {
		return ErrMalformed
	}
	return b.Headers().Valid()
}

// ContentType is the MIME type of the body.
func (b Block) ContentType() ([]byte, bool) { return b.short(FlagContentType) }

// ContentEncoding is the MIME encoding of the body.
func (b Block) ContentEncoding() ([]byte, bool) { return b.short(FlagContentEncoding) }

// Headers are the headers of the application; nil when there are none.
func (b Block) Headers() RawTable {
	v, _, _ := b.seek(FlagHeaders)
	return RawTable(v)
}

// DeliveryMode is [Persistent] or anything else for a message that need not
// survive a restart.
func (b Block) DeliveryMode() (uint8, bool) { return b.octet(FlagDeliveryMode) }

// Persistent says that the message is to survive a restart.
func (b Block) Persistent() bool {
	mode, ok := b.DeliveryMode()
	return ok && mode == Persistent
}

// Priority is the priority of the message, higher first.
func (b Block) Priority() (uint8, bool) { return b.octet(FlagPriority) }

// CorrelationID names the request that this message answers.
func (b Block) CorrelationID() ([]byte, bool) { return b.short(FlagCorrelationID) }

// ReplyTo names where the answer should go.
func (b Block) ReplyTo() ([]byte, bool) { return b.short(FlagReplyTo) }

// Expiration is how long the message may wait, in milliseconds, in decimal.
func (b Block) Expiration() ([]byte, bool) { return b.short(FlagExpiration) }

// MessageID is the application's name for the message.
func (b Block) MessageID() ([]byte, bool) { return b.short(FlagMessageID) }

// Timestamp is the application's time of the message, in whole seconds.
func (b Block) Timestamp() (time.Time, bool) {
	v, _, ok := b.seek(FlagTimestamp)
	if !ok || len(v) != 8 {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(v)), 0).UTC(), true
}

// Type is the application's type of the message.
func (b Block) Type() ([]byte, bool) { return b.short(FlagType) }

// UserID is the user that the publisher claims to be.
func (b Block) UserID() ([]byte, bool) { return b.short(FlagUserID) }

// AppID is the application that the publisher claims to be.
func (b Block) AppID() ([]byte, bool) { return b.short(FlagAppID) }

// ClusterID has no meaning any more; some clients send it.
func (b Block) ClusterID() ([]byte, bool) { return b.short(FlagClusterID) }

func (b Block) short(f Flags) ([]byte, bool) {
	v, _, ok := b.seek(f)
	return v, ok
}

func (b Block) octet(f Flags) (uint8, bool) {
	v, _, ok := b.seek(f)
	if !ok || len(v) != 1 {
		return 0, false
	}
	return v[0], true
}

// seek goes over the properties up to the wanted one and returns its value
// without its length. With 0 it goes over all of them and returns what follows
// the last; then ok says that all were inside the block.
func (b Block) seek(want Flags) (value, rest []byte, ok bool) {
	flags := b.Flags()
	if want != 0 && flags&want == 0 {
		return nil, nil, false
	}
	if len(b) < 2 {
		return nil, nil, true
	}
	rest = b[2:]
	for f := FlagContentType; f >= FlagClusterID; f >>= 1 {
		if flags&f == 0 {
			continue
		}
		if value, rest, ok = cutProperty(f, rest); !ok {
			return nil, nil, false
		}
		if f == want {
			return value, rest, true
		}
	}
	return nil, rest, true
}

func cutProperty(f Flags, b []byte) (value, rest []byte, ok bool) {
	size := 0
	switch f {
	case FlagHeaders:
		return cutLong(b)
	case FlagDeliveryMode, FlagPriority:
		size = 1
	case FlagTimestamp:
		size = 8
	default:
		return cutShort(b)
	}
	if len(b) < size {
		return nil, nil, false
	}
	return b[:size:size], b[size:], true
}
