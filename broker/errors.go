package broker

import (
	"errors"
	"fmt"
)

// Kind says what went wrong, in the model's terms. Each front end maps every kind to its own codes and words in one
// table; a test there fails when a kind has no row.
type Kind uint8

// The kinds of error.
const (
	KindInternal        Kind = iota // a fault of ours; logged, never shown in detail
	KindInvalid                     // a name, argument or value that cannot be
	KindNotFound                    // the resource does not exist
	KindMismatch                    // exists with other properties; Detail is *Mismatch
	KindLocked                      // belongs to another session (exclusive queue)
	KindExclusiveUse                // has, or would break, an exclusive consumer
	KindInUse                       // refused because it has consumers or bindings
	KindNotEmpty                    // refused because it holds messages
	KindReserved                    // a system resource that may not be changed
	KindDenied                      // the principal may not; Detail is *Denial
	KindUnauthenticated             // unknown user or wrong password
	KindTooLarge                    // over a size limit; Detail is *Limit
	KindLimit                       // over a count limit; Detail is *Limit
	KindFull                        // the queue holds as much as it may and refuses more
	KindStaleLease                  // the lease ended: settled, expired or from an earlier run
	KindUnsupported                 // a feature that is not built
	KindUnavailable                 // storage refuses or is gone; retry later
	KindUncertain                   // may or may not have been stored
	kindCount
)

var kindNames = [kindCount]string{
	"internal", "invalid", "not found", "mismatch", "locked", "exclusive use", "in use", "not empty", "reserved",
	"denied", "unauthenticated", "too large", "limit", "full", "stale lease", "unsupported", "unavailable", "uncertain",
}

// String names the kind for logs.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Kinds lists every kind, for the totality tests of the front ends' tables.
func Kinds() []Kind {
	all := make([]Kind, kindCount)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// ResourceType says what an error is about.
type ResourceType string

// The types of resource.
const (
	ResourceNamespace ResourceType = "namespace"
	ResourceExchange  ResourceType = "exchange"
	ResourceQueue     ResourceType = "queue"
	ResourceBinding   ResourceType = "binding"
	ResourceConsumer  ResourceType = "consumer"
	ResourceMessage   ResourceType = "message"
	ResourceLog       ResourceType = "log"
	ResourceUser      ResourceType = "user"
	ResourceTopic     ResourceType = "topic" // a key on a topic exchange, which Name names

	ResourcePermission ResourceType = "permission"
	ResourcePolicy     ResourceType = "policy"
	ResourceParameter  ResourceType = "parameter"
	ResourceDocument   ResourceType = "document"
	ResourceLimit      ResourceType = "limit"
)

// Error is every error the broker returns on purpose. It carries data; front ends own the words.
// It is immutable and safe for concurrent use.
type Error struct {
	Kind      Kind
	Type      ResourceType
	Namespace string
	Name      string
	Detail    any   // *Mismatch, *Denial, *Limit, a string for humans, or nil
	Err       error // the cause, for the log only
}

// Mismatch tells which property of an existing resource differs from the wanted one.
type Mismatch struct {
	Property string // "durable", "auto_delete", "kind", ...
	Got      any    // what the caller asked for
	Want     any    // what exists
}

// Denial tells which access was refused to whom.
type Denial struct {
	Access Access
	User   string
	Topic  string // the key, for ResourceTopic
}

// Limit tells which limit was passed.
type Limit struct {
	Name string
	Max  int64
	Got  int64
	User string // whose connection or channel it is, where that matters
}

// Error describes the error for logs; front ends must not send it to clients.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s %q in %q", e.Kind, e.Type, e.Name, e.Namespace)
	switch d := e.Detail.(type) {
	case *Mismatch:
		s += fmt.Sprintf(": %s is %v, wanted %v", d.Property, d.Want, d.Got)
	case *Denial:
		s += fmt.Sprintf(": no %s access for %q", d.Access, d.User)
	case *Limit:
		s += fmt.Sprintf(": %s is limited to %d, got %d", d.Name, d.Max, d.Got)
	case string:
		s += ": " + d
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err: that of the *Error in its chain, else KindInternal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// IsKind reports whether err is a broker error of the given kind.
func IsKind(err error, k Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == k
}

// ErrClosed is returned by calls on a broker, session or queue that was closed.
var ErrClosed = errors.New("broker: closed")
