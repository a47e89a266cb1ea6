package awsproto

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

type echoText struct{ Text string }

type echoIn struct {
	echoText
	Count  *int32
	Blob   []byte
	Names  []string          `query:"Name,flat"`
	Pairs  map[string]string `query:"Pair,flat,key=Name,value=Value"`
	Nested []struct{ A, B string }
}

type echoOut struct {
	Account, Region, Namespace, BaseURL string
	Text                                string            `json:",omitempty"`
	Names                               []string          `json:",omitempty" query:"Name,flat"`
	Pairs                               map[string]string `json:",omitempty"`
	Blob                                []byte            `json:",omitempty"`
}

func echoService() *Service {
	return &Service{
		Name: "echo", TargetPrefix: "Echo", JSONVersion: "1.0", QueryVersion: "2020-01-01",
		XMLNamespace: "http://echo/", ErrorDetail: true, QueryCompatible: true, MaxBody: 1 << 20,
		Actions: map[string]Action{
			"Echo": Handle(func(_ context.Context, c *Call, in *echoIn) (*echoOut, error) {
				return &echoOut{c.Account, c.Region, c.Namespace(c.Account), c.BaseURL, in.Text, in.Names, in.Pairs, in.Blob}, nil
			}),
			"Fail": Handle(func(context.Context, *Call, *echoIn) (*echoOut, error) {
				return nil, &Error{Shape: "NotHere", Namespace: "com.echo", QueryCode: "Echo.NotHere", Message: `no "such" <thing>`, Status: 404}
			}),
			"Unknown": Handle(func(context.Context, *Call, *echoIn) (*echoOut, error) { return nil, errors.New("secret") }),
			"Panic":   Handle(func(context.Context, *Call, *echoIn) (*echoOut, error) { panic("secret") }),
			"Empty":   Handle(func(context.Context, *Call, *struct{}) (*struct{}, error) { return nil, nil }),
		},
		Unbuilt: []string{"Later"},
		Refuse:  func(a string) *Error { return Errorf("UnsupportedOperation", 400, "%s is not built.", a) },
		UnknownQueryAction: func(a, _ string) *Error {
			return Errorf("InvalidAction", 400, "The action %s is not valid for this endpoint.", a)
		},
		Translate: func(error) *Error { return nil },
		Internal:  &Error{Shape: "InternalError", Status: 500, Message: "We encountered an internal error. Please try again."},
	}
}

func newEcho(t *testing.T, auth AuthMode) *Endpoint {
	t.Helper()
	e, err := NewEndpoint(Options{Auth: auth, Services: []*Service{echoService()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const signed = "AWS4-HMAC-SHA256 Credential=%KEY%/20260102/%REGION%/echo/aws4_request, SignedHeaders=host, Signature=abc"

func authorization(key, region string) string {
	return strings.NewReplacer("%KEY%", key, "%REGION%", region).Replace(signed)
}

func jsonRequest(action, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://host:4566/", strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:9"
	r.Header.Set("X-Amz-Target", action)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	return r
}

func queryRequest(form url.Values) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://host:4566/", strings.NewReader(form.Encode()))
	r.RemoteAddr = "[::1]:9"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func serve(t *testing.T, h http.Handler, r *http.Request) (int, http.Header, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Header().Get("X-Amzn-Requestid") == "" {
		t.Error("no request id")
	}
	return w.Code, w.Header(), w.Body.String()
}

func TestJSONAction(t *testing.T) {
	r := jsonRequest("Echo.Echo", `{"Text":"a<b>&\u00e9","Blob":"AQI=","Unknown":[1]}`)
	r.Header.Set("Authorization", authorization("123456789012", "eu-west-1"))
	code, header, body := serve(t, newEcho(t, AuthAuto), r)
	want := `{"Account":"123456789012","Region":"eu-west-1","Namespace":"123456789012:eu-west-1","BaseURL":"http://host:4566","Text":"a<b>&é","Blob":"AQI="}`
	if code != 200 || body != want || header.Get("Content-Type") != "application/x-amz-json-1.0" {
		t.Errorf("got %d %s\n%s\nwant\n%s", code, header, body, want)
	}
}

func TestQueryAction(t *testing.T) {
	form := url.Values{"Action": {"Echo"}, "Version": {"2020-01-01"}, "Text": {"x\r\"<"}, "Name.2": {"two"}, "Name.1": {"one"}, "Pair.1.Name": {"k"}, "Pair.1.Value": {"v"}}
	code, header, body := serve(t, newEcho(t, AuthAuto), queryRequest(form))
	for _, want := range []string{
		`<EchoResponse xmlns="http://echo/"><EchoResult><Account>000000000000</Account><Region>us-east-1</Region><Namespace>/</Namespace>`,
		`<Text>x&#xD;&quot;&lt;</Text><Name>one</Name><Name>two</Name><Pairs><entry><key>k</key><value>v</value></entry></Pairs></EchoResult>`,
		`<ResponseMetadata><RequestId>` + header.Get("X-Amzn-Requestid") + `</RequestId></ResponseMetadata></EchoResponse>`,
	} {
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("got %d\n%s\nwant\n%s", code, body, want)
		}
	}
}

func TestQueryByGet(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/?Action=Echo&Text=hi", nil)
	r.RemoteAddr = "127.0.0.1:1"
	if code, _, body := serve(t, newEcho(t, AuthAuto), r); code != 200 || !strings.Contains(body, "<Text>hi</Text>") {
		t.Errorf("got %d %s", code, body)
	}
}

func TestEmptyOutput(t *testing.T) {
	e := newEcho(t, AuthAuto)
	if _, _, body := serve(t, e, jsonRequest("Echo.Empty", "{}")); body != "{}" {
		t.Errorf("JSON: %s", body)
	}
	_, _, body := serve(t, e, queryRequest(url.Values{"Action": {"Empty"}}))
	if !strings.Contains(body, `<EmptyResponse xmlns="http://echo/"><ResponseMetadata>`) {
		t.Errorf("query: %s", body)
	}
}

func TestErrors(t *testing.T) {
	big := `{"Text":"` + strings.Repeat("x", 2<<20) + `"}`
	tests := []struct {
		name, action, body string
		status             int
		kind               string
		queryError         string
	}{
		{"service error", "Echo.Fail", "{}", 400, "com.echo#NotHere", "Echo.NotHere;Sender"},
		{"unknown action", "Echo.Nope", "{}", 400, coral + "#UnknownOperationException", ""},
		{"unknown service", "Nope.Echo", "{}", 400, coral + "#UnknownOperationException", ""},
		{"no dot", "EchoEcho", "{}", 400, coral + "#UnknownOperationException", ""},
		{"long target", strings.Repeat("x", 300<<10), "{}", 400, coral + "#UnknownOperationException", ""},
		{"unbuilt", "Echo.Later", "{}", 400, coral + "#UnsupportedOperation", "UnsupportedOperation;Sender"},
		{"internal", "Echo.Unknown", "{}", 500, "InternalError", "InternalError;Receiver"},
		{"panic", "Echo.Panic", "{}", 500, "InternalError", "InternalError;Receiver"},
		{"empty body", "Echo.Echo", "", 400, coral + "#SerializationException", ""},
		{"cut off", "Echo.Echo", `{"Text":"a`, 400, coral + "#SerializationException", ""},
		{"cut off at a backslash", "Echo.Echo", `{"Text":"a\"`, 400, coral + "#SerializationException", ""},
		{"two values", "Echo.Echo", `{} {}`, 400, coral + "#SerializationException", ""},
		{"a list", "Echo.Echo", `[]`, 400, coral + "#SerializationException", ""},
		{"wrong type", "Echo.Echo", `{"Text":1}`, 400, coral + "#SerializationException", ""},
		{"fraction", "Echo.Echo", `{"Count":1.5}`, 400, coral + "#SerializationException", ""},
		{"overflow", "Echo.Echo", `{"Count":99999999999}`, 400, coral + "#SerializationException", ""},
		{"not base64", "Echo.Echo", `{"Blob":"%%"}`, 400, coral + "#SerializationException", ""},
		{"not UTF-8", "Echo.Echo", "{\"Text\":\"\xff\"}", 400, coral + "#SerializationException", ""},
		{"deep", "Echo.Echo", strings.Repeat("[", 100000), 400, coral + "#SerializationException", ""},
		{"wide", "Echo.Echo", `{"Nested":[` + strings.Repeat("{},", 100000) + `{}]}`, 400, coral + "#SerializationException", ""},
		{"too large", "Echo.Echo", big, 413, coral + "#RequestEntityTooLargeException", ""},
	}
	e := newEcho(t, AuthAuto)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, header, body := serve(t, e, jsonRequest(tt.action, tt.body))
			var answer struct {
				Type string `json:"__type"`
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatalf("answer %q: %v", body, err)
			}
			if code != tt.status || answer.Type != tt.kind {
				t.Errorf("got %d %s, want %d %s", code, answer.Type, tt.status, tt.kind)
			}
			if tt.queryError != "" && header.Get("X-Amzn-Query-Error") != tt.queryError {
				t.Errorf("query error %q, want %q", header.Get("X-Amzn-Query-Error"), tt.queryError)
			}
			if strings.Contains(body, "secret") {
				t.Error("the answer shows what is not for the client")
			}
			if len(body) > 1024 {
				t.Errorf("answer of %d bytes", len(body))
			}
		})
	}
}

func TestTypeErrorText(t *testing.T) {
	_, _, body := serve(t, newEcho(t, AuthAuto), jsonRequest("Echo.Echo", `{"Count":"x"}`))
	if want := `{"__type":"com.amazon.coral.service#SerializationException","Message":"STRING_VALUE can not be converted to an Integer"}`; body != want {
		t.Errorf("got %s\nwant %s", body, want)
	}
}

func TestQueryModeKeepsStatus(t *testing.T) {
	r := jsonRequest("Echo.Fail", "{}")
	r.Header.Set("X-Amzn-Query-Mode", "true")
	if code, _, _ := serve(t, newEcho(t, AuthAuto), r); code != 404 {
		t.Errorf("got %d", code)
	}
}

func TestQueryErrors(t *testing.T) {
	tests := []struct {
		name   string
		form   url.Values
		status int
		want   string
	}{
		{"service error", url.Values{"Action": {"Fail"}}, 404, `<Type>Sender</Type><Code>Echo.NotHere</Code><Message>no &quot;such&quot; &lt;thing&gt;</Message><Detail/></Error><RequestId>`},
		{"unknown action", url.Values{"Action": {"Nope"}, "Version": {"2020-01-01"}}, 400, `<Code>InvalidAction</Code><Message>The action Nope is not valid for this endpoint.</Message>`},
		{"unbuilt", url.Values{"Action": {"Later"}}, 400, `<Code>UnsupportedOperation</Code>`},
		{"internal", url.Values{"Action": {"Unknown"}}, 500, `<Type>Receiver</Type><Code>InternalError</Code>`},
		{"no action", url.Values{"Version": {"2020-01-01"}}, 400, `<Code>MissingAction</Code>`},
		{"wrong version", url.Values{"Action": {"Echo"}, "Version": {"1999-01-01"}}, 400, `<Code>NoSuchVersion</Code>`},
		{"not a number", url.Values{"Action": {"Echo"}, "Count": {"x"}}, 400, `<Code>MalformedInput</Code>`},
		{"deep", url.Values{"Action": {"Echo"}, strings.Repeat("a.", 1000): {""}}, 400, `<Code>MalformedQueryString</Code>`},
		{"not UTF-8", url.Values{"Action": {"Echo"}, "Text": {"\xff"}}, 400, `<Code>MalformedQueryString</Code>`},
	}
	e := newEcho(t, AuthAuto)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := queryRequest(tt.form)
			code, _, body := serve(t, e, r)
			if code != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("got %d %s\nwant %d %s", code, body, tt.status, tt.want)
			}
		})
	}
	many := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action=Echo"+strings.Repeat("&a=b", 5000)))
	many.RemoteAddr = "127.0.0.1:1"
	if code, _, body := serve(t, e, many); code != 400 || !strings.Contains(body, "MalformedQueryString") {
		t.Errorf("many parameters: %d %s", code, body)
	}
}

func TestAuthModes(t *testing.T) {
	for _, tt := range []struct {
		mode   AuthMode
		remote string
		ok     bool
	}{
		{AuthAuto, "127.0.0.1:1", true},
		{AuthAuto, "127.8.0.1:1", true},
		{AuthAuto, "[::1]:1", true},
		{AuthAuto, "10.0.0.1:1", false},
		{AuthAuto, "[fe80::1%eth0]:1", false},
		{AuthAuto, "@", false},
		{AuthOff, "10.0.0.1:1", true},
	} {
		r := jsonRequest("Echo.Empty", "{}")
		r.RemoteAddr = tt.remote
		code, header, _ := serve(t, newEcho(t, tt.mode), r)
		if (code == 200) != tt.ok || (!tt.ok && (code != 403 || header.Get("X-Amzn-Query-Error") != "InvalidClientTokenId;Sender")) {
			t.Errorf("%s from %s: %d %v", tt.mode, tt.remote, code, header)
		}
	}
	for _, mode := range []AuthMode{"maybe"} {
		if _, err := NewEndpoint(Options{Auth: mode}); err == nil || !strings.Contains(err.Error(), "aws.auth") {
			t.Errorf("mode %s: %v", mode, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{authorization("AKIAX", "us-east-1"), "000000000000 us-east-1 /"},
		{authorization("000000000000", "us-east-2"), "000000000000 us-east-2 000000000000:us-east-2"},
		{authorization("a/b", "us-east-1"), "000000000000 us-east-1 /"},
		{authorization("AKIAX", "US EAST"), "403 SignatureDoesNotMatch"},
		{authorization("AKIAX", strings.Repeat("a", 300<<10)), "400 IncompleteSignature"},
		{"AWS4-HMAC-SHA256 Credential=x, SignedHeaders=y, Signature=z", "400 IncompleteSignature"},
		{"AWS4-HMAC-SHA256", "400 IncompleteSignature"},
		{"Basic Zm9v", "400 IncompleteSignature"},
	} {
		r := queryRequest(url.Values{"Action": {"Echo"}})
		r.Header.Set("Authorization", tt.header)
		code, _, body := serve(t, newEcho(t, AuthAuto), r)
		if code == 200 {
			for _, part := range strings.Fields(tt.want) {
				if !strings.Contains(body, ">"+part+"<") {
					t.Errorf("%.80s: %s, want %s", tt.header, body, tt.want)
				}
			}
			continue
		}
		if status, kind, _ := strings.Cut(tt.want, " "); http.StatusText(code) == "" || status != statusText(code) || !strings.Contains(body, kind) {
			t.Errorf("%.80s: %d %s, want %s", tt.header, code, body, tt.want)
		}
	}
	presigned := httptest.NewRequest(http.MethodGet, "/?Action=Echo&X-Amz-Credential=111122223333%2F20260101%2Feu-north-1%2Fecho%2Faws4_request", nil)
	presigned.RemoteAddr = "127.0.0.1:1"
	if _, _, body := serve(t, newEcho(t, AuthAuto), presigned); !strings.Contains(body, "<Namespace>111122223333:eu-north-1<") {
		t.Errorf("presigned: %s", body)
	}
}

func statusText(code int) string {
	b, _ := json.Marshal(code)
	return string(b)
}

func TestCBORIsRefusedInCBOR(t *testing.T) {
	r := jsonRequest("Echo.Echo", "\xa0")
	r.Header.Set("Content-Type", "application/x-amz-cbor-1.1")
	code, header, body := serve(t, newEcho(t, AuthAuto), r)
	if code != 415 || header.Get("Content-Type") != "application/x-amz-cbor-1.1" || body[0] != 0xa2 || !strings.Contains(body, "AWS_CBOR_DISABLE") {
		t.Errorf("got %d %v %q", code, header, body)
	}
}

func TestBodiesShareABudget(t *testing.T) {
	e := newEcho(t, AuthAuto)
	e.budget.free.Store(100 << 10)
	large := `{"Text":"` + strings.Repeat("x", 512<<10) + `"}`
	if code, _, _ := serve(t, e, jsonRequest("Echo.Echo", large)); code != 503 {
		t.Errorf("over the budget: %d", code)
	}
	if free := e.budget.free.Load(); free != 100<<10 {
		t.Errorf("%d bytes given back of %d", free, 100<<10)
	}
	if code, _, _ := serve(t, e, jsonRequest("Echo.Echo", `{"Text":"x"}`)); code != 200 {
		t.Errorf("a small request: %d", code)
	}
}

func TestOverTheWire(t *testing.T) {
	e := newEcho(t, AuthAuto)
	_, address := listen(t, e)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address, io.LimitReader(zeroes{}, 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Target", "Echo.Echo")
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return // the connection was closed before the answer was read, as it may be
	}
	defer response.Body.Close()
	if response.StatusCode != 413 {
		t.Errorf("a body without end: %s", response.Status)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }
