package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/portico-mq/portico/broker/property"
)

// MaxShort is the longest short string, in bytes.
const MaxShort = 255

// MethodID is the number of a class, shifted left by 16 bits, and that of a
// method in it.
type MethodID uint32

// Class is the number of the class.
func (id MethodID) Class() uint16 { return uint16(id >> 16) }

// Method is the number of the method in its class.
func (id MethodID) Method() uint16 { return uint16(id) }

// ReplyCode tells why something was closed or returned.
type ReplyCode uint16

// Method is one method of the protocol. Methods are structs of their arguments;
// reserved arguments are left out, sent as zeros and not looked at.
type Method interface {
	// ID is the class and the number of the method.
	ID() MethodID
	// AppendTo appends the arguments to dst. A short string is cut after
	// MaxShort bytes, as RabbitMQ cuts its reply texts; what may be longer
	// has to be checked before.
	AppendTo(dst []byte) []byte
	// ReadFrom takes the arguments from b and keeps views of it. It checks
	// every bound, nested tables included, and fails with a *MethodError.
	ReadFrom(b []byte) error
}

// MethodError says that the arguments of a method could not be decoded: they
// end early, go on after the last one, or hold a malformed table.
type MethodError struct {
	ID  MethodID
	Err error // property.ErrMalformed or property.ErrDepth
}

// Error says what could not be decoded and why.
func (e *MethodError) Error() string {
	return fmt.Sprintf("amqp: arguments of %s: %v", e.ID, e.Err)
}

// Unwrap is the reason.
func (e *MethodError) Unwrap() error { return e.Err }

// SplitMethod takes the id off the payload of a method frame. ok is false when
// the payload is too short to hold one.
func SplitMethod(payload []byte) (id MethodID, arguments []byte, ok bool) {
	if len(payload) < 4 {
		return 0, nil, false
	}
	return MethodID(binary.BigEndian.Uint32(payload)), payload[4:], true
}

// decoder takes values off the front of rest. After the first that is not there
// err is set and all others are zero.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || len(d.rest) < n {
		d.err = property.ErrMalformed
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) octet() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) short() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) long() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) longlong() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) shortstr() []byte { return d.take(int(d.octet())) }

func (d *decoder) longstr() []byte {
	n := d.long()
	if uint64(n) > uint64(len(d.rest)) {
		d.err = property.ErrMalformed
		return nil
	}
	return d.take(int(n))
}

func (d *decoder) table() property.RawTable {
	t := property.RawTable(d.longstr())
	if d.err == nil {
		d.err = t.Valid()
	}
	return t
}

// done is the error of the whole, bytes that are left over included.
func (d *decoder) done(id MethodID) error {
	if d.err == nil && len(d.rest) == 0 {
		return nil
	}
	if d.err == nil {
		d.err = property.ErrMalformed
	}
	return &MethodError{ID: id, Err: d.err}
}

func appendOctet(dst []byte, v uint8) []byte     { return append(dst, v) }
func appendShort(dst []byte, v uint16) []byte    { return binary.BigEndian.AppendUint16(dst, v) }
func appendLong(dst []byte, v uint32) []byte     { return binary.BigEndian.AppendUint32(dst, v) }
func appendLonglong(dst []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(dst, v) }

func appendShortstr(dst, v []byte) []byte {
	v = v[:min(len(v), MaxShort)]
	return append(append(dst, byte(len(v))), v...)
}

func appendLongstr(dst, v []byte) []byte {
	return append(appendLong(dst, uint32(len(v))), v...)
}

func appendTable(dst []byte, v property.RawTable) []byte { return appendLongstr(dst, v) }
