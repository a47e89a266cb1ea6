// Package routing finds the destinations that a message goes to: it holds the
// bindings of one exchange and matches a message's routing key and headers
// against them. It knows no protocol and does no I/O.
//
// The rules are those of RabbitMQ 3.13, which are stricter than the AMQP
// 0-9-1 specification where that is vague (section 3.1.3).
package routing
