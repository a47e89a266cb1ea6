package wire

import "fmt"

// Reason says why bytes are not a frame.
type Reason uint8

// The reasons.
const (
	CommandTooLong   Reason = iota + 1
	HeaderTooLong           // one line
	TooManyHeaders          // lines, repeated ones included
	HeadersTooLong          // all lines together
	BodyTooLong             // announced or arrived
	BadHeader               // a line without a colon, or with a NUL or a lone CR
	BadEscape               // a backslash followed by what is not n, c, r or a backslash
	BadContentLength        // not a number, or below zero
	BodyNotEnded            // no NUL after content-length bytes
)

var reasons = [...]string{
	CommandTooLong:   "the command is too long",
	HeaderTooLong:    "a header is too long",
	TooManyHeaders:   "there are too many headers",
	HeadersTooLong:   "the headers are too long",
	BodyTooLong:      "the body is too long",
	BadHeader:        "a header line is malformed",
	BadEscape:        "a header has an undefined escape sequence",
	BadContentLength: "content-length is not a valid length",
	BodyNotEnded:     "no NUL follows the content-length bytes of the body",
}

// String says it in words for humans.
func (r Reason) String() string {
	if int(r) < len(reasons) && reasons[r] != "" {
		return reasons[r]
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// SyntaxError is returned for bytes that are not a frame. The reader cannot go on after it.
type SyntaxError struct {
	Reason Reason
	Limit  int // the limit that was passed, in bytes or headers; 0 for other reasons
}

// Error describes the fault; the text holds nothing that the peer has sent.
func (e *SyntaxError) Error() string {
	if e.Limit != 0 {
		return fmt.Sprintf("stomp: %s (limit %d)", e.Reason, e.Limit)
	}
	return "stomp: " + e.Reason.String()
}
