// Package broker is the messaging model that every front end of Portico shares: namespaces, exchanges, bindings,
// queues, messages, leases and their settlement, logs, principals and permissions. It knows no protocol and no
// storage engine: gateways and adapters translate their wire formats into calls of a [Session], and a [Store]
// (broker/jetstream, broker/memory) keeps what must survive.
//
// The path of a message: [Session.Publish] routes it once, appends it to the log of each queue it reaches, and tells
// the publisher's [Completion] when every append is stored and covered by a group sync. Each [Queue] is a dispatcher:
// the only reader of its log, it holds a bounded window of messages in memory, hands them to consumers under leases,
// and records what was settled.
//
// Lock order: Namespace.mu, then Queue.mu, then whatever a [Receiver] locks in Deliver. No lock of this package is
// held while a Store method that may block is called, but for QueueLog.Append, which may wait for room in flight and
// is called with none.
package broker
