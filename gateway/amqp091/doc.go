// Package amqp091 is the AMQP 0-9-1 front end: it speaks the protocol as RabbitMQ 3.13 does, extensions, reply codes
// and reply texts included, and turns it into calls of a broker session. See README.md for what maps to what.
//
// A connection has two goroutines. The reader decodes frames in place, owns all state of its channels, and calls the
// broker; it may wait for the broker, and stops reading while the client does not read what it is sent, or while a
// resource alarm is on. The writer owns the socket's other direction: everything to be sent is appended to one buffer,
// which the writer swaps with the one it has just written, so that load makes the batches. Deliveries and confirms are
// added by the broker's goroutines, which never wait: a consumer whose connection's buffer is full is paused until the
// writer has made room, and confirms are only marks until the writer turns them into frames.
//
// Lock order: a queue's lock of the broker, then conn.mu, then confirms.mu. The broker is never called with conn.mu
// or confirms.mu held.
package amqp091
