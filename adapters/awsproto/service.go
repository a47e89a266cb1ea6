package awsproto

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
)

// Protocol is the protocol a request came in by; its answer goes out by the same.
type Protocol uint8

// The protocols.
const (
	// JSON is AWS JSON 1.0 or 1.1: the action in X-Amz-Target, input and output as JSON objects.
	JSON Protocol = iota
	// Query is the older one: the action and its input as form parameters, output as XML.
	Query
)

// Service is one AWS service. All fields are set before the endpoint is made and only read after.
type Service struct {
	// Name is the service's name in a credential scope ("sqs").
	Name string
	// TargetPrefix is what stands before the dot in X-Amz-Target; empty when the service does not
	// speak JSON.
	TargetPrefix string
	// JSONVersion is "1.0" or "1.1".
	JSONVersion string
	// QueryVersion is the Version parameter of the query protocol; empty when the service does not
	// speak it.
	QueryVersion string
	// XMLNamespace is the namespace of query answers.
	XMLNamespace string
	// ErrorDetail says that query errors carry an empty Detail element, as SQS's do.
	ErrorDetail bool
	// QueryCompatible says that JSON errors carry x-amzn-query-error, since clients of this service
	// were written against the query protocol's codes.
	QueryCompatible bool
	// MaxBody bounds a request's body in bytes.
	MaxBody int64
	// Actions are the actions that are built, by name.
	Actions map[string]Action
	// Unbuilt are the actions in the service's model that are not built. They are refused as such.
	Unbuilt []string
	// Anonymous are actions that a GET without a signature may call, whatever the authentication mode:
	// what authorizes them stands in the request.
	Anonymous []string
	// AnyCaller says that requests without a signature are taken where a policy lets everybody in.
	AnyCaller bool
	// Access says what a request wants to do; all of it must be allowed. It is asked where access is controlled, with
	// the decoded input. nil: every action is NAME:ACTION on "*".
	Access func(ctx context.Context, c *Call, in any) ([]Access, error)
	// Denied makes the refusal with that text; nil: AccessDenied.
	Denied func(text string) *Error
	// Pages are what the service serves besides its actions.
	Pages []Page
	// QueryJSONNames are the members that the query protocol's answers in JSON spell differently, by their names.
	QueryJSONNames map[string]string
	// Refuse answers an action in Unbuilt.
	Refuse func(action string) *Error
	// UnknownQueryAction answers an action that the service does not have, over the query protocol.
	UnknownQueryAction func(action, version string) *Error
	// Translate turns an error that an action returned into the answer. It gets only errors that
	// are not an *Error already; nil means an internal error, which is logged and not shown.
	Translate func(error) *Error
	// Internal is the answer to what Translate does not know.
	Internal *Error
}

// Page serves paths of the endpoint that belong to no protocol.
type Page struct {
	// Prefix is what the paths begin with.
	Prefix string
	// Open pages are served to anybody; others to those from whom a request without a signature is taken.
	Open    bool
	Handler http.Handler
}

// Call is what an action knows about its request beside the input.
type Call struct {
	// ID is the request id; it is in the answer and in the log.
	ID string
	// Action is the action's name.
	Action string
	// Protocol is the protocol of the request.
	Protocol Protocol
	// Account is the account the caller acts in: that of its identity where signatures are verified; else the access
	// key when it is 12 digits, else DefaultAccount.
	Account string
	// Region is the region of the credential scope.
	Region string
	// Home is the region whose default account has the namespace "/".
	Home string
	// AccessKey is the access key id as sent; empty for an unsigned request.
	AccessKey string
	// BaseURL is scheme and host as the client addressed the endpoint, without a slash at the end.
	BaseURL string
	// Path is the path of the request's URL.
	Path string
	// Trace is the request's X-Ray header, as the client sent it.
	Trace string

	// Caller is who signed the request; nil where signatures are not verified.
	Caller *awspolicy.Caller

	closing   context.Context
	watch     func() // begins to look whether the client goes away; nil where that is done anyway
	source    netip.Addr
	secure    bool
	userAgent string
	issued    time.Time // when the caller's session began
}

// Namespace names the broker's namespace of an account in the call's region.
func (c *Call) Namespace(account string) string { return Namespace(account, c.Region, c.Home) }

// Waiting gives a context for waiting for something to happen: it ends with the request, and when the
// endpoint is closed. The function it returns ends it as well and must be called.
func (c *Call) Waiting(request context.Context) (context.Context, func()) {
	if c.watch != nil {
		c.watch()
	}
	ctx, cancel := context.WithCancel(request)
	stop := context.AfterFunc(c.closing, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// Action is one operation of a service.
type Action struct {
	newInput func() any
	do       func(ctx context.Context, c *Call, in any) (any, error)
}

// Handle makes an Action of a function with typed input and output. The input is owned by the
// function. A nil output is answered as an empty one.
func Handle[In, Out any](f func(ctx context.Context, c *Call, in *In) (*Out, error)) Action {
	return Action{
		newInput: func() any { return new(In) },
		do: func(ctx context.Context, c *Call, in any) (any, error) {
			out, err := f(ctx, c, in.(*In))
			if err != nil {
				return nil, err
			}
			if out == nil {
				out = new(Out)
			}
			return out, nil
		},
	}
}

// DefaultAccount is the account of callers whose access key is not an account number.
const DefaultAccount = "000000000000"

// accountOf gives the account that an access key stands for.
func accountOf(accessKey string) string {
	if IsAccount(accessKey) {
		return accessKey
	}
	return DefaultAccount
}

// IsAccount tells whether s is an account number: twelve digits.
func IsAccount(s string) bool {
	return len(s) == len(DefaultAccount) && strings.Trim(s, "0123456789") == ""
}

// Namespace names the broker's namespace of an account and region. The default account in the home
// region is "/", the namespace that the other front ends use when none is named.
func Namespace(account, region, home string) string {
	if account == DefaultAccount && region == home {
		return "/"
	}
	return account + ":" + region
}
