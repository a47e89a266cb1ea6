// Package wire is the codec of AMQP 0-9-1: frames, methods and contents to
// bytes and back. Methods, ids and reply codes are generated from the grammar
// in spec/; framing is written by hand. It does no input or output but through
// the io.Reader of a [Reader], knows no clock and no broker, and never holds
// more memory than the largest frame that was agreed on.
//
// Decoded strings and tables are views into the frame they came in, valid until
// the next frame is read.
package wire

//go:generate go run ../../../internal/gen/amqpgen -spec ../../../spec/amqp0-9-1.stripped.extended.xml -out .
