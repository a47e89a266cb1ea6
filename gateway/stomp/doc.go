// Package stomp serves STOMP 1.0, 1.1 and 1.2 on a broker, as RabbitMQ's STOMP
// plugin does. README.md maps STOMP's things to the broker's.
//
// A connection has two goroutines. The reader takes frames off the socket,
// handles each to its end and appends what it answers to the output. The
// writer owns sending: it swaps the output's buffer for an empty one and
// writes it whole, so that load makes the batches. Deliveries and receipts
// come from the broker's goroutines straight into the output.
//
// Lock order: the broker's, then conn.mu, then output.mu.
package stomp
