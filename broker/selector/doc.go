// Package selector compiles and evaluates message selectors: conditions on a message's headers in the SQL-92 dialect of
// JMS (Java Message Service 1.1, section 3.8.1), as ActiveMQ Classic 5.17 reads it.
//
// Where the two differ, JMS counts: NOT binds weaker than comparisons, what compares with a missing value is unknown, and
// text after the end of a condition is an error. Of ActiveMQ come the literals (hexadecimal, octal, 5L, .5), %, comments,
// the order of two strings, "convert_string_expressions:" (and Artemis's "no_convert_string_expressions:" and
// "hyphenated_props:"). XPATH and XQUERY are errors, and so are the names of what a message does not know:
// JMSDestination, JMSRedelivered, JMSXDeliveryCount, JMSXProducerTXID and the times of ActiveMQ's broker.
package selector
