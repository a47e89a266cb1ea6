package stomp

import (
	"errors"
	"fmt"

	"github.com/portico-mq/portico/broker"
)

// fault is an ERROR frame to come, in a dialect's words.
type fault struct {
	message string
	body    string
	// fatal closes the connection after the frame. After other errors it goes on, against the specification, since the
	// originals do so and clients rely on that.
	fatal        bool
	subscription string // a header of this name, if not ""
}

// Error describes the fault for logs.
func (f *fault) Error() string { return f.message + ": " + f.body }

func faultf(message, format string, args ...any) *fault {
	return &fault{message: message, body: fmt.Sprintf(format, args...)}
}

// faultOf turns any error into what the client is told. known is false for an error that is ours alone: it is to be
// logged, and nothing of it is shown.
func faultOf(d dialect, err error) (f *fault, known bool) {
	if errors.As(err, &f) {
		return f, true
	}
	var e *broker.Error
	if errors.As(err, &e) {
		if f = d.ofBroker(e); f != nil {
			return f, e.Kind != broker.KindInternal
		}
	}
	if errors.Is(err, broker.ErrClosed) {
		return d.say(shuttingDown, "", "shutdown"), true
	}
	return d.say(ownFault, "", ""), false
}
