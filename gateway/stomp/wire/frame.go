package wire

import "bytes"

// The commands of clients and servers.
const (
	Connect     = "CONNECT"
	Stomp       = "STOMP"
	Send        = "SEND"
	Subscribe   = "SUBSCRIBE"
	Unsubscribe = "UNSUBSCRIBE"
	Ack         = "ACK"
	Nack        = "NACK"
	Begin       = "BEGIN"
	Commit      = "COMMIT"
	Abort       = "ABORT"
	Disconnect  = "DISCONNECT"
	Connected   = "CONNECTED"
	Message     = "MESSAGE"
	Receipt     = "RECEIPT"
	Error       = "ERROR"
)

// Header is one header of a frame, unescaped.
type Header struct{ Name, Value []byte }

// Frame is a frame that was read. Headers and Body are views into the reader's buffer: they are valid until its next
// Read, and must not be changed.
type Frame struct {
	Command string
	// Headers are in the order in which they came. Of a repeated header only the first is kept [STOMP 1.2 Repeated
	// Header Entries].
	Headers []Header
	Body    []byte
}

// Get returns the value of a header, and whether the frame has it.
func (f *Frame) Get(name string) ([]byte, bool) {
	for i := range f.Headers {
		if string(f.Headers[i].Name) == name {
			return f.Headers[i].Value, true
		}
	}
	return nil, false
}

// Trim removes the spaces before each header's value, which STOMP 1.0 allows and later versions keep.
func (f *Frame) Trim() {
	for i := range f.Headers {
		f.Headers[i].Value = bytes.TrimLeft(f.Headers[i].Value, " ")
	}
}

// command returns b as a string, without an allocation for a client's command.
func command(b []byte) string {
	switch string(b) {
	case Send:
		return Send
	case Ack:
		return Ack
	case Nack:
		return Nack
	case Begin:
		return Begin
	case Commit:
		return Commit
	case Abort:
		return Abort
	case Connect:
		return Connect
	case Stomp:
		return Stomp
	case Subscribe:
		return Subscribe
	case Unsubscribe:
		return Unsubscribe
	case Disconnect:
		return Disconnect
	default:
		return string(b)
	}
}
