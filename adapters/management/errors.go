package management

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/portico-mq/portico/broker"
)

// row says how one kind of broker error is answered.
type row struct {
	status int
	name   string
	reason func(e *broker.Error) string
}

// kinds has a row for every broker.Kind; a test sees to that. The words are those of the channel errors that
// RabbitMQ's management plugin passes on, without the name of the code.
var kinds = map[broker.Kind]row{
	broker.KindInternal:        {http.StatusInternalServerError, "internal_server_error", says("Internal error")},
	broker.KindInvalid:         {http.StatusBadRequest, "bad_request", invalidReason},
	broker.KindNotFound:        {http.StatusNotFound, "Object Not Found", says("Not Found")},
	broker.KindMismatch:        {http.StatusBadRequest, "bad_request", mismatchReason},
	broker.KindLocked:          {http.StatusBadRequest, "bad_request", lockedReason},
	broker.KindExclusiveUse:    {http.StatusBadRequest, "bad_request", named("%s '%s' in vhost '%s' in exclusive use")},
	broker.KindInUse:           {http.StatusBadRequest, "bad_request", named("%s '%s' in vhost '%s' in use")},
	broker.KindNotEmpty:        {http.StatusBadRequest, "bad_request", named("%s '%s' in vhost '%s' not empty")},
	broker.KindReserved:        {http.StatusUnauthorized, "not_authorised", reservedReason},
	broker.KindDenied:          {http.StatusUnauthorized, "not_authorised", deniedReason},
	broker.KindUnauthenticated: {http.StatusUnauthorized, "not_authorized", says("Not_Authorized")},
	broker.KindTooLarge:        {http.StatusBadRequest, "bad_request", limitReason},
	broker.KindLimit:           {http.StatusBadRequest, "bad_request", limitReason},
	broker.KindFull:            {http.StatusBadRequest, "bad_request", says("the queue is full")},
	broker.KindStaleLease:      {http.StatusBadRequest, "bad_request", says("unknown delivery tag")},
	broker.KindUnsupported:     {http.StatusNotImplemented, "not_implemented", named("%s '%s' in vhost '%s' needs what is not implemented")},
	broker.KindUnavailable:     {http.StatusServiceUnavailable, "service_unavailable", says("storage is not available")},
	broker.KindUncertain:       {http.StatusServiceUnavailable, "service_unavailable", says("storage did not answer")},
}

// failed answers an error of the broker, or of what [Options] declares with. Others are logged and not shown.
func (c *call) failed(err error) {
	var known *broker.Error
	var worded interface{ ReplyText() string }
	switch {
	case errors.As(err, &worded):
		c.badRequest(worded.ReplyText())
		return
	case errors.As(err, &known):
		r := kinds[known.Kind]
		if known.Kind != broker.KindInternal {
			c.fail(r.status, r.name, r.reason(known))
			return
		}
	}
	c.server.opts.Logger.Error("a management request failed", "method", c.r.Method, "path", c.r.URL.Path, "err", err)
	c.fail(http.StatusInternalServerError, "internal_server_error", "Internal error")
}

// failedOnQueue answers an error of a call that streams refuse, in the words of the AMQP method that the plugin calls.
func (c *call) failedOnQueue(method string, err error) {
	var known *broker.Error
	if !errors.As(err, &known) || known.Kind != broker.KindUnsupported {
		c.failed(err)
		return
	}
	reason := fmt.Sprintf("%s not supported by stream queues queue '%s' in vhost '%s'", method, known.Name, known.Namespace)
	if method == "basic.get" {
		reason = "540 " + reason // with its code, where the plugin's own channel is closed
	}
	c.badRequest(reason)
}

func says(text string) func(*broker.Error) string { return func(*broker.Error) string { return text } }

// named fills in type, name and virtual host.
func named(format string) func(*broker.Error) string {
	return func(e *broker.Error) string { return fmt.Sprintf(format, e.Type, e.Name, e.Namespace) }
}

func invalidReason(e *broker.Error) string {
	if text, ok := e.Detail.(string); ok {
		return text
	}
	return fmt.Sprintf("invalid %s '%s'", e.Type, e.Name)
}

func mismatchReason(e *broker.Error) string {
	m, ok := e.Detail.(*broker.Mismatch)
	if !ok {
		return fmt.Sprintf("inequivalent %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	}
	property := m.Property
	if property == "kind" {
		property = "type"
	}
	return fmt.Sprintf("inequivalent arg '%s' for %s '%s' in vhost '%s': received '%v' but current is '%v'",
		property, e.Type, e.Name, e.Namespace, m.Got, m.Want)
}

func lockedReason(e *broker.Error) string {
	return fmt.Sprintf("cannot obtain exclusive access to locked queue '%s' in vhost '%s'. It could be originally declared on "+
		"another connection or the exclusive property value does not match that of the original declaration.", e.Name, e.Namespace)
}

func reservedReason(e *broker.Error) string {
	switch {
	case e.Type == broker.ResourceExchange && e.Name == "":
		return "operation not permitted on the default exchange"
	case e.Detail != nil:
		return fmt.Sprintf("%s name '%s' contains reserved prefix '%v*'", e.Type, e.Name, e.Detail)
	default:
		return fmt.Sprintf("operation not permitted on %s '%s' in vhost '%s'", e.Type, e.Name, e.Namespace)
	}
}

func deniedReason(e *broker.Error) string {
	d, ok := e.Detail.(*broker.Denial)
	if !ok {
		return fmt.Sprintf("access to %s '%s' in vhost '%s' refused", e.Type, e.Name, e.Namespace)
	}
	name := e.Name
	switch {
	case e.Type == broker.ResourceNamespace:
		return fmt.Sprintf("access to vhost '%s' refused for user '%s'", name, d.User)
	case e.Type == broker.ResourceExchange && name == "":
		name = "amq.default"
	}
	return fmt.Sprintf("%s access to %s '%s' in vhost '%s' refused for user '%s'", d.Access, e.Type, name, e.Namespace, d.User)
}

func limitReason(e *broker.Error) string {
	if l, ok := e.Detail.(*broker.Limit); ok {
		return fmt.Sprintf("%s (%d) is reached: %d", l.Name, l.Max, l.Got)
	}
	return "limit reached"
}
