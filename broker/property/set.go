package property

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Set is the decoded properties of a message, to build or to change them. A
// property is there when its field is not the zero value or when Flags names
// it, so that decoding a [Block] and appending it again gives the same bytes.
type Set struct {
	// Flags names properties that are there with their zero value. Clearing a
	// property takes clearing its field and its flag.
	Flags Flags

	ContentType     string // the strings have at most 255 bytes each
	ContentEncoding string
	Headers         Table
	DeliveryMode    uint8
	Priority        uint8
	CorrelationID   string
	ReplyTo         string
	Expiration      string // milliseconds in decimal
	MessageID       string
	Timestamp       time.Time // whole seconds
	Type            string
	UserID          string
	AppID           string
	ClusterID       string
}

// short is the string that holds a property, nil for those that are none.
func (s *Set) short(f Flags) *string {
	switch f {
	case FlagContentType:
		return &s.ContentType
	case FlagContentEncoding:
		return &s.ContentEncoding
	case FlagCorrelationID:
		return &s.CorrelationID
	case FlagReplyTo:
		return &s.ReplyTo
	case FlagExpiration:
		return &s.Expiration
	case FlagMessageID:
		return &s.MessageID
	case FlagType:
		return &s.Type
	case FlagUserID:
		return &s.UserID
	case FlagAppID:
		return &s.AppID
	case FlagClusterID:
		return &s.ClusterID
	default:
		return nil
	}
}

// Decode turns the block into Go values, which keep nothing of it. It fails
// with [ErrMalformed] or [ErrDepth].
func (b Block) Decode() (Set, error) {
	if err := b.Valid(); err != nil {
		return Set{}, err
	}
	s := Set{Flags: b.Flags()}
	var err error
	if s.Headers, err = b.Headers().Decode(); err != nil {
		return Set{}, err
	}
	s.DeliveryMode, _ = b.DeliveryMode()
	s.Priority, _ = b.Priority()
	s.Timestamp, _ = b.Timestamp()
	for f := FlagContentType; f >= FlagClusterID; f >>= 1 {
		if p := s.short(f); p != nil {
			v, _ := b.short(f)
			*p = string(v)
		}
	}
	return s, nil
}

// Present is Flags with those of all fields that are not zero.
func (s *Set) Present() Flags {
	flags := s.Flags &^ 3
	for f := FlagContentType; f >= FlagClusterID; f >>= 1 {
		if p := s.short(f); p != nil && *p != "" {
			flags |= f
		}
	}
	if len(s.Headers) > 0 {
		flags |= FlagHeaders
	}
	if s.DeliveryMode != 0 {
		flags |= FlagDeliveryMode
	}
	if s.Priority != 0 {
		flags |= FlagPriority
	}
	if !s.Timestamp.IsZero() {
		flags |= FlagTimestamp
	}
	return flags
}

// Append appends the encoding, a [Block], to dst. On failure dst is returned
// as it was, with [ErrUnencodable] or [ErrDepth].
func (s *Set) Append(dst []byte) ([]byte, error) {
	flags := s.Present()
	out, err := binary.BigEndian.AppendUint16(dst, uint16(flags)), error(nil)
	for f := FlagContentType; f >= FlagClusterID; f >>= 1 {
		if flags&f == 0 {
			continue
		}
		switch f {
		case FlagHeaders:
			if out, err = AppendTable(out, s.Headers); err != nil {
				return dst, err
			}
		case FlagDeliveryMode:
			out = append(out, s.DeliveryMode)
		case FlagPriority:
			out = append(out, s.Priority)
		case FlagTimestamp:
			out = binary.BigEndian.AppendUint64(out, uint64(s.Timestamp.Unix()))
		default:
			v := *s.short(f)
			if len(v) > MaxName {
				return dst, fmt.Errorf("%w: a property of %d bytes", ErrUnencodable, len(v))
			}
			out = append(append(out, byte(len(v))), v...)
		}
	}
	return out, nil
}
