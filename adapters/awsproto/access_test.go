package awsproto

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/portico-mq/portico/adapters/awspolicy"
)

// sign signs a request whose headers are set, as SDKs do.
func sign(r *http.Request, body, accessKey, secret, service string, at time.Time) {
	r.Header.Set("X-Amz-Date", at.UTC().Format(amzTime))
	c := credential{
		accessKey: accessKey, date: at.UTC().Format(amzDate), region: "us-east-1", service: service, term: "aws4_request",
		time: at.UTC().Format(amzTime), signedHeaders: []string{"host", "x-amz-date"},
	}
	for _, name := range []string{"x-amz-security-token", "x-amz-target"} {
		if r.Header.Get(name) != "" {
			c.signedHeaders = append(c.signedHeaders, name)
		}
	}
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s/us-east-1/%s/aws4_request, SignedHeaders=%s, Signature=%s",
		signAlgorithm, accessKey, c.date, service, strings.Join(c.signedHeaders, ";"), c.sum(r, []byte(body), c.signingKey(secret))))
}

func guarded(t *testing.T) *Endpoint {
	t.Helper()
	may, err := awspolicy.Parse(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"echo:Echo","Resource":"*"},
		{"Effect":"Deny","Action":"echo:*","Resource":"*","Condition":{"StringEquals":{"aws:UserAgent":"evil"}}}]}`, awspolicy.Identity)
	if err != nil {
		t.Fatal(err)
	}
	service := echoService()
	e, err := NewEndpoint(Options{
		Auth: AuthOn, Services: []*Service{service},
		Keys: func(accessKey, token string) (*Key, *Error) {
			if accessKey != "AKIDEXAMPLE" || token != "" {
				return nil, InvalidToken()
			}
			return &Key{Secret: suiteSecret, Caller: &awspolicy.Caller{
				Principal: awspolicy.Principal{ARN: "arn:aws:iam::111122223333:user/bob", Account: "111122223333"},
				Policies:  []*awspolicy.Document{may},
			}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSignedRequests(t *testing.T) {
	e := guarded(t)
	now := time.Now()
	for _, tt := range []struct {
		name string
		edit func(r *http.Request)
		code int
		want string
	}{
		{"right", func(*http.Request) {}, 200, "111122223333"},
		{"unsigned", func(r *http.Request) { r.Header.Del("Authorization") }, 403, "MissingAuthenticationToken"},
		{"unknown key", func(r *http.Request) { sign(r, bodyOf(r), "AKIDOTHER", suiteSecret, "echo", now) }, 403, "InvalidClientTokenId"},
		{"wrong secret", func(r *http.Request) { sign(r, bodyOf(r), "AKIDEXAMPLE", "x", "echo", now) }, 403, "SignatureDoesNotMatch"},
		{"late", func(r *http.Request) { sign(r, bodyOf(r), "AKIDEXAMPLE", suiteSecret, "echo", now.Add(-time.Hour)) }, 403, "Signature expired: "},
		{"other service", func(r *http.Request) { sign(r, bodyOf(r), "AKIDEXAMPLE", suiteSecret, "s3", now) }, 403, "scoped to correct service: 'echo'"},
		{"changed path", func(r *http.Request) { r.URL.Path = "/other" }, 403, "SignatureDoesNotMatch"},
		{"unsigned payload", func(r *http.Request) {
			r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
			sign(r, "UNSIGNED-PAYLOAD", "AKIDEXAMPLE", suiteSecret, "echo", now)
		}, 403, "SignatureDoesNotMatch"},
		{"denied by its agent", func(r *http.Request) { r.Header.Set("User-Agent", "evil") }, 403, "is not authorized to perform: echo:Echo with an explicit deny"},
	} {
		r := queryRequest(url.Values{"Action": {"Echo"}, "Text": {"x"}})
		r.RemoteAddr = "127.0.0.1:1"
		sign(r, bodyOf(r), "AKIDEXAMPLE", suiteSecret, "echo", now)
		tt.edit(r)
		code, _, body := serve(t, e, r)
		found := false
		for want := range strings.SplitSeq(tt.want, "|") {
			found = found || strings.Contains(body, want)
		}
		if code != tt.code || !found {
			t.Errorf("%s: %d %s, want %d %s", tt.name, code, body, tt.code, tt.want)
		}
	}
}

// bodyOf is the body that queryRequest gives its requests.
func bodyOf(*http.Request) string { return url.Values{"Action": {"Echo"}, "Text": {"x"}}.Encode() }

func TestSignedJSON(t *testing.T) {
	e := guarded(t)
	for _, tt := range []struct {
		action, secret, sent string
		code                 int
		want                 string
	}{
		{"Echo.Echo", suiteSecret, `{}`, 200, "111122223333"},
		{"Echo.Echo", suiteSecret, `{ }`, 403, "InvalidSignatureException"},
		{"Echo.Echo", "x", `{}`, 403, textMismatch},
		{"Echo.Empty", suiteSecret, `{}`, 403, "User: arn:aws:iam::111122223333:user/bob is not authorized to perform: echo:Empty because no identity-based policy allows the echo:Empty action"},
	} {
		r := jsonRequest(tt.action, tt.sent)
		sign(r, `{}`, "AKIDEXAMPLE", tt.secret, "echo", time.Now())
		if code, _, body := serve(t, e, r); code != tt.code || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d %s, want %d %s", tt.action, code, body, tt.code, tt.want)
		}
	}
}

func TestPresignedURL(t *testing.T) {
	e := guarded(t)
	presign := func(at time.Time, seconds string) *http.Request {
		query := "Action=Echo&Text=x&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F" + at.UTC().Format(amzDate) +
			"%2Fus-east-1%2Fecho%2Faws4_request&X-Amz-Date=" + at.UTC().Format(amzTime) + "&X-Amz-Expires=" + seconds + "&X-Amz-SignedHeaders=host"
		r := httptest.NewRequest(http.MethodGet, "/?"+query, nil)
		c, bad := credentialOf(r)
		if bad != nil {
			t.Fatal(bad)
		}
		r.URL.RawQuery += "&X-Amz-Signature=" + c.sum(r, nil, c.signingKey(suiteSecret))
		return r
	}
	now := time.Now()
	if code, _, body := serve(t, e, presign(now, "60")); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if code, _, body := serve(t, e, presign(now.Add(-2*time.Minute), "60")); code != 400 || !strings.Contains(body, "<Code>RequestExpired</Code>") {
		t.Errorf("%d %s", code, body)
	}
	r := presign(now, "60")
	r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "Text=x", "Text=y", 1)
	if code, _, body := serve(t, e, r); code != 403 || !strings.Contains(body, "SignatureDoesNotMatch") {
		t.Errorf("%d %s", code, body)
	}
}

func TestTLSCanBeRequired(t *testing.T) {
	service := echoService()
	e, err := NewEndpoint(Options{Auth: AuthOff, RequireTLS: true, Services: []*Service{service}})
	if err != nil {
		t.Fatal(err)
	}
	if code, _, body := serve(t, e, jsonRequest("Echo.Empty", "{}")); code != 403 || !strings.Contains(body, "AccessDenied") {
		t.Errorf("%d %s", code, body)
	}
}

func TestUnsignedCallersNeedAResourcePolicy(t *testing.T) {
	policy, err := awspolicy.Parse(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"echo:Echo","Resource":"*"}}`, awspolicy.Resource)
	if err != nil {
		t.Fatal(err)
	}
	service := echoService()
	service.AnyCaller = true
	service.Access = func(_ context.Context, c *Call, _ any) ([]Access, error) {
		return []Access{{Action: "echo:" + c.Action, Resource: "*", Policy: policy}}, nil
	}
	e, err := NewEndpoint(Options{Auth: AuthOn, Services: []*Service{service}, Keys: func(string, string) (*Key, *Error) { return nil, InvalidToken() }})
	if err != nil {
		t.Fatal(err)
	}
	if code, _, body := serve(t, e, jsonRequest("Echo.Echo", "{}")); code != 200 {
		t.Errorf("%d %s", code, body)
	}
	if code, _, body := serve(t, e, jsonRequest("Echo.Empty", "{}")); code != 403 || !strings.Contains(body, "User: anonymous is not authorized") {
		t.Errorf("%d %s", code, body)
	}
}
