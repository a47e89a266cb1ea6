// Package property holds the typed properties and headers of a message, and
// the tables of arguments of queues, exchanges and bindings.
//
// Both exist in two forms. Decoded, they are [Table] and [Set]: Go values to
// build and to change. Encoded, they are [RawTable] and [Block]: bytes as they
// came from a client and as they are stored, read in place and copied through
// without a conversion. The encoding is the one of a content header of
// AMQP 0-9-1 (section 4.2.6 of its specification) with RabbitMQ's letters for
// the types of values (its "Protocol errata" page), because that is the richest
// one of those that clients speak: whoever speaks another converts.
//
// Nothing here is safe for concurrent writing; everything encoded is safe for
// concurrent reading.
package property
