package sns

import (
	"errors"
	"fmt"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

func plainError(code string, status int, format string, args ...any) *awsproto.Error {
	return &awsproto.Error{Shape: code, Status: status, Message: fmt.Sprintf(format, args...)}
}

// invalidParameter is what SNS answers to most bad requests.
func invalidParameter(format string, args ...any) *awsproto.Error {
	return plainError("InvalidParameter", 400, "Invalid parameter: "+format, args...)
}

var (
	topicNotFound        = plainError("NotFound", 404, "Topic does not exist")
	subscriptionNotFound = plainError("NotFound", 404, "Subscription does not exist")
	internalError        = plainError("InternalFailure", 500, "We encountered an internal error. Please try again.")
	// unavailable is answered with a status that SDKs try again on.
	unavailable = plainError("ServiceUnavailable", 503, "The service is unavailable. Please try again.")
)

// kindErrors says what each kind of broker error becomes. Errors that need words about the request
// are worded where the request is known; these are for the rest.
var kindErrors = map[broker.Kind]*awsproto.Error{
	broker.KindInternal:        internalError,
	broker.KindInvalid:         plainError("InvalidParameter", 400, "Invalid parameter"),
	broker.KindNotFound:        topicNotFound,
	broker.KindMismatch:        invalidParameter("Attributes Reason: Topic already exists with different attributes"),
	broker.KindLocked:          invalidParameter("SQS endpoint ARN"),
	broker.KindExclusiveUse:    plainError("ConcurrentAccess", 400, "The resource is in use exclusively."),
	broker.KindInUse:           plainError("ConcurrentAccess", 400, "The resource is in use."),
	broker.KindNotEmpty:        plainError("ConcurrentAccess", 400, "The resource is not empty."),
	broker.KindReserved:        invalidParameter("Topic Name"),
	broker.KindDenied:          plainError("AuthorizationError", 403, "Not authorized to access the resource."),
	broker.KindUnauthenticated: plainError("InvalidClientTokenId", 403, "The security token included in the request is invalid."),
	broker.KindTooLarge:        invalidParameter("Message too long"),
	broker.KindLimit:           plainError("Throttled", 429, "Rate exceeded"),
	broker.KindFull:            plainError("Throttled", 429, "Rate exceeded"),
	broker.KindStaleLease:      internalError, // SNS has no leases
	broker.KindUnsupported:     plainError("InvalidParameter", 400, "Invalid parameter: this is not supported yet"),
	broker.KindUnavailable:     unavailable,
	broker.KindUncertain:       unavailable,
}

// translate gives the answer to a broker's error; nil for what must be logged as a fault of ours.
func translate(err error) *awsproto.Error {
	if errors.Is(err, broker.ErrClosed) {
		return unavailable
	}
	kind := broker.KindOf(err)
	if kind == broker.KindInternal || kind == broker.KindStaleLease {
		return nil
	}
	return kindErrors[kind]
}

// clip shortens text that a client sent, for use in an answer to it.
func clip(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
