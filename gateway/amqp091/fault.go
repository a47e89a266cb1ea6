package amqp091

import (
	"errors"
	"fmt"
	"strings"

	"github.com/portico-mq/portico/gateway/amqp091/wire"
)

// The faults of framing, worded as RabbitMQ 3.10.8 was seen to word them. Where its reader dies of an input and drops
// the connection without a word (unknown methods, malformed tables), the client is told here all the same.

// frameFault is the fault of a frame that could not be read; nil when err is no such thing.
func (c *conn) frameFault(err error) *fault {
	var bad *wire.BadFrameError
	if !errors.As(err, &bad) {
		return nil
	}
	if errors.Is(err, wire.ErrFrameTooLarge) {
		return connectionFault(wire.FrameError, "type %d, all octets = <<>>: {frame_too_large,%d,%d}", bad.Type, bad.Size, bad.Max)
	}
	return connectionFault(wire.FrameError, "%s: {invalid_frame_end_marker,%d}", describe(bad.Frame), bad.End)
}

// unknownFrame is a frame whose type does not exist, or whose payload cannot be one of its type.
func unknownFrame(f wire.Frame) *fault {
	return connectionFault(wire.FrameError, "%s: unknown_frame", describe(f))
}

// unexpectedFrame is a frame of a type that its channel cannot have.
func unexpectedFrame(f wire.Frame) *fault {
	return connectionFault(wire.UnexpectedFrame, "%s", describe(f))
}

func describe(f wire.Frame) string {
	part := "all"
	if len(f.Payload) > 16 {
		part, f.Payload = "first 16", f.Payload[:16]
	}
	return fmt.Sprintf("type %d, %s octets = %s", f.Type, part, erlangBinary(f.Payload, true))
}

// undecodable is a method whose arguments are malformed.
func undecodable(id wire.MethodID, arguments []byte) *fault {
	f := connectionFault(wire.FrameError, "cannot decode %s", erlangBinary(arguments[:min(len(arguments), wire.MaxShort)], false))
	f.id = id
	return f
}

// unknownMethod is a method that does not exist, or that only a server may send.
func unknownMethod(id wire.MethodID) *fault {
	return &fault{scope: connectionScope, code: wire.CommandInvalid, text: "unimplemented method", id: id}
}

// erlangBinary shows bytes as Erlang prints a binary: numbers, or text in quotes where that is wanted and possible.
func erlangBinary(b []byte, text bool) string {
	printable := text && len(b) > 0
	for _, x := range b {
		printable = printable && x >= ' ' && x < 0x7f && x != '"' && x != '\\'
	}
	if printable {
		return `<<"` + string(b) + `">>`
	}
	var out strings.Builder
	out.WriteString("<<")
	for i, x := range b {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%d", x)
	}
	out.WriteString(">>")
	return out.String()
}
