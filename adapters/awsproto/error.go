package awsproto

import "fmt"

// Error is what a service answers instead of an output. It is sent as it stands, so it holds
// nothing that a client may not see.
type Error struct {
	// Shape is the name a JSON client gets in __type, without its namespace.
	Shape string
	// Namespace is what stands before '#' in __type. Empty means no prefix at all, which is how
	// Kinesis answers.
	Namespace string
	// QueryCode is the code a query client gets, and what x-amzn-query-error carries for services
	// that moved from query to JSON. Empty means Shape.
	QueryCode string
	// Message is the text for people.
	Message string
	// Status is the HTTP status; 0 means 400.
	Status int
	// CapitalMessage makes the JSON member "Message" instead of "message": the framework below
	// AWS's services answers so for requests that it could not parse.
	CapitalMessage bool
}

// Error implements the error interface.
func (e *Error) Error() string { return e.Shape + ": " + e.Message }

// status is the HTTP status of the answer.
func (e *Error) status() int {
	if e.Status == 0 {
		return 400
	}
	return e.Status
}

// queryCode is the code for query clients.
func (e *Error) queryCode() string {
	if e.QueryCode != "" {
		return e.QueryCode
	}
	return e.Shape
}

// fault says whose fault the error is, in the words of the query protocol.
func (e *Error) fault() string {
	if e.status() >= 500 {
		return "Receiver"
	}
	return "Sender"
}

// coral is the namespace of the errors that AWS's service framework raises before a service sees
// the request.
const coral = "com.amazon.coral.service"

// Errorf makes an error of the framework: one that is in no service's model.
func Errorf(shape string, status int, format string, args ...any) *Error {
	return &Error{Shape: shape, Namespace: coral, Message: fmt.Sprintf(format, args...), Status: status}
}

// serializationError is the answer to a body that is not what its content type says, or that holds
// a value of the wrong type.
func serializationError(format string, args ...any) *Error {
	e := Errorf("SerializationException", 400, format, args...)
	e.QueryCode = "MalformedInput"
	e.CapitalMessage = true
	return e
}

func unknownOperation(op string) *Error {
	return Errorf("UnknownOperationException", 400, "The operation %q is not known here.", clip(op))
}

// clip shortens text that a client sent, for use in an answer to it.
func clip(s string) string {
	const most = 128
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
