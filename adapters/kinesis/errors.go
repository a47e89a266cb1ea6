package kinesis

import (
	"errors"
	"fmt"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

func plainError(shape, format string, args ...any) *awsproto.Error {
	return &awsproto.Error{Shape: shape, Message: fmt.Sprintf(format, args...)}
}

func invalidArgument(format string, args ...any) *awsproto.Error {
	return plainError("InvalidArgumentException", format, args...)
}

func notFound(name, account string) *awsproto.Error {
	return plainError("ResourceNotFoundException", "Stream %s under account %s not found.", name, account)
}

var (
	internalFailure = &awsproto.Error{Shape: "InternalFailure", Status: 500, Message: "Internal service failure."}
	// unavailable is answered with a status that SDKs try again on.
	unavailable = &awsproto.Error{Shape: "ServiceUnavailable", Status: 503, Message: "The service is unavailable. Please try again."}
	throttled   = plainError("ProvisionedThroughputExceededException", "Rate exceeded.")
	inUse       = plainError("ResourceInUseException", "The stream is in use.")
)

// kindErrors says what each kind of broker error becomes. Errors that need words about the request
// are worded where the request is known; these are for the rest.
var kindErrors = map[broker.Kind]*awsproto.Error{
	broker.KindInternal:        internalFailure,
	broker.KindInvalid:         invalidArgument("An argument is invalid."),
	broker.KindNotFound:        plainError("ResourceNotFoundException", "The stream was not found."),
	broker.KindMismatch:        inUse,
	broker.KindLocked:          inUse,
	broker.KindExclusiveUse:    inUse,
	broker.KindInUse:           inUse,
	broker.KindNotEmpty:        inUse,
	broker.KindReserved:        invalidArgument("The name is reserved."),
	broker.KindDenied:          plainError("AccessDeniedException", "Access to the stream is denied."),
	broker.KindUnauthenticated: {Shape: "UnrecognizedClientException", Status: 403, Message: "The security token included in the request is invalid."},
	broker.KindTooLarge:        plainError("ValidationException", "The record is too large."),
	broker.KindLimit:           throttled,
	broker.KindFull:            throttled,
	broker.KindStaleLease:      internalFailure, // Kinesis has no leases
	broker.KindUnsupported:     invalidArgument("This is not supported yet."),
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
