package sqs

import (
	"errors"
	"fmt"

	"github.com/portico-mq/portico/adapters/awsproto"
	"github.com/portico-mq/portico/broker"
)

// modelled is the namespace of the errors in the service's model, coral of those that are not.
const (
	modelled = "com.amazonaws.sqs"
	coral    = "com.amazon.coral.service"
)

// modelledError is an error whose query code is its name behind the service's old prefix.
func modelledError(shape string, status int, format string, args ...any) *awsproto.Error {
	return &awsproto.Error{
		Shape: shape, Namespace: modelled, QueryCode: "AWS.SimpleQueueService." + shape,
		Status: status, Message: fmt.Sprintf(format, args...),
	}
}

// plainError is an error of the model whose query code is its name.
func plainError(shape string, status int, format string, args ...any) *awsproto.Error {
	return &awsproto.Error{Shape: shape, Namespace: modelled, Status: status, Message: fmt.Sprintf(format, args...)}
}

func invalidParameter(format string, args ...any) *awsproto.Error {
	e := awsproto.Errorf("InvalidParameterValueException", 400, format, args...)
	e.QueryCode = "InvalidParameterValue"
	return e
}

// invalidValue is the form that most complaints about one parameter have.
func invalidValue(value any, parameter, reason string) *awsproto.Error {
	const longest = 1024 // receipt handles are shown whole
	text := fmt.Sprint(value)
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return invalidParameter("Value %s for parameter %s is invalid. Reason: %s", text, parameter, reason)
}

func missingParameter(name string) *awsproto.Error {
	e := awsproto.Errorf("MissingRequiredParameterException", 400, "The request must contain the parameter %s.", name)
	e.QueryCode = "MissingParameter"
	return e
}

func unsupported(format string, args ...any) *awsproto.Error {
	return modelledError("UnsupportedOperation", 400, format, args...)
}

func unknownAttribute(name string) *awsproto.Error {
	return plainError("InvalidAttributeName", 400, "Unknown Attribute %s.", clip(name))
}

// queueDoesNotExist has a text for each protocol.
func queueDoesNotExist(p awsproto.Protocol) *awsproto.Error {
	e := modelledError("QueueDoesNotExist", 400, "The specified queue does not exist.")
	e.QueryCode = "AWS.SimpleQueueService.NonExistentQueue"
	if p == awsproto.Query {
		e.Message = "The specified queue does not exist for this wsdl version."
	}
	return e
}

func receiptHandleInvalid(handle string) *awsproto.Error {
	return plainError("ReceiptHandleIsInvalid", 404, "The input receipt handle %q is not a valid receipt handle.", clip(handle))
}

// clip shortens text that a client sent, for use in an answer to it.
func clip(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// internalError is the answer to a fault of ours.
var internalError = &awsproto.Error{
	Shape: "InternalError", Namespace: coral, Status: 500,
	Message: "We encountered an internal error. Please try again.",
}

// kindErrors says what each kind of broker error becomes. Errors that need words about the request
// (which queue, which handle) are worded where the request is known; these are for the rest.
var kindErrors = map[broker.Kind]*awsproto.Error{
	broker.KindInternal:        internalError,
	broker.KindInvalid:         invalidParameter("One or more parameters are invalid."),
	broker.KindNotFound:        queueDoesNotExist(awsproto.JSON),
	broker.KindMismatch:        queueNameTaken,
	broker.KindLocked:          queueNameTaken,
	broker.KindExclusiveUse:    unsupported("Another client consumes from this queue exclusively."),
	broker.KindInUse:           unsupported("The queue is in use."),
	broker.KindNotEmpty:        unsupported("The queue is not empty."),
	broker.KindReserved:        invalidParameter("The queue name is reserved."),
	broker.KindDenied:          accessDenied,
	broker.KindUnauthenticated: invalidToken,
	broker.KindTooLarge:        invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", maxMessageSize),
	broker.KindLimit:           plainError("OverLimit", 403, "A limit was reached."),
	broker.KindFull:            plainError("OverLimit", 403, "The queue holds as many messages as it may."),
	broker.KindStaleLease:      plainError("ReceiptHandleIsInvalid", 404, "The receipt handle has expired."),
	broker.KindUnsupported:     unsupported("This is not supported yet."),
	broker.KindUnavailable:     unavailable,
	broker.KindUncertain:       unavailable,
}

var (
	queueNameTaken = &awsproto.Error{
		Shape: "QueueNameExists", Namespace: modelled, QueryCode: "QueueAlreadyExists", Status: 400,
		Message: "A queue already exists with the same name that is not a durable queue open to all clients.",
	}
	accessDenied = &awsproto.Error{
		Shape: "AccessDeniedException", Namespace: coral, QueryCode: "AccessDenied", Status: 403,
		Message: "Access to the resource is denied.",
	}
	invalidToken = &awsproto.Error{
		Shape: "InvalidClientTokenId", Namespace: coral, Status: 403,
		Message: "The security token included in the request is invalid.",
	}
	// unavailable is answered with a status that SDKs try again on.
	unavailable = &awsproto.Error{
		Shape: "ServiceUnavailable", Namespace: coral, Status: 503,
		Message: "The service is unavailable. Please try again.",
	}
)

// translate gives the answer to a broker's error; nil for what must be logged as a fault of ours.
func translate(err error) *awsproto.Error {
	if errors.Is(err, broker.ErrClosed) {
		return unavailable
	}
	kind := broker.KindOf(err)
	if kind == broker.KindInternal {
		return nil
	}
	return kindErrors[kind]
}
