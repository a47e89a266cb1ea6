package awsproto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Options configure an Endpoint.
type Options struct {
	// Auth says whose requests are taken; empty means AuthAuto.
	Auth AuthMode
	// Keys finds what an access key, and the token of its session, stand for; AuthOn needs it. Its error is the answer.
	Keys func(accessKey, token string) (*Key, *Error)
	// RequireTLS refuses requests over plain HTTP.
	RequireTLS bool
	// Region is the home region: the default account's namespace there is "/". It is also the
	// region of unsigned requests. Empty means us-east-1.
	Region string
	// Services are the services of the endpoint.
	Services []*Service
	// MaxBuffered bounds the memory that request bodies of all connections take together, in bytes.
	// 0 means 256 MiB. Requests over it are answered as throttled.
	MaxBuffered int64
	// Log gets requests that failed by a fault of ours; nil means slog.Default.
	Log *slog.Logger
}

// Endpoint is the HTTP handler of the AWS endpoint. It is safe for concurrent use.
type Endpoint struct {
	auth     AuthMode
	keys     func(accessKey, token string) (*Key, *Error)
	tls      bool
	region   string
	byTarget map[string]*Service
	byName   map[string]*Service
	services []*Service
	budget   budget
	signing  signingKeys
	log      *slog.Logger
	closing  context.Context
	close    context.CancelFunc
}

// NewEndpoint makes the handler. It fails when the authentication mode cannot be used, or the region
// cannot be one.
func NewEndpoint(o Options) (*Endpoint, error) {
	if o.Auth == "" {
		o.Auth = AuthAuto
	}
	if err := o.Auth.Check(); err != nil {
		return nil, err
	}
	if o.Auth == AuthOn && o.Keys == nil {
		return nil, fmt.Errorf("aws.auth: %q needs to know access keys", AuthOn)
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if !validRegion(o.Region) {
		return nil, fmt.Errorf("aws.region: %q is not a region's name", o.Region)
	}
	if o.MaxBuffered == 0 {
		o.MaxBuffered = 256 << 20
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	e := &Endpoint{
		auth: o.Auth, keys: o.Keys, tls: o.RequireTLS, region: o.Region, services: o.Services, log: o.Log,
		byTarget: make(map[string]*Service), byName: make(map[string]*Service),
	}
	e.closing, e.close = context.WithCancel(context.Background())
	e.budget.free.Store(o.MaxBuffered)
	for _, s := range o.Services {
		e.byName[s.Name] = s
		if s.TargetPrefix != "" {
			e.byTarget[s.TargetPrefix] = s
		}
	}
	return e, nil
}

// Close tells requests that wait for something to happen to answer as if their time were up, so that a
// server can stop without waiting for them. Requests that come later are served, but do not wait.
func (e *Endpoint) Close() { e.close() }

// exchange is one request on its way through the endpoint.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	plain   *connection // that the request came by; nil when net/http serves it
	service *Service    // nil until known
	call    Call
	cbor    bool // the client reads errors as CBOR

	credential credential
	secret     string // of the access key, where signatures are verified
}

// ServeHTTP implements http.Handler.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, r: r, call: Call{ID: NewID(), closing: e.closing, Path: r.URL.Path, BaseURL: baseURL(r), Trace: r.Header.Get("X-Amzn-Trace-Id")}}
	w.Header().Set("X-Amzn-Requestid", x.call.ID)
	if plain, ok := w.(*answerWriter); ok {
		x.plain, x.call.watch = plain.c, plain.c.beginWatch
	} else {
		// What a client has not sent in time ends its connection, even where the answer did not wait for
		// it. ResponseWriters without a connection (in tests) have no deadlines.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	}
	if r.Header.Get("Origin") != "" {
		allowOrigin(w, r)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusOK)
			return
		}
	}
	if page := e.pageAt(r.URL.Path); page != nil {
		e.servePage(x, page)
		return
	}
	if r.Header.Get("X-Amz-Target") != "" {
		e.serveJSON(r.Context(), x)
		return
	}
	x.call.Protocol = Query
	e.serveQuery(r.Context(), x)
}

// pageAt is the page that a path belongs to; nil for those of the protocols.
func (e *Endpoint) pageAt(path string) *Page {
	if path == "/" {
		return nil
	}
	for _, s := range e.services {
		for i := range s.Pages {
			if strings.HasPrefix(path, s.Pages[i].Prefix) {
				return &s.Pages[i]
			}
		}
	}
	return nil
}

func (e *Endpoint) servePage(x *exchange, page *Page) {
	if !page.Open {
		release, err := e.admitPage(x)
		defer release()
		if err != nil {
			x.fail(err)
			return
		}
	}
	page.Handler.ServeHTTP(x.w, x.r)
}

// admitPage lets those in who could call the service without a signature; where signatures are verified, root users.
// The function that it returns gives the memory of the request's body back; it is never nil.
func (e *Endpoint) admitPage(x *exchange) (func(), *Error) {
	x.call.Protocol = Query
	c, err := e.admit(x)
	if err != nil || e.auth != AuthOn {
		return func() {}, err
	}
	if c.accessKey == "" {
		return func() {}, missingToken()
	}
	body, release, err := e.readBody(x)
	if err == nil {
		err = e.checkSignature(x, body)
	}
	if err == nil && !x.call.Caller.Root() {
		err = accessDenied("User: " + x.call.Caller.ARN + " is not authorized to use " + x.r.URL.Path + ", which only the root user of an account may.")
	}
	x.r.Body = io.NopCloser(bytes.NewReader(body))
	return release, err
}

func baseURL(r *http.Request) string {
	host := r.Host
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && host == "" {
		host = local.String() // HTTP/1.0 names no host
	}
	if r.TLS != nil {
		return "https://" + host
	}
	return "http://" + host
}

// allowOrigin lets pages of any origin call the endpoint, as AWS's own endpoints do.
func allowOrigin(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "x-amzn-RequestId,x-amzn-ErrorType,x-amz-request-id,x-amz-id-2,x-amzn-ErrorMessage,Date,x-amzn-query-error")
	h.Set("Access-Control-Max-Age", "172800")
	if v := r.Header.Get("Access-Control-Request-Headers"); v != "" {
		h.Set("Access-Control-Allow-Headers", v)
	}
	if v := r.Header.Get("Access-Control-Request-Method"); v != "" {
		h.Set("Access-Control-Allow-Methods", v)
	}
}

// admit reads who sent the request and applies the authentication mode.
func (e *Endpoint) admit(x *exchange) (credential, *Error) {
	c, err := credentialOf(x.r)
	if err != nil {
		return c, err
	}
	if e.tls && x.r.TLS == nil {
		return c, accessDenied("Requests over plain HTTP are refused; use HTTPS.")
	}
	x.credential = c
	x.call.AccessKey = c.accessKey
	x.call.Region = c.region
	if x.call.Region == "" {
		x.call.Region = e.region
	}
	x.call.Home = e.region
	if e.auth == AuthOn {
		x.call.source, x.call.secure, x.call.userAgent = sourceOf(x.r), x.r.TLS != nil, x.r.UserAgent()
		return c, e.identify(x, c)
	}
	if err := e.auth.admit(x.r); err != nil && !(c.accessKey == "" && e.anonymous(x.r)) {
		return c, err
	}
	x.call.Account = accountOf(c.accessKey)
	return c, nil
}

// anonymous tells requests that need no key: see Service.Anonymous.
func (e *Endpoint) anonymous(r *http.Request) bool {
	if r.Method != http.MethodGet {
		return false
	}
	action := r.URL.Query().Get("Action")
	for _, s := range e.services {
		if slices.Contains(s.Anonymous, action) {
			return true
		}
	}
	return false
}

func (e *Endpoint) serveJSON(ctx context.Context, x *exchange) {
	prefix, action, _ := strings.Cut(x.r.Header.Get("X-Amz-Target"), ".")
	x.service = e.byTarget[prefix]
	x.call.Action = action
	media := mediaType(x.r)
	x.cbor = media == "application/x-amz-cbor-1.1"
	if x.r.Method != http.MethodPost {
		x.fail(Errorf("AccessDeniedException", 403, "Unable to determine service/operation name to be authorized"))
		return
	}
	if x.service == nil {
		x.fail(unknownOperation(x.r.Header.Get("X-Amz-Target")))
		return
	}
	switch {
	case x.cbor:
		x.fail(Errorf("UnsupportedMediaTypeException", 415, "CBOR is not supported by this endpoint yet; set AWS_CBOR_DISABLE=true (or -Daws.cborEnabled=false) so that the SDK sends JSON."))
		return
	case media != "application/x-amz-json-"+x.service.JSONVersion:
		x.fail(Errorf("UnsupportedMediaTypeException", 415, "The content type %q is not that of %s's protocol, application/x-amz-json-%s.", clip(media), x.service.Name, x.service.JSONVersion))
		return
	}
	if _, err := e.admit(x); err != nil {
		x.fail(err)
		return
	}
	a, ok, err := x.service.find(action)
	if !ok {
		if err == nil {
			err = unknownOperation(action)
		}
		x.fail(err)
		return
	}
	body, release, err := e.readBody(x)
	defer release()
	if err == nil {
		err = e.checkSignature(x, body)
	}
	if err != nil {
		x.fail(err)
		return
	}
	in := a.newInput()
	if err := DecodeJSON(body, in); err != nil {
		x.fail(err)
		return
	}
	e.run(ctx, x, a, in)
}

// mediaType is the type of the request's body, without parameters.
func mediaType(r *http.Request) string {
	text := r.Header.Get("Content-Type")
	if strings.HasPrefix(text, "application/x-amz-json-1.") && len(text) == len("application/x-amz-json-1.0") {
		return text // as SDKs write it
	}
	media, _, _ := mime.ParseMediaType(text)
	return media
}

// find finds an action by its name. An action in the model that is not built is refused as such; one
// that is not in the model gives neither an action nor an error.
func (s *Service) find(name string) (Action, bool, *Error) {
	if a, ok := s.Actions[name]; ok {
		return a, true, nil
	}
	if slices.Contains(s.Unbuilt, name) {
		return Action{}, false, s.Refuse(name)
	}
	return Action{}, false, nil
}

func (e *Endpoint) serveQuery(ctx context.Context, x *exchange) {
	c, err := e.admit(x)
	if err != nil {
		x.service = e.queryService(x, c, &Form{})
		x.fail(err)
		return
	}
	x.service = e.byName[c.service] // for the limit of its body; what the request says decides
	form, release, err := e.readForm(x)
	defer release()
	if err != nil {
		x.service = e.queryService(x, c, &Form{})
		x.fail(err)
		return
	}
	action := form.Get("Action")
	x.call.Action = action
	x.service = e.queryService(x, c, form)
	if action == "" && x.r.Method == http.MethodGet { // whatever answer it asks for [observed: SQS, 2024]
		x.answer(http.StatusNotFound, "text/xml", []byte("<UnknownOperationException/>\n"))
		return
	}
	if x.service == nil || action == "" {
		x.fail(Errorf("MissingAction", 400, "The request is missing an action: neither X-Amz-Target nor the parameter Action names one."))
		return
	}
	if v := form.Get("Version"); v != "" && v != x.service.QueryVersion {
		x.fail(Errorf("NoSuchVersion", 400, "The requested version ( %s ) is not valid.", clip(v)))
		return
	}
	a, ok, err := x.service.find(action)
	if !ok {
		if err == nil {
			err = x.service.UnknownQueryAction(clip(action), x.service.QueryVersion)
		}
		x.fail(err)
		return
	}
	in := a.newInput()
	if err := form.Decode(in); err != nil {
		x.fail(err)
		return
	}
	e.run(ctx, x, a, in)
}

// queryService tells which service a query request is for: by the credential scope, else by the API
// version, else by the action's name.
func (e *Endpoint) queryService(x *exchange, c credential, form *Form) *Service {
	if s := e.byName[c.service]; s != nil && s.QueryVersion != "" {
		return s
	}
	for _, s := range e.services {
		if s.QueryVersion != "" && s.QueryVersion == form.Get("Version") {
			return s
		}
	}
	for _, s := range e.services {
		if _, ok, err := s.find(form.Get("Action")); s.QueryVersion != "" && (ok || err != nil) {
			return s
		}
	}
	return nil
}

// readForm reads the parameters from query string and body.
func (e *Endpoint) readForm(x *exchange) (*Form, func(), *Error) {
	form, err := ParseForm(x.r.URL.RawQuery)
	if err == nil && x.r.Method == http.MethodGet {
		err = e.checkSignature(x, nil)
	}
	if err != nil || x.r.Method == http.MethodGet {
		return form, func() {}, err
	}
	if x.r.Method != http.MethodPost {
		return form, func() {}, Errorf("UnsupportedMethod", 405, "The method %s is not supported.", clip(x.r.Method))
	}
	media := mediaType(x.r)
	if media != "" && media != "application/x-www-form-urlencoded" {
		return form, func() {}, Errorf("UnsupportedMediaType", 415, "The content type %q is not that of the query protocol.", clip(media))
	}
	body, release, err := e.readBody(x)
	if err == nil {
		err = e.checkSignature(x, body)
	}
	if err != nil {
		return form, release, err
	}
	return form, release, form.add(string(body))
}

// run calls the action and answers.
func (e *Endpoint) run(ctx context.Context, x *exchange, a Action, in any) {
	if x.call.Caller != nil {
		if err := e.checkAccess(ctx, x, in); err != nil {
			x.fail(e.translate(x, err))
			return
		}
	}
	if x.plain == nil {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{}) // a long poll outlasts it
	}
	out, err := e.invoke(ctx, x, a, in)
	if err != nil {
		x.fail(e.translate(x, err))
		return
	}
	if err := x.succeed(out); err != nil {
		x.fail(e.translate(x, fmt.Errorf("encode the output: %w", err)))
	}
}

// invoke keeps a panic in one action from ending more than its request.
func (e *Endpoint) invoke(ctx context.Context, x *exchange, a Action, in any) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			if abort, ok := p.(error); ok && errors.Is(abort, http.ErrAbortHandler) {
				panic(p)
			}
			err = panicError(p)
		}
	}()
	return a.do(ctx, &x.call, in)
}
